// The receipt of an order. Printed, it is all there is on the page.

import { addressNode } from "./address.js";
import { linesTable, totals } from "./bill.js";
import { date, h, money } from "./dom.js";

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
    h("div", null, h("h3", null, "Goes to"), addressNode(order.shippingAddress)),
    at && h("p", { class: "no-print" }, h("button", print, "Print the receipt")),
  );
}
