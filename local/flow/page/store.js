// What the page knows: messages, what became of them, runs, log lines, figures and dead letters.
// All of it has its time, so the page can show any moment: what is later than `now` is not there.

export const WAITS = 2000; // ms on the wire after which a message is said to wait
const MOST = 50000; // records that are kept; the older half goes
const BLOCK = 256; // messages that are skipped at once where none of them can be seen

export class Store {
  constructor(about, most = MOST) {
    this.about = about;
    this.most = about.mode === "replay" ? Infinity : most;
    this.clear();
  }

  clear() {
    this.records = [];
    this.messages = []; // by time
    this.byId = new Map();
    this.byMid = new Map();
    this.groups = new Map(); // messages by what they belong to
    this.orders = new Map(); // the groups that are orders
    this.runs = []; // by time
    this.runById = new Map();
    this.handlings = new Map();
    this.early = new Map(); // tries whose message is still to come
    this.lines = new Map(); // by trace
    this.linesOf = new Map(); // by metadata.id
    this.figures = [];
    this.letters = [];
    this.trouble = null;
    this.rows = new Map();
    this.blocks = [];
    this.first = Infinity;
    this.latest = 0;
    this.version = 0;
  }

  add(records) {
    for (const record of records) this.records.push(record);
    if (this.records.length > this.most) { this.#forget(); return; }
    let messages = false;
    let runs = false;
    for (const record of records) {
      if (record.k === "message") { this.#message(record); messages = true; }
      else if (record.k === "handling") this.#handling(record);
      else if (record.k === "run") { this.#run(record); runs = true; }
      else if (record.k === "log") this.#line(record);
      else if (record.k === "figure") this.figures.push(record);
      else if (record.k === "letters") this.letters.push(record);
      else if (record.k === "trouble") this.trouble = record.text;
    }
    if (messages) this.messages.sort((a, b) => a.at - b.at);
    if (runs) { this.runs.sort((a, b) => a.begun - b.begun); this.#placeRuns(); }
    this.#index();
    this.version += 1;
  }

  // Begin anew with the newer half, and the last that is known of dead letters.
  #forget() {
    const { records, version, trouble } = this;
    const kept = records.slice(-Math.floor(this.most / 2));
    const letters = records.findLast((one) => one.k === "letters");
    if (letters && !kept.includes(letters)) kept.unshift(letters);
    this.clear();
    Object.assign(this, { version, trouble });
    this.add(kept);
  }

  #message(record) {
    if (this.byId.has(record.id)) return;
    const message = { ...record, tries: new Map(), text: null };
    const data = record.event.detail.data ?? {};
    this.messages.push(message);
    this.byId.set(message.id, message);
    push(this.byMid, message.mid, message);
    this.#saw(message.at);
    // A mail or a receipt names its order as what it belongs to, and a toy belongs to itself.
    const group = this.groups.get(message.order) ?? { id: message.order, messages: [], first: Infinity };
    group.messages.push(message);
    group.messages.sort((a, b) => a.at - b.at);
    group.first = group.messages[0].changed;
    this.groups.set(message.order, group);
    if (data.orderId) this.orders.set(message.order, group);
    for (const one of this.early.get(message.id) ?? []) this.#handling(one);
    this.early.delete(message.id);
  }

  #handling(record) {
    const message = this.byId.get(record.message);
    if (!message) return push(this.early, record.message, record);
    this.handlings.set(record.id, record);
    const tries = message.tries.get(record.reader) ?? [];
    const known = tries.findIndex((one) => one.id === record.id);
    if (known >= 0) tries[known] = record; else tries.push(record);
    tries.sort((a, b) => a.begun - b.begun);
    message.tries.set(record.reader, tries);
    this.#saw(record.ended);
  }

  #run(record) {
    const known = this.runById.get(record.id);
    if (known) { Object.assign(known, record); return; }
    const run = { ...record, row: null };
    this.runById.set(run.id, run);
    this.runs.push(run);
    if (run.door) this.#saw(run.begun);
  }

