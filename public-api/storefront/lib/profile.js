// The shopper's profile: {name, addresses}. It is saved on condition that nobody changed it since.

import { api } from "./api.js";
import { same } from "./address.js";

/** So many addresses can be kept. */
export const MOST = 10;

/** The profile and its tag: {profile, tag}. */
export async function load() {
  const { data, headers } = await api("/profile", { auth: true });
  return { profile: data, tag: headers.get("ETag") };
}

/**
 * Saves what `change(profile)` makes of the profile: {profile, tag}. It is asked again, with the
 * newer profile, when another page saved in between.
 */
export async function save(change, loaded = null) {
  for (let attempt = 1; ; attempt += 1) {
    const { profile, tag } = loaded ?? (await load());
    const body = change(profile);
    if (!body) return { profile, tag };
    try {
      const headers = tag ? { "If-Match": tag } : {};
      const answer = await api("/profile", { method: "PUT", auth: true, body, headers });
      return { profile: answer.data ?? body, tag: answer.headers.get("ETag") };
    } catch (error) {
      if (![412, 428].includes(error.status) || attempt === 3) throw error;
      loaded = null;
    }
  }
}

/** Keeps an address, unless it is kept already or there are too many. */
export const keep = (address) =>
  save(({ name, addresses }) =>
    addresses.length >= MOST || addresses.some((one) => same(one, address))
      ? null
      : { name: name ?? address.name, addresses: [...addresses, address] },
  );
