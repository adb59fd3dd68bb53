// The header's way to the account: a link to log in, or a menu of who is logged in.

import { h, icon, replace } from "./dom.js";
import { notify } from "./notices.js";
import { logOut, onChange, who } from "./session.js";

/** The account's part of the header. It changes with who is logged in. */
export function account() {
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
      someone.groups.includes("managers") && [
        item("/reports", "Sales report"),
        item("/errors", "Errors"),
      ],
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
