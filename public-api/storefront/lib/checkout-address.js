// Checkout's first step: one of the addresses that are kept, or another one.

import { addressFields, addressNode, bare, same } from "./address.js";
import { state, update } from "./checkout.js";
import { h, replace } from "./dom.js";
import { form } from "./form.js";
import { notify } from "./notices.js";
import { MOST, keep, load } from "./profile.js";
import { skeleton } from "./states.js";

/** Shows the step in `body`. `problems`: what the API found wrong with the address. */
export async function addressStep(body, checkout, signal) {
  replace(body, skeleton(2, "row"));
  let kept = [];
  try {
    kept = (await load()).profile.addresses;
  } catch (error) {
    if (checkout.away(error)) return;
    // Without the profile an address can still be typed in.
  }
  if (!signal.aborted) show(body, checkout, kept);
}

function show(body, checkout, kept) {
  const { address, draft, keep: wish, problems } = state();
  const typed = draft ?? (address && !kept.some((one) => same(one, address)) ? address : {});
  const fields = addressFields(typed);
  const chosen = chosenOf(kept, address, draft);
  const wanted = h("input", { type: "checkbox", name: "keep" });
  wanted.checked = wish ?? true;
  const full = kept.length >= MOST;
  const other = h(
    "div",
    { class: "stack", id: "other" },
    fields.nodes,
    full ? null : h("label", { class: "choice" }, wanted, "Keep this address in my account"),
  );
  const radios = kept.length ? choices(kept, chosen, other) : null;
  const picked = () => {
    const index = radios?.querySelector("input:checked").value ?? "other";
    return index === "other" ? null : kept[Number(index)];
  };

  const { node } = form({
    fields: [],
    content: [radios, other].filter(Boolean),
    label: "Continue to your order",
    async work() {
      const one = picked();
      if (!one && !fields.check()) return;
      const address = bare(one ?? fields.read());
      const keeping = !one && !full && wanted.checked;
      update({
        address,
        keep: wanted.checked,
        draft: one ? undefined : address,
        problems: undefined,
      });
      if (keeping) await store(address);
      checkout.go("order");
    },
  });
  node.addEventListener("input", () => {
    if (!picked()) update({ draft: fields.read(), keep: wanted.checked });
  });
  replace(body, node);
  if (problems) fields.explain(problems);
}

/** The index of the address that is chosen, or "other". */
function chosenOf(kept, address, draft) {
  if (!kept.length) return "other";
  const index = kept.findIndex((one) => address && same(one, address));
  if (index >= 0) return index;
  return address || draft ? "other" : 0;
}

function choices(kept, chosen, other) {
  const update = () => {
    other.hidden = !group.querySelector('input[value="other"]').checked;
  };
  const radio = (value, ...text) => {
    const input = h("input", { type: "radio", name: "address", value, onchange: update });
    input.checked = String(chosen) === String(value);
    return h("label", { class: "choice card-choice" }, input, h("span", null, text));
  };
  const group = h(
    "fieldset",
    { class: "choices" },
    h("legend", { class: "hidden" }, "Address"),
    kept.map((one, index) =>
      radio(index, one.label ? h("strong", { class: "label" }, one.label) : null, addressNode(one)),
    ),
    radio("other", "Another address"),
  );
  update();
  return group;
}

/** Keeps the address in the account. The order does not wait for it to work. */
async function store(address) {
  try {
    await keep(address);
  } catch {
    notify("Your address could not be kept in your account. The order goes there all the same.", {
      kind: "info",
      keep: false,
    });
  }
}
