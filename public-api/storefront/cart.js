// The cart: lines to change, and what they come to by the shop's own reckoning.

import { api } from "./lib/api.js";
import * as cart from "./lib/cart.js";
import { lineRow, removedRow } from "./lib/cart-line.js";
import { shopOn, summaryOf } from "./lib/cart-summary.js";
import { h, money, replace } from "./lib/dom.js";
import "./lib/frame.js";
import { empty, failure } from "./lib/states.js";

/** After a change it is waited so long for the next one before the shop is asked. Milliseconds. */
const CALM = 250;

const place = document.getElementById("cart");
const told = document.getElementById("told");
const list = h("ul", { class: "lines", "aria-label": "Toys in the cart" });
const summary = h("section", { class: "summary panel", "aria-labelledby": "summary" });
const rows = new Map();
const removed = new Map();

let quote = null;
let problem = null;
let asked = null;
let calm = null;

/** Whether the shopper is on the way to the checkout: a second click does not go there again. */
let left = false;

/** Shows the lines as they are now, and asks what they come to. */
function update() {
  if (left) return;
  const lines = cart.get();
  for (const { toyId } of lines) removed.delete(toyId);
  if (!lines.length && !removed.size) {
    asked?.abort();
    rows.clear();
    replace(
      place,
      empty(
        "Your cart is empty",
        "Look around: what you put in stays here, also when you close the page.",
        h("a", { class: "button button-primary", href: "/" }, "See all toys"),
      ),
    );
    return;
  }
  if (!list.isConnected) replace(place, list, summary);
  arrange(lines);
  ask(lines);
  total();
}

/** Rows in order; those that stay are kept, so that who is in one stays in it. */
function arrange(lines) {
  const known = new Map(lines.map((line) => [line.toyId, line]));
  const order = [...known.keys()];
  for (const [toyId, { index }] of removed) order.splice(Math.min(index, order.length), 0, toyId);
  for (const [toyId, row] of rows) {
    if (order.includes(toyId) && row.undo === removed.has(toyId)) continue;
    row.whole.remove();
    rows.delete(toyId);
  }
  for (const [at, toyId] of order.entries()) {
    if (!rows.has(toyId))
      rows.set(toyId, removed.has(toyId) ? undoRow(toyId) : rowOf(known.get(toyId)));
    const { whole } = rows.get(toyId);
    if (list.children[at] !== whole) list.insertBefore(whole, list.children[at] ?? null);
  }
  for (const line of lines) rows.get(line.toyId).fill(line, quote);
}

function undoRow(toyId) {
  const { line, index } = removed.get(toyId);
  const row = removedRow(line, () => {
    removed.delete(toyId);
    cart.restore([line], index);
    say(`${line.seen.name} is back in your cart.`);
    rows.get(toyId)?.field.focus();
  });
  return { undo: true, ...row };
}

function rowOf(line) {
  const { toyId } = line;
  const changed = (quantity) => {
    try {
      if (quantity === 0) takeOut(toyId);
      else cart.set(toyId, quantity);
      return null;
    } catch (refusal) {
      const now = cart.get().find((other) => other.toyId === toyId)?.quantity;
      const why = quantity > cart.MOST ? `At most ${cart.MOST} of each toy.` : refusal.message;
      return `${why} It stays at ${now}.`;
    }
  };
  const row = lineRow(line, { most: cart.MOST, changed, removed: () => takeOut(toyId) });
  return { undo: false, ...row };
}

/** Takes a toy out, and leaves in its place what puts it back. */
function takeOut(toyId) {
  const lines = cart.get();
  const index = lines.findIndex((line) => line.toyId === toyId);
  if (index < 0) return;
  const inside = rows.get(toyId)?.whole.contains(document.activeElement);
  removed.set(toyId, { line: lines[index], index });
  say(`${lines[index].seen.name} was taken out. You can undo this.`);
  cart.remove(toyId);
  if (inside) rows.get(toyId)?.button?.focus();
}

/** Asks the shop what the lines come to, once they have been left alone for a moment. */
function ask(lines) {
  clearTimeout(calm);
  asked?.abort();
  problem = null;
  if (!lines.length) {
    quote = null;
    return;
  }
  asked = new AbortController();
  summary.setAttribute("aria-busy", "true");
  calm = setTimeout(fetchQuote, quote ? CALM : 0, lines, asked.signal);
}

async function fetchQuote(lines, signal) {
  const body = {
    lines: lines.map(({ toyId, quantity, seen: { name, price, availability } }) => ({
      toyId,
      quantity,
      seen: { name, price, availability },
    })),
  };
  try {
    const { data } = await api("/quotes", { method: "POST", body, signal });
    quote = data;
    problem = null;
    const changed = data.missing.length > 0 || data.lines.some(({ changes }) => changes?.length);
    const more = changed ? " Something has changed since you last looked." : "";
    say(`The total is ${money(data.gross, data.currency)}.${more}`);
  } catch (error) {
    if (signal.aborted) return;
    problem = error;
  }
  for (const line of cart.get()) rows.get(line.toyId)?.fill?.(line, quote);
  total();
}

/** The sums, or why there are none. */
function total() {
  const lines = cart.get();
  const current = Boolean(quote && !problem && isOf(lines));
  summary.setAttribute("aria-busy", String(lines.length > 0 && !current && !problem));
  const title = h("h2", { id: "summary" }, "Summary");
  const soft = (text) => h("p", { class: "soft" }, text);
  if (!lines.length) replace(summary, title, soft("Nothing is left in the cart."), shopOn());
  else if (problem) replace(summary, title, failure(problem, update));
  else if (!quote) replace(summary, title, soft("Working it out"));
  else replace(summary, title, summaryOf(quote, { current, left: leave }));
}

/** Whether the quote is of these lines. */
function isOf(lines) {
  const known = new Map(quote.lines.map(({ toyId, quantity }) => [toyId, quantity]));
  return lines.every(
    ({ toyId, quantity }) => known.get(toyId) === quantity || quote.missing.includes(toyId),
  );
}

/** Goes to the checkout, once. What the shopper has seen of the toys by now is noted. */
function leave(event) {
  if (left) return event.preventDefault();
  left = true;
  for (const { toyId, name, price, availability, changes } of quote.lines) {
    if (changes?.length) cart.saw(toyId, { name, price, availability });
  }
}

function say(text) {
  told.textContent = text;
}

addEventListener("pageshow", (event) => {
  left = false;
  if (event.persisted) update();
});
cart.onChange(update);
update();
