// Log-in, and a new password for who forgot theirs: by a mailed code.

import { h, replace } from "./lib/dom.js";
import { codeField, emailField, form, passwordField } from "./lib/form.js";
import { notify } from "./lib/frame.js";
import { forgot, logIn, onward, resend, reset, who } from "./lib/session.js";

const KEY = "tbs.mine.reset";
const title = document.getElementById("title");
const content = document.getElementById("content");

function start() {
  if (who()) return location.replace(onward());
  const waiting = sessionStorage.getItem(KEY);
  return waiting ? choose(waiting) : enter();
}

function enter(address = "") {
  show("Log in");
  const email = emailField({ value: address });
  const password = passwordField({ label: "Password", name: "password" });
  const { node } = form({
    fields: [email, password],
    label: "Log in",
    busy: "Logging in …",
    async work() {
      try {
        await logIn(email.value(), password.value());
      } catch (error) {
        if (error.code !== "UserNotConfirmedException") throw error;
        return unconfirmed(email.value());
      }
      return location.replace(onward());
    },
    after: [button("Forgotten password", () => ask(email.value()))],
  });
  const fresh = h("a", { href: `/sign-up${location.search}` }, "Make an account");
  replace(content, node, h("p", null, "New here? ", fresh, "."));
  (address ? password : email).input.focus({ preventScroll: true });
}

/** On to the code step of the sign-up. The page that comes next is kept. */
async function unconfirmed(email) {
  await resend(email).catch(() => null);
  notify("Your account is not confirmed yet. We mailed you a new code.", { kind: "info" });
  const query = new URLSearchParams(location.search);
  query.set("confirm", email);
  location.assign(`/sign-up?${query}`);
}

function ask(address = "") {
  show("A new password");
  const email = emailField({ value: address });
  const { node } = form({
    fields: [email],
    label: "Send me a code",
    busy: "Sending …",
    async work() {
      await forgot(email.value());
      choose(email.value());
    },
    after: [button("Back to log in", () => enter(email.value()))],
  });
  replace(content, h("p", { class: "lead" }, "We mail you a code to choose a new one."), node);
  email.input.focus();
}

function choose(address) {
  sessionStorage.setItem(KEY, address);
  show("A new password");
  const code = codeField({ label: "Code from the mail" });
  const password = passwordField({ label: "New password", name: "password", fresh: true });
  const { node, problem } = form({
    fields: [code, password],
    label: "Save and log in",
    busy: "Saving …",
    async work() {
      await reset(address, code.value(), password.value());
      sessionStorage.removeItem(KEY);
      notify("Your new password is saved.");
      await logIn(address, password.value());
      location.replace(onward());
    },
    explain: (error) => {
      const field = {
        CodeMismatchException: code,
        ExpiredCodeException: code,
        InvalidPasswordException: password,
      }[error.code];
      if (!field) return null;
      field.problem(error.message);
      field.input.focus();
      return "";
    },
  });
  const again = button("Send another code", async () => {
    problem("");
    try {
      await forgot(address);
      notify(`We sent another code to ${address}.`, { kind: "info", keep: false });
    } catch (error) {
      problem(error.message);
    }
  });
  const back = button("Back to log in", () => {
    sessionStorage.removeItem(KEY);
    enter(address);
  });
  replace(
    content,
    h(
      "p",
      { class: "lead" },
      "If there is an account of ",
      h("strong", null, address),
      ", we sent it a code.",
    ),
    node,
    h("p", { class: "actions" }, again, back),
  );
  code.input.focus();
}

function show(heading) {
  title.textContent = heading;
  document.title = `${heading} | The Better Store`;
}

function button(text, work) {
  return h("button", { type: "button", class: "plain", onclick: work }, text);
}

start();
