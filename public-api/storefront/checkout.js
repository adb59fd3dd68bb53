// Checkout: the address, the order with its totals, the payment. `?step=` says where it stands.

import * as cart from "./lib/cart.js";
import { place, settle, state, unanswered } from "./lib/checkout.js";
import { addressStep } from "./lib/checkout-address.js";
import { orderStep } from "./lib/checkout-order.js";
import { paymentStep } from "./lib/checkout-payment.js";
import { h, replace } from "./lib/dom.js";
import { plain } from "./lib/form.js";
import { notify } from "./lib/frame.js";
import { onChange, toLogIn, who } from "./lib/session.js";
import { empty } from "./lib/states.js";

const STEPS = {
  address: ["Address", addressStep],
  order: ["Order", orderStep],
  payment: ["Payment", paymentStep],
};
const steps = document.getElementById("steps");
const content = document.getElementById("content");

let running = null;

/** The shopper goes on without the answer to an order. It is asked for before another is sent. */
let putOff = false;

/** What the steps do with each other. */
const checkout = {
  go(step, told = null) {
    history.pushState(null, "", `/checkout?step=${step}`);
    render(told);
  },
  async order(what) {
    done(await place(cart.get(), what));
  },
  /** Leads to the log-in for an error that says so. Whether it did. */
  away(error) {
    if (error.status === 401) toLogIn();
    return error.status === 401;
  },
};

function render(told = null, move = true) {
  running?.abort();
  running = new AbortController();
  if (unanswered() && !putOff) return unheard();
  if (cart.get().length === 0) {
    replace(steps);
    const toys = h("a", { class: "button button-primary", href: "/" }, "See the toys");
    return replace(content, empty("Your cart is empty", "There is nothing to order yet.", toys));
  }
  const wanted = new URLSearchParams(location.search).get("step") ?? "address";
  const step = reachable(wanted);
  if (step !== wanted) history.replaceState(null, "", `/checkout?step=${step}`);
  const [name, show] = STEPS[step];
  document.title = `${name} – Checkout | The Better Store`;
  replace(steps, trail(step));
  const heading = h("h2", { id: "step", tabindex: "-1" }, heads[step]);
  const body = h("div", { class: "stack" });
  replace(
    content,
    h("section", { "aria-labelledby": "step", class: "stack" }, heading, told, body),
  );
  show(body, checkout, running.signal);
  if (move) heading.focus();
}

const heads = { address: "Where does it go?", order: "Your order", payment: "How do you pay?" };

/** The furthest step up to `wanted` of which everything before is there. */
function reachable(wanted) {
  const { address, agreed } = state();
  if (wanted === "payment" && address && agreed !== undefined) return "payment";
  return ["payment", "order"].includes(wanted) && address ? "order" : "address";
}

function trail(step) {
  const names = Object.keys(STEPS);
  const item = (name, index) => {
    const there = index < names.indexOf(step);
    const text = STEPS[name][0];
    const inside = there
      ? h("a", { href: `/checkout?step=${name}`, onclick: go(name) }, text)
      : text;
    return h("li", { class: there && "done", "aria-current": name === step && "step" }, inside);
  };
  return h("ol", { class: "steps" }, names.map(item));
}

const go = (name) => (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  checkout.go(name);
};

/** An order was sent, and no answer came: it is asked for again before anything else. */
async function unheard() {
  replace(steps);
  const text = h("p", { role: "status" });
  const button = h("button", { type: "button", class: "button button-primary" }, "Ask again");
  const other = h("button", { type: "button", class: "plain" }, "Back to the checkout");
  const actions = h("div", { class: "actions" }, button, other);
  replace(
    content,
    h("div", { class: "panel stack" }, h("h2", null, "Is your order with us?"), text, actions),
  );
  other.addEventListener("click", () => {
    putOff = true;
    render();
  });
  const ask = async () => {
    text.textContent = "You sent your order, and we did not hear the answer. We are asking …";
    actions.hidden = true;
    try {
      const order = await settle();
      if (order) return done(order);
      return render(
        problem("Your order was not taken. Nothing was ordered or paid. Look at it again."),
      );
    } catch (error) {
      if (checkout.away(error)) return null;
      text.textContent = `${plain(error)} Asking again is safe: it stays one order.`;
      actions.hidden = false;
    }
    return null;
  };
  button.addEventListener("click", ask);
  if (unanswered().recent) return ask();
  text.textContent =
    "Some time ago you sent an order from here, and we did not hear the answer. Asking again " +
    "sends it if it is not with us: look into “My orders” first.";
  return null;
}

function done(order) {
  notify(`Thank you! We have your order ${order.orderId}.`, {
    link: { href: `/order?id=${encodeURIComponent(order.orderId)}`, text: "Follow your order" },
  });
  location.replace("/");
}

/** Words about what went wrong, to stand above a step. */
export const problem = (text) => h("p", { class: "notice notice-error", role: "alert" }, text);

function start() {
  if (!who()) return toLogIn("/checkout");
  addEventListener("popstate", () => render());
  addEventListener("pageshow", (event) => event.persisted && render());
  onChange((someone) => someone || location.assign("/"));
  return render(null, false);
}

start();
