// What every page has around it: header, footer, notices, and word of a lost network.
//
// A page imports it, and has <header id="header">, <main id="main"> and <footer id="footer">.

import { account } from "./account-menu.js";
import { look, onNetwork } from "./api.js";
import * as cart from "./cart.js";
import { blocks, h, icon, number, replace } from "./dom.js";
import { mount as mountNotices } from "./notices.js";
import { categories } from "./shop.js";

export { notify } from "./notices.js";

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
  const strip = network();
  header.after(strip);
  mountNotices(strip);
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
  document.documentElement.classList.add("ready");
}

mount();
