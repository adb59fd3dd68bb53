// The receipt of an order. Printed, it is all there is on the page.

import { addressNode } from "./address.js";
import { linesTable, totals } from "./bill.js";
import { date, h, money } from "./dom.js";
import { byMail, ways } from "./downloads.js";

/** When an order was paid. Null: it was not. */
export const paid = ({ history }) =>
  history.find((step) => step.status === "CONFIRMED")?.at ?? null;

/** What was ordered, what it came to and where it goes; a receipt as soon as it is paid. */
export function receipt(order) {
  const at = paid(order);
  const { carrier, trackingNumber, refund, currency } = order;
  const since = order.submittedAt ?? order.placedAt ?? order.updatedAt;
  const facts = [
    ["Order", h("code", null, order.orderId)],
    ["Ordered", date(since, { time: true })],
    at && ["Paid", `${date(at, { time: true })}, by card`],
    refund && [
      refund.status === "REFUNDED" ? "Refunded" : "To be refunded",
      money(refund.amount, currency),
    ],
    trackingNumber && ["Parcel", `${carrier ?? "Carrier"}, tracking number ${trackingNumber}`],
  ].filter(Boolean);
  const print = { type: "button", class: "button", onclick: () => globalThis.print() };
  return h(
    "section",
    { class: "panel stack receipt", "aria-labelledby": "receipt" },
    h("p", { class: "seller" }, "The Better Store"),
    h("h2", { id: "receipt" }, at ? "Receipt" : "What you ordered"),
    h(
      "dl",
      { class: "receipt-facts" },
      facts.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]),
    ),
    linesTable(order.lines, currency),
    totals(order),
    refunded(order),
    byMail(order),
    h(
      "div",
      null,
      h("h3", null, ways(order.lines).parcel ? "Goes to" : "Your address"),
      addressNode(order.shippingAddress),
    ),
    at && h("p", { class: "no-print" }, h("button", print, "Print the receipt")),
  );
}

/** What the shop gave back part by part, and what is left of what was paid. Null: nothing. */
function refunded({ refunds, refund, gross, currency }) {
  if (!refunds?.length || !refund) return null;
  const parts = refunds.map(({ amount, requestedAt }) => [
    h("dt", null, `Refund of ${date(requestedAt)}`),
    h("dd", null, money(-amount, currency)),
  ]);
  const rest = refund.amount - refunds.reduce((sum, { amount }) => sum + amount, 0);
  return h(
    "dl",
    { class: "totals refunds" },
    parts,
    rest > 0 ? [h("dt", null, "Refund of the rest"), h("dd", null, money(-rest, currency))] : null,
    h("dt", { class: "total" }, "After refunds"),
    h("dd", { class: "total" }, money(gross - refund.amount, currency)),
  );
}
