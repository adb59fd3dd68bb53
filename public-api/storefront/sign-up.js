// Sign-up: an account by e-mail and password, then the code of the mail. The code step survives a
// reload; the password does not, and is asked for again.

import { h, replace } from "./lib/dom.js";
import { codeField, emailField, form, passwordField } from "./lib/form.js";
import { notify } from "./lib/frame.js";
import { confirm, logIn, onward, resend, signUp, who } from "./lib/session.js";

const KEY = "tbs.mine.sign-up";
const title = document.getElementById("title");
const content = document.getElementById("content");
const query = new URLSearchParams(location.search);

let typed = null;

function start() {
  if (who()) return location.replace(onward());
  const waiting = query.get("confirm") ?? sessionStorage.getItem(KEY);
  return waiting ? code(waiting) : account();
}

function account() {
  title.textContent = "Make an account";
  const email = emailField({ autocomplete: "email" });
  const password = passwordField({ label: "Password", name: "password", fresh: true });
  const { node } = form({
    fields: [email, password],
    label: "Sign up",
    busy: "Making your account …",
    async work() {
      await signUp(email.value(), password.value());
      typed = password.value();
      code(email.value(), true);
    },
    explain: (error) => {
      if (error.code === "InvalidPasswordException") return placed(password, error.message);
      if (error.code === "UsernameExistsException") return placed(email, error.message);
      return null;
    },
  });
  const there = h("p", null, "You have an account? ", link("/log-in", "Log in"), ".");
  replace(content, h("p", { class: "lead" }, "For your orders and your addresses."), node, there);
}

function code(address, arrived = false) {
  sessionStorage.setItem(KEY, address);
  title.textContent = "Look into your mail";
  const number = codeField({ label: "Code from the mail" });
  const password =
    typed === null ? passwordField({ label: "Your password", name: "password" }) : null;
  const { node, problem } = form({
    fields: [number, password].filter(Boolean),
    label: "Confirm",
    busy: "Confirming …",
    async work() {
      await confirm(address, number.value());
      await logIn(address, typed ?? password.value());
      sessionStorage.removeItem(KEY);
      notify("Welcome! Your account is ready.");
      location.replace(onward());
    },
    explain: (error) => {
      if (["CodeMismatchException", "ExpiredCodeException"].includes(error.code)) {
        return placed(number, error.message);
      }
      return password && error.code === "NotAuthorizedException"
        ? placed(password, "The password is not right.")
        : null;
    },
  });
  const again = button("Send another code", async () => {
    problem("");
    try {
      await resend(address);
      notify(`We sent another code to ${address}.`, { kind: "info", keep: false });
    } catch (error) {
      problem(error.message);
    }
  });
  const other = button("Use another e-mail", () => {
    sessionStorage.removeItem(KEY);
    typed = null;
    account();
    content.querySelector("input").focus();
  });
  replace(
    content,
    h("p", { class: "lead" }, "We sent a code to ", h("strong", null, address), "."),
    node,
    h("p", { class: "actions" }, again, other),
  );
  if (arrived) number.input.focus();
}

function placed(field, text) {
  field.problem(text);
  field.input.focus();
  return "";
}

const link = (path, text) => h("a", { href: path + location.search }, text);

function button(text, work) {
  return h("button", { type: "button", class: "plain", onclick: work }, text);
}

start();
