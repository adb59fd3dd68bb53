// Forms: labelled fields that say what is wrong with them, and a submit that runs once at a time.

import { Offline } from "./api.js";
import { h, replace } from "./dom.js";

let count = 0;

/**
 * A labelled field: {node, input, value(), problem(text or null), check()}.
 *
 * `label`, `name`, `value`, `hint`; check() looks at `required` (true unless said otherwise) and
 * `rule(value)`, which gives what is wrong or null. All else goes to the input.
 */
export function field({ label, name, value = "", hint, required = true, rule, options, ...rest }) {
  const id = `${name}-${(count += 1)}`;
  const input = options
    ? h("select", { ...rest, id, name }, ...options.map(option))
    : h("input", { type: "text", ...rest, class: "input", id, name });
  if (required) input.required = true;
  input.value = value ?? "";
  const wrong = h("p", { class: "error", id: `${id}-problem` });
  const help = hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  input.setAttribute("aria-describedby", `${help ? `${id}-hint ` : ""}${id}-problem`);
  const mark = required ? null : h("span", { class: "soft" }, " (optional)");
  const node = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label, mark),
    input,
    help,
    wrong,
  );

  const problem = (text) => {
    wrong.textContent = text ?? "";
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => problem(null));

  const read = () => (input.type === "password" ? input.value : input.value.trim());
  const check = () => {
    const now = read();
    const text = now ? (rule?.(now) ?? null) : required ? `Please fill in: ${label}` : null;
    problem(text);
    return !text;
  };
  return { node, input, name, value: read, problem, check };
}

const option = ({ value, text }) => h("option", { value }, text);

/** A field for a password, with a button that shows what is typed. */
export function passwordField({ fresh = false, ...rest }) {
  const made = field({
    type: "password",
    autocomplete: fresh ? "new-password" : "current-password",
    autocapitalize: "none",
    spellcheck: "false",
    ...(fresh ? { hint: "At least 8 characters.", rule: longEnough } : {}),
    ...rest,
  });
  const { input } = made;
  const button = h("button", {
    type: "button",
    class: "button button-quiet",
    "aria-label": "Show what is typed",
    "aria-controls": input.id,
    onclick: () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", `${button.textContent} what is typed`);
    },
  });
  button.textContent = "Show";
  const row = h("div", { class: "with-button" });
  input.replaceWith(row);
  row.append(input, button);
  return { ...made, value: () => input.value };
}

const longEnough = (text) =>
  text.length < 8 ? `At least 8 characters, please: these are ${text.length}.` : null;

/** A field for an e-mail address. */
export function emailField(rest = {}) {
  return field({
    label: "E-mail",
    name: "email",
    type: "email",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    rule: (text) => (/^\S+@\S+\.\S+$/.test(text) ? null : "That is not an e-mail address."),
    ...rest,
  });
}

/** A field for the code of a mail. */
export function codeField(rest = {}) {
  return field({
    label: "Code",
    name: "code",
    inputmode: "numeric",
    autocomplete: "one-time-code",
    maxlength: "12",
    rule: (text) => (/^\d{4,12}$/.test(text) ? null : "The code is a number, as in the mail."),
    ...rest,
  });
}

/**
 * A form of `fields` (or of other `content`) with one button, that does `work` once at a time.
 *
 * It checks its fields first. What `work` throws is shown and read out; `explain(error)` may give
 * other words for it, or "" for an error that it showed itself.
 */
export function form({ fields, content, label, busy = "One moment …", work, explain, after = [] }) {
  const wrong = h("p", { class: "error", role: "alert" });
  const button = h("button", { type: "submit", class: "button button-primary" }, label);
  const inside = content ?? fields.map((one) => one.node);
  const node = h(
    "form",
    { class: "stack", novalidate: true },
    ...inside,
    wrong,
    h("div", { class: "actions" }, button, ...after),
  );
  let running = false;

  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    replace(wrong);
    if (!valid(fields)) return;
    running = true;
    button.setAttribute("aria-disabled", "true");
    button.textContent = busy;
    try {
      await work();
    } catch (error) {
      wrong.textContent = explain?.(error) ?? plain(error);
      if (wrong.textContent) wrong.scrollIntoView({ block: "nearest" });
    } finally {
      running = false;
      button.removeAttribute("aria-disabled");
      button.textContent = label;
    }
  });
  return { node, button, problem: (text) => replace(wrong, text ?? "") };
}

/** Whether all fields are right. The first that is not gets the focus. */
export function valid(fields) {
  const wrong = fields.filter((one) => !one.check());
  wrong[0]?.input.focus();
  return wrong.length === 0;
}

/** What to tell a shopper of an error. */
export function plain(error) {
  if (error instanceof Offline) return "There is no connection. Nothing is lost: try again.";
  return error.message || "Something went wrong. Try again.";
}
