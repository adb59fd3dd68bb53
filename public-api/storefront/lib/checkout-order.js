// Checkout's second step: the order as it would be, and what changed since the shopper saw it.

import { addressNode } from "./address.js";
import { linesTable, totals } from "./bill.js";
import * as cart from "./cart.js";
import { quote, state, update } from "./checkout.js";
import { h, money, replace } from "./dom.js";
import { ways } from "./downloads.js";
import { failure, skeleton } from "./states.js";
import { stockWords } from "./toys.js";

/** Shows the step in `body`. */
export async function orderStep(body, checkout, signal) {
  replace(body, skeleton(3, "row"));
  const lines = cart.get();
  try {
    const quoted = await quote(lines, state().address);
    if (!signal.aborted) show(body, checkout, signal, lines, quoted);
  } catch (error) {
    if (signal.aborted || checkout.away(error)) return;
    if (refused(error, checkout)) return;
    replace(
      body,
      failure(error, () => orderStep(body, checkout, signal)),
    );
  }
}

/** Shows an address again that the API does not take, with what is wrong. Whether it was that. */
export function refused(error, checkout) {
  const wrong = (error.details ?? []).filter((one) => /shippingAddress/.test(one?.where ?? ""));
  if (!wrong.length) return false;
  const { address } = state();
  update({ draft: address, address: undefined, problems: wrong });
  checkout.go("address");
  return true;
}

function show(body, checkout, signal, lines, quoted) {
  const { missing } = quoted;
  const gone = lines.filter((line) => missing.includes(line.toyId));
  const { address } = state();
  const button = h(
    "button",
    { type: "button", class: "button button-primary", onclick: () => next(checkout, quoted) },
    "Continue to payment",
  );
  const again = () => orderStep(body, checkout, signal);
  replace(
    body,
    gone.length ? notOnSale(gone, again) : null,
    quoted.lines.length ? bill(quoted, again) : null,
    h(
      "div",
      { class: "ship-to" },
      h("h3", null, ways(quoted.lines).parcel ? "Goes to" : "Your address"),
      addressNode(address),
      h(
        "button",
        { type: "button", class: "plain", onclick: () => checkout.go("address") },
        "Change the address",
      ),
    ),
    h(
      "div",
      { class: "actions" },
      quoted.lines.length && !gone.length ? button : null,
      h("a", { class: "plain", href: "/cart" }, "Back to the cart"),
    ),
  );
}

const bill = (quoted, again) =>
  h(
    "div",
    { class: "panel stack" },
    linesTable(quoted.lines, quoted.currency, (line) => changes(line, again)),
    totals(quoted),
  );

function next(checkout, quoted) {
  for (const { toyId, name, price, availability } of quoted.lines) {
    cart.saw(toyId, { name, price, availability });
  }
  update({ agreed: quoted.gross });
  checkout.go("payment");
}

/** What is new of a line: its changes, and that it is sold out. */
function changes(line, again) {
  const said = line.changes
    .filter(({ what }) => what !== "AVAILABILITY")
    .map(({ what, was, now }) =>
      what === "PRICE"
        ? `Was ${money(was, line.currency)}, now ${money(now, line.currency)}`
        : `Was called ${was}`,
    );
  const notes = said.map((text) => h("span", { class: "change" }, text));
  if (line.availability === "SOLD_OUT") notes.push(soldOut(line, again));
  else if (line.availability === "LOW")
    notes.push(h("span", { class: "change" }, stockWords("LOW")));
  return notes;
}

/** Shows the order again without what was taken out; the empty cart when that was all. */
function goOn(again) {
  if (cart.get().length) again();
  else location.assign("/cart");
}

function soldOut(line, again) {
  const remove = () => {
    cart.remove(line.toyId);
    goOn(again);
  };
  return h(
    "span",
    { class: "change change-bad" },
    "Sold out: an order with it would be cancelled. ",
    h(
      "button",
      { type: "button", class: "plain", onclick: remove, "aria-label": `Remove ${line.name}` },
      "Remove",
    ),
  );
}

function notOnSale(gone, again) {
  const remove = () => {
    for (const { toyId } of gone) cart.remove(toyId);
    goOn(again);
  };
  const names = gone.map((line) => line.seen.name).join(", ");
  return h(
    "div",
    { class: "notice notice-warn", role: "alert" },
    h("p", null, `Not on sale any more: ${names}.`),
    h("button", { type: "button", class: "plain", onclick: remove }, "Remove from the cart"),
  );
}
