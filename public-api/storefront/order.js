// One order: where it stands, what its shopper can do about it, and its receipt.

import { cancelDialog } from "./lib/cancel.js";
import * as cart from "./lib/cart.js";
import { h, money, replace } from "./lib/dom.js";
import { ways } from "./lib/downloads.js";
import { follow } from "./lib/follow.js";
import { notify } from "./lib/frame.js";
import { linesOf, look } from "./lib/ordered.js";
import { paymentPanel } from "./lib/payment-action.js";
import { paid, receipt } from "./lib/receipt.js";
import { onChange, toLogIn, who } from "./lib/session.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { timeline } from "./lib/timeline.js";
import { meaning, refundWords, stateName, tone } from "./lib/words.js";

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
    told.textContent = `${stateName(order.status)}. ${meaning(order)}`;
  const before = shown;
  shown = order;
  const lines = order.lines.map((line) => [line.fulfilment, line.undeliverable]);
  const kinds = [lines, order.downloadsMailed];
  part("head", [order.status, order.reason, order.paymentAction, kinds], before, head);
  part("pay", [order.paymentAction, order.deadline, order.status], before, pay);
  part(
    "news",
    [order.status, order.reason, order.cancellation, order.refund, back, kinds],
    before,
    news,
  );
  part("way", [order.history, order.status, order.cancellation, kinds], before, timeline);
  part("actions", [order.status, order.cancellation, kinds], before, actions);
  part(
    "receipt",
    [
      ...[order.status, order.refund, order.refunds, order.carrier, order.trackingNumber],
      ...[paid(order), order.shippingAddress, kinds],
    ],
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
  const waits = Boolean(order.paymentAction);
  return h(
    "div",
    { class: "row" },
    h(
      "p",
      { class: `status status-${tone(order.status)}` },
      waits ? "Waits for you" : stateName(order.status),
    ),
    waits ? null : h("p", null, meaning(order)),
  );
}

function pay(order) {
  return order.paymentAction ? paymentPanel(order, () => following.now()) : null;
}

function news(order) {
  const { cancellation, refund, status, reason, currency, gross } = order;
  const said = [];
  if (cancellation?.outcome === "REQUESTED") {
    said.push(
      notice("info", "You asked us to cancel this order. We tell you here whether it was in time."),
    );
  }
  if (cancellation?.outcome === "TOO_LATE") {
    said.push(notice("warn", tooLate(order)));
  }
  if (refund) {
    const amount = money(refund.amount, currency);
    const some = refund.amount < gross ? `${amount} of ${money(gross, currency)}` : amount;
    const kind = refund.status === "REFUNDED" ? "ok" : "info";
    said.push(notice(kind, `${refundWords(refund, some)}.`));
  }
  if (status === "CANCELLED" && !["CUSTOMER", "SHOP"].includes(reason)) said.push(again(order));
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

/** Why a wish to cancel it came too late. Of what goes out in two ways, either may have left. */
function tooLate({ status, lines }) {
  const { parcel: packed, downloads } = ways(lines);
  if (!packed) return "What you bought was being mailed before we could stop it.";
  if (!downloads) return "Your parcel had left before we could stop it. You can send it back to us.";
  const left = status === "CONFIRMED" ? "Your downloads were mailed" : "Part of it had left";
  return `${left} before we could stop it. What comes by parcel you can send back to us.`;
}

/** Whether something of it goes by parcel. */
const parcel = (order) => ways(order.lines).parcel;

function actions(order) {
  const early = ["SUBMITTED", "PLACED", "RESERVED"].includes(order.status);
  const packing = order.status === "CONFIRMED" && parcel(order) && !order.downloadsMailed;
  const open = (early || packing) && !order.cancellation;
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
