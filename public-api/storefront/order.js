// One order: where it stands, what its shopper can do about it, and its receipt.

import { cancelDialog } from "./lib/cancel.js";
import * as cart from "./lib/cart.js";
import { h, money, replace } from "./lib/dom.js";
import { follow } from "./lib/follow.js";
import { notify } from "./lib/frame.js";
import { linesOf, look } from "./lib/ordered.js";
import { paymentPanel } from "./lib/payment-action.js";
import { paid, receipt } from "./lib/receipt.js";
import { onChange, toLogIn, who } from "./lib/session.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { timeline } from "./lib/timeline.js";
import { STATES, because, stateName, tone } from "./lib/words.js";

const orderId = new URLSearchParams(location.search).get("id");
const content = document.getElementById("content");
const told = h("p", { class: "hidden", role: "status", "aria-live": "polite" });
const place = Object.fromEntries(
  ["head", "pay", "news", "way", "actions", "receipt"].map((name) => [
    name,
    h("div", { class: `order-${name}` }),
  ]),
);

let shown = null;
let back = false;
let following = null;

const ask = cancelDialog(orderId, cancelled, () => following.now());

function cancelled(order) {
  show(order);
  place.news.scrollIntoView({ block: "nearest" });
  following.now();
}

function start() {
  if (!who()) return toLogIn();
  onChange((someone) => someone || location.assign("/"));
  if (!orderId) return missing();
  document.getElementById("title").textContent = `Order ${orderId}`;
  document.title = `Order ${orderId} | The Better Store`;
  replace(content, skeleton(3, "row"));
  following = follow(orderId, show, failed);
  return null;
}

function failed(error) {
  if (error.status === 401) {
    toLogIn();
    return true;
  }
  if (error.status === 404) {
    missing();
    return true;
  }
  // What was shown stays; a lost network has a word of its own.
  if (!shown)
    replace(
      content,
      failure(error, () => following.now()),
    );
  return false;
}

function missing() {
  const link = h("a", { class: "button button-primary", href: "/orders" }, "My orders");
  replace(content, empty("There is no such order", "At least none of yours.", link));
}

function show(order) {
  if (look(order)) back = true;
  if (!shown)
    replace(
      content,
      told,
      place.head,
      place.pay,
      place.news,
      h(
        "div",
        { class: "order-parts" },
        h("div", { class: "stack" }, place.way, place.actions),
        place.receipt,
      ),
      ask.dialog,
    );
  else if (shown.status !== order.status)
    told.textContent = `${stateName(order.status)}. ${STATES[order.status]?.[1] ?? ""}`;
  const before = shown;
  shown = order;
  part("head", [order.status, order.reason, order.paymentAction], before, head);
  part("pay", [order.paymentAction, order.deadline, order.status], before, pay);
  part("news", [order.status, order.reason, order.cancellation, order.refund, back], before, news);
  part("way", [order.history, order.status, order.cancellation], before, timeline);
  part("actions", [order.status, order.cancellation], before, actions);
  part(
    "receipt",
    [paid(order), order.refund, order.carrier, order.trackingNumber],
    before,
    receipt,
  );
}

const drawn = {};

/** Draws a part anew when what it shows has changed, and leaves it alone otherwise. */
function part(name, shows, before, draw) {
  const key = JSON.stringify(shows);
  if (before && drawn[name] === key) return;
  drawn[name] = key;
  replace(place[name], draw(shown));
}

function head(order) {
  const text =
    order.status === "CANCELLED" ? because(order.reason) : (STATES[order.status]?.[1] ?? "");
  const waits = Boolean(order.paymentAction);
  return h(
    "div",
    { class: "row" },
    h(
      "p",
      { class: `status status-${tone(order.status)}` },
      waits ? "Waits for you" : stateName(order.status),
    ),
    waits ? null : h("p", null, text),
  );
}

function pay(order) {
  return order.paymentAction ? paymentPanel(order, () => following.now()) : null;
}

function news(order) {
  const { cancellation, refund, status, reason, currency } = order;
  const said = [];
  if (cancellation?.outcome === "REQUESTED") {
    said.push(
      notice("info", "You asked us to cancel this order. We tell you here whether it was in time."),
    );
  }
  if (cancellation?.outcome === "TOO_LATE") {
    said.push(
      notice("warn", "Your parcel had left before we could stop it. You can send it back to us."),
    );
  }
  if (refund) {
    const amount = money(refund.amount, currency);
    said.push(
      refund.status === "REFUNDED"
        ? notice("ok", `${amount} went back to your card.`)
        : notice("info", `${amount} is on its way back to your card.`),
    );
  }
  if (status === "CANCELLED" && reason !== "CUSTOMER") said.push(again(order));
  return said;
}

/** Offers to put the toys of an order that came to nothing back into the cart. */
function again(order) {
  const declined = order.reason === "PAYMENT_DECLINED";
  const put = () => {
    cart.restore(linesOf(order));
    back = true;
    notify("The toys are back in your cart.", {
      keep: false,
      link: { href: "/cart", text: "See the cart" },
    });
    show(order);
    place.news.querySelector("a")?.focus();
  };
  return h(
    "div",
    { class: `notice notice-${declined ? "error" : "warn"} again` },
    h("p", null, back ? "The toys are back in your cart." : "Would you like to try again?"),
    back
      ? h("a", { class: "button", href: "/cart" }, declined ? "Try another card" : "See the cart")
      : h(
          "button",
          { type: "button", class: "button", onclick: put },
          "Put these toys back into the cart",
        ),
  );
}

const notice = (kind, text) => h("p", { class: `notice notice-${kind}` }, text);

function actions(order) {
  const open =
    ["SUBMITTED", "PLACED", "RESERVED", "CONFIRMED"].includes(order.status) && !order.cancellation;
  if (!open) ask.close();
  return open
    ? h(
        "button",
        { type: "button", class: "button button-danger", onclick: ask.open },
        "Cancel this order",
      )
    : null;
}

start();
