// The page: asks the server for what is new, and shows a moment of it.

import { alarms } from "./alarms.js";
import { Clock } from "./clock.js";
import { Lanes, time } from "./lanes.js";
import { showOrders, showTable } from "./list.js";
import { Panel, WORDS, el } from "./panel.js";
import { Store, endOf, worst } from "./store.js";

const ORDER = ["public-api", "orders", "toys", "payments", "file-manager", "fulfilment", "notification", "reports"];
const WIDTH = 20000; // ms in sight at first
const SIDES = 1000; // ms between two looks at the orders, the table and the alarms
const SOON = 200; // the same where something has changed

const by = (id) => document.getElementById(id);
const about = await (await fetch("about")).json();
const services = [...ORDER.filter((one) => about.services.includes(one)), ...about.services.filter((one) => !ORDER.includes(one))];
const store = new Store(about);
const clock = new Clock(about);
const lanes = new Lanes(by("canvas"), services);
const page = {
  view: { from: Date.now() - WIDTH, to: Date.now() + WIDTH * 0.04 },
  follow: true, order: null, message: null, queue: null, last: 0, query: "", hits: null, ids: [], dirty: true, sides: 0,
  frames: [], moment: "", next: 0, theme: 0,
};
const panel = new Panel(by("panel"), store, {
  close, message: choose, order: chooseOrder,
  segments: async (run) => (await fetch(`segments/${encodeURIComponent(run)}`)).json(),
  redrive: async (service, queue) => {
    const answer = await fetch("redrive", {
      method: "POST", headers: { "Content-Type": "application/json", "X-Flow": "1" }, body: JSON.stringify({ service, queue }),
    });
    const told = await answer.json();
    return answer.ok ? `${told.moved} sent back.` : told.message;
  },
});
window.flow = { page, store, clock, lanes, frame }; // for whoever looks at it in the console

// ---- What is new

