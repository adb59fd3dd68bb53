// Home: the toys of a search that stands in the address, by pages.

import { api, onNetwork } from "./lib/api.js";
import { blocks, h, icon, number, replace } from "./lib/dom.js";
import "./lib/frame.js";
import { AGES, FIELDS, addressOf, query, wanted, words } from "./lib/search.js";
import { categories } from "./lib/shop.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { card, picture, shelf } from "./lib/toys.js";

const KEPT = "tbs.found";

/** A list is shown again as it was, when the shopper comes back within so long. Milliseconds. */
const FRESH = 10 * 60_000;

/** So many pages are asked for in one go while they come without a toy. */
const EMPTY_PAGES = 8;

const TITLE = "The Better Store: toys that last";

const $ = (id) => document.getElementById(id);
const form = $("narrow");
const searchField = $("search");
const lists = new Map();
let list = { url: "", items: [], cursor: null };
let asked = new AbortController();

/** Shows what the address asks for: as it was when the shopper comes `back`, else anew. */
async function show({ back = false } = {}) {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const params = wanted();
  const url = addressOf(params);
  describe(params);
  const before = back && lists.get(url);
  if (before && Date.now() - before.at < FRESH) {
    list = before;
    render();
    scrollTo(0, before.y);
    return;
  }
  list = { url, items: [], cursor: null };
  replace($("more"));
  $("found").textContent = "";
  const toys = $("toys");
  // What is there stays, dimmed, until the new toys come.
  if (toys.querySelector(".grid")) toys.setAttribute("aria-busy", "true");
  else replace(toys, skeleton(8));
  try {
    await more(params, signal);
    if (back) scrollTo(0, 0);
  } catch (error) {
    if (signal.aborted) return;
    toys.removeAttribute("aria-busy");
    replace(
      toys,
      failure(error, () => show()),
    );
  }
}

/** Asks for the next page, and goes on while pages come without a toy. */
async function more(params, signal) {
  const asks = await query(params);
  for (let page = 0; page < EMPTY_PAGES; page += 1) {
    if (list.cursor) asks.set("cursor", list.cursor);
    const { data } = await api(asks.size ? `/toys?${asks}` : "/toys", { signal });
    signal.throwIfAborted();
    const there = new Set(list.items.map(({ toyId }) => toyId));
    const fresh = data.items.filter(({ toyId }) => !there.has(toyId));
    list.items.push(...fresh);
    list.cursor = data.cursor ?? null;
    if (fresh.length || !list.cursor) break;
  }
  render();
}

function render() {
  const { items, cursor } = list;
  $("toys").removeAttribute("aria-busy");
  const grid = $("toys").querySelector(".grid");
  const shown = grid && grid.dataset.url === list.url ? grid.children.length : 0;
  const cards = items
    .slice(shown)
    .map((toy, index) => h("li", null, card(toy, { eager: shown + index < 4 })));
  if (!items.length && !cursor) replace($("toys"), nothing());
  else if (shown) grid.append(...cards);
  else replace($("toys"), h("ul", { class: "grid", dataset: { url: list.url } }, cards));
  const count = `${number(items.length)} ${items.length === 1 ? "toy" : "toys"}`;
  $("found").textContent = cursor ? `The first ${count}` : count;
  replace($("more"), cursor && moreButton());
  dress();
}

function moreButton() {
  const button = h("button", { type: "button", class: "button" }, "Show more");
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    button.textContent = "Loading";
    const shown = list.items.length;
    const { signal } = asked;
    try {
      await more(wanted(), signal);
      $("toys").querySelectorAll(".card-name a")[shown]?.focus({ preventScroll: true });
    } catch (error) {
      if (signal.aborted) return;
      replace(
        $("more"),
        failure(error, () => replace($("more"), moreButton()).firstChild.click()),
      );
    }
  });
  return button;
}

function nothing() {
  const params = wanted();
  if (!params.size) return empty("The shelves are still empty", "The first toys are on their way.");
  return empty(
    "Nothing like that here",
    "Try another word or fewer filters. The beginning of the last word is enough.",
    h("a", { class: "button button-primary", href: "/" }, "See all toys"),
  );
}

