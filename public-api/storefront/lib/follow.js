// Follows one order: asks for it again as often as the API says, and no more.

import { api, onNetwork } from "./api.js";

/** Waits after failures. Milliseconds. */
const SOON = 2000;
const LATER = 30_000;

/** No answer makes the pause shorter than this. Milliseconds. */
const LEAST = 500;

/**
 * Follows an order. `show(order)` gets it each time it is another one; `failed(error)` what went
 * wrong, and says whether to stop. Answers `now()`, which asks at once, also of one that is over.
 *
 * Nothing is asked while the page is hidden, and after the answer that names no `Retry-After`.
 */
export function follow(orderId, show, failed) {
  const path = `/orders/${encodeURIComponent(orderId)}`;
  let tag = null;
  let wake = null;
  let woken = false;

  const now = () => {
    woken = true;
    wake?.();
  };
  const sleep = async (pause) => {
    if (!woken) {
      await new Promise((done) => {
        wake = done;
        if (pause !== null) setTimeout(done, pause);
      });
    }
    woken = false;
  };
  document.addEventListener("visibilitychange", () => document.hidden || now());
  onNetwork((reachable) => reachable && now());

  async function run() {
    for (let failures = 0; ;) {
      while (document.hidden) await sleep(null);
      let pause = null;
      try {
        const headers = tag ? { "If-None-Match": tag } : {};
        const answer = await api(path, { auth: true, headers });
        failures = 0;
        if (answer.status === 200) {
          tag = answer.headers.get("ETag");
          show(answer.data);
        }
        const after = Number(answer.headers.get("Retry-After"));
        if (after > 0) pause = Math.max(after * 1000, LEAST);
      } catch (error) {
        if (failed(error)) return;
        pause = Math.min(SOON * 2 ** failures, LATER);
        failures += 1;
      }
      await sleep(pause);
    }
  }
  run();
  return { now };
}
