/** The contents of an EU Digital COVID Certificate: tidied as readers must, checked as its schemas say. The twin of
`pratique.credentials.dcc`, which says where each rule comes from. */

import { toBase64url } from "../bytes.ts";
import { Float, Frozen, Simple, type Value } from "./cbor.ts";
import type { Json } from "./json.ts";

export type Plain = { [key: string]: Json | bigint };

export const TYPES = ["v", "t", "r"] as const;
const UNKNOWN_VERSION = "1.3.0";
const VERSIONS = ["1.0.0", "1.0.1", "1.1.0", "1.2.0", "1.2.1", "1.3.0", "1.3.3"];

const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const OUTER = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
/** Most texts have nothing to take away: letters, digits and signs of ASCII at both ends. */
const isInner = (code: number): boolean => code > 32 && code < 127;
const strip = (text: string): string =>
  text.length && isInner(text.charCodeAt(0)) && isInner(text.charCodeAt(text.length - 1)) ? text : text.replace(OUTER, "");

/** The same contents without nulls and outer white space, with whole floats as integers and only JSON inside; undefined for what is none. */
export function tidy(value: Value | undefined): Json | undefined {
  if (typeof value === "string") return strip(value);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return value as unknown as Json; // a whole number that no field of a certificate holds
  if (value instanceof Float) return Number.isFinite(value.value) ? value.value : undefined;
  if (value instanceof Uint8Array) return toBase64url(value);
  if (Array.isArray(value)) return value.map(tidy).filter((item) => item !== undefined);
  if (!(value instanceof Map) || value instanceof Frozen) return undefined;
  const out: { [key: string]: Json } = {};
  for (const [key, item] of value) {
    const kept = tidy(item);
    if (kept !== undefined) put(out, typeof key === "string" ? key : keyText(key), kept);
  }
  return out;
}

/** A member of the object's own, whatever it is called. */
function put(out: { [key: string]: Json }, name: string, value: Json): void {
  if (name === "__proto__") Object.defineProperty(out, name, { value, enumerable: true, configurable: true, writable: true });
  else out[name] = value;
}

/** Keys that are no texts, as Python writes them; no certificate has one. */
function keyText(key: Value): string {
  if (key === null) return "None";
  if (key instanceof Simple) return key.n === 23 ? "undefined" : String(key.n);
  if (key instanceof Float) return Number.isNaN(key.value) ? "nan" : String(key.value).replace("Infinity", "inf");
  if (key instanceof Uint8Array) return bytesText(key);
  return typeof key === "object" ? "?" : String(key);
}

