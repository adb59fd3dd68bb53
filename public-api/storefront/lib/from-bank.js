// What the bank's page says in the address of /paid, taken out of it at once: whoever has it can go
// on with the payment. It imports nothing, and is imported first, so that nobody reads it before.

const said = new URLSearchParams(location.search);
if (location.search) history.replaceState(history.state, "", location.pathname);

/** The payment that it was about; null: it did not say. */
export const payment = said.get("payment_intent");

/** Whether the bank or its customer said no. */
export const failed = said.get("redirect_status") === "failed";
