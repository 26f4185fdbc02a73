/** ICVP, WHO's International Certificate of Vaccination or Prophylaxis, inside an HCERT. A proposal: read only where a snapshot says so. */

import { isObject, member, type Json } from "./json.ts";

const DATE = /^[0-9]{4}(-[0-9]{2}){0,2}$/;
const isDate = (value: Json | undefined): boolean => typeof value === "string" && DATE.test(value);
const isShort = (value: Json | undefined): boolean => typeof value === "string" && value.length > 0 && [...value].length <= 200;
const maybe = (test: (value: Json | undefined) => boolean) => (value: Json | undefined): boolean => value === undefined || test(value);

const DOSE = { vp: isShort, dt: isDate, bo: maybe(isShort), vls: maybe(isDate), vle: maybe(isDate), cn: maybe(isShort), is: maybe(isShort) };
const isDose = (value: Json): boolean => isObject(value) && follows(value, DOSE);
const TOP = {
  n: isShort, dob: isDate, v: (value: Json | undefined): boolean => Array.isArray(value) && value.length >= 1 && value.length <= 16 && value.every(isDose),
  s: maybe(isShort), ntl: maybe(isShort), nid: maybe(isShort), ndt: maybe(isShort), gn: maybe(isShort),
};

const follows = (value: Json, fields: { [name: string]: (value: Json | undefined) => boolean }): boolean =>
  Object.entries(fields).every(([name, test]) => test(member(value, name)));

export const PROPOSALS = [-6, 3, 4, 5];
type Found = { fault: string | null; checked: boolean };
const isLink = (item: Json): boolean => {
  const link = isObject(item) ? member(item, "u") : item;
  return typeof link === "string" && (link.startsWith("vhlink:/") || link.startsWith("shlink:/"));
};

/** The (tidied) contents of one of WHO's proposals: -6 ICVP, 3 and 4 DDCC (no settled model: shown, not judged), 5 a health link. */
export function examine(number: number, content: Json | undefined): Found {
  const items = Array.isArray(content) ? content : content === undefined || content === null ? [] : [content];
  if (!items.length || items.length > 16) return { fault: "no content that is read here", checked: true };
  if (number === -6) return { fault: items.map(icvpFault).find((fault) => fault) ?? null, checked: true };
  if (number === 5) return { fault: items.every(isLink) ? null : "not the address of a health link", checked: true };
  const whole = items.every((item) => isObject(item) && Object.keys(item).length > 0);
  return whole ? { fault: null, checked: false } : { fault: "no content that is read here", checked: true };
}

/** Where the (tidied) contents leave the model, in words without contents; null if they follow it. */
export function icvpFault(content: Json | undefined): string | null {
  if (content === undefined || content === null) return "no content that is read here";
  return isObject(content) && follows(content, TOP) ? null : "not as the model says - at `$`";
}
