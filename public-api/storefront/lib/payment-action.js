// What a shopper has to do for a payment: to confirm it at their bank (3-D Secure).

import { toBank } from "./bank.js";
import { h, replace } from "./dom.js";
import { form } from "./form.js";
import { shop } from "./shop.js";
import { failure } from "./states.js";
import { authenticate } from "./stripe.js";

/** A panel that leads to the bank's page, or opens it: `done()` is called after that. */
export function paymentPanel({ orderId, paymentAction, deadline }, done) {
  const way = h("div");
  lead(way, orderId, paymentAction, done);
  return h(
    "section",
    { class: "panel stack pay-action", "aria-labelledby": "pay-action" },
    h("h2", { id: "pay-action" }, "Your bank wants to hear from you"),
    h("p", null, "It asks you to confirm this payment. Your order goes on as soon as you did."),
    deadline && countdown(deadline),
    way,
  );
}

async function lead(way, orderId, action, done) {
  const url = page(action.url);
  if (url) {
    const link = h(
      "a",
      {
        class: "button button-primary",
        href: url,
        target: "_blank",
        rel: "noopener",
        onclick: () => toBank(orderId, action.clientSecret),
      },
      "Confirm the payment",
      h("span", { class: "hidden" }, " (opens a new tab)"),
    );
    return replace(way, link);
  }
  try {
    const { stripePublishableKey: key } = await shop();
    if (!key) throw new Error("The way to your bank is missing. Please write to us.");
    const { node } = form({
      fields: [],
      content: [],
      label: "Confirm the payment",
      busy: "Asking your bank …",
      async work() {
        await authenticate(key, action.clientSecret);
        done();
      },
    });
    return replace(way, node);
  } catch (error) {
    return replace(
      way,
      failure(error, () => lead(way, orderId, action, done)),
    );
  }
}

/** The address when it is one of the web, else null. */
function page(address) {
  if (!address) return null;
  const url = URL.canParse(address) ? new URL(address) : null;
  return ["https:", "http:"].includes(url?.protocol) ? url.href : null;
}

/** How much time is left, in words that change every so often. */
function countdown(deadline) {
  const text = h("p", { class: "soft", role: "timer" });
  const tick = () => {
    const left = Date.parse(deadline) - Date.now();
    const minutes = Math.ceil(left / 60_000);
    if (left <= 0) text.textContent = "The time for it is over: the order is being cancelled.";
    else if (minutes > 1) text.textContent = `There are ${minutes} minutes left.`;
    else text.textContent = "There is less than a minute left.";
    if (left > 0) setTimeout(() => (text.isConnected ? tick() : null), Math.min(left, 10_000) + 50);
  };
  tick();
  return text;
}
