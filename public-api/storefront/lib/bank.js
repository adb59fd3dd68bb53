// The way to the bank's page for a payment (3-D Secure), and which order one comes back for.

const KEY = "tbs.mine.bank";

/** Which payment a client secret of Stripe's is of: what stands before "_secret_". */
const paymentOf = (secret) => secret?.split("_secret_")[0] ?? null;

/** Remembers which order it is for, when the shopper goes to their bank. */
export function toBank(orderId, clientSecret) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ orderId, payment: paymentOf(clientSecret) }));
  } catch {
    // Then the newest order is taken for it.
  }
}

/** The order that a payment is of, as far as this browser knows. `payment` null: the last one. */
export function orderOf(payment) {
  try {
    const gone = JSON.parse(localStorage.getItem(KEY));
    return !payment || gone?.payment === payment ? (gone?.orderId ?? null) : null;
  } catch {
    return null;
  }
}

/** The one of `orders` (newest first) that waits for that payment; else the newest; else null. */
export const likely = (orders, payment) =>
  orders.find(({ paymentAction }) => payment && paymentOf(paymentAction?.clientSecret) === payment)
    ?.orderId ??
  orders[0]?.orderId ??
  null;
