// The cart, kept in this browser, the same in all its tabs.
//
// A line: {toyId, quantity, seen: {name, price, availability, currency, fulfilment, picture}}. `seen`
// is what the shopper last saw of the toy: `price` in minor units, `picture` the address of its
// thumbnail or null.

const KEY = "tbs.cart";

/** The most of one toy. */
export const MOST = 99;

/** The most lines. */
export const MOST_LINES = 50;

/** What a cart does not take. The message is for the shopper. */
export class CartError extends Error {}

let unsaved = null;
const listeners = new Set();

/** Calls `listener(lines)` after each change, in this tab or another. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The lines, in the order they came. */
export function get() {
  if (unsaved) return structuredClone(unsaved);
  try {
    const lines = JSON.parse(localStorage.getItem(KEY)) ?? [];
    return lines.filter((line) => line?.toyId && inBounds(line.quantity) && line.seen);
  } catch {
    return [];
  }
}

/** How many toys there are. */
export const count = () => get().reduce((sum, line) => sum + line.quantity, 0);

/** What a toy of the API looks like in a line. */
export function seen(toy) {
  const { name, price, availability, currency, fulfilment } = toy;
  const picture = toy.pictures?.[0]?.thumbnail ?? null;
  return { name, price, availability, currency, fulfilment, picture };
}

/** Puts so many of a toy in, beside those that are there. Throws CartError, then nothing changes. */
export function add(toy, quantity = 1) {
  const lines = get();
  const line = lines.find(({ toyId }) => toyId === toy.toyId);
  const before = line?.quantity ?? 0;
  if (!inBounds(quantity)) throw new CartError(`Choose from 1 to ${MOST}.`);
  if (before + quantity > MOST) {
    const there = before ? ` You have ${before} in your cart.` : "";
    throw new CartError(`At most ${MOST} of each toy.${there}`);
  }
  if (line) Object.assign(line, { quantity: before + quantity, seen: seen(toy) });
  else if (lines.length >= MOST_LINES)
    throw new CartError(`A cart takes ${MOST_LINES} different toys.`);
  else lines.push({ toyId: toy.toyId, quantity, seen: seen(toy) });
  save(lines);
}

/** Sets how many of a toy there are: 0 takes it out. Throws CartError, then nothing changes. */
export function set(toyId, quantity) {
  if (quantity === 0) return remove(toyId);
  if (!inBounds(quantity)) throw new CartError(`Choose from 0 to ${MOST}.`);
  save(get().map((line) => (line.toyId === toyId ? { ...line, quantity } : line)));
}

/** Takes a toy out. */
export function remove(toyId) {
  save(get().filter((line) => line.toyId !== toyId));
}

/** Puts whole lines (back) in, at their old place when `index` is given. As many as fit. */
export function restore(restored, index = Infinity) {
  const lines = get();
  for (const line of restored) {
    const there = lines.find(({ toyId }) => toyId === line.toyId);
    if (there) there.quantity = Math.min(MOST, there.quantity + line.quantity);
    else if (lines.length < MOST_LINES) lines.splice(index, 0, line);
  }
  save(lines);
}

/** Takes what was bought out: so many of each of `lines`; everything when none are given. */
export function clear(lines) {
  if (!lines) return save([]);
  const bought = new Map(lines.map(({ toyId, quantity }) => [toyId, quantity]));
  const left = get().map((line) => ({
    ...line,
    quantity: line.quantity - (bought.get(line.toyId) ?? 0),
  }));
  save(left.filter((line) => line.quantity > 0));
}

/** Notes what the shopper has seen of a toy by now: any of `seen`'s fields. */
export function saw(toyId, news) {
  save(
    get().map((line) =>
      line.toyId === toyId ? { ...line, seen: { ...line.seen, ...news } } : line,
    ),
  );
}

const inBounds = (quantity) => Number.isInteger(quantity) && quantity >= 1 && quantity <= MOST;

function save(lines) {
  try {
    localStorage.setItem(KEY, JSON.stringify(lines));
    unsaved = null;
  } catch {
    // A browser that keeps nothing has a cart for as long as the page is open.
    unsaved = lines;
  }
  tell();
}

function tell() {
  const lines = get();
  for (const listener of listeners) listener(lines);
}

addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) tell();
});
addEventListener("pageshow", (event) => event.persisted && tell());
