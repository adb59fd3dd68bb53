// How toys are shown, wherever they are.

import * as cart from "./cart.js";
import { blocks, h, money, number } from "./dom.js";
import { downloadMark } from "./downloads.js";
import { notify } from "./notices.js";

/** The address of a toy's page. */
export const addressOf = (toyId) => `/toy?id=${encodeURIComponent(toyId)}`;

/** A picture of a toy in one of its sizes, or the shop's sign. `eager`: it is seen at once. */
export function picture(url, alt, { size = 480, eager = false } = {}) {
  if (!url) return h("div", { class: "picture picture-none" }, blocks());
  const image = h("img", {
    src: url,
    alt,
    width: size,
    height: size,
    loading: eager ? "eager" : "lazy",
    decoding: "async",
  });
  const frame = h("div", { class: "picture" }, image);
  image.addEventListener("error", () => {
    frame.classList.add("picture-none");
    frame.replaceChildren(blocks());
  });
  return frame;
}

const STOCK = {
  IN_STOCK: ["In stock", "stock stock-good"],
  LOW: ["Only a few left", "stock stock-low"],
  SOLD_OUT: ["Sold out", "stock stock-none"],
};

/** Whether it is to be had, in words. */
export const stockWords = (availability) => STOCK[availability]?.[0] ?? availability;

/** The same as an element. */
export const stock = (availability) =>
  h("span", { class: STOCK[availability]?.[1] ?? "stock" }, stockWords(availability));

/** "3 to 8 years", "from birth", "6 to 18 months". Ages are in months; no `max`: no limit. */
export function ages(min, max) {
  const years = (months) => months % 12 === 0 && months > 0;
  const one = (months) => (years(months) ? months / 12 : months);
  const unit = (months) => {
    const word = years(months) ? "year" : "month";
    return one(months) === 1 ? word : `${word}s`;
  };
  if (max === null || max === undefined)
    return min ? `From ${one(min)} ${unit(min)}` : "From birth";
  if (!min) return `Up to ${one(max)} ${unit(max)}`;
  return years(min) === years(max)
    ? `${one(min)} to ${one(max)} ${unit(max)}`
    : `${one(min)} ${unit(min)} to ${one(max)} ${unit(max)}`;
}

/** Puts toys into the cart and says so. Answers whether it did. */
export function addToCart(toy, quantity = 1) {
  try {
    cart.add(toy, quantity);
  } catch (error) {
    if (!(error instanceof cart.CartError)) throw error;
    notify(error.message, { kind: "warn", keep: false });
    return false;
  }
  const many = quantity > 1 ? `${quantity} × ` : "";
  notify(`${many}${toy.name} is in your cart.`, {
    keep: false,
    link: { href: "/cart", text: "See the cart" },
  });
  return true;
}

/** A toy in a grid. `heading`: the level of its name; `eager`: it is seen at once. */
export function card(toy, { heading = "h2", eager = false } = {}) {
  const soldOut = toy.availability === "SOLD_OUT";
  // The second click of a double click adds nothing.
  const onclick = (event) => event.detail > 1 || addToCart(toy);
  const button = soldOut
    ? null
    : h(
        "button",
        {
          type: "button",
          class: "button button-quiet",
          "aria-label": `Add ${toy.name} to cart`,
          onclick,
        },
        "Add to cart",
      );
  return h(
    "article",
    { class: soldOut ? "card card-sold-out" : "card" },
    picture(toy.pictures?.[0]?.card, "", { eager }),
    h(heading, { class: "card-name" }, h("a", { href: addressOf(toy.toyId) }, toy.name)),
    h("p", { class: "card-brand" }, toy.brand),
    downloadMark(toy),
    h(
      "p",
      { class: "card-terms" },
      h("span", { class: "card-price" }, money(toy.price, toy.currency)),
      stock(toy.availability),
    ),
    button,
  );
}

/** A category as a link, with room for a picture. */
export function shelf(category, count) {
  return h(
    "a",
    {
      class: "shelf",
      href: `/?category=${encodeURIComponent(category)}`,
      dataset: { category },
    },
    picture(null, ""),
    h("span", { class: "shelf-name" }, category),
    " ",
    h("span", { class: "shelf-count" }, `${number(count)} ${count === 1 ? "toy" : "toys"}`),
  );
}
