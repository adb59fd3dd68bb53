// Draws the lanes of the services and the messages between them, and finds what is under a point.

import { ROWS, stateOf } from "./store.js";

export const AXIS = 24; // height of the line of times
const LEFT = 108; // width that the names take
const LABELS = 70; // messages in sight up to which each has its name
const CURVES = 1500; // and up to which their ways are curved
const DENSE = 3000; // messages in sight from which points are taken together that are near each other
const STATES = ["sent", "waiting", "handled", "failed", "dead", "unseen"];

export class Lanes {
  constructor(canvas, services) {
    this.canvas = canvas;
    this.paint = canvas.getContext("2d");
    this.services = services;
    this.laneOf = new Map(services.map((service, number) => [service, number]));
    this.drawn = { messages: 0, ways: 0, labels: 0 };
    this.targets = [];
    this.theme();
  }

  theme() {
    const style = getComputedStyle(document.documentElement);
    this.colour = {};
    for (const name of ["lane", "lane-2", "line", "text", "soft", "accent", "sent", "waiting", "handled", "failed", "dead", "unseen", "run", "run-cold", "run-failed", "back"]) {
      this.colour[name] = style.getPropertyValue(`--${name}`).trim();
    }
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const scale = window.devicePixelRatio || 1;
    if (this.width === width && this.height === height && this.scale === scale) return false;
    Object.assign(this, { width, height, scale });
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.laneHeight = (height - AXIS) / this.services.length;
    return true;
  }

  top(lane) { return AXIS + lane * this.laneHeight; }

  y(service, row) {
    const lane = this.laneOf.get(service) ?? 0;
    const step = Math.min(9, (this.laneHeight * 0.55) / ROWS);
    return this.top(lane) + this.laneHeight * 0.36 + (row ?? 0) * step;
  }

  x(at) { return LEFT + ((at - this.view.from) / (this.view.to - this.view.from)) * (this.width - LEFT); }

  at(x) { return this.view.from + ((x - LEFT) / (this.width - LEFT)) * (this.view.to - this.view.from); }

  // Draw a moment. `shown(message)` is 0 for not at all, 1 for faint, 2 for in full; `chosen` is a
  // message, `order` an order: runs that have nothing to do with it are faint.
  draw(store, view, now, dead, shown, chosen, order) {
    this.view = view;
    const { paint, scale, width, height } = this;
    paint.setTransform(scale, 0, 0, scale, 0, 0);
    paint.clearRect(0, 0, width, height);
    this.#background(now);
    const from = this.at(0);
    this.#runs(store, from, Math.min(view.to, now), now, order ? this.#runsOf(store, order) : null);
    const ways = this.#ways(store, from, Math.min(view.to, now), now, dead, shown, chosen);
    const faint = ways.filter((way) => way.shown === 1);
    const full = ways.filter((way) => way.shown === 2);
    const curved = ways.length <= CURVES;
    paint.globalAlpha = 0.1;
    this.#strokes(faint, curved, 1);
    paint.globalAlpha = full.length > 4000 ? 0.35 : full.length > 800 ? 0.55 : 0.9;
    this.#strokes(full, curved, full.length > 800 ? 1 : 1.6);
    paint.globalAlpha = 1;
    this.#heads(full);
    const marked = full.filter((way) => way.message === chosen);
    if (marked.length) {
      paint.lineWidth = 4;
      this.#strokes(marked, curved, 3.2);
      this.#heads(marked, 6);
    }
    const labels = this.#labels(full, chosen);
    this.targets = full;
    this.drawn = { messages: this.count, ways: full.length, labels };
  }

