// Elements made by code: what comes from the server is only ever text or an attribute.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. `props`: `onclick` and the like are listeners, `dataset` an object; true is an
 * attribute without a value; null, undefined and false leave it out. `children`: nodes and texts,
 * nested as they come; null and false are skipped.
 */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...nodes(children));
  return element;
}

const nodes = (children) =>
  children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);

/** Puts `children` in place of all that is in `node`. */
export function replace(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

/** The shopper's locale as the API takes it, such as "en-IE"; undefined where it takes none. */
export function locale() {
  const tag = navigator.language ?? "";
  return /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/.test(tag) ? tag : undefined;
}

const LOCALES = navigator.languages?.length ? [...navigator.languages] : undefined;
const formats = new Map();

function format(kind, options) {
  const key = kind.name + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new kind(LOCALES, options));
  return formats.get(key);
}

/** How many minor units make one of the currency: 100 for EUR, 1 for JPY. */
export function minorUnits(currency) {
  const written = format(Intl.NumberFormat, { style: "currency", currency }).resolvedOptions();
  return 10 ** written.maximumFractionDigits;
}

/** An amount of `minor` units as the shopper writes it: "€49.95". */
export function money(minor, currency) {
  return format(Intl.NumberFormat, { style: "currency", currency }).format(
    minor / minorUnits(currency),
  );
}

/** A number as the shopper writes it. */
export const number = (value, options = {}) => format(Intl.NumberFormat, options).format(value);

/** A day as the shopper writes it, with the time when asked for. `when`: RFC 3339, or a Date. */
export function date(when, { time = false } = {}) {
  const options = time ? { dateStyle: "medium", timeStyle: "short" } : { dateStyle: "medium" };
  return format(Intl.DateTimeFormat, options).format(new Date(when));
}

const ICONS = {
  cart: ["M3 4h2.2l2.3 10.5h10l2-7.5H6.2", "M9 19.5h.01M16.5 19.5h.01"],
  person: [
    "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z",
    "M4.5 20.5c.8-3.6 3.7-5.5 7.5-5.5s6.7 1.9 7.5 5.5",
  ],
  search: ["M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Z", "m15.5 15.5 5 5"],
  close: ["M6 6l12 12M18 6 6 18"],
  check: ["m5 12.5 4.5 4.5L19 7.5"],
  minus: ["M6 12h12"],
  plus: ["M6 12h12M12 6v12"],
  bin: ["M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7"],
  truck: ["M3 6.5h11v10H3zM14 10h3.5l3.5 3.5v3h-7", "M7.5 19h.01M17.5 19h.01"],
  download: ["M12 4v10.5M7.5 10.5 12 15l4.5-4.5M5 19.5h14"],
  filter: ["M4 7h16M7 12h10M10 17h4"],
  copy: ["M9 9h10.5v10.5H9z", "M15 9V4.5H4.5V15H9"],
  refresh: ["M19.5 12a7.5 7.5 0 1 1-2.2-5.3", "M19.5 4v4.5H15"],
};

/** A line drawing beside a text that says the same. See ICONS for the names. */
export function icon(name) {
  const paths = ICONS[name].map((d) => svg("path", { d }));
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, paths);
}

/** The shop's sign: a ball, a brick and a roof of a box of building blocks. */
export function blocks() {
  return svg(
    "svg",
    { class: "blocks", viewBox: "0 0 64 64", "aria-hidden": "true" },
    svg("path", { class: "block-roof", d: "M32 5.5 52.5 30h-41z" }),
    svg("rect", { class: "block-brick", x: 5, y: 33, width: 26, height: 26, rx: 4 }),
    svg("circle", { class: "block-ball", cx: 46.5, cy: 46, r: 13 }),
  );
}
