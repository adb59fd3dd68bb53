// My orders: newest first, a page at a time.

import { api } from "./lib/api.js";
import { date, h, money, number, replace } from "./lib/dom.js";
import "./lib/frame.js";
import { look } from "./lib/ordered.js";
import { onChange, toLogIn, who } from "./lib/session.js";
import { empty, failure, skeleton } from "./lib/states.js";
import { refundWords, stateName, tone } from "./lib/words.js";

const content = document.getElementById("content");
const list = h("ol", { class: "orders", "aria-label": "Orders" });
const foot = h("div", { class: "actions" });

async function start() {
  if (!who()) return toLogIn();
  onChange((someone) => someone || location.assign("/"));
  return more(null);
}

async function more(cursor) {
  const first = cursor === null;
  if (first) replace(content, skeleton(4, "row"));
  else button.setAttribute("aria-disabled", "true");
  try {
    const path = first ? "/orders" : `/orders?cursor=${encodeURIComponent(cursor)}`;
    const { data } = await api(path, { auth: true });
    show(data, first);
  } catch (error) {
    if (error.status === 401) return toLogIn();
    replace(
      first ? content : foot,
      failure(error, () => more(cursor)),
    );
  }
  return null;
}

const button = h("button", { type: "button", class: "button" }, "Show more");
let next = null;
button.addEventListener("click", () => button.hasAttribute("aria-disabled") || more(next));

function show({ items, cursor }, first) {
  if (first && !items.length && !cursor) {
    const toys = h("a", { class: "button button-primary", href: "/" }, "See the toys");
    return replace(
      content,
      empty("No orders yet", "What you order stands here for six months.", toys),
    );
  }
  if (first) replace(content, h("div", { class: "stack" }, list, foot));
  const rows = items.map(row);
  list.append(...rows);
  items.forEach(look);
  next = cursor;
  button.removeAttribute("aria-disabled");
  replace(foot, cursor ? button : null);
  if (!first) rows[0]?.querySelector("a").focus();
  return null;
}

function row(order) {
  const { orderId, lines, status, refund, currency } = order;
  const count = lines.reduce((sum, line) => sum + line.quantity, 0);
  const names = lines
    .map((line) => line.name)
    .slice(0, 3)
    .join(", ");
  const rest = lines.length > 3 ? ` and ${number(lines.length - 3)} more` : "";
  const at = order.submittedAt ?? order.placedAt ?? order.updatedAt;
  return h(
    "li",
    { class: "panel order-row" },
    h("h2", null, h("a", { href: `/order?id=${encodeURIComponent(orderId)}` }, `Order ${orderId}`)),
    h(
      "p",
      { class: `status status-${tone(status)}` },
      order.paymentAction ? "Waits for you" : stateName(status),
    ),
    h("p", { class: "soft small" }, h("time", { datetime: at }, date(at, { time: true }))),
    h("p", { class: "order-sum" }, money(order.gross, currency)),
    h(
      "p",
      { class: "order-toys" },
      `${number(count)} ${count === 1 ? "toy" : "toys"}: ${names}${rest}`,
    ),
    refund && back(refund, currency),
  );
}

const back = (refund, currency) =>
  h("p", { class: "order-back soft small" }, refundWords(refund, money(refund.amount, currency)));

start();
