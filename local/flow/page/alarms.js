// The alarms that would be red now, as far as that can be seen from here.

import { stateOf } from "./store.js";

const OLD = 300000; // ms that a message may wait
const RECENT = 180000; // ms for which a figure counts
const LIMITS = { OrdersPastDeadline: 0, RefundsOverdue: 0, ShipmentsWaitingTooLong: 0, ReportsLag: 1800 };
const WORDS = {
  OrdersPastDeadline: "orders past their deadline",
  RefundsOverdue: "refunds overdue",
  ShipmentsWaitingTooLong: "shipments waiting too long",
  ReportsLag: "seconds that reports lag",
};

export function alarms(store, now, dead) {
  const found = [];
  for (const queue of store.lettersAt(now)) {
    found.push({ kind: "letters", queue, text: `${queue.service} ${queue.queue}: ${queue.count}` });
  }
  const oldest = new Map();
  for (const message of store.between(now - 6 * 3600000, now - OLD)) {
    for (const reader of message.readers) {
      const state = stateOf(store, message, reader, now, dead);
      if ((state === "waiting" || state === "failed") && !oldest.has(reader)) oldest.set(reader, message);
    }
  }
  for (const [reader, message] of oldest) {
    const minutes = Math.floor((now - message.at) / 60000);
    found.push({ kind: "age", message, text: `${reader} Inbox: ${message.name} waits for ${minutes} min` });
  }
  const failing = new Map();
  for (const run of store.runsBetween(now - RECENT, now)) {
    if (run.failed) failing.set(run.service, (failing.get(run.service) ?? 0) + 1);
  }
  for (const [service, count] of failing) found.push({ kind: "errors", text: `${service} functions: ${count} errors` });
  const last = new Map();
  for (let i = store.figures.length - 1; i >= 0 && store.figures[i].at > now - RECENT; i -= 1) {
    const figure = store.figures[i];
    const key = `${figure.service} ${figure.name}`;
    if (figure.at <= now && figure.name in LIMITS && !last.has(key)) last.set(key, figure);
  }
  for (const figure of last.values()) {
    if (figure.value > LIMITS[figure.name]) {
      found.push({ kind: "figure", text: `${figure.service}: ${figure.value} ${WORDS[figure.name]}` });
    }
  }
  return found;
}
