// The account: name, addresses, password.

import { addressFields, addressNode, bare } from "./lib/address.js";
import { h, replace } from "./lib/dom.js";
import { field, form, passwordField } from "./lib/form.js";
import { notify } from "./lib/frame.js";
import { MOST, load, save } from "./lib/profile.js";
import { changePassword, logOut, onChange, toLogIn, who } from "./lib/session.js";
import { failure, skeleton } from "./lib/states.js";

const content = document.getElementById("content");

let loaded = null;

async function start() {
  if (!who()) return toLogIn();
  onChange((someone) => someone || location.assign("/"));
  replace(content, skeleton(3, "row"));
  try {
    loaded = await load();
  } catch (error) {
    return away(error) || replace(content, failure(error, start));
  }
  return show();
}

function show() {
  const addresses = section("Addresses", "addresses");
  replace(content, h("div", { class: "sections" }, person(), addresses, password(), leave()));
  list(addresses.lastChild);
}

function section(title, id, ...children) {
  const heading = h("h2", { id }, title);
  return h(
    "section",
    { "aria-labelledby": id, class: "panel stack" },
    heading,
    h("div", { class: "stack" }, children),
  );
}

function person() {
  const name = field({
    label: "Your name",
    name: "name",
    autocomplete: "name",
    maxlength: 120,
    value: loaded.profile.name,
  });
  const { node } = form({
    fields: [name],
    label: "Save name",
    busy: "Saving …",
    async work() {
      await store((profile) => ({ ...profile, name: name.value() }));
      notify("Your name is saved.", { keep: false });
    },
    explain: away,
  });
  const email = h("p", null, h("span", { class: "label" }, "E-mail"), who()?.email);
  return section("You", "you", email, node);
}

function list(place) {
  const { addresses } = loaded.profile;
  const item = (address, index) => {
    const called = address.label ?? `${address.line1}, ${address.city}`;
    const remove = () =>
      change(place, "Address removed.", (all) => all.toSpliced(index, 1), address, index);
    return h(
      "li",
      { class: "address-item" },
      h(
        "div",
        null,
        address.label ? h("strong", { class: "label" }, address.label) : null,
        addressNode(address),
      ),
      h(
        "div",
        { class: "row" },
        plainButton("Edit", () => edit(place, index), `Edit ${called}`),
        plainButton("Remove", remove, `Remove ${called}`),
      ),
    );
  };
  replace(
    place,
    addresses.length
      ? h("ul", { class: "address-list" }, addresses.map(item))
      : h(
          "p",
          { class: "soft" },
          "None yet. Addresses that you keep here are offered at the checkout.",
        ),
    addresses.length < MOST
      ? h(
          "button",
          { type: "button", class: "button", onclick: () => edit(place, null) },
          "Add an address",
        )
      : h("p", { class: "hint" }, `${MOST} addresses are the most that can be kept.`),
  );
}

/** Changes the addresses, if the one at `index` is still the one that was shown. */
async function change(place, done, work, shown, index) {
  try {
    await store((profile) => {
      const same =
        shown === null || JSON.stringify(profile.addresses[index]) === JSON.stringify(shown);
      if (!same)
        throw new Error("Your addresses were changed on another page. Look at them again.");
      return { ...profile, name: profile.name ?? shown?.name, addresses: work(profile.addresses) };
    });
    notify(done, { keep: false });
  } catch (error) {
    if (away(error) !== null) return;
    notify(error.message, { kind: "error", keep: false });
    loaded = await load().catch(() => loaded);
  }
  list(place);
}

function edit(place, index) {
  const shown = index === null ? null : loaded.profile.addresses[index];
  const fields = addressFields(shown ?? { name: loaded.profile.name }, { labelled: true });
  const { node } = form({
    fields: [],
    content: fields.nodes,
    label: "Save address",
    busy: "Saving …",
    async work() {
      if (!fields.check()) return;
      const read = fields.read();
      const address = read.label ? { label: read.label, ...bare(read) } : bare(read);
      await store((profile) => {
        const { addresses, name } = profile;
        const at = shown
          ? addresses.findIndex((one) => JSON.stringify(one) === JSON.stringify(shown))
          : -1;
        const all = at >= 0 ? addresses.with(at, address) : [...addresses, address];
        if (all.length > MOST) throw new Error(`${MOST} addresses are the most that can be kept.`);
        return { name: name ?? address.name, addresses: all };
      });
      notify("The address is saved.", { keep: false });
      list(place);
      place.querySelector("button")?.focus();
    },
    explain: (error) => away(error) ?? (fields.explain(error.details) ? "" : null),
    after: [plainButton("Leave it", () => list(place))],
  });
  replace(place, h("h3", null, shown ? "Edit the address" : "A new address"), node);
  fields.fields[0].input.focus();
}

function password() {
  const old = passwordField({ label: "Present password", name: "old" });
  const fresh = passwordField({ label: "New password", name: "new", fresh: true });
  const { node } = form({
    fields: [old, fresh],
    label: "Change password",
    busy: "Changing …",
    async work() {
      await changePassword(old.value(), fresh.value());
      old.input.value = "";
      fresh.input.value = "";
      notify("Your password is changed.", { keep: false });
    },
    explain: (error) => {
      const wrong = { NotAuthorizedException: old, InvalidPasswordException: fresh }[error.code];
      if (!wrong) return away(error);
      wrong.problem(error.message);
      wrong.input.focus();
      return "";
    },
  });
  return section("Password", "password", node);
}

function leave() {
  const out = async () => {
    await logOut();
    notify("You are logged out.");
    location.assign("/");
  };
  return h(
    "p",
    null,
    h("button", { type: "button", class: "button", onclick: out }, "Log out of this browser"),
  );
}

async function store(change) {
  loaded = await save(change, loaded);
}

/** Leads to the log-in for an error that says so: "". Null for others. */
function away(error) {
  if (error.status !== 401) return null;
  toLogIn();
  return "";
}

const plainButton = (text, onclick, label = null) =>
  h("button", { type: "button", class: "plain", onclick, "aria-label": label }, text);

start();