/** Title, chosen filters and the form, as the address has them. */
function describe(params) {
  const q = params.get("q");
  const category = params.get("category");
  const main = q ? `“${q}”` : (category ?? params.get("brand") ?? "All toys");
  $("title").textContent = main;
  document.title = params.size ? `${main} | The Better Store` : TITLE;
  $("intro").hidden = params.size > 0;
  searchField.value = q ?? "";
  for (const name of FIELDS) {
    const field = form.elements[name];
    const value = params.get(name) ?? "";
    if (
      name === "category" &&
      value &&
      ![...field.options].some((option) => option.value === value)
    ) {
      field.append(h("option", { value }, value));
    }
    field.value = value;
  }
  replace($("chosen"), [...params].map(chip));
  dispatchEvent(new Event("tbs:searched"));
}

function chip([name, value]) {
  const text = words(name, value);
  if (!text) return null;
  const params = wanted();
  params.delete(name);
  return h(
    "a",
    { class: "chip", href: addressOf(params), "aria-label": `Remove filter: ${text}` },
    text,
    icon("close"),
  );
}

/** Goes to another search without loading the page anew. */
function go(params, { replaced = false } = {}) {
  const url = addressOf(params);
  if (url === addressOf(wanted())) return;
  remember();
  history[replaced ? "replaceState" : "pushState"](null, "", url);
  show();
}

function remember() {
  if (list.items.length) lists.set(list.url, { ...list, y: scrollY, at: Date.now() });
}

/** The categories: in the form, and on the home page as shelves. */
async function shelves() {
  const option = (value, text) => h("option", { value }, text);
  const field = form.elements.category;
  const fill = (found) => {
    const chosen = wanted().get("category") ?? "";
    const known = found.some(({ category }) => category === chosen);
    const texts = found.map(({ category, count }) =>
      option(category, `${category} (${number(count)})`),
    );
    replace(field, option("", "All categories"), texts, chosen && !known && option(chosen, chosen));
    field.value = chosen;
  };
  replace(
    form.elements.age,
    option("", "Any age"),
    AGES.map(([value, text]) => option(value, text)),
  );
  fill([]);
  replace($("intro"), intro([]));
  try {
    const found = await categories();
    fill(found);
    replace($("intro"), intro(found));
    dress();
  } catch {
    const stop = onNetwork((reachable) => reachable && (stop(), shelves()));
  }
}

function intro(found) {
  const shelves = found.map(({ category, count }) => h("li", null, shelf(category, count)));
  return h(
    "div",
    { class: "hero" },
    blocks(),
    h("p", { class: "hero-title" }, "Made to be played with, for years."),
    h("p", { class: "hero-text" }, "Wood, wool and good ideas from small makers."),
    shelves.length > 0 &&
      h("nav", { "aria-label": "Categories" }, h("ul", { class: "shelves" }, shelves)),
  );
}

/** Puts a toy onto each shelf that has none yet, out of those that were found. */
function dress() {
  for (const bare of $("intro").querySelectorAll(".shelf:has(.picture-none)")) {
    const toy = list.items.find(
      ({ category, pictures }) => category === bare.dataset.category && pictures?.length,
    );
    if (!toy) continue;
    const { thumbnail } = toy.pictures[0];
    bare.firstChild.replaceWith(picture(thumbnail, "", { size: 160, eager: true }));
  }
}

document.querySelector(".search").addEventListener("submit", (event) => {
  event.preventDefault();
  const q = searchField.value.trim();
  const params = wanted();
  for (const name of [...params.keys()]) if (name !== "sort") params.delete(name);
  if (q) params.set("q", q);
  go(params);
});

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => {
  const params = wanted();
  for (const name of FIELDS) {
    const { value } = form.elements[name];
    if (value) params.set(name, value);
    else params.delete(name);
  }
  go(params);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (
    !link ||
    event.defaultPrevented ||
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.pathname !== "/" || url.hash) return;
  event.preventDefault();
  go(url.searchParams);
  scrollTo(0, 0);
});

addEventListener("popstate", () => {
  remember();
  show({ back: true });
});
addEventListener("pagehide", () => {
  remember();
  try {
    sessionStorage.setItem(KEPT, JSON.stringify([...lists].slice(-5)));
  } catch {
    // The list begins anew then.
  }
});

function start() {
  history.scrollRestoration = "manual";
  const wide = matchMedia("(min-width: 56rem)");
  const unfold = () => ($("filters").open = wide.matches);
  wide.addEventListener("change", unfold);
  unfold();
  const [how] = performance.getEntriesByType("navigation");
  try {
    for (const [url, found] of JSON.parse(sessionStorage.getItem(KEPT)) ?? [])
      lists.set(url, found);
  } catch {
    lists.clear();
  }
  shelves();
  show({ back: how?.type === "back_forward" });
}

start();
