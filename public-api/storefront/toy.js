// One toy: its pictures, what there is to say of it, and the way into the cart.

import { api } from "./lib/api.js";
import { MOST } from "./lib/cart.js";
import { h, money, number, replace } from "./lib/dom.js";
import { downloadMark, isDownload } from "./lib/downloads.js";
import "./lib/frame.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { stepper } from "./lib/stepper.js";
import { addToCart, ages, card, picture, stock } from "./lib/toys.js";

const main = document.getElementById("main");

/** So many other toys of the category are shown. */
const OTHERS = 4;

async function show() {
  const id = new URLSearchParams(location.search).get("id");
  replace(main, h("h1", { class: "hidden" }, "Toy"), skeleton(1, "page"));
  try {
    if (!id) return gone();
    const { data } = await api(`/toys/${encodeURIComponent(id)}`);
    render(data);
  } catch (error) {
    if ([400, 404, 422].includes(error.status)) gone();
    else replace(main, h("h1", { class: "hidden" }, "Toy"), failure(error, show));
  }
}

function gone() {
  document.title = "Toy not found | The Better Store";
  replace(
    main,
    h("h1", { class: "hidden" }, "Toy not found"),
    empty(
      "This toy is not on sale",
      "It may have been taken out of the shop, or the address has a slip in it.",
      h("a", { class: "button button-primary", href: "/" }, "See all toys"),
    ),
  );
}

function render(toy) {
  document.title = `${toy.name} | The Better Store`;
  const others = h("section", { class: "others" });
  replace(
    main,
    h(
      "nav",
      { class: "crumbs", "aria-label": "Breadcrumb" },
      h("a", { href: "/" }, "All toys"),
      h("span", { "aria-hidden": "true" }, "/"),
      h("a", { href: `/?category=${encodeURIComponent(toy.category)}` }, toy.category),
    ),
    h("div", { class: "toy" }, gallery(toy), about(toy)),
    others,
  );
  related(toy, others);
}

function about(toy) {
  return h(
    "div",
    { class: "toy-about" },
    h(
      "p",
      { class: "toy-brand" },
      h("a", { href: `/?brand=${encodeURIComponent(toy.brand)}` }, toy.brand),
    ),
    h("h1", null, toy.name),
    h(
      "p",
      { class: "toy-price" },
      money(toy.price, toy.currency),
      " ",
      h("span", { class: "soft small" }, "tax included"),
    ),
    h("p", { class: "row" }, stock(toy.availability), downloadMark(toy)),
    buy(toy),
    h("p", { class: "toy-text" }, toy.description),
    facts(toy),
    tags(toy),
  );
}

function buy(toy) {
  if (toy.availability === "SOLD_OUT") {
    return h(
      "p",
      { class: "notice notice-info" },
      "This toy is sold out just now. Look in again soon.",
    );
  }
  const problem = h("p", { class: "error", id: "problem", role: "alert" });
  const judged = (quantity, field) => {
    const good = Number.isInteger(quantity) && quantity >= 1 && quantity <= MOST;
    problem.textContent = good ? "" : `Choose from 1 to ${MOST}.`;
    field.setAttribute("aria-invalid", String(!good));
    return good;
  };
  const { whole, field } = stepper({
    label: "Quantity",
    value: 1,
    high: MOST,
    changed: judged,
    described: "problem",
  });
  const submit = (event) => {
    event.preventDefault();
    const quantity = /^\d+$/.test(field.value.trim()) ? Number(field.value) : NaN;
    if (judged(quantity, field)) addToCart(toy, quantity);
    else field.focus();
  };
  return h(
    "form",
    { class: "buy", novalidate: true, onsubmit: submit },
    h(
      "div",
      { class: "row" },
      whole,
      h("button", { type: "submit", class: "button button-primary" }, "Add to cart"),
    ),
    problem,
  );
}

function gallery(toy) {
  const big = h("div", { class: "toy-picture" });
  const choose = (index) => {
    const alt = index ? `${toy.name}, picture ${index + 1}` : toy.name;
    const chosen = picture(toy.pictures?.[index]?.full, alt, { size: 1600, eager: true });
    big.replaceChildren(chosen);
    for (const [at, button] of [...small.children].entries()) {
      button.firstChild.setAttribute("aria-pressed", String(at === index));
    }
  };
  const small = h(
    "ul",
    { class: "toy-thumbnails", "aria-label": "Pictures" },
    (toy.pictures ?? []).map(({ thumbnail }, index) =>
      h(
        "li",
        null,
        h(
          "button",
          {
            type: "button",
            "aria-label": `Picture ${index + 1} of ${toy.name}`,
            onclick: () => choose(index),
          },
          picture(thumbnail, "", { size: 160 }),
        ),
      ),
    ),
  );
  choose(0);
  return h("div", { class: "toy-gallery" }, big, small.children.length > 1 && small);
}

/** "heightCm" is "Height", "38.5 cm". */
function facts(toy) {
  const rows = [
    isDownload(toy) && ["Comes", "As a file, by a link in an e-mail"],
    ["Age", ages(toy.minAge, toy.maxAge)],
    ["Category", toy.category],
  ].filter(Boolean);
  for (const [name, value] of Object.entries(toy.attributes ?? {})) {
    const [, stem, unit] = /^(.+?)(Mm|Cm|Kg)?$/.exec(name);
    const words = stem.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    rows.push([words[0].toUpperCase() + words.slice(1), factOf(name, value, unit?.toLowerCase())]);
  }
  return h(
    "dl",
    { class: "facts" },
    rows.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
  );
}

function factOf(name, value, unit) {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value === "number") return unit ? `${number(value)} ${unit}` : number(value);
  const search = new URLSearchParams({ [`attribute.${name}`]: value });
  return h("a", { href: `/?${search}` }, value);
}

function tags(toy) {
  if (!toy.tags?.length) return null;
  const tag = (text) =>
    h("li", null, h("a", { class: "chip", href: `/?q=${encodeURIComponent(text)}` }, text));
  return h("ul", { class: "chips", "aria-label": "Tags" }, toy.tags.map(tag));
}

/** Other toys of the category. Nothing is lost when they do not come. */
async function related(toy, place) {
  const search = new URLSearchParams({ category: toy.category, limit: OTHERS + 1 });
  const { data } = await api(`/toys?${search}`).catch(() => ({ data: { items: [] } }));
  const others = data.items.filter(({ toyId }) => toyId !== toy.toyId).slice(0, OTHERS);
  if (!others.length) return;
  replace(
    place,
    h(
      "h2",
      null,
      "More from ",
      h("a", { href: `/?category=${encodeURIComponent(toy.category)}` }, toy.category),
    ),
    h(
      "ul",
      { class: "grid" },
      others.map((other) => h("li", null, card(other, { heading: "h3" }))),
    ),
  );
}

show();
