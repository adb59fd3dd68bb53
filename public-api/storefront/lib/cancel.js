// The question before an order is cancelled, and the wish itself.

import { api } from "./api.js";
import { h, replace } from "./dom.js";
import { plain } from "./form.js";
import { toLogIn } from "./session.js";

/**
 * A dialog that cancels an order: {dialog, open(), close()}. `done(order)` gets the order as it is
 * then; `late()` is called when it is too late.
 */
export function cancelDialog(orderId, done, late) {
  const path = `/orders/${encodeURIComponent(orderId)}/cancellation`;
  const problem = h("p", { class: "error", role: "alert" });
  const yes = h(
    "button",
    { type: "button", class: "button button-danger", onclick: cancel },
    "Cancel the order",
  );
  const no = h("button", { type: "button", class: "button", onclick: close }, "Keep the order");
  const dialog = h(
    "dialog",
    { class: "panel", "aria-labelledby": "sure" },
    h(
      "div",
      { class: "stack" },
      h("h2", { id: "sure" }, "Cancel this order?"),
      h("p", null, "All of it is cancelled. What you paid goes back to your card."),
      problem,
      h("div", { class: "actions" }, yes, no),
    ),
  );
  dialog.addEventListener("close", () => replace(problem));

  function close() {
    if (dialog.open) dialog.close();
  }

  async function cancel() {
    if (yes.hasAttribute("aria-disabled")) return;
    yes.setAttribute("aria-disabled", "true");
    try {
      const { data } = await api(path, { method: "POST", auth: true });
      close();
      done(data);
    } catch (error) {
      problem.textContent = plain(error);
      if (error.status === 401) toLogIn();
      if (error.status === 409) late();
    } finally {
      yes.removeAttribute("aria-disabled");
    }
  }

  return { dialog, close, open: () => dialog.showModal() };
}
