// Home: the toys of a search that stands in the address, by pages.

import { api } from "./lib/api.js";
import { h, icon, number, replace } from "./lib/dom.js";
import "./lib/frame.js";
import { FIELDS, addressOf, query, wanted, words } from "./lib/search.js";
import { dress, shelves } from "./lib/shelves.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { card } from "./lib/toys.js";

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
  dressed();
}

const dressed = () => dress($("intro"), list.items);

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
  shelves(form, $("intro"), dressed);
  show({ back: how?.type === "back_forward" });
}

start();
