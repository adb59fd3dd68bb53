// What every page has around it: header, footer, notices, and word of a lost network.
//
// A page imports it, and has <header id="header">, <main id="main"> and <footer id="footer">.

import { look, onNetwork } from "./api.js";
import * as cart from "./cart.js";
import { blocks, h, icon, number, replace } from "./dom.js";
import { logOut, onChange, who } from "./session.js";
import { categories } from "./shop.js";

const KEPT = "tbs.notices";

/** How long a notice is seen, and how long it is kept for the next page. Milliseconds. */
const SEEN = 7000;
const FRESH = 4000;

const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
const banners = h("div", { class: "banners", role: "status", "aria-live": "polite" });

/**
 * Tells the shopper something. `kind`: "ok", "info", "warn" or "error"; errors stay until they are closed.
 * It is shown on the next page, too, when that comes at once; not with `keep: false`. `link`:
 * {href, text} of where to go on.
 */
export function notify(text, { kind = "ok", keep = true, link = null } = {}) {
  const notice = { text, kind, link };
  const shown = show(toasts, notice);
  if (kind !== "error") closeLater(shown);
  if (!keep) return;
  store([...kept(), notice]);
  setTimeout(() => store(kept().filter((other) => other.text !== text)), FRESH);
}

function show(place, { text, kind, link }) {
  const close = h(
    "button",
    { type: "button", class: "plain", "aria-label": "Close notice" },
    icon("close"),
  );
  const more = link && [" ", h("a", { href: link.href }, link.text)];
  const shown = h("div", { class: `notice notice-${kind}` }, h("p", null, text, more), close);
  close.addEventListener("click", () => shown.remove());
  while (place === toasts && place.children.length > 2) place.firstChild.remove();
  place.append(shown);
  return shown;
}

function closeLater(shown) {
  const held = shown.matches(":hover, :focus-within");
  setTimeout(
    () => (shown.matches(":hover, :focus-within") ? closeLater(shown) : shown.remove()),
    held ? 2000 : SEEN,
  );
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

function store(notices) {
  try {
    if (notices.length) sessionStorage.setItem(KEPT, JSON.stringify(notices));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Without a store a notice is seen on this page only.
  }
}

/** Says that the network is lost for as long as it is. */
function network() {
  const again = h("button", { type: "button", class: "plain", onclick: look }, "Try now");
  const text = h("p");
  const strip = h("div", { class: "network", role: "status", "aria-live": "polite" });
  onNetwork((reachable) => {
    text.textContent = reachable
      ? "Connected again."
      : "The shop cannot be reached just now. We keep trying; your cart is safe.";
    strip.classList.toggle("network-back", reachable);
    replace(strip, text, reachable ? null : again);
    if (reachable)
      setTimeout(() => text.textContent === "Connected again." && replace(strip), 3000);
  });
  return strip;
}

function search() {
  const asked = location.pathname === "/" ? new URLSearchParams(location.search).get("q") : "";
  const field = h("input", {
    type: "search",
    name: "q",
    id: "search",
    placeholder: "Search toys and brands",
    autocomplete: "off",
    maxlength: 120,
    enterkeyhint: "search",
    "aria-label": "Search toys",
  });
  field.value = asked ?? "";
  const button = h("button", { type: "submit", "aria-label": "Search" }, icon("search"));
  return h("form", { class: "search", role: "search", action: "/", method: "get" }, field, button);
}

function cartLink() {
  const badge = h("span", { class: "badge", "aria-hidden": "true" });
  const link = h(
    "a",
    { class: "tool", href: "/cart" },
    icon("cart"),
    h("span", { class: "tool-text" }, "Cart"),
    badge,
  );
  const update = () => {
    const count = cart.count();
    badge.textContent = count ? number(count) : "";
    link.setAttribute("aria-label", `Cart, ${count} ${count === 1 ? "toy" : "toys"}`);
  };
  cart.onChange(update);
  update();
  return link;
}

function account() {
  const place = h("div", { class: "account" });
  const update = () => {
    const someone = who();
    replace(place, someone ? menu(someone) : logIn());
  };
  onChange(update);
  update();
  const fold = (event) => {
    const button = place.querySelector("[aria-expanded='true']");
    if (!button || (event.type === "click" && place.contains(event.target))) return;
    if (event.type === "keydown" && event.key !== "Escape") return;
    button.click();
    if (event.type === "keydown") button.focus();
  };
  document.addEventListener("click", fold);
  document.addEventListener("keydown", fold);
  return place;
}

function logIn() {
  const here = location.pathname + location.search;
  const back = ["/", "/log-in", "/sign-up"].includes(here.split("?")[0])
    ? ""
    : `?next=${encodeURIComponent(here)}`;
  return h(
    "a",
    { class: "tool", href: `/log-in${back}` },
    icon("person"),
    h("span", { class: "tool-text" }, "Log in"),
  );
}

function menu(someone) {
  const leave = async () => {
    await logOut();
    notify("You are logged out.");
    location.assign("/");
  };
  const item = (href, text) =>
    h("li", null, h("a", { href, "aria-current": location.pathname === href && "page" }, text));
  const panel = h(
    "div",
    { class: "menu-panel", id: "account-menu", hidden: true },
    h("p", { class: "menu-who" }, someone.name ?? someone.email),
    h(
      "ul",
      null,
      item("/orders", "My orders"),
      item("/account", "My account"),
      someone.groups.includes("managers") && item("/reports", "Sales report"),
      h("li", null, h("button", { type: "button", onclick: leave }, "Log out")),
    ),
  );
  const button = h(
    "button",
    { type: "button", class: "tool", "aria-expanded": "false", "aria-controls": panel.id },
    icon("person"),
    h("span", { class: "tool-text" }, "Account"),
  );
  button.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  });
  return [button, panel];
}

