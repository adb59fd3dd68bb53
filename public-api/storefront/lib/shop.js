// What the shop says about itself: its terms, and its categories.

import { api } from "./api.js";

const asked = new Map();

/**
 * The terms: {currency, taxRate, shippingFee, freeShippingFrom, cognito: {url, clientId},
 * stripePublishableKey, testCards}. Asked for once per page; an error is not kept.
 */
export const shop = () => once("/shop");

/** The categories: [{category, count}] by name. */
export const categories = async () => (await once("/categories")).items;

function once(path) {
  if (!asked.has(path)) {
    const answer = api(path).then(({ data }) => data);
    answer.catch(() => asked.delete(path));
    asked.set(path, answer);
  }
  return asked.get(path);
}
