// Addresses: the fields of one, its lines, and whether two are the same.

import { h } from "./dom.js";
import { field, valid } from "./form.js";

const CODES =
  "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ " +
  "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM " +
  "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS " +
  "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN " +
  "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ " +
  "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM " +
  "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV " +
  "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI " +
  "VN VU WF WS YE YT ZA ZM ZW";

const PARTS = ["name", "line1", "line2", "city", "postalCode", "country"];

const names = new Intl.DisplayNames(undefined, { type: "region" });

/** A country's name in the shopper's language. `code` is ISO 3166 alpha-2. */
export function country(code) {
  try {
    return names.of(code);
  } catch {
    return code;
  }
}

/** The lines of an address, as on a parcel. */
export function linesOf(address) {
  const { name, line1, line2, city, postalCode } = address;
  return [name, line1, line2, `${postalCode} ${city}`, country(address.country)].filter(Boolean);
}

/** An address as a node, a line each. */
export function addressNode(address) {
  const lines = linesOf(address).flatMap((line) => [line, h("br")]);
  return h("address", { class: "address" }, ...lines.slice(0, -1));
}

/** An address in one line. */
export const addressText = (address) => linesOf(address).join(", ");

/** The parts that the API takes, without a label. */
export const bare = (address) =>
  Object.fromEntries(PARTS.filter((part) => address[part]).map((part) => [part, address[part]]));

/** Whether two addresses are the same place and person. */
export const same = (one, other) =>
  PARTS.every((part) => (one[part] || "") === (other[part] || ""));

/**
 * The fields of an address: {fields, nodes, read(), check(), explain(details)}.
 *
 * `labelled` adds a name for the address itself. explain() shows the problems that the API found,
 * and says whether it found a place for any.
 */
export function addressFields(value = {}, { labelled = false } = {}) {
  const at = (section) => `shipping ${section}`;
  const fields = [
    text("name", "Full name", at("name"), 120),
    text("line1", "Street and number", at("address-line1"), 120),
    text("line2", "Apartment, floor", at("address-line2"), 120, { required: false }),
    text("postalCode", "Postal code", at("postal-code"), 20),
    text("city", "Town or city", at("address-level2"), 120),
    field({
      label: "Country",
      name: "country",
      autocomplete: at("country"),
      options: countries(),
      value: value.country ?? home(),
    }),
  ];
  if (labelled) {
    const hint = "What you call it, such as Home or Grandma.";
    fields.unshift(text("label", "Name of this address", "off", 40, { required: false, hint }));
  }

  function text(name, label, autocomplete, most, more = {}) {
    const rule = (given) =>
      given.length > most ? `At most ${most} characters, please: these are ${given.length}.` : null;
    return field({ label, name, autocomplete, value: value[name], rule, ...more });
  }

  const read = () => {
    const address = {};
    for (const one of fields) if (one.value()) address[one.name] = one.value();
    return address;
  };
  const explain = (details) => {
    let placed = null;
    for (const { where, problem } of details ?? []) {
      const found = fields.find((one) => one.name === String(where).split(".").pop());
      found?.problem(problem);
      placed ??= found;
    }
    placed?.input.focus();
    return Boolean(placed);
  };
  const node = (name) => fields.find((one) => one.name === name).node;
  const town = h("div", { class: "town" }, node("postalCode"), node("city"));
  const nodes = fields
    .filter((one) => one.name !== "city")
    .map((one) => (one.name === "postalCode" ? town : one.node));
  return { fields, nodes, read, check: () => valid(fields), explain };
}

function countries() {
  const all = CODES.split(" ").map((value) => ({ value, text: country(value) }));
  all.sort((one, other) => one.text.localeCompare(other.text));
  return [{ value: "", text: "Choose a country" }, ...all];
}

/** The country of the browser's language, when it names one. */
function home() {
  const tagged = navigator.languages.map((tag) => new Intl.Locale(tag).region).find(Boolean);
  return CODES.split(" ").includes(tagged) ? tagged : "";
}