function aisles() {
  const list = h("ul");
  const nav = h("nav", { class: "aisles", "aria-label": "Categories" }, list);
  const here = () => {
    const chosen =
      location.pathname === "/" ? new URLSearchParams(location.search).get("category") : null;
    for (const link of list.querySelectorAll("a")) {
      if (link.dataset.category === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  const fill = async () => {
    try {
      const found = await categories();
      replace(
        list,
        found.map(({ category }) => aisle(category)),
      );
      here();
    } catch {
      const stop = onNetwork((reachable) => reachable && (stop(), fill()));
    }
  };
  addEventListener("tbs:searched", here);
  fill();
  return nav;
}

const aisle = (category) =>
  h(
    "li",
    null,
    h("a", { href: `/?category=${encodeURIComponent(category)}`, dataset: { category } }, category),
  );

function mount() {
  const header = document.getElementById("header");
  const footer = document.getElementById("footer");
  const home = h(
    "a",
    { class: "brand", href: "/", "aria-label": "The Better Store, home" },
    blocks(),
    h("span", null, "The Better Store"),
  );
  header.classList.add("header");
  replace(
    header,
    h(
      "div",
      { class: "header-row" },
      home,
      search(),
      h("div", { class: "tools" }, account(), cartLink()),
    ),
    aisles(),
  );
  header.after(network(), banners);
  footer.classList.add("footer");
  replace(
    footer,
    h("p", { class: "footer-name" }, blocks(), "The Better Store"),
    h("p", null, "Prices include tax."),
    h(
      "nav",
      { "aria-label": "Footer" },
      h("a", { href: "/" }, "All toys"),
      h("a", { href: "/cart" }, "Cart"),
      h("a", { href: "/orders" }, "My orders"),
      h("a", { href: "/account" }, "My account"),
    ),
  );
  document.body.append(toasts);
  document.documentElement.classList.add("ready");
  for (const notice of kept()) show(banners, notice);
  store([]);
}

mount();
