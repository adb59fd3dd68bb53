// A search for toys: as it stands in the address of the home page, and as the API takes it.

import { minorUnits } from "./dom.js";
import { shop } from "./shop.js";
import { stockWords } from "./toys.js";

/** Ages to choose from: as in the address, in months from and to; and in words. */
export const AGES = [
  ["0-11", "Under 1 year"],
  ["12-35", "1 and 2 years"],
  ["36-71", "3 to 5 years"],
  ["72-107", "6 to 8 years"],
  ["108-", "9 years and over"],
];

/** What a search can be narrowed and sorted by in the form. */
export const FIELDS = ["category", "age", "minPrice", "maxPrice", "availability", "sort"];

/** What is searched for, as it stands in the address. Prices are in whole units of the currency. */
export function wanted() {
  const isKnown = (name) =>
    ["q", "brand", ...FIELDS].includes(name) || name.startsWith("attribute.");
  const params = new URLSearchParams(location.search);
  return new URLSearchParams([...params].filter(([name, value]) => value && isKnown(name)));
}

/** The address of a search. */
export const addressOf = (params) => (params.size ? `/?${params}` : "/");

/** The same search as the API takes it: ages in months, prices in minor units. */
export async function query(params) {
  const asks = new URLSearchParams(params);
  const [min, max] = (asks.get("age") ?? "").split("-");
  asks.delete("age");
  if (/^\d+$/.test(min)) asks.set("minAge", min);
  if (/^\d+$/.test(max)) asks.set("maxAge", max);
  for (const name of ["minPrice", "maxPrice"]) {
    if (!asks.has(name)) continue;
    const minor = Math.round(Number(asks.get(name)) * minorUnits((await shop()).currency));
    if (minor >= 0) asks.set(name, minor);
    else asks.delete(name);
  }
  return asks;
}

/** One thing that is searched for in the shopper's words. Null: it leaves no toy out. */
export function words(name, value) {
  switch (name) {
    case "q":
      return `“${value}”`;
    case "age":
      return AGES.find(([key]) => key === value)?.[1] ?? `${value} months`;
    case "minPrice":
      return `From ${value}`;
    case "maxPrice":
      return `Up to ${value}`;
    case "availability":
      return stockWords(value);
    case "sort":
      return null;
    default:
      return name.startsWith("attribute.") ? `${name.slice("attribute.".length)}: ${value}` : value;
  }
}
