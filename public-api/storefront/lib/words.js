// What an order's states, reasons and outcomes are called, in plain words.

/** Per state: what it is called, in one or two words, and what it means for the shopper. */
export const STATES = {
  SUBMITTED: ["Received", "We have your order and look whether all of it is there."],
  PLACED: ["Accepted", "Your toys are being set aside for you."],
  RESERVED: ["Set aside", "The toys are yours as soon as they are paid."],
  CONFIRMED: ["Paid", "Thank you. We are packing your parcel."],
  DISPATCHED: ["On its way", "Your parcel has left us."],
  DELIVERED: ["Delivered", "Your parcel has arrived. Have fun!"],
  CANCELLING: ["Being cancelled", "We are trying to stop your parcel."],
  CANCELLED: ["Cancelled", "This order came to nothing."],
};

/** The way of an order that goes well. */
export const WAY = ["SUBMITTED", "PLACED", "RESERVED", "CONFIRMED", "DISPATCHED", "DELIVERED"];

/** The states that an order stays in. */
export const FINAL = ["DELIVERED", "CANCELLED"];

const REASONS = {
  OUT_OF_STOCK: "We did not have enough of what you ordered. You were not charged.",
  PRICE_CHANGED: "A price changed while you were ordering. You were not charged.",
  UNKNOWN_TOY: "One of the toys is not on sale any more. You were not charged.",
  PAYMENT_DECLINED: "Your card was declined. You were not charged.",
  CUSTOMER: "You cancelled it.",
  EXPIRED: "It was not paid in time.",
  UNDELIVERABLE: "The parcel could not be delivered and is on its way back to us.",
};

/** Why an order was cancelled. */
export const because = (reason) => REASONS[reason] ?? "Something went wrong on the way.";

/** The same for those who run the shop. */
export const failure = (reason) =>
  ({
    OUT_OF_STOCK: "Out of stock",
    PRICE_CHANGED: "Price changed",
    UNKNOWN_TOY: "Toy not on sale any more",
    PAYMENT_DECLINED: "Payment declined",
    EXPIRED: "Not paid in time",
    UNDELIVERABLE: "Could not be delivered",
  })[reason] ?? reason;

/** What a state is called. */
export const stateName = (status) => STATES[status]?.[0] ?? status;

/** How a state is coloured: as going on, good or bad. */
export function tone(status) {
  if (status === "CANCELLED") return "bad";
  return status === "DELIVERED" ? "good" : "moving";
}