  #background(now) {
    const { paint, width, height, colour, view } = this;
    this.services.forEach((_, lane) => {
      paint.fillStyle = lane % 2 ? colour["lane-2"] : colour.lane;
      paint.fillRect(0, this.top(lane), width, this.laneHeight);
      paint.fillStyle = colour.line;
      paint.fillRect(0, this.top(lane), width, 1);
    });
    paint.font = "11px system-ui, sans-serif";
    paint.textBaseline = "middle";
    const step = tick(((view.to - view.from) / (width - LEFT)) * 95);
    for (let at = Math.ceil(view.from / step) * step; at < view.to; at += step) {
      const x = this.x(at);
      paint.fillStyle = colour.line;
      paint.fillRect(x, AXIS, 1, height);
      paint.fillStyle = colour.soft;
      paint.fillText(time(at, step), x + 4, AXIS / 2);
    }
    if (now < view.to) {
      paint.globalAlpha = 0.6;
      paint.fillStyle = colour.back;
      paint.fillRect(this.x(now), AXIS, width, height);
      paint.globalAlpha = 1;
      paint.fillStyle = colour.accent;
      paint.fillRect(this.x(now), AXIS - 6, 1.5, height);
    }
  }

  #runsOf(store, order) {
    const own = new Set();
    for (const message of order.messages) {
      own.add(store.teller(message)?.id);
      for (const tries of message.tries.values()) for (const one of tries) own.add(one.run);
    }
    return own;
  }

  #runs(store, from, to, now, own) {
    const { paint, colour } = this;
    const done = new Map();
    for (const run of store.runsBetween(from, to)) {
      if (!this.laneOf.has(run.service)) continue;
      const x = this.x(run.begun);
      const end = Math.max(x + 2, this.x(Math.min(run.ended, now)));
      const y = this.y(run.service, run.row);
      if (end <= (done.get(y) ?? 0)) continue;
      done.set(y, end);
      paint.fillStyle = run.failed ? colour["run-failed"] : run.cold ? colour["run-cold"] : colour.run;
      paint.globalAlpha = own && !own.has(run.id) ? 0.3 : 1;
      paint.fillRect(x, y - 2.5, end - x, 5);
    }
    paint.globalAlpha = 1;
  }

  // The way of each message to each of its readers: where it begins and where it ends by now.
  #ways(store, from, to, now, dead, shown, chosen) {
    const ways = [];
    const there = new Set();
    const grain = this.count > DENSE ? 4 : 1;
    this.count = 0;
    for (const message of store.between(from, to)) {
      const how = shown(message);
      if (!how) continue;
      if (how === 2) this.count += 1;
      const teller = store.teller(message);
      const x0 = this.x(message.at);
      const y0 = this.y(message.sender, teller?.row);
      for (const reader of message.readers) {
        const state = stateOf(store, message, reader, now, dead);
        const tries = (message.tries.get(reader) ?? []).filter((one) => one.begun <= now);
        const taken = tries[0];
        const run = taken && store.runById.get(taken.run);
        const x1 = Math.max(x0 + 1, this.x(taken ? taken.begun : state === "unseen" || state === "dead" ? message.at : Math.min(now, to)));
        const y1 = this.y(reader, run?.row);
        // Many that begin and end at the same points look like one.
        const place = ((((((x0 / grain) | 0) * 8192 + ((x1 / grain) | 0)) * 2048 + ((y0 / grain) | 0)) * 2048 + ((y1 / grain) | 0)) * 8 + STATES.indexOf(state)) * 2 + how;
        if (there.has(place) && message !== chosen) continue;
        there.add(place);
        ways.push({ message, reader, state, tries, shown: how, taken: Boolean(taken), x0, y0, x1, y1 });
      }
      if (!message.readers.length) {
        ways.push({ message, reader: message.sender, state: "unseen", tries: [], shown: how, taken: true, x0, y0, x1: x0 + 6, y1: y0 - 8 });
      }
    }
    return ways;
  }

  #strokes(ways, curved, width) {
    const { paint, colour } = this;
    const groups = new Map();
    for (const way of ways) {
      const key = `${way.state} ${way.taken ? "" : "open"}`;
      const path = groups.get(key) ?? new Path2D();
      groups.set(key, path);
      path.moveTo(way.x0, way.y0);
      if (curved) {
        const bend = Math.max(10, (way.x1 - way.x0) * 0.5);
        path.bezierCurveTo(way.x0 + bend, way.y0, way.x1 - bend, way.y1, way.x1, way.y1);
      } else path.lineTo(way.x1, way.y1);
      for (let i = 1; i < way.tries.length; i += 1) {
        path.moveTo(this.x(way.tries[i - 1].ended), way.y1);
        path.lineTo(this.x(way.tries[i].begun), way.y1);
      }
    }
    for (const [key, path] of groups) {
      const [state, open] = key.split(" ");
      paint.strokeStyle = colour[state];
      paint.lineWidth = state === "dead" ? width + 1 : width;
      paint.setLineDash(open ? [5, 4] : []);
      paint.stroke(path);
    }
    paint.setLineDash([]);
  }

  // A head tells the state by its form too: a dot, a ring, a triangle, a cross.
  #heads(ways, size = ways.length > 800 ? 2 : 3.4) {
    const { paint, colour } = this;
    const once = new Set();
    for (const way of ways) {
      const place = ((way.x1 | 0) * 2048 + (way.y1 | 0)) * 8 + STATES.indexOf(way.state);
      if (once.has(place)) continue;
      once.add(place);
      paint.fillStyle = paint.strokeStyle = colour[way.state];
      for (const one of way.tries) if (one.state === "failed" && way.state !== "failed") this.#triangle(this.x(one.ended), way.y1, size, colour.failed);
      paint.beginPath();
      if (way.state === "dead") {
        const far = size + 2;
        paint.lineWidth = 2.6;
        paint.strokeStyle = colour.dead;
        paint.moveTo(way.x1 - far, way.y1 - far);
        paint.lineTo(way.x1 + far, way.y1 + far);
        paint.moveTo(way.x1 - far, way.y1 + far);
        paint.lineTo(way.x1 + far, way.y1 - far);
        paint.stroke();
      } else if (way.state === "failed") {
        this.#triangle(way.tries.length ? this.x(way.tries[way.tries.length - 1].ended) : way.x1, way.y1, size + 1, colour.failed);
      } else {
        paint.fillStyle = colour[way.state];
        paint.arc(way.x1, way.y1, size, 0, 7);
        if (way.taken) paint.fill();
        else { paint.lineWidth = 1.6; paint.stroke(); }
      }
    }
  }

  #triangle(x, y, size, fill) {
    const { paint } = this;
    paint.fillStyle = fill;
    paint.beginPath();
    paint.moveTo(x, y - size - 1);
    paint.lineTo(x + size + 1, y + size);
    paint.lineTo(x - size - 1, y + size);
    paint.fill();
  }

  #labels(ways, chosen) {
    const { paint, colour } = this;
    const wanted = ways.length <= LABELS ? ways : ways.filter((way) => way.message === chosen || way.state === "dead").slice(0, 40);
    const taken = [];
    let count = 0;
    paint.font = "11.5px system-ui, sans-serif";
    paint.textBaseline = "middle";
    const first = wanted.filter((way) => way.message === chosen);
    for (const way of [...first, ...wanted.filter((one) => one.message !== chosen)]) {
      const width = paint.measureText(way.message.name).width;
      const place = [[7, -9], [7, 9], [-width - 7, -9], [-width - 7, 9], [7, -20], [7, 20]]
        .map(([dx, dy]) => ({ x: way.x1 + dx, y: way.y1 + dy, width }))
        .find((box) => box.x > LEFT && box.x + width < this.width && !taken.some((other) => meet(box, other)));
      if (!place) continue;
      taken.push(place);
      count += 1;
      paint.fillStyle = way.message === chosen ? colour.text : way.state === "dead" ? colour.dead : colour.soft;
      paint.fillText(way.message.name, place.x, place.y);
    }
    return count;
  }

  // The message whose way is nearest to a point, if it is near.
  under(x, y) {
    let nearest = 8;
    let found = null;
    for (const way of this.targets) {
      if (x < way.x0 - 9 || x > way.x1 + 9) continue;
      const far = Math.min(distance(x, y, way), Math.hypot(x - way.x1, y - way.y1) * 0.7);
      if (far < nearest) { nearest = far; found = way; }
    }
    return found;
  }
}

function distance(x, y, way) {
  const bend = Math.max(10, (way.x1 - way.x0) * 0.5);
  let least = Infinity;
  for (let i = 0; i <= 16; i += 1) {
    const t = i / 16;
    const u = 1 - t;
    const px = u * u * u * way.x0 + 3 * u * u * t * (way.x0 + bend) + 3 * u * t * t * (way.x1 - bend) + t * t * t * way.x1;
    const py = (u * u * u + 3 * u * u * t) * way.y0 + (3 * u * t * t + t * t * t) * way.y1;
    least = Math.min(least, Math.hypot(x - px, y - py));
  }
  return least;
}

function meet(a, b) {
  return Math.abs(a.y - b.y) < 12 && a.x < b.x + b.width + 4 && b.x < a.x + a.width + 4;
}

function tick(least) {
  for (const step of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 600000, 1800000]) {
    if (step >= least) return step;
  }
  return 3600000;
}

export function time(at, step = 1) {
  const date = new Date(at);
  const clock = date.toLocaleTimeString("en-GB");
  return step < 1000 ? `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}` : clock;
}
