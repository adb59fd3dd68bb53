// The shop's categories: to choose from in a search, and as shelves on the home page.

import { onNetwork } from "./api.js";
import { blocks, h, number, replace } from "./dom.js";
import { AGES, wanted } from "./search.js";
import { categories } from "./shop.js";
import { picture, shelf } from "./toys.js";

/**
 * Fills the categories and ages into the search's `form`, and the shop's face with a shelf for each
 * category into `place`; `filled()` is called when the shelves are there.
 */
export async function shelves(form, place, filled) {
  const option = (value, text) => h("option", { value }, text);
  const field = form.elements.category;
  const fill = (found) => {
    const chosen = wanted().get("category") ?? "";
    const known = found.some(({ category }) => category === chosen);
    const texts = found.map(({ category, count }) =>
      option(category, `${category} (${number(count)})`),
    );
    replace(field, option("", "All categories"), texts, chosen && !known && option(chosen, chosen));
    field.value = chosen;
  };
  replace(
    form.elements.age,
    option("", "Any age"),
    AGES.map(([value, text]) => option(value, text)),
  );
  fill([]);
  replace(place, intro([]));
  try {
    const found = await categories();
    fill(found);
    replace(place, intro(found));
    filled();
  } catch {
    const stop = onNetwork((reachable) => reachable && (stop(), shelves(form, place, filled)));
  }
}

function intro(found) {
  const shelves = found.map(({ category, count }) => h("li", null, shelf(category, count)));
  return h(
    "div",
    { class: "hero" },
    blocks(),
    h("p", { class: "hero-title" }, "Made to be played with, for years."),
    h("p", { class: "hero-text" }, "Wood, wool and good ideas from small makers."),
    shelves.length > 0 &&
      h("nav", { "aria-label": "Categories" }, h("ul", { class: "shelves" }, shelves)),
  );
}

/** Puts one of `toys` onto each shelf of `place` that has none yet. */
export function dress(place, toys) {
  for (const bare of place.querySelectorAll(".shelf:has(.picture-none)")) {
    const toy = toys.find(
      ({ category, pictures }) => category === bare.dataset.category && pictures?.length,
    );
    if (!toy) continue;
    const { thumbnail } = toy.pictures[0];
    bare.firstChild.replaceWith(picture(thumbnail, "", { size: 160, eager: true }));
  }
}
