// Notices: what a page tells its shopper, on this page and on the one that follows at once.

import { h, icon } from "./dom.js";

const KEPT = "tbs.notices";

/** How long a notice is seen, and how long it is kept for the next page. Milliseconds. */
const SEEN = 7000;
const FRESH = 4000;

const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
const banners = h("div", { class: "banners", role: "status", "aria-live": "polite" });

/**
 * Tells the shopper something. `kind`: "ok", "info", "warn" or "error"; errors stay until they are closed.
 * It is shown on the next page, too, when that comes at once; not with `keep: false`. `link`:
 * {href, text} of where to go on.
 */
export function notify(text, { kind = "ok", keep = true, link = null } = {}) {
  const notice = { text, kind, link };
  const shown = show(toasts, notice);
  if (kind !== "error") closeLater(shown);
  if (!keep) return;
  store([...kept(), notice]);
  setTimeout(() => store(kept().filter((other) => other.text !== text)), FRESH);
}

function show(place, { text, kind, link }) {
  const close = h(
    "button",
    { type: "button", class: "plain", "aria-label": "Close notice" },
    icon("close"),
  );
  const more = link && [" ", h("a", { href: link.href }, link.text)];
  const shown = h("div", { class: `notice notice-${kind}` }, h("p", null, text, more), close);
  close.addEventListener("click", () => shown.remove());
  while (place === toasts && place.children.length > 2) place.firstChild.remove();
  place.append(shown);
  return shown;
}

function closeLater(shown) {
  const held = shown.matches(":hover, :focus-within");
  setTimeout(
    () => (shown.matches(":hover, :focus-within") ? closeLater(shown) : shown.remove()),
    held ? 2000 : SEEN,
  );
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

function store(notices) {
  try {
    if (notices.length) sessionStorage.setItem(KEPT, JSON.stringify(notices));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Without a store a notice is seen on this page only.
  }
}

/** Puts the notices' places into the page: `banners` after `node`, and shows what was kept for it. */
export function mount(node) {
  node.after(banners);
  document.body.append(toasts);
  for (const notice of kept()) show(banners, notice);
  store([]);
}
