// The manager's sales report: twelve months, today, the best toys, and what failed.

import { api } from "./lib/api.js";
import { bars } from "./lib/chart.js";
import { date, h, minorUnits, money, number, replace } from "./lib/dom.js";
import "./lib/frame.js";
import { onChange, toLogIn, who } from "./lib/session.js";
import { empty, failure, managersOnly, skeleton } from "./lib/states.js";
import { addressOf } from "./lib/toys.js";
import { failure as reason } from "./lib/words.js";

const content = document.getElementById("content");

/** A page as narrow as a phone held upright: its charts have fewer words. */
const PHONE = matchMedia("(max-width: 40rem)");

async function start() {
  if (!who()) return toLogIn();
  onChange((someone) => someone || location.assign("/"));
  replace(content, skeleton(1, "page"));
  try {
    return show((await api("/reports/sales", { auth: true })).data);
  } catch (error) {
    if (error.status === 401) return toLogIn();
    if (error.status === 403) return replace(content, managersOnly());
    if (error.status === 404) {
      return replace(
        content,
        empty("No report yet", "The first one comes after a night with orders in the books."),
      );
    }
    return replace(content, failure(error, start));
  }
}

function show(report) {
  const { months, today, topToys, failures, reportedAt, day, timeZone } = report;
  const told = h(
    "p",
    { class: "soft" },
    `As of ${date(reportedAt, { time: true })}. Days and months are those of ${timeZone}.`,
  );
  replace(
    content,
    h(
      "div",
      { class: "sections" },
      told,
      now(today, day),
      year(months),
      h("div", { class: "two" }, best(topToys), wrong(failures)),
    ),
  );
}

function now(today, day) {
  return section(
    "today",
    "Today",
    h("p", { class: "soft small" }, date(`${day}T12:00:00Z`)),
    figures(today),
  );
}

/** The figures of some time. */
function figures({ orders, units, net, gross, refunded, currency }) {
  const share = { style: "percent", maximumFractionDigits: 1 };
  const of = refunded && gross ? `${number(refunded / gross, share)} of gross` : null;
  const parts = [
    ["Orders", number(orders)],
    ["Toys", number(units)],
    ["Net", money(net, currency)],
    ["Gross", money(gross, currency)],
    ["Refunds", money(refunded, currency), of],
  ];
  const part = ([name, text, more]) =>
    h(
      "div",
      null,
      h("dt", null, name),
      h("dd", null, text, more && h("span", { class: "soft small" }, more)),
    );
  return h("dl", { class: "figures" }, parts.map(part));
}

/** What all months come to. */
function sums(months) {
  const sum = (key) => months.reduce((total, one) => total + one[key], 0);
  const { currency } = months.at(-1);
  const keys = ["orders", "units", "net", "tax", "gross", "refunded"];
  return { currency, ...Object.fromEntries(keys.map((key) => [key, sum(key)])) };
}

/** What `draw()` gives, drawn anew when the page becomes a phone's or a desk's. */
function redrawn(draw) {
  const place = h("div", null, draw());
  PHONE.addEventListener("change", () => replace(place, draw()));
  return place;
}

function year(months) {
  const { currency } = months.at(-1);
  const unit = minorUnits(currency);
  const short = (value) =>
    number(value / unit, {
      notation: "compact",
      style: "currency",
      currency,
      maximumFractionDigits: 1,
    });
  const label = (one) => name(one.month, PHONE.matches ? "narrow" : "short");
  const size = () => ({ step: unit, width: PHONE.matches ? 360 : 720 });
  const sales = () => {
    const data = months.map((one) => ({
      label: label(one),
      value: one.net,
      text: [
        `${name(one.month, "long")}: ${money(one.net, one.currency)} net`,
        `${number(one.orders)} orders`,
      ].join(", "),
    }));
    const text = "Net sales of the last twelve months. The table below has all of it.";
    return bars("Net sales by month", text, data, short, size());
  };
  const refunds = () => {
    const data = months.map((one) => ({
      label: label(one),
      value: one.refunded,
      text: `${name(one.month, "long")}: ${money(one.refunded, one.currency)} refunded`,
    }));
    const text = "Refunds of the last twelve months, tax included.";
    const look = { ...size(), height: 160, tone: "bad" };
    return bars("Refunds by month", text, data, short, look);
  };
  return section(
    "months",
    "Twelve months",
    figures(sums(months)),
    redrawn(sales),
    months.some((one) => one.refunded > 0) && redrawn(refunds),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Sales by month" },
      table(months),
    ),
  );
}

function table(months) {
  const columns = ["Net", "Tax", "Gross", "Refunds", "Orders", "Toys"];
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, "Month"),
    columns.map((text) => h("th", { scope: "col", class: "number" }, text)),
  );
  const row = (one) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, name(one.month, "long")),
      [one.net, one.tax, one.gross, one.refunded].map((value) => cell(money(value, one.currency))),
      cell(number(one.orders)),
      cell(number(one.units)),
    );
  const all = sums(months);
  const foot = h(
    "tr",
    { class: "sum-row" },
    h("th", { scope: "row" }, "All"),
    ["net", "tax", "gross", "refunded"].map((key) => cell(money(all[key], all.currency))),
    cell(number(all.orders)),
    cell(number(all.units)),
  );
  return h(
    "table",
    { class: "report" },
    h("caption", { class: "hidden" }, "Sales by month"),
    h("thead", null, head),
    h("tbody", null, months.toReversed().map(row)),
    h("tfoot", null, foot),
  );
}

function best(toys) {
  const item = ({ toyId, name, units, gross, currency }) =>
    h(
      "li",
      null,
      h("a", { href: addressOf(toyId) }, name),
      h("span", { class: "number" }, `${number(units)} × · ${money(gross, currency)}`),
    );
  return section(
    "best",
    "Best toys",
    toys.length ? h("ol", { class: "ranking" }, toys.map(item)) : none("No toys were sold."),
  );
}

function wrong(failures) {
  const item = ({ orderId, reason: why, at }) =>
    h(
      "li",
      null,
      h("strong", null, reason(why)),
      h("span", { class: "soft small" }, date(at, { time: true })),
      h("code", null, orderId),
    );
  return section(
    "failures",
    "Failed orders",
    failures.length
      ? h("ol", { class: "failures" }, failures.map(item))
      : none("None. All went well."),
    h("p", { class: "small" }, h("a", { href: "/errors" }, "All errors")),
  );
}

const cell = (text) => h("td", { class: "number" }, text);

const none = (text) => h("p", { class: "soft" }, text);

const section = (id, title, ...children) =>
  h("section", { class: "panel stack", "aria-labelledby": id }, h("h2", { id }, title), children);

/** "2026-11" as "Nov" or "November 2026". */
function name(month, style) {
  const options = { month: style, timeZone: "UTC", ...(style === "long" && { year: "numeric" }) };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(`${month}-01T00:00:00Z`));
}

start();
