// The state of a checkout, which survives a reload, and the one way to place an order.

import { api } from "./api.js";
import * as cart from "./cart.js";
import { locale } from "./dom.js";
import { remember } from "./ordered.js";
import { who } from "./session.js";

const KEY = "tbs.mine.checkout";

/** An order whose answer was lost is asked for again by itself for so long. Milliseconds. */
const RECENT = 15 * 60_000;

/**
 * Where the checkout stands: `draft` and `address`, `keep` (the address), `agreed` (the gross that
 * was shown), `paymentMethodId`, and `attempt`: an order that was sent, and not answered yet.
 */
export function state() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept?.sub === who()?.sub ? kept : {};
  } catch {
    return {};
  }
}

/** Changes some of it. */
export function update(patch) {
  sessionStorage.setItem(KEY, JSON.stringify({ ...state(), ...patch, sub: who()?.sub }));
}

/** The lines of the cart as a quote takes them. */
export const quoteLines = (lines) =>
  lines.map(({ toyId, quantity, seen: { name, price, availability } }) => ({
    toyId,
    quantity,
    seen: { name, price, availability },
  }));

/** What the cart's lines come to now, sent to an address. */
export async function quote(lines, shippingAddress) {
  const body = { lines: quoteLines(lines), ...(shippingAddress && { shippingAddress }) };
  return (await api("/quotes", { method: "POST", body })).data;
}

/** Whether an order was sent a while ago of which nothing was heard. */
export function unanswered() {
  const { attempt } = state();
  return attempt ? { recent: Date.now() - attempt.at < RECENT } : null;
}

/**
 * Places an order of the cart's `lines`, and takes them out of the cart. Answers the order.
 *
 * The same order again, after a reload or a lost answer, has the same key, so there is one. One
 * whose answer was lost is settled before another is sent: it may have been taken.
 */
export async function place(lines, { shippingAddress, paymentMethodId, expectedGross }) {
  const body = {
    lines: lines.map(({ toyId, quantity }) => ({ toyId, quantity })),
    shippingAddress,
    paymentMethodId,
    expectedGross,
    locale: locale(),
  };
  const { attempt } = state();
  if (attempt && JSON.stringify(attempt.body) !== JSON.stringify(body)) {
    const taken = await settle();
    if (taken) return taken;
  }
  if (!state().attempt) update({ attempt: { key: newKey(), body, lines, at: Date.now() } });
  return send();
}

/** Asks for the unanswered order again. Answers it, or null when it was never taken. */
export async function settle() {
  try {
    return await send();
  } catch (error) {
    if (!state().attempt) return null;
    throw error;
  }
}

async function send() {
  const { attempt } = state();
  const headers = { "Idempotency-Key": attempt.key };
  try {
    const request = { method: "POST", auth: true, body: attempt.body, headers };
    const { data: order } = await api("/orders", request);
    remember(order.orderId, attempt.lines);
    cart.clear(attempt.lines);
    sessionStorage.removeItem(KEY);
    return order;
  } catch (error) {
    // Refused for what it says: no order was made of it. Whatever else it was, one may have been.
    if ([400, 409, 413, 422].includes(error.status)) update({ attempt: undefined });
    throw error;
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
