// What the cart comes to, and the way to the checkout.

import { totals } from "./bill.js";
import { h, icon, money } from "./dom.js";

/**
 * The sums of a quote and what follows. `current`: whether they are of the cart as it is; `left`
 * is called when the shopper goes to the checkout.
 */
export function summaryOf(quote, { current, left }) {
  const blocked =
    quote.missing.length > 0 || quote.lines.some(({ availability }) => availability === "SOLD_OUT");
  return [
    totals(quote),
    shipping(quote),
    toCheckout(current && !blocked && quote.lines.length > 0, left),
    blocked &&
      h("p", { class: "error" }, "Some toys cannot be bought just now: take them out first."),
    shopOn(),
  ];
}

/** The way back to the toys. */
export const shopOn = () => h("p", { class: "shop-on" }, h("a", { href: "/" }, "Go on shopping"));

/** How much is missing to free shipping. */
function shipping({ currency, goods, shipping: fee, freeShippingFrom }) {
  if (!goods) return null;
  if (!fee) return h("p", { class: "shipping shipping-free" }, icon("truck"), "Shipping is free.");
  const left = money(freeShippingFrom - goods, currency);
  return h(
    "div",
    { class: "shipping" },
    h("p", null, icon("truck"), `${left} more and shipping is free.`),
    h("progress", { max: freeShippingFrom, value: goods, "aria-label": "Way to free shipping" }),
  );
}

/** A link; while `ready` is false one that leads nowhere. */
function toCheckout(ready, left) {
  const props = ready
    ? { href: "/checkout", onclick: left }
    : { role: "link", "aria-disabled": "true" };
  return h("a", { class: "button button-primary button-wide", ...props }, "Checkout");
}
