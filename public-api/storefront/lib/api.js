// The shop's API: JSON over fetch, with one kind of error for what it refuses and one for no network.

import { token } from "./session.js";

/** An answer that is not there after so long is given up. Milliseconds. */
const PATIENCE = 35_000;

/** Before a reading request is tried again. Milliseconds. */
const PAUSES = [400, 1500];

/** After how long a lost network is looked for again: at first, and at most. Milliseconds. */
const SOON = 2000;
const LATER = 30_000;

/** What the API refused: HTTP's `status`, the API's `code`, `message` and `details`. */
export class ApiError extends Error {
  constructor(status, { code = "UNKNOWN", message, details = [] } = {}) {
    super(message || "Something went wrong on our side. It may work if you try again.");
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** The shop was not reached. */
export class Offline extends Error {
  constructor() {
    super("The shop cannot be reached. Check your connection.");
    this.name = "Offline";
    lost();
  }
}

/**
 * Asks the API. `path` is what follows `/api`; `body` goes as JSON; `auth` sends the ID token.
 *
 * Answers {data, headers, status}: `data` is null where there is no body, as with a 304. Throws
 * ApiError and Offline, and AbortError when `signal` says so. What only reads is tried again when
 * the shop is too busy to answer.
 */
export async function api(path, { method = "GET", body, headers = {}, signal, auth = false } = {}) {
  const ask = async (renew) => {
    const sent = { Accept: "application/json", ...headers };
    if (body !== undefined) sent["Content-Type"] = "application/json";
    if (auth) {
      const id = await token({ renew });
      if (!id) throw new ApiError(401, { code: "UNAUTHORIZED", message: "Log in first." });
      sent.Authorization = id;
    }
    return fetched(
      `/api${path}`,
      { method, headers: sent, body: body && JSON.stringify(body) },
      signal,
    );
  };
  let answer = await ask(false);
  if (answer.status === 401 && auth) answer = await ask(true);
  for (const pause of method === "GET" ? PAUSES : []) {
    if (![429, 502, 503, 504].includes(answer.status)) break;
    await new Promise((resolve) => setTimeout(resolve, pause));
    signal?.throwIfAborted();
    answer = await ask(false);
  }
  const text = await whole(answer, signal);
  const data = parsed(text);
  if (answer.ok || answer.status === 304)
    return { data, headers: answer.headers, status: answer.status };
  throw new ApiError(answer.status, data?.error ?? { message: data?.message });
}

async function fetched(url, request, signal) {
  const limit = AbortSignal.timeout(PATIENCE);
  try {
    const answer = await fetch(url, { ...request, signal: signal ? either(signal, limit) : limit });
    found();
    return answer;
  } catch {
    signal?.throwIfAborted();
    throw new Offline();
  }
}

async function whole(answer, signal) {
  try {
    return await answer.text();
  } catch {
    signal?.throwIfAborted();
    throw new Offline();
  }
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function either(one, other) {
  if (AbortSignal.any) return AbortSignal.any([one, other]);
  const both = new AbortController();
  for (const signal of [one, other]) {
    signal.addEventListener("abort", () => both.abort(signal.reason), { once: true });
    if (signal.aborted) both.abort(signal.reason);
  }
  return both.signal;
}

let reachable = true;
let looking = null;
const listeners = new Set();

/** Calls `listener(reachable)` when the shop is lost, and when it is there again. */
export function onNetwork(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Looks for the shop now. */
export function look() {
  clearTimeout(looking);
  looking = null;
  attempt(SOON);
}

function lost() {
  if (!reachable) return;
  reachable = false;
  for (const listener of listeners) listener(false);
  looking = setTimeout(attempt, SOON, SOON);
}

function found() {
  clearTimeout(looking);
  looking = null;
  if (reachable) return;
  reachable = true;
  for (const listener of listeners) listener(true);
}

async function attempt(pause) {
  try {
    await fetch("/api/shop", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    found();
  } catch {
    const next = Math.min(pause * 1.5, LATER);
    looking = setTimeout(attempt, next, next);
  }
}

addEventListener("online", look);
addEventListener("offline", lost);
