// A bill: the lines of an order or quote, and what they come to.

import { h, money, number } from "./dom.js";
import { downloadMark, ways } from "./downloads.js";
import { addressOf } from "./toys.js";

/** A tax rate such as "0.15" in percent. */
export const percent = (rate) =>
  number(Number(rate), { style: "percent", maximumFractionDigits: 2 });

/** Lines as a table. `more(line)` gives what stands below a line's name, or null. */
export function linesTable(lines, currency, more = () => null) {
  const row = (line) =>
    h(
      "tr",
      null,
      h(
        "th",
        { scope: "row" },
        h("a", { href: addressOf(line.toyId) }, line.name),
        downloadMark(line),
        more(line),
      ),
      h("td", { class: "number" }, number(line.quantity)),
      h("td", { class: "number wide-only" }, money(line.price, currency)),
      h("td", { class: "number" }, money(line.amount ?? line.price * line.quantity, currency)),
    );
  return h(
    "table",
    { class: "bill" },
    h("caption", { class: "hidden" }, "Toys"),
    h(
      "thead",
      null,
      h(
        "tr",
        null,
        h("th", { scope: "col" }, "Toy"),
        h("th", { scope: "col", class: "number" }, "Qty"),
        h("th", { scope: "col", class: "number wide-only" }, "Price"),
        h("th", { scope: "col", class: "number" }, "Amount"),
      ),
    ),
    h("tbody", null, lines.map(row)),
  );
}

/** Net, tax, gross, and shipping if anything is shipped. Amounts in minor units. */
export function totals({ lines, shipping, net, tax, taxRate, gross, currency }) {
  const goods = lines.reduce((sum, line) => sum + (line.amount ?? line.price * line.quantity), 0);
  const part = (name, amount, more) => [
    h("dt", more, name),
    h("dd", more, typeof amount === "string" ? amount : money(amount, currency)),
  ];
  return h(
    "dl",
    { class: "totals" },
    part("Toys", goods),
    ways(lines).parcel || shipping ? part("Shipping", shipping === 0 ? "Free" : shipping) : null,
    part("Total", gross, { class: "total" }),
    part("Net", net, { class: "soft" }),
    part(`Tax (${percent(taxRate)})`, tax, { class: "soft" }),
  );
}