function bytesText(bytes: Uint8Array): string {
  const quote = bytes.includes(39) && !bytes.includes(34) ? '"' : "'";
  const shown = Array.from(bytes, (byte) => {
    const letter = String.fromCharCode(byte);
    if (letter === "\\" || letter === quote) return `\\${letter}`;
    const named = { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[letter];
    return named ?? (byte < 32 || byte > 126 ? `\\x${byte.toString(16).padStart(2, "0")}` : letter);
  });
  return `b${quote}${shown.join("")}${quote}`;
}

type Fields = { [name: string]: (value: Json) => boolean };

const isText = (value: Json): value is string => typeof value === "string";
const isWhole = (value: Json): value is number => typeof value === "number" ? Number.isInteger(value) : typeof value === "bigint";
const own = (value: object, name: string): Json | undefined => (Object.hasOwn(value, name) ? (value as { [k: string]: Json })[name] : undefined);
const plain = (value: unknown): value is { [key: string]: Json } => typeof value === "object" && value !== null && !Array.isArray(value);

const VERSION = /^[0-9]+[^\n\r\u2028\u2029][0-9]+[^\n\r\u2028\u2029][0-9]+$/;
const FULL_DATE = /(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}/; // not anchored in 1.0.x
const PART_DATE = /^(19|20)[0-9]{2}(-[0-9]{2}){0,2}$/;
const PART_DATE_OR_NONE = /^((19|20)[0-9]{2}(-[0-9]{2}){0,2})?$/;

type Rows = (readonly [name: string, test: (value: Json) => boolean])[];
type Form = { needed: Rows; optional: Rows };
type Forms = { top: Form; name: Form; v: Form; t: Form; r: Form };
const form = (needed: Fields, optional: Fields = {}): Form => ({ needed: Object.entries(needed), optional: Object.entries(optional) });

const longest = (most: number) => (value: Json): boolean => isText(value) && (value.length <= most || [...value].length <= most);
const matches = (form: RegExp) => (value: Json): boolean => isText(value) && form.test(value);
const all = (names: string, test: (value: Json) => boolean): Fields => Object.fromEntries(names.split(" ").map((name) => [name, test]));

function formsOf(version: string): Forms {
  const [, minor, patch] = version.split(".").map(Number) as [number, number, number];
  const late = minor >= 3;
  const text = longest(late ? 80 : 50);
  const upper = (value: Json): boolean => text(value) && /^[A-Z<]*$/.test(value as string);
  const dose = (value: Json): boolean => isWhole(value) && value >= 1 && (late || value <= 9);
  const both = { ...all("is ci", text), co: matches(/[A-Z]{1,10}/) };
  const older = !late || patch < 3;
  return {
    top: form({ ver: matches(VERSION), dob: matches(minor < 1 ? FULL_DATE : late ? PART_DATE_OR_NONE : PART_DATE) }),
    name: form(older ? { fnt: upper } : {}, { ...all("fn gn", text), gnt: upper, ...(older ? {} : { fnt: upper }) }),
    v: form({ ...all("tg vp mp ma dt", isText), dn: dose, sd: dose, ...both }),
    t: form(
      { ...all("tg tt sc tr", isText), ...both, ...(late ? {} : { tc: text }) },
      { nm: late ? text : isText, ma: isText, ...(late ? { tc: text } : {}), ...(minor < 2 ? { dr: isText } : {}) },
    ),
    r: form({ ...all("tg fr df du", isText), ...both }),
  };
}

const FORMS = new Map(VERSIONS.map((version) => [version, formsOf(version)]));

function fault(value: Json | undefined, { needed, optional }: Form, where: string): string | null {
  if (!plain(value)) return `Expected \`object\` - at \`${where}\``;
  for (const [name, test] of needed) {
    const found = own(value, name);
    if (found === undefined) return `Object missing required field \`${name}\` - at \`${where}\``;
    if (!test(found)) return `Not as the schema says - at \`${where}.${name}\``;
  }
  for (const [name, test] of optional) {
    const found = own(value, name);
    if (found !== undefined && !test(found)) return `Not as the schema says - at \`${where}.${name}\``;
  }
  return null;
}

/** Where the contents leave the JSON Schema of their version (unknown: 1.3.0), in words without contents; null if nowhere. */
export function schemaFault(dcc: Plain): string | null {
  const version = own(dcc, "ver");
  const forms = (typeof version === "string" && FORMS.get(version)) || FORMS.get(UNKNOWN_VERSION)!;
  const found = fault(dcc as Json, forms.top, "$") ?? fault(own(dcc, "nam"), forms.name, "$.nam");
  if (found) return found;
  for (const kind of TYPES) {
    const entries = own(dcc, kind);
    if (entries === undefined) continue;
    if (!Array.isArray(entries) || entries.length !== 1) return `Expected \`array\` of length 1 - at \`$.${kind}\``;
    const inside = fault(entries[0], forms[kind], `$.${kind}[0]`);
    if (inside) return inside;
  }
  if (!isSingle(dcc)) return "not exactly one entry of exactly one type";
  const name = own(dcc, "nam") as { [key: string]: Json };
  return version === "1.3.3" && own(name, "fnt") === undefined && own(name, "gnt") === undefined ? "Object missing both `fnt` and `gnt` - at `$.nam`" : null;
}

/** Which of v, t, r are present (of a tidied certificate). */
export const typesOf = (dcc: Plain): ("v" | "t" | "r")[] => TYPES.filter((kind) => Object.hasOwn(dcc, kind));

export function isSingle(dcc: Plain): boolean {
  const [entries, ...more] = typesOf(dcc).map((kind) => dcc[kind]);
  return more.length === 0 && Array.isArray(entries) && entries.length === 1 && plain(entries[0]);
}

const [COUNTRY, DISEASE] = ["country-2-codes", "disease-agent-targeted"];
const LISTS = {
  v: { tg: DISEASE, vp: "sct-vaccines-covid-19", mp: "vaccines-covid-19-names", ma: "vaccines-covid-19-auth-holders", co: COUNTRY },
  t: { tg: DISEASE, tt: "covid-19-lab-test-type", tr: "covid-19-lab-result", ma: "covid-19-lab-test-manufacturer-and-name", co: COUNTRY },
  r: { tg: DISEASE, co: COUNTRY },
};

/** The entries that are objects, with their kind. */
export function* entriesOf(dcc: Plain): Generator<["v" | "t" | "r", { [key: string]: Json }]> {
  for (const kind of typesOf(dcc)) {
    const entries = dcc[kind];
    for (const entry of Array.isArray(entries) ? entries : []) if (plain(entry)) yield [kind, entry];
  }
}

/** True if a code is not in its value set; a set that is not given is not asked. */
export function hasUnknownCode(dcc: Plain, sets: Map<string, Set<string>>): boolean {
  for (const [kind, entry] of entriesOf(dcc)) {
    for (const [field, id] of Object.entries(LISTS[kind])) {
      const code = own(entry, field);
      if (typeof code === "string" && sets.has(id) && !sets.get(id)!.has(code)) return true;
    }
  }
  return false;
}
