// Back from the bank: what became of the payment, and what happens now.

import { failed, payment } from "./lib/from-bank.js"; // first: it clears the address

import { api } from "./lib/api.js";
import { likely, orderOf } from "./lib/bank.js";
import * as cart from "./lib/cart.js";
import { h, replace } from "./lib/dom.js";
import { follow } from "./lib/follow.js";
import "./lib/frame.js";
import { look } from "./lib/ordered.js";
import { paymentPanel } from "./lib/payment-action.js";
import { onChange, who } from "./lib/session.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { timeline } from "./lib/timeline.js";
import { meaning, stateName } from "./lib/words.js";

/** The bank's word gets here after a moment. Then the way to it is offered again. Milliseconds. */
const MOMENT = 12_000;

const content = document.getElementById("content");
const news = h("div", { class: "stack", role: "status", "aria-live": "polite" });
const pay = h("div", { hidden: true });
const way = h("div");
const links = h("div", { class: "actions" });

let shown = null;
let patient = true;
let following = null;

async function start() {
  if (!who()) return stranger();
  onChange((someone) => someone || location.assign("/"));
  replace(content, skeleton(2, "row"));
  try {
    const orderId = orderOf(payment) ?? (await newest());
    if (!orderId) return none();
    following = follow(orderId, show, lost);
  } catch (error) {
    if (error.status === 401) return stranger();
    replace(content, failure(error, start));
  }
  return null;
}

const newest = async () =>
  likely((await api("/orders?limit=10", { auth: true })).data.items, payment);

function stranger() {
  const logIn = h("a", { class: "button button-primary", href: "/log-in?next=/paid" }, "Log in");
  const text = "Log in to see what became of your payment. Your order goes on by itself.";
  replace(content, empty("You come from your bank", text, logIn));
}

function none() {
  const home = h("a", { class: "button button-primary", href: "/" }, "See all toys");
  replace(content, empty("No orders yet", "There is nothing to pay.", home));
}

function lost(error) {
  if (error.status === 401) stranger();
  else if (error.status === 404) none();
  else if (!shown) replace(content, failure(error, () => following.now()));
  return [401, 404].includes(error.status);
}

function show(order) {
  look(order);
  if (!shown) {
    cart.onChange(draw);
    const panel = h("div", { class: "panel stack" }, news, way, links);
    replace(content, h("div", { class: "sections" }, pay, panel));
    setTimeout(() => {
      patient = false;
      draw();
    }, MOMENT);
  }
  shown = order;
  draw();
}

function draw() {
  const order = shown;
  const back = isBack(order);
  const [title, text] = words(order, back);
  document.getElementById("title").textContent = title;
  document.title = `${title} | The Better Store`;
  const said = `${title}. ${text}`;
  if (news.dataset.said !== said) replace(news, h("p", { class: "lead" }, text));
  news.dataset.said = said;
  const waits = Boolean(order.paymentAction) && !patient;
  if (waits === pay.hidden) {
    pay.hidden = !waits;
    replace(pay, waits && paymentPanel(order, () => following.now()));
  }
  replace(way, timeline(order));
  const at = `/order?id=${encodeURIComponent(order.orderId)}`;
  replace(
    links,
    back && h("a", { class: "button button-primary", href: "/cart" }, "Try another card"),
    h("a", { class: back ? "button" : "button button-primary", href: at }, "See your order"),
    h("a", { class: "plain", href: "/" }, "Go on shopping"),
  );
}

/** Whether the toys of a declined order are in the cart again: put there by this page or another. */
function isBack({ reason, lines }) {
  const there = new Set(cart.get().map(({ toyId }) => toyId));
  return reason === "PAYMENT_DECLINED" && lines.every(({ toyId }) => there.has(toyId));
}

/** Title and text: what the order says counts, not what the bank's page said in the address. */
function words(order, back) {
  const { status, paymentAction, history } = order;
  if (status === "CANCELLED") {
    const more = back ? " Its toys are back in your cart." : "";
    return ["Your order was cancelled", meaning(order) + more];
  }
  if (history.some((step) => step.status === "CONFIRMED")) {
    const where = status === "CONFIRMED" ? "" : `${stateName(status)}: `;
    return ["It is paid", `${where}${meaning(order)}`];
  }
  if (failed) {
    return [
      "Your bank said no",
      "You or your bank did not confirm the payment. We are waiting for the card's last word.",
    ];
  }
  return paymentAction && !patient
    ? ["Not confirmed yet", "We have not heard from your bank. You can confirm the payment again."]
    : ["Back from your bank", "We are waiting for its word on your payment: it takes a moment."];
}

start();
