// What does not go by parcel: how it is marked, and what an order says of it.

import { h, icon } from "./dom.js";

/** Whether a toy, or a line of it, is a download. */
export const isDownload = ({ fulfilment }) => fulfilment === "digital";

/** What of some lines goes by parcel and what by mail: {parcel, downloads}, each true or false. */
export const ways = (lines) => ({
  parcel: lines.some((line) => !isDownload(line)),
  downloads: lines.some(isDownload),
});

/** The mark of a toy, or of a line of it, that is a download. Null for others. */
export const downloadMark = (thing) =>
  isDownload(thing) &&
  h("span", { class: "download" }, icon("download"), "Download, sent by e-mail");

/** What is said of the downloads among some lines that could not be sent. "": there are none. */
export function missing(lines) {
  const downloads = lines.filter(isDownload);
  const lost = downloads.filter((line) => line.undeliverable).length;
  if (!lost) return "";
  const some = lost < downloads.length;
  const one = some ? "One of your downloads" : "Your download";
  const many = some ? "Some of your downloads" : "Your downloads";
  const [what, them] = lost === 1 ? [one, "it"] : [many, "them"];
  return `${what} could not be sent. We are sorry, and give back what you paid for ${them}.`;
}

/** What of an order comes by e-mail, and when. Null where nothing does, or will. */
export function byMail({ lines, status, downloadsMailed }) {
  const downloads = lines.filter(isDownload);
  if (!downloads.length || ["CANCELLING", "CANCELLED"].includes(status)) return null;
  const coming = downloads.filter((line) => !line.undeliverable).length;
  const [links, are] = coming === 1 ? ["The link", "is"] : ["The links", "are"];
  const there = `${are} in your mailbox`;
  const when = {
    CONFIRMED: downloadsMailed ? there : `${are} on the way to you`,
    DISPATCHED: downloadsMailed ? there : `${are} on the way to you, or there already`,
    DELIVERED: there,
  };
  const way = `${links} ${when[status] ?? `${are} mailed to you as soon as the order is paid`}.`;
  return h(
    "div",
    { class: "by-mail" },
    h("h3", null, "By e-mail"),
    h(
      "ul",
      null,
      downloads.map(({ name, undeliverable }) =>
        h("li", null, icon("download"), undeliverable ? `${name}: could not be sent` : name),
      ),
    ),
    coming ? h("p", { class: "soft small" }, way) : null,
  );
}
