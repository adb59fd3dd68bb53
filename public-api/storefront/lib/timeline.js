// The way of an order: what happened to it and when, and what is still to come.

import { date, h } from "./dom.js";
import { FINAL, stateName, tone, wayOf } from "./words.js";

/** The way of an order as a list. */
export function timeline(order) {
  const { status, history, cancellation } = order;
  const happened = history.map(({ status: state, at }) => ({ state, at, name: stateName(state) }));
  if (cancellation) {
    happened.push({ state: null, at: cancellation.requestedAt, name: "You asked us to cancel it" });
  }
  happened.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  const way = wayOf(order);
  const reached = Math.max(...history.map((step) => way.indexOf(step.status)));
  const over = FINAL.includes(status) || status === "CANCELLING";
  const coming = over ? [] : way.slice(reached + 1);

  const done = ({ state, at, name }) => {
    const current = state === status;
    return h(
      "li",
      {
        class: `step step-${state === null ? "asked" : tone(state)}`,
        "aria-current": current && "step",
      },
      h("strong", null, name),
      h("time", { class: "soft small", datetime: at }, date(at, { time: true })),
    );
  };
  const later = (state) =>
    h(
      "li",
      { class: "step step-later" },
      h("span", null, stateName(state)),
      h("span", { class: "hidden" }, ", to come"),
    );
  return h(
    "ol",
    { class: "timeline", "aria-label": "What happened so far" },
    happened.map(done),
    coming.map(later),
  );
}
