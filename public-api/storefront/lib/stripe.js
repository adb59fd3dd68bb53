// Stripe's own script, which is loaded only where the shop has a publishable key.

const SCRIPT = "https://js.stripe.com/clover/stripe.js";

let loading = null;

/** Stripe's object for a publishable key. Throws when its script cannot be had. */
export function stripe(key) {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = SCRIPT;
    script.onload = () => done(globalThis.Stripe(key));
    script.onerror = () => {
      loading = null;
      script.remove();
      failed(new Error("The card form could not be loaded. Check your connection and try again."));
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * Mounts Stripe's card form into `place`, for an amount in minor units.
 *
 * Answers {method(name)}: the id of a payment method of what was typed. Card numbers go to Stripe
 * alone. Throws what Stripe says is wrong.
 */
export async function cardForm(key, place, { amount, currency }) {
  const ours = await stripe(key);
  const elements = ours.elements({
    mode: "payment",
    amount,
    currency: currency.toLowerCase(),
    paymentMethodCreation: "manual",
    paymentMethodTypes: ["card"],
    appearance: {
      theme: matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe",
    },
  });
  elements.create("payment").mount(place);
  return {
    async method(name) {
      const checked = await elements.submit();
      if (checked.error) throw new Error(checked.error.message);
      const made = await ours.createPaymentMethod({
        elements,
        params: { billing_details: { name } },
      });
      if (made.error) throw new Error(made.error.message);
      return made.paymentMethod.id;
    },
  };
}

/** Lets the shopper authenticate a payment (3-D Secure). Throws what Stripe says is wrong. */
export async function authenticate(key, clientSecret) {
  const ours = await stripe(key);
  const { error } = await ours.handleNextAction({ clientSecret });
  if (error) throw new Error(error.message);
}
