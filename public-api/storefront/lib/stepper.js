// A quantity: a field between a button for less and one for more.

import { h, icon } from "./dom.js";

/**
 * A field for a whole number. `label` is its accessible name, `changed` is called with what the
 * shopper asks for: a whole number, or NaN for what is none. `low` is where "less" ends.
 */
export function stepper({ label, value, low = 1, high, changed, described = null }) {
  const field = h("input", {
    type: "number",
    value,
    min: low,
    max: high,
    step: 1,
    inputmode: "numeric",
    "aria-label": label,
    "aria-describedby": described,
  });
  const asked = () => (/^\d+$/.test(field.value.trim()) ? Number(field.value) : NaN);
  const by = (step) => () => {
    const next = (asked() || 0) + step;
    if (next < low) return;
    if (next <= high) field.value = next;
    changed(next, field);
  };
  const button = (words, name, step) =>
    h(
      "button",
      { type: "button", "aria-label": `${words}: ${label}`, onclick: by(step) },
      icon(name),
    );
  field.addEventListener("change", () => changed(asked(), field));
  field.addEventListener("focus", () => field.select());
  const whole = h(
    "div",
    { class: "stepper" },
    button("One less", "minus", -1),
    field,
    button("One more", "plus", 1),
  );
  return { whole, field };
}
