// The rows of the cart: a toy with its quantity, or word of one that was taken out.

import { h, icon, money, replace } from "./dom.js";
import { downloadMark } from "./downloads.js";
import { stepper } from "./stepper.js";
import { addressOf, picture, stockWords } from "./toys.js";

/**
 * A row for a line of the cart. `changed(quantity)` is called with what the shopper asks for, NaN
 * for what is no number, and answers why it is refused, or null; `removed` when it is to go.
 *
 * Answers {whole, field, fill}: the row, its quantity field, and fill(line, quote), which shows the
 * line as it is now, with what the shop last said of it (null: nothing yet).
 */
export function lineRow(line, { most, changed, removed }) {
  const { toyId, seen } = line;
  const error = h("p", { class: "error", role: "alert", id: `error-${toyId}` });
  const notes = h("div", { class: "line-notes" });
  const price = h("p", { class: "soft" });
  const comes = h("p");
  const amount = h("p", { class: "line-amount" });
  const title = h("a", { href: addressOf(toyId) }, seen.name);
  let shown = line.quantity;
  const { whole: quantity, field } = stepper({
    label: `Quantity of ${seen.name}`,
    value: shown,
    low: 0,
    high: most,
    changed: (asked) => {
      const refusal = changed(asked);
      error.textContent = refusal ?? "";
      if (refusal) field.value = shown;
    },
    described: error.id,
  });
  const whole = h(
    "li",
    { class: "line" },
    h(
      "a",
      { class: "line-picture", href: addressOf(toyId), tabindex: -1, "aria-hidden": "true" },
      picture(seen.picture, "", { size: 160, eager: true }),
    ),
    h("div", { class: "line-text" }, h("h2", null, title), price, comes),
    notes,
    h("div", { class: "line-quantity" }, quantity, removeButton(seen.name, removed)),
    amount,
    error,
  );
  const fill = (now, quote) => {
    const fresh = quote?.lines.find((other) => other.toyId === toyId);
    const missing = Boolean(quote?.missing.includes(toyId));
    const each = fresh ?? now.seen;
    // What is being typed stays, unless the cart itself has changed.
    if (shown !== now.quantity) field.value = shown = now.quantity;
    title.textContent = each.name;
    replace(comes, downloadMark(each));
    price.textContent = missing ? "" : `${money(each.price, each.currency)} each`;
    amount.textContent = missing ? "" : money(each.price * now.quantity, each.currency);
    whole.classList.toggle("line-missing", missing);
    replace(
      notes,
      missing ? note("Not on sale any more. Take it out to go on.", true) : notesOf(fresh),
    );
  };
  return { whole, field, fill };
}

function removeButton(name, removed) {
  const props = {
    type: "button",
    class: "plain",
    "aria-label": `Remove ${name}`,
    onclick: removed,
  };
  return h("button", props, icon("bin"));
}

/** A row for a toy that was taken out, with the way `back`. */
export function removedRow({ seen: { name } }, back) {
  const label = `Undo: put ${name} back`;
  const props = { type: "button", class: "plain", "aria-label": label, onclick: back };
  const button = h("button", props, "Undo");
  const whole = h("li", { class: "line-removed" }, h("p", null, `${name} was taken out.`), button);
  return { whole, button };
}

const note = (text, bad = false) => h("p", { class: bad ? "note note-bad" : "note" }, text);

/** What has changed of a line since the shopper last saw it, and how much is left of the toy. */
function notesOf(fresh) {
  if (!fresh) return null;
  const changes = (fresh.changes ?? [])
    .filter(({ now }) => now !== "SOLD_OUT")
    .map((change) => note(changeWords(change, fresh.currency)));
  if (fresh.availability === "SOLD_OUT") {
    return [...changes, note("Sold out just now. Take it out to go on.", true)];
  }
  const few = fresh.availability === "LOW" && !changes.length;
  return few ? h("p", { class: "stock stock-low" }, stockWords("LOW")) : changes;
}

function changeWords({ what, was, now }, currency) {
  switch (what) {
    case "PRICE":
      return `The price has changed: it was ${money(was, currency)}, it is now ${money(now, currency)}.`;
    case "NAME":
      return `It was called “${was}” before.`;
    default:
      return `It was “${stockWords(was)}”, it is now “${stockWords(now)}”.`;
  }
}
