// Checkout's last step: the card, and the order itself.

import { addressText } from "./address.js";
import * as cart from "./cart.js";
import { quote, state, update } from "./checkout.js";
import { refused } from "./checkout-order.js";
import { h, money, replace } from "./dom.js";
import { form } from "./form.js";
import { shop } from "./shop.js";
import { failure, skeleton } from "./states.js";
import { cardForm } from "./stripe.js";

/** Shows the step in `body`. `refusedAt`: the gross at which the order was refused just now. */
export async function paymentStep(body, checkout, signal, refusedAt) {
  replace(body, skeleton(2, "row"));
  try {
    const [terms, quoted] = await Promise.all([shop(), quote(cart.get(), state().address)]);
    if (signal.aborted) return;
    if (quoted.missing.length) checkout.go("order");
    else await show(body, checkout, signal, terms, quoted, refusedAt);
  } catch (error) {
    if (signal.aborted || checkout.away(error) || refused(error, checkout)) return;
    replace(
      body,
      failure(error, () => paymentStep(body, checkout, signal)),
    );
  }
}

async function show(body, checkout, signal, terms, quoted, refusedAt) {
  const { agreed, address } = state();
  const was = refusedAt ?? agreed;
  const news = refusedAt === undefined && was === quoted.gross ? null : changed(was, quoted);
  update({ agreed: quoted.gross });
  const cards = terms.stripePublishableKey ? typedCard() : testCards(terms.testCards);

  const { node, problem } = form({
    fields: [],
    content: [cards.node],
    label: "Pay and order",
    busy: "Sending your order …",
    async work() {
      const paymentMethodId = await cards.method(address.name);
      if (!paymentMethodId) return;
      const order = { shippingAddress: address, paymentMethodId, expectedGross: quoted.gross };
      await checkout.order(order);
    },
    explain: (error) => {
      if (checkout.away(error) || refused(error, checkout)) return "";
      if (error.code === "PRICE_CHANGED") {
        paymentStep(body, checkout, signal, quoted.gross);
        return "";
      }
      if (error.code === "UNKNOWN_TOY") {
        checkout.go("order");
        return "";
      }
      return error.name === "Offline"
        ? "We did not hear from the shop. Press the button again: it stays one order."
        : null;
    },
  });
  replace(body, news, summary(quoted, address, checkout), node);
  news?.focus();
  if (terms.stripePublishableKey) await cards.mount(terms.stripePublishableKey, quoted, problem);
}

function changed(was, { currency, gross }) {
  const before = was === gross ? "" : ` It was ${money(was, currency)}.`;
  const text = `The total is now ${money(gross, currency)}.${before} Pay if you agree.`;
  return h("p", { class: "notice notice-warn", role: "alert", tabindex: "-1" }, text);
}

function summary(quoted, address, checkout) {
  const look = () => checkout.go("order");
  return h(
    "div",
    { class: "panel sum" },
    h(
      "p",
      { class: "sum-total" },
      h("span", null, "To pay"),
      h("strong", null, money(quoted.gross, quoted.currency)),
    ),
    h("p", { class: "soft small" }, `Goes to ${addressText(address)}`),
    h("button", { type: "button", class: "plain", onclick: look }, "Look at the order again"),
  );
}

/** Test cards to choose from: each says what it will do. */
function testCards(cards) {
  const chosen = state().paymentMethodId ?? cards[0]?.paymentMethodId;
  const radio = ({ paymentMethodId, label, outcome }) => {
    const input = h("input", { type: "radio", name: "card", value: paymentMethodId });
    input.checked = paymentMethodId === chosen;
    input.addEventListener("change", () => update({ paymentMethodId }));
    return h(
      "label",
      { class: "choice card-choice" },
      input,
      h(
        "span",
        null,
        h("strong", { class: "label" }, label),
        h("span", { class: "soft" }, outcome),
      ),
    );
  };
  const group = h(
    "fieldset",
    { class: "choices" },
    h("legend", { class: "hidden" }, "Test card"),
    h("p", { class: "hint" }, "No real money moves here: choose what the card will do."),
    cards.map(radio),
  );
  return { node: group, method: async () => group.querySelector("input:checked")?.value };
}

/** A card that is typed into Stripe's own fields. What was typed last is used again as it is. */
function typedCard() {
  const place = h("div", { id: "card" });
  let fields = null;
  return {
    node: place,
    async mount(key, { gross, currency }, problem) {
      try {
        fields = await cardForm(key, place, { amount: gross, currency });
      } catch (error) {
        problem(error.message);
      }
    },
    async method(name) {
      if (!fields) throw new Error("The card form is not there yet. Reload the page to try again.");
      return fields.method(name);
    },
  };
}
