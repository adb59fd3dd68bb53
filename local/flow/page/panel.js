// The side: all that is known of a message, or of the letters in a dead-letter queue.

import { stateOf } from "./store.js";
import { time } from "./lanes.js";

export const WORDS = {
  sent: "on its way", waiting: "waits", handled: "handled", failed: "failed, comes again", dead: "dead letter", unseen: "not seen",
};

export class Panel {
  constructor(element, store, act) {
    Object.assign(this, { element, store, act, shows: null });
  }

  get open() { return !this.element.hidden; }

  close() {
    this.shows = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  // Show a message anew only when something of it has changed.
  message(message, now, dead) {
    const states = message.readers.map((reader) => stateOf(this.store, message, reader, now, dead));
    const key = `${message.id} ${states} ${message.readers.map((reader) => this.#tries(message, reader, now).map((one) => one.id + one.state))} ${this.#lineCount(message, now)}`;
    if (this.shows === key) return;
    const isNew = !this.shows?.startsWith(message.id);
    const scrolled = isNew ? 0 : this.element.scrollTop;
    this.shows = key;
    this.element.setAttribute("aria-label", `Message ${message.name}`);
    const metadata = message.event.detail.metadata ?? {};
    const known = this.store.byMid;
    const parts = [
      this.#closer(),
      el("p", {}, el("span", { class: "tag" }, message.sender), " to ", message.readers.length ? message.readers.map((one) => el("span", { class: "tag" }, one)) : "nobody"),
      el("h2", {}, message.name),
      el("p", {}, link(`of ${message.order}`, () => this.act.order(message.order))),
    ];
    message.readers.forEach((reader, i) => parts.push(this.#reader(message, reader, states[i], now, dead)));
    parts.push(el("h3", {}, "Envelope"), facts({
      "metadata.id": message.mid,
      "id on the bus": message.id,
      "changed": `${time(message.changed)} `,
      "on the bus": `${time(message.at)} (${ms(message.at - message.changed)} after the change)`,
      "version": metadata.version,
      "correlation": metadata.correlationId,
      "trace": metadata.trace ?? "none",
    }));
    const cause = message.cause && known.get(message.cause)?.[0];
    const led = this.store.messages.filter((one) => one.cause === message.mid && one.at <= now);
    if (cause || led.length) {
      parts.push(el("h3", {}, "What led to what"), el("div", { class: "links" },
        cause ? link(`← ${cause.name}, ${cause.sender}`, () => this.act.message(cause)) : [],
        led.map((one) => link(`→ ${one.name}, ${one.sender}`, () => this.act.message(one)))));
    }
    parts.push(el("h3", {}, "Payload"), el("pre", { tabindex: "0" }, JSON.stringify(message.event.detail.data, null, 2)));
    this.element.replaceChildren(...parts);
    this.element.hidden = false;
    this.element.scrollTop = scrolled;
  }

  letters(queue) {
    const key = `letters ${queue.service} ${queue.queue} ${queue.count}`;
    if (this.shows === key) return;
    this.shows = key;
    this.element.setAttribute("aria-label", "Dead letters");
    this.element.replaceChildren(
      this.#closer(),
      el("p", {}, el("span", { class: "tag" }, queue.service)),
      el("h2", {}, `${queue.queue}: ${queue.count}`),
      this.#redrive(queue),
      ...queue.letters.map((letter) => el("div", {},
        el("h4", {}, letter.what),
        facts({ "about": letter.about, "since": time(letter.at), "why": letter.reason }),
        this.store.byId.has(letter.message) ? link("its way", () => this.act.message(this.store.byId.get(letter.message))) : [])));
    this.element.hidden = false;
  }

  #tries(message, reader, now) {
    return (message.tries.get(reader) ?? []).filter((one) => one.begun <= now);
  }

  // The log lines that can be shown with a message: its own, and those of the runs that tried it.
  #lineCount(message, now) {
    const runs = message.readers.flatMap((reader) => this.#tries(message, reader, now)).map((one) => this.store.runById.get(one.run));
    const traces = new Set(runs.map((run) => run?.trace));
    const counts = [...traces].map((trace) => this.store.lines.get(trace)?.length ?? 0);
    return `${runs.map((run) => run?.door)} ${this.store.linesOf.get(message.mid)?.length ?? 0} ${counts}`;
  }

  #closer() {
    return el("button", { class: "close", "aria-label": "Close", onclick: () => this.act.close() }, "Esc");
  }

  #reader(message, reader, state, now, dead) {
    const tries = this.#tries(message, reader, now);
    const lies = dead.get(`${message.id} ${reader}`);
    return el("div", {},
      el("h3", {}, reader),
      el("span", { class: `badge ${state}` }, el("span", { class: `dot ${state}` }), WORDS[state],
        tries.length > 1 ? ` (try ${tries.length})` : ""),
      lies ? [el("p", {}, lies.letter.reason), this.#redrive(lies)] : [],
      tries.map((one) => this.#try(message, one)));
  }

  #try(message, one) {
    const run = this.store.runById.get(one.run);
    const lines = this.store.linesFor(one, message);
    const calls = run ? run.calls.filter((call) => !call.receipt || call.receipt === one.id) : [];
    return el("div", {},
      el("h4", {}, run ? `${run.service}.${run.door ?? "?"}` : "known from its log"),
      el("p", {},
        run ? el("span", { class: `tag ${run.cold ? "cold" : ""}` }, run.cold ? "cold start" : "warm") : [],
        el("span", { class: "tag" }, `begun ${ms(one.begun - message.at)} after it was sent`),
        run ? el("span", { class: "tag" }, `took ${ms(one.ended - one.begun)}`) : [],
        run && run.ended - run.begun > one.ended - one.begun + 1 ? el("span", { class: "tag" }, `its batch ${ms(run.ended - run.begun)}`) : [],
        one.reason ? el("span", { class: "badge failed" }, one.reason) : []),
      calls.length ? table(calls, one) : [],
      lines.length ? el("ul", { class: "logs", "aria-label": "Log" }, lines.map((line) => el("li", { class: line.level },
        el("time", {}, time(line.at)), ` ${line.level} ${line.text} `, el("span", { class: "tag" }, line.door), fieldsOf(line)))) : [],
      run ? this.#segments(run) : []);
  }

  #segments(run) {
    const box = el("pre", { hidden: "", tabindex: "0" });
    const button = el("button", { onclick: async () => {
      box.hidden = !box.hidden;
      if (!box.textContent) box.textContent = JSON.stringify(await this.act.segments(run.id), null, 2);
    } }, "X-Ray segments");
    return el("div", {}, button, box);
  }

  #redrive(queue) {
    if (!queue.back) return el("p", {}, "It came from no queue: docs/operations.md says what to do.");
    const told = el("p", { role: "status" });
    const button = el("button", { class: "redrive", onclick: async () => {
      button.disabled = true;
      told.textContent = await this.act.redrive(queue.service, queue.queue);
      button.disabled = false;
    } }, `Redrive ${queue.count === 1 ? "the letter" : `all ${queue.count}`} of ${queue.service} ${queue.queue}`);
    return el("div", {}, button, told);
  }
}

function table(calls, one) {
  const from = Math.min(one.begun, calls[0].begun);
  const span = Math.max(1, Math.max(one.ended, ...calls.map((call) => call.ended)) - from);
  return el("table", { class: "calls" }, el("tbody", {}, calls.map((call) => {
    const bar = el("div", { class: "bar" });
    bar.style.marginLeft = `${((call.begun - from) / span) * 100}%`;
    bar.style.width = `${((call.ended - call.begun) / span) * 100}%`;
    return el("tr", { class: call.failed ? "failed" : "", title: call.on },
      el("td", {}, `${call.name} ${call.operation}`), el("td", { class: "number" }, ms(call.ended - call.begun)),
      el("td", { style: "width:38%" }, bar));
  })));
}

function fieldsOf(line) {
  const rest = Object.entries(line.fields).filter(([name]) => name !== "function_request_id" && name !== "exception" && name !== "message_name");
  const text = rest.map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`).join(" ");
  return [text ? ` ${text}` : "", line.fields.exception ? el("pre", {}, line.fields.exception) : []];
}

function facts(values) {
  return el("dl", { class: "facts" }, Object.entries(values).filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

function link(text, act) { return el("button", { onclick: act }, text); }

export function ms(value) {
  return value >= 10000 ? `${(value / 1000).toFixed(1)} s` : value >= 100 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}

export function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made[key] = value;
    else if (key !== "style") made.setAttribute(key, value);
    else made.style.cssText = value;
  }
  made.append(...children.flat(3));
  return made;
}
