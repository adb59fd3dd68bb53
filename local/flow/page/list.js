// The orders at the side, and the table that has the same as the lanes.

import { standing, stateOf } from "./store.js";
import { time } from "./lanes.js";
import { WORDS, el, ms } from "./panel.js";

const ORDERS = 200;
const ROWS = 100;

// `hits` are the orders that a search has found, or null.
export function showOrders(nav, store, now, dead, chosen, last, hits, choose) {
  let orders = [...store.orders.values()].filter((order) => order.first <= now).sort((a, b) => b.messages[0].at - a.messages[0].at);
  if (last) orders = orders.slice(0, last);
  if (hits) orders = orders.filter((order) => hits.has(order.id));
  const focused = document.activeElement?.dataset?.order;
  const all = row("", "handled", "everything", "", `${orders.length} orders`, chosen === null, () => choose(null));
  nav.replaceChildren(all, ...orders.slice(0, ORDERS).map((order) => {
    const { step, state, seconds } = standing(store, order, now, dead);
    return row(order.id, state, order.id, time(order.first), `${step || "?"}, ${seconds.toFixed(1)} s`, chosen === order.id, () => choose(order.id));
  }));
  if (focused !== undefined) nav.querySelector(`[data-order="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  return orders.map((order) => order.id);
}

function row(id, state, name, at, told, current, act) {
  return el("button", { "data-order": id, "aria-current": String(current), onclick: act, title: id },
    el("span", id ? { class: `dot ${state}`, role: "img", "aria-label": WORDS[state] } : {}),
    el("span", { class: "id" }, id ? `…${name.slice(-12)}` : name), el("time", {}, at), el("small", {}, told));
}

export function showTable(box, store, messages, now, dead, choose) {
  const rows = messages.slice(-ROWS);
  box.replaceChildren(el("table", {},
    el("caption", { class: "hushed" }, `The ${rows.length} newest messages in sight`),
    el("thead", {}, el("tr", {}, ["sent", "message", "order", "from", "to", "state", "taken up after", "took"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.flatMap((message) => (message.readers.length ? message.readers : [""]).map((reader) => {
      const tries = (message.tries.get(reader) ?? []).filter((one) => one.begun <= now);
      const last = tries[tries.length - 1];
      const state = reader ? stateOf(store, message, reader, now, dead) : "unseen";
      return el("tr", {},
        el("td", {}, time(message.at)),
        el("td", {}, el("button", { onclick: () => choose(message) }, message.name)),
        el("td", { class: "mono" }, message.order), el("td", {}, message.sender), el("td", {}, reader || "nobody"),
        el("td", {}, WORDS[state]),
        el("td", { class: "number" }, tries.length ? ms(tries[0].begun - message.at) : ""),
        el("td", { class: "number" }, last ? ms(last.ended - last.begun) : ""));
    })))));
}
