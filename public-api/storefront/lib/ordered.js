// What was ordered in this browser: the lines go back into the cart when the card is declined.

import { api } from "./api.js";
import * as cart from "./cart.js";
import { notify } from "./notices.js";

const KEY = "tbs.mine.ordered"; // session.js looks for it, too

/** So many orders are remembered, for so long (milliseconds). */
const MOST = 20;
const KEPT = 24 * 60 * 60_000;

/** Remembers the cart's lines of an order. */
export function remember(orderId, lines) {
  const others = load().filter((one) => one.orderId !== orderId);
  save([{ orderId, lines, at: Date.now() }, ...others]);
}

/**
 * Looks at an order as it is now. The lines of a declined one go back into the cart, once, and the
 * shopper is told: then it answers true. Those of one that is paid or otherwise over are forgotten.
 */
export function look(order) {
  const found = load().find((one) => one.orderId === order.orderId);
  if (!found || !["CONFIRMED", "DISPATCHED", "DELIVERED", "CANCELLED"].includes(order.status)) {
    return false;
  }
  save(load().filter((one) => one !== found && one.orderId !== order.orderId));
  if (order.reason !== "PAYMENT_DECLINED") return false;
  cart.restore(found.lines);
  notify(`Your card was declined for order ${order.orderId}. Its toys are back in your cart.`, {
    kind: "error",
    link: { href: "/cart", text: "See the cart" },
  });
  return true;
}

/** What an order holds, as lines of the cart. */
export const linesOf = (order) =>
  order.lines.map(({ toyId, quantity, name, price }) => ({
    toyId,
    quantity,
    seen: { name, price, currency: order.currency, availability: "IN_STOCK", picture: null },
  }));

/**
 * Asks what became of the orders that are remembered, until it is known of each. The pages of an
 * order follow it closer.
 */
export async function watch() {
  if (["/order", "/paid"].includes(location.pathname)) return;
  for (let pause = 2000; load().length > 0; pause = Math.min(pause * 1.5, 30_000)) {
    for (const { orderId } of document.hidden ? [] : load()) {
      try {
        look((await api(`/orders/${encodeURIComponent(orderId)}`, { auth: true })).data);
      } catch (error) {
        if ([401, 403].includes(error.status)) return;
        if (error.status === 404) save(load().filter((one) => one.orderId !== orderId));
      }
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

function load() {
  try {
    const all = JSON.parse(localStorage.getItem(KEY)) ?? [];
    return all.filter((one) => Date.now() - one.at < KEPT).slice(0, MOST);
  } catch {
    return [];
  }
}

function save(all) {
  localStorage.setItem(KEY, JSON.stringify(all.slice(0, MOST)));
}
