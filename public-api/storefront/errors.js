// The manager's list of errors: newest first, a page at a time, narrowed by kind and service.

import { api } from "./lib/api.js";
import { date, h, icon, number, replace } from "./lib/dom.js";
import { notify } from "./lib/frame.js";
import { onChange, toLogIn, who } from "./lib/session.js";
import { empty, failure, managersOnly, skeleton } from "./lib/states.js";

/** What each kind is called, and how it is coloured. */
const KINDS = { BUSINESS: ["Business", "low"], SYSTEM: ["System", "bad"] };

const SERVICES = [
  "file-manager",
  "fulfilment",
  "notification",
  "orders",
  "payments",
  "public-api",
  "reports",
  "toys",
];

/** How many pages in a row are asked for that have nothing, as those of a narrowed list may. */
const EMPTY_PAGES = 10;

const content = document.getElementById("content");
const list = h("ol", { class: "errors", "aria-label": "Errors" });
const foot = h("div", { class: "actions" });
const place = h("div", { class: "stack" });
const told = h("p", { class: "hidden", role: "status" });

const kind = select(
  "kind",
  "Kind",
  Object.entries(KINDS).map(([value, [text]]) => [value, text]),
);
const service = select(
  "service",
  "Service",
  SERVICES.map((name) => [name, name]),
);
const refresh = h(
  "button",
  { type: "button", class: "button", onclick: () => anew() },
  icon("refresh"),
  "Refresh",
);
const button = h("button", { type: "button", class: "button" }, "Show more");
button.addEventListener("click", () => button.hasAttribute("aria-disabled") || more());

let next = null;
/** Counts the lists begun, so that an answer for one before is not shown in this one. */
let turn = 0;

function start() {
  if (!who()) return toLogIn();
  onChange((someone) => someone || location.assign("/"));
  const asked = new URLSearchParams(location.search);
  for (const { field } of [kind, service]) {
    const options = [...field.options].map((option) => option.value);
    if (options.includes(asked.get(field.name))) field.value = asked.get(field.name);
    field.addEventListener("change", () => anew());
  }
  const bar = h("form", { class: "errors-bar", role: "search", "aria-label": "Errors" });
  bar.addEventListener("submit", (event) => event.preventDefault());
  replace(bar, kind.part, service.part, refresh);
  replace(content, h("div", { class: "stack" }, bar, told, place));
  return anew();
}

/** The list from its beginning, as it is narrowed now. */
function anew() {
  turn += 1;
  next = null;
  told.textContent = "";
  const query = narrowed();
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  replace(place, skeleton(4, "row"));
  return load(true);
}

/** What the list is narrowed to, as the API takes it. */
function narrowed() {
  const query = new URLSearchParams();
  for (const { field } of [kind, service]) if (field.value) query.set(field.name, field.value);
  return query;
}

function more() {
  button.setAttribute("aria-disabled", "true");
  return load(false);
}

async function load(first) {
  const mine = turn;
  const items = [];
  try {
    for (let page = 0; page < EMPTY_PAGES && !items.length; page += 1) {
      const query = narrowed();
      if (next) query.set("cursor", next);
      const { data } = await api(`/errors?${query}`, { auth: true });
      if (mine !== turn) return null;
      items.push(...data.items);
      next = data.cursor;
      if (!next) break;
    }
  } catch (error) {
    if (mine !== turn) return null;
    if (error.status === 401) return toLogIn();
    if (error.status === 403) return replace(content, managersOnly());
    const retry = () => (first ? anew() : more());
    return replace(first ? place : foot, failure(error, retry));
  }
  return show(items, first);
}

function show(items, first) {
  button.removeAttribute("aria-disabled");
  if (first && !items.length && !next) {
    const all = narrowed().size
      ? empty("None of these", "Nothing of this kind went wrong of late.", widen())
      : empty("No errors", "All went well of late.");
    told.textContent = "No errors";
    return replace(place, all);
  }
  const rows = items.map(row);
  if (first) {
    replace(list, rows);
    replace(place, list, foot);
  } else {
    list.append(...rows);
    rows[0]?.focus();
  }
  replace(foot, next && button);
  const count = list.children.length;
  told.textContent = `${number(count)} ${count === 1 ? "error" : "errors"}${next ? ", and more" : ""}`;
  return null;
}

/** What shows all of them again. */
function widen() {
  const all = h("button", { type: "button", class: "button" }, "Show all errors");
  all.addEventListener("click", () => {
    for (const { field } of [kind, service]) field.value = "";
    anew();
    kind.field.focus();
  });
  return all;
}

function row({ occurredAt, kind: sort, code, message, service: name, orderId }) {
  const [text, tone] = KINDS[sort] ?? [sort, "bad"];
  return h(
    "li",
    { class: `panel error-row error-${tone}`, tabindex: "-1" },
    h(
      "p",
      { class: "row error-head" },
      h("span", { class: `status status-${tone}` }, text),
      h("code", null, code),
    ),
    h("p", { class: "error-text" }, message),
    h(
      "p",
      { class: "soft small row error-foot" },
      h("time", { datetime: occurredAt }, date(occurredAt, { time: true })),
      h("span", null, name),
      orderId && order(orderId),
    ),
  );
}

/** An order's id, to be taken elsewhere: it is none of the manager's own orders. */
function order(id) {
  const copy = h(
    "button",
    { type: "button", class: "plain", "aria-label": `Copy order id ${id}` },
    icon("copy"),
  );
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(id);
      notify("The order id is copied.", { keep: false });
    } catch {
      getSelection().selectAllChildren(code);
      notify("The browser does not let us copy. The order id is marked.", {
        kind: "info",
        keep: false,
      });
    }
  });
  const code = h("code", null, id);
  return h("span", { class: "error-order" }, "Order ", code, copy);
}

/** A field to narrow the list by: {field, part}. Each of `options` is [value, text]. */
function select(name, label, options) {
  const all = [["", "All"], ...options];
  const field = h(
    "select",
    { name, id: name },
    all.map(([value, text]) => h("option", { value }, text)),
  );
  return { field, part: h("div", { class: "field" }, h("label", { for: name }, label), field) };
}

start();