async function listen() {
  let run = "";
  let last = 0;
  for (;;) {
    try {
      const answer = await (await fetch(`events?run=${run}&after=${last}&wait=10`)).json();
      if (run && answer.run !== run) { store.clear(); }
      ({ run, last } = answer);
      if (answer.records.length) {
        store.add(answer.records);
        if (page.message) page.message = store.byId.get(page.message.id) ?? page.message;
        page.dirty = true;
        page.hits = null;
      } else if (clock.recorded) {
        begin();
        return;
      }
      store.lost = false;
      if (clock.recorded && answer.records.length < 4000) { begin(); return; }
    } catch {
      store.lost = true;
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

function begin() {
  clock.bound(store.first, store.latest);
  page.sides = 0;
  page.follow = false;
  fit();
}

// ---- What is shown

function shown(message) {
  if (page.order !== null) return message.order === page.order ? 2 : 0;
  if (page.last && !page.recent.has(message.order)) return 0;
  if (page.query) return found(message) ? 2 : 1;
  return 2;
}

function found(message) { return hits().messages.has(message.id); }

function hits() {
  if (!page.hits) {
    const messages = new Set();
    const orders = new Set();
    for (const message of store.messages) {
      if (store.textOf(message).includes(page.query)) {
        messages.add(message.id);
        orders.add(message.order);
      }
    }
    page.hits = { messages, orders };
  }
  return page.hits;
}

function frame() {
  const begun = performance.now();
  const now = clock.now;
  const dead = store.dead(now);
  const since = begun - page.sides;
  if (since > SIDES || (page.dirty && since > SOON)) sides(now, dead, begun);
  const resized = lanes.resize();
  if (resized) names();
  if (page.follow && !clock.recorded) {
    const width = page.view.to - page.view.from;
    page.view = { from: now - width * 0.96, to: now + width * 0.04 };
  }
  // What has not changed is not drawn again, and what takes long is drawn less often.
  const { from, to } = page.view;
  const still = clock.paused || clock.ended ? 0 : now;
  const moment = [from, to, still, clock.base, store.version, page.order, page.message?.id, page.query, page.last, page.theme, resized].join();
  if (moment === page.moment || begun < page.next) return;
  page.moment = resized ? "" : moment;
  lanes.draw(store, page.view, now, dead, shown, page.message, store.orders.get(page.order));
  Object.assign(by("canvas").dataset, { messages: lanes.drawn.messages, ways: lanes.drawn.ways });
  const took = performance.now() - begun;
  page.next = took > 12 ? begun + took * 3 : 0;
  page.frames.push(took);
  if (page.frames.length > 600) page.frames.shift();
}

// What is beside the lanes.
function sides(now, dead, at) {
  page.sides = at;
  page.dirty = false;
  const list = showOrders(by("orders"), store, now, dead, page.order, page.last, page.query ? hits().orders : null, chooseOrder);
  page.ids = list;
  page.recent = new Set(list);
  const red = alarms(store, now, dead);
  if (store.trouble) red.push({ kind: "trouble", text: store.trouble });
  if (store.lost) red.push({ kind: "trouble", text: "The server of this page does not answer." });
  const key = red.map((one) => one.text).join("|");
  if (by("alarms").dataset.key !== key) {
    by("alarms").dataset.key = key;
    by("alarms").replaceChildren(...red.map((one) => el("button", {
      class: `alarm ${one.kind === "letters" ? "" : "quiet"}`, onclick: () => openAlarm(one),
    }, `${one.kind === "letters" ? "✕ " : "▲ "}${one.text}`)));
  }
  const messages = visible();
  showTable(by("table"), store, messages, now, dead, choose);
  counts(messages, now, dead);
  if (page.message) panel.message(page.message, now, dead);
  else if (page.queue) {
    const queue = store.lettersAt(now).find((one) => one.service === page.queue.service && one.queue === page.queue.queue);
    panel.letters(queue ?? { ...page.queue, count: 0, letters: [] });
  }
  by("empty").hidden = store.messages.length > 0;
  by("empty").textContent = "Nothing yet. Order something: make demo, or the shop in a browser.";
  player(now);
}

function visible() {
  const found = [];
  for (const message of store.between(page.view.from, Math.min(page.view.to, clock.now))) if (shown(message) === 2) found.push(message);
  return found;
}

function counts(messages, now, dead) {
  const count = Object.fromEntries(Object.keys(WORDS).map((state) => [state, 0]));
  for (const message of messages) count[worst(store, message, now, dead)] += 1;
  by("legend").replaceChildren(
    ...Object.entries(WORDS).map(([state, word]) => el("li", {}, el("span", { class: `dot ${state}` }), `${word} ${count[state]}`)),
    el("li", { class: "count" }, `${messages.length} of ${store.messages.length} messages in sight`));
}

function player(now) {
  by("pause").textContent = clock.paused || clock.ended ? (clock.recorded ? "Play" : "Go on") : "Pause";
  by("follow").setAttribute("aria-pressed", String(page.follow));
  if (clock.recorded && document.activeElement !== by("at")) by("at").value = Math.round(clock.share * 1000);
  by("at").setAttribute("aria-valuetext", time(now));
}

function names() {
  by("names").replaceChildren(...services.map((service, lane) => {
    const name = el("li", {}, service);
    name.style.top = `${lanes.top(lane) + 5}px`;
    return name;
  }));
}

// ---- What is chosen

function choose(message) {
  page.message = message;
  page.queue = null;
  if (message) {
    const width = page.view.to - page.view.from;
    const end = Number.isFinite(endOf(message)) ? endOf(message) : message.at;
    if (message.at < page.view.from || end > page.view.to) look(message.at - width / 2, message.at + width / 2);
    panel.message(message, clock.now, store.dead(clock.now));
    say(`${message.name}, from ${message.sender} to ${message.readers.join(", ") || "nobody"}: ${WORDS[worst(store, message, clock.now, store.dead(clock.now))]}`);
  }
  page.dirty = true;
}

function chooseOrder(id) {
  page.order = id;
  if (page.message && id !== null && page.message.order !== id) close();
  if (id !== null) fit();
  else if (!clock.recorded) page.follow = true;
  say(id === null ? "All orders" : `Order ${id}`);
  page.dirty = true;
  page.sides = 0;
}

function openAlarm(alarm) {
  if (alarm.queue) {
    page.message = null;
    page.queue = alarm.queue;
  } else if (alarm.message) {
    choose(alarm.message);
  }
  page.dirty = true;
  page.sides = 0;
}

function close() {
  const was = panel.open;
  panel.close();
  page.message = page.queue = null;
  page.dirty = true;
  return was;
}

function look(from, to) {
  page.follow = false;
  page.view = { from, to };
  page.dirty = true;
}

// All that is chosen: the order, or all there is, within an hour.
function fit() {
  const messages = page.order === null ? store.messages : store.orders.get(page.order)?.messages ?? [];
  if (!messages.length) return;
  const ends = messages.map((one) => (Number.isFinite(endOf(one)) ? endOf(one) : one.at));
  const to = clock.recorded && page.order === null ? store.latest : Math.max(...ends);
  const from = Math.max(messages[0].changed, to - 3600000);
  const margin = Math.max(150, (to - from) * 0.04);
  look(from - margin, to + margin * 2);
}

function zoom(factor, at = page.follow ? page.view.to : (page.view.from + page.view.to) / 2) {
  const width = page.view.to - page.view.from;
  const by = Math.min(7200000 / width, Math.max(20 / width, factor));
  page.view = { from: at - (at - page.view.from) * by, to: at + (page.view.to - at) * by };
  page.dirty = true;
}

// The message before or after the chosen one, among those that are shown.
function step(by) {
  const list = page.order !== null ? store.orders.get(page.order)?.messages ?? [] : visible();
  const messages = list.filter((one) => one.at <= clock.now);
  if (!messages.length) return;
  const place = messages.indexOf(page.message);
  const next = place < 0 ? (by > 0 ? 0 : messages.length - 1) : Math.min(messages.length - 1, Math.max(0, place + by));
  page.follow = false;
  choose(messages[next]);
}

function stepOrder(by) {
  const place = page.ids.indexOf(page.order);
  if (page.ids.length) chooseOrder(page.ids[Math.min(page.ids.length - 1, Math.max(0, place + by))]);
}

function say(text) { by("live").textContent = text; }

// ---- Hands

function toggle(name) {
  by("table").classList.toggle("hushed");
  by("table-toggle").setAttribute("aria-pressed", String(!by("table").classList.contains("hushed")));
}

const KEYS = {
  ArrowRight: () => step(1),
  ArrowLeft: () => step(-1),
  ArrowDown: () => stepOrder(1),
  ArrowUp: () => stepOrder(-1),
  Enter: () => (page.message ? by("panel").focus() : step(1)),
  Escape: () => { if (!close()) chooseOrder(null); by("canvas").focus(); },
  "/": () => by("search").focus(),
  " ": pause,
  "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: fit,
  f: follow, t: toggle,
  "?": () => by("keys").showModal(),
};

function pause() { clock.toggle(); page.dirty = true; page.sides = 0; }

function follow() {
  page.follow = !page.follow && !clock.recorded;
  page.dirty = true;
  page.sides = 0;
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || by("keys").open) return;
  const on = event.target;
  if (on.matches?.("input, select, textarea")) {
    if (event.key === "Escape") { on.value = on.type === "search" ? "" : on.value; on.dispatchEvent(new Event("input")); by("canvas").focus(); }
    return;
  }
  if ((event.key === "Enter" || event.key === " ") && on.matches?.("button, a")) return;
  if (event.key.startsWith("Arrow") && on.closest?.("pre, #panel, #table")) return;
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});

by("pause").onclick = pause;
by("follow").onclick = follow;
by("in").onclick = () => zoom(0.6);
by("out").onclick = () => zoom(1 / 0.6);
by("fit").onclick = fit;
by("help").onclick = () => by("keys").showModal();
by("table-toggle").onclick = toggle;
by("last").onchange = () => { page.last = Number(by("last").value); page.dirty = true; page.sides = 0; };
by("search").oninput = () => { page.query = by("search").value.trim().toLowerCase(); page.hits = null; page.dirty = true; };
by("at").oninput = () => { clock.jump(clock.from + ((clock.to - clock.from) * by("at").value) / 1000); page.dirty = true; };
by("speed").onchange = () => { clock.pace = Number(by("speed").value); };

const canvas = by("canvas");
let held = null;
canvas.addEventListener("pointerdown", (event) => {
  held = { x: event.clientX, view: page.view, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const box = canvas.getBoundingClientRect();
  if (held && (held.moved || Math.abs(event.clientX - held.x) > 4)) {
    const span = ((held.x - event.clientX) / (box.width - 108)) * (held.view.to - held.view.from);
    held.moved = true;
    look(held.view.from + span, held.view.to + span);
  } else if (!held) {
    const way = lanes.under(event.clientX - box.left, event.clientY - box.top);
    canvas.style.cursor = way ? "pointer" : "grab";
    canvas.title = way ? `${way.message.name}: ${way.message.sender} to ${way.reader}, ${WORDS[way.state]}` : "";
  }
});
canvas.addEventListener("pointerup", (event) => {
  const box = canvas.getBoundingClientRect();
  if (held && !held.moved) {
    const way = lanes.under(event.clientX - box.left, event.clientY - box.top);
    if (way) choose(way.message); else close();
  }
  held = null;
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    const span = ((event.deltaX || event.deltaY) / box.width) * (page.view.to - page.view.from);
    look(page.view.from + span, page.view.to + span);
  } else zoom(Math.exp(event.deltaY * 0.0016), page.follow ? page.view.to : lanes.at(event.clientX - box.left));
}, { passive: false });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { lanes.theme(); page.theme += 1; });

// ---- Begin

by("where").textContent = clock.recorded ? `recording ${about.file ?? ""}` : about.environment;
by("player").hidden = !clock.recorded;
by("follow").hidden = clock.recorded;
page.recent = new Set();
lanes.resize();
names();
listen();
(function again() {
  frame();
  requestAnimationFrame(again);
})();
