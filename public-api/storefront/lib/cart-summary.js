// What the cart comes to, and the way to the checkout.

import { totals } from "./bill.js";
import { h, icon, money } from "./dom.js";
import { ways } from "./downloads.js";

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

/** How much is missing to free shipping, where anything is shipped. */
function shipping({ currency, lines, parcelGoods, shipping: fee, freeShippingFrom }) {
  if (!lines.length) return null;
  if (!ways(lines).parcel) {
    const text = "Nothing to ship: it comes by e-mail.";
    return h("p", { class: "shipping shipping-free" }, icon("download"), text);
  }
  if (!fee) return h("p", { class: "shipping shipping-free" }, icon("truck"), "Shipping is free.");
  const left = money(freeShippingFrom - parcelGoods, currency);
  return h(
    "div",
    { class: "shipping" },
    h("p", null, icon("truck"), `${left} more and shipping is free.`),
    h("progress", { max: freeShippingFrom, value: parcelGoods, "aria-label": "Way to free shipping" }),
  );
}

/** A link; while `ready` is false one that leads nowhere. */
function toCheckout(ready, left) {
  const props = ready
    ? { href: "/checkout", onclick: left }
    : { role: "link", "aria-disabled": "true" };
  return h("a", { class: "button button-primary button-wide", ...props }, "Checkout");
}