  #line(record) {
    if (record.trace) push(this.lines, record.trace, record);
    if (!record.mid) return;
    push(this.linesOf, record.mid, record);
    for (const message of this.byMid.get(record.mid) ?? []) message.text = null;
  }

  #saw(at) {
    this.first = Math.min(this.first, at);
    this.latest = Math.max(this.latest, at);
  }

  // Each run has a row in its lane, the first that is free when it begins.
  #placeRuns() {
    for (const run of this.runs) {
      if (run.row !== null) continue;
      const ends = this.rows.get(run.service) ?? [];
      let row = ends.findIndex((end) => end <= run.begun);
      if (row < 0) row = ends.length < ROWS ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = Math.max(run.ended, ends[row] ?? 0);
      this.rows.set(run.service, ends);
      run.row = row;
    }
  }

  #index() {
    this.blocks = [];
    for (let start = 0; start < this.messages.length; start += BLOCK) {
      let end = -Infinity;
      for (const message of this.messages.slice(start, start + BLOCK)) {
        message.end = endOf(message);
        end = Math.max(end, message.end);
      }
      this.blocks.push(end);
    }
  }

  // The messages that can be seen between two times, oldest first.
  *between(from, to) {
    for (let block = 0; block < this.blocks.length; block += 1) {
      const start = block * BLOCK;
      if (this.messages[start].at > to) return;
      if (this.blocks[block] < from) continue;
      const stop = Math.min(start + BLOCK, this.messages.length);
      for (let i = start; i < stop; i += 1) {
        const message = this.messages[i];
        if (message.at > to) return;
        if (message.end >= from) yield message;
      }
    }
  }

  *runsBetween(from, to) {
    for (let i = lower(this.runs, from - 30000); i < this.runs.length; i += 1) {
      if (this.runs[i].begun > to) return;
      if (this.runs[i].ended >= from) yield this.runs[i];
    }
  }

  // The run that told the bus of a message: the sender's outbox at that time.
  teller(message) {
    if (message.teller) return message.teller;
    for (let i = lower(this.runs, message.at - 30000); i < this.runs.length; i += 1) {
      const run = this.runs[i];
      if (run.begun > message.at + 5) break;
      if (run.service === message.sender && run.ended >= message.at - 5 && run.door !== "inbox" && run.door !== "api") {
        message.teller = run;
        if (run.door === "outbox") break;
      }
    }
    return message.teller ?? null;
  }

  lettersAt(now) {
    for (let i = this.letters.length - 1; i >= 0; i -= 1) {
      if (this.letters[i].at <= now) return this.letters[i].queues;
    }
    return [];
  }

  // The ids of dead copies, each with the queue in which it lies.
  dead(now) {
    const found = new Map();
    for (const queue of this.lettersAt(now)) {
      for (const letter of queue.letters) {
        if (letter.message) found.set(`${letter.message} ${queue.service}`, { ...queue, letter });
      }
    }
    return found;
  }

  linesFor(handling, message) {
    const run = this.runById.get(handling.run);
    const own = (run && this.lines.get(run.trace)) ?? [];
    const during = own.filter((line) => line.service === handling.reader && (line.mid
      ? line.mid === message.mid
      : handling.begun - 3 <= line.at && line.at <= handling.ended + 3));
    if (during.length) return during;
    return (this.linesOf.get(message.mid) ?? []).filter((line) => line.service === handling.reader && line.door !== "outbox");
  }

  textOf(message) {
    if (message.text === null) {
      const logged = (this.linesOf.get(message.mid) ?? []).map((line) => line.text).join(" ");
      message.text = `${message.name} ${message.order} ${JSON.stringify(message.event.detail)} ${logged}`.toLowerCase();
    }
    return message.text;
  }
}

export const ROWS = 6;

export function endOf(message) {
  let end = message.at;
  for (const reader of message.readers) {
    const tries = message.tries.get(reader);
    if (!tries || tries[tries.length - 1].state === "failed") return Infinity;
    end = Math.max(end, tries[tries.length - 1].ended);
  }
  return end;
}

// What has become of a message at one of its readers: sent, waiting, handled, failed, dead, unseen.
export function stateOf(store, message, reader, now, dead) {
  if (dead.size && dead.has(`${message.id} ${reader}`)) return "dead";
  const tries = message.tries.get(reader);
  if (!tries || tries[0].begun > now) {
    if (!tries && message.at < (store.about.started ?? 0)) return "unseen";
    return now - message.at < WAITS ? "sent" : "waiting";
  }
  let last = tries[0];
  for (const one of tries) if (one.begun <= now) last = one;
  return last.ended > now ? "sent" : last.state;
}

export const WORST = ["dead", "failed", "waiting", "sent", "unseen", "handled"];

// The worst state of a message among its readers.
export function worst(store, message, now, dead) {
  let found = WORST.length - 1;
  for (const reader of message.readers) found = Math.min(found, WORST.indexOf(stateOf(store, message, reader, now, dead)));
  return WORST[found];
}

const FINAL = { OrderDelivered: "delivered", OrderCancelled: "cancelled" };
const STEPS = { PlaceOrder: "sent", OrderPlaced: "placed", OrderConfirmed: "confirmed", OrderDispatched: "dispatched", ...FINAL };

// How an order stands: its step, whether that is the last, its worst message, and how long it took.
export function standing(store, order, now, dead) {
  let step = "";
  let ended = null;
  let state = "handled";
  for (const message of order.messages) {
    if (message.at > now) break;
    if (message.sender === "orders" || message.name === "PlaceOrder") step = STEPS[message.name] ?? step;
    if (message.name in FINAL && ended === null) ended = message.at;
    const one = worst(store, message, now, dead);
    if (WORST.indexOf(one) < WORST.indexOf(state)) state = one;
  }
  return { step, state, seconds: ((ended ?? now) - order.first) / 1000 };
}

function push(map, key, value) {
  const found = map.get(key);
  if (found) found.push(value); else map.set(key, [value]);
}

// The first of what is sorted by `begun` that begins at a time or later.
function lower(sorted, at) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle].begun < at) low = middle + 1; else high = middle;
  }
  return low;
}
