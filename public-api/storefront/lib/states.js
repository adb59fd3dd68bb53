// What a list shows when it has nothing to show yet, nothing at all, or has failed.

import { Offline, onNetwork } from "./api.js";
import { blocks, h } from "./dom.js";

/** Grey shapes where `count` things will be. `kind`: "card", "row" or "page". */
export function skeleton(count = 8, kind = "card") {
  const shapes = Array.from({ length: count }, () =>
    h("div", { class: `skeleton skeleton-${kind}` }, h("div"), h("div"), h("div")),
  );
  return [
    loading(),
    h("div", { class: `skeletons skeletons-${kind}`, "aria-hidden": "true" }, shapes),
  ];
}

/** Says that something is on its way, to those who do not see it. */
export const loading = (text = "Loading") => h("p", { class: "hidden", role: "status" }, text);

/** Nothing is here. `actions`: links or buttons of what to do now. */
export function empty(title, text, ...actions) {
  return h(
    "div",
    { class: "state" },
    blocks(),
    h("h2", null, title),
    text && h("p", null, text),
    actions.length > 0 && h("div", { class: "actions" }, actions),
  );
}

/**
 * It failed: `error` says why. `retry` is what tries again: by a button, and by itself once a lost
 * network is back.
 */
export function failure(error, retry) {
  const again = () => {
    stop();
    retry();
  };
  const button = h("button", { type: "button", class: "button", onclick: again }, "Try again");
  const state = h(
    "div",
    { class: "state state-error", role: "alert" },
    h("h2", null, error instanceof Offline ? "No connection" : "That did not work"),
    h("p", null, error.message),
    retry && h("div", { class: "actions" }, button),
  );
  const stop = onNetwork((reachable) => {
    if (!state.isConnected) stop();
    else if (reachable && retry && error instanceof Offline) again();
  });
  return state;
}

/** What is here is for managers, and whoever looks is none. */
export function managersOnly() {
  const home = h("a", { class: "button button-primary", href: "/" }, "Back to the shop");
  const text =
    "Your account is none of theirs. Whoever runs the shop can make it one: then log in anew.";
  return empty("For managers only", text, home);
}
