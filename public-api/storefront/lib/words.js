// What an order's states, reasons and outcomes are called, in plain words.

import { missing, ways } from "./downloads.js";

/** Per state: what it is called, in one or two words, and what it means for a parcel's shopper. */
const STATES = {
  SUBMITTED: ["Received", "We have your order and look whether all of it is there."],
  PLACED: ["Accepted", "Your toys are being set aside for you."],
  RESERVED: ["Set aside", "The toys are yours as soon as they are paid."],
  CONFIRMED: ["Paid", "Thank you. We are packing your parcel."],
  DISPATCHED: ["On its way", "Your parcel has left us."],
  DELIVERED: ["Delivered", "Your parcel has arrived. Have fun!"],
  CANCELLING: ["Being cancelled", "We are trying to stop your parcel."],
  CANCELLED: ["Cancelled", "This order came to nothing."],
};

/** What it means where everything is a download, and where some of it is. */
const DOWNLOADS = {
  CONFIRMED: "Thank you. We are mailing you what you bought.",
  DELIVERED: "We have mailed you what you bought. Have fun!",
};
const BOTH = {
  CONFIRMED: "Thank you. We are packing your parcel, and mailing you your downloads.",
  DELIVERED: "Your parcel has arrived, and your downloads are in your mailbox. Have fun!",
};
/** The same once the downloads were mailed, and where some cannot be: that is said beside it. */
const MAILED = {
  CONFIRMED: "Thank you. Your downloads are in your mailbox, and we are packing your parcel.",
};
const SOME = { DELIVERED: "Your parcel has arrived." };

/** What it means for the shopper that an order is where it is; why, if it was cancelled. */
export function meaning(order) {
  const { status, lines, downloadsMailed } = order;
  const { parcel, downloads } = ways(lines);
  if (status === "CANCELLED") return because(order, parcel, downloads);
  const lost = missing(lines);
  const both = { ...BOTH, ...(downloadsMailed && MAILED), ...(lost && SOME) };
  const own = downloads ? (parcel ? both : DOWNLOADS) : {};
  return [own[status] ?? STATES[status]?.[1], lost].filter(Boolean).join(" ");
}

/** The way of an order that goes well: without a parcel nothing is ever on its way. */
export const wayOf = ({ lines }) =>
  ways(lines).parcel ? WAY : WAY.filter((state) => state !== "DISPATCHED");

const WAY = ["SUBMITTED", "PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "DELIVERED"];

/** The states that an order stays in. */
export const FINAL = ["DELIVERED", "CANCELLED"];

const REASONS = {
  OUT_OF_STOCK: "We did not have enough of what you ordered. You were not charged.",
  PRICE_CHANGED: "A price changed while you were ordering. You were not charged.",
  UNKNOWN_TOY: "One of the toys is not on sale any more. You were not charged.",
  PAYMENT_DECLINED: "Your card was declined. You were not charged.",
  CUSTOMER: "You cancelled it.",
  SHOP: "We had to cancel it. Whatever you paid goes back to your card.",
  EXPIRED: "It was not paid in time.",
  UNDELIVERABLE: "The parcel could not be delivered and is on its way back to us.",
};

/** Why an order was cancelled, which has something that goes by parcel, as download, or both. */
function because({ reason, lines, downloadsMailed }, parcel, downloads) {
  if (reason === "UNDELIVERABLE" && downloads) {
    if (parcel && downloadsMailed && !missing(lines))
      return "The parcel could not be delivered. Your downloads were mailed to you.";
    return parcel ? "Some of it could not be delivered." : "It could not be mailed to you.";
  }
  return REASONS[reason] ?? "Something went wrong on the way.";
}

/** The same for those who run the shop. */
export const failure = (reason) =>
  ({
    OUT_OF_STOCK: "Out of stock",
    PRICE_CHANGED: "Price changed",
    UNKNOWN_TOY: "Toy not on sale any more",
    PAYMENT_DECLINED: "Payment declined",
    SHOP: "Cancelled by the shop",
    EXPIRED: "Not paid in time",
    UNDELIVERABLE: "Could not be delivered",
  })[reason] ?? reason;

/** What a state is called. */
export const stateName = (status) => STATES[status]?.[0] ?? status;

/** What became of a refund: "€5.00 went back to your card", said of `amount` in words. */
export const refundWords = ({ status }, amount) =>
  status === "REFUNDED"
    ? `${amount} went back to your card`
    : `${amount} is on its way back to your card`;

/** How a state is coloured: as going on, good or bad. */
export function tone(status) {
  if (status === "CANCELLED") return "bad";
  return status === "DELIVERED" ? "good" : "moving";
}
