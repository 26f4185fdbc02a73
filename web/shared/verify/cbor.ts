/** CBOR from strangers: one value, every key once, nothing behind it, bounded depth (RFC 8949).

The twin of `pratique.credentials.cbor`: what that file reads this one reads, what it refuses this one refuses. Floats stay
apart from whole numbers, because an algorithm is never 1.0; a map inside a tag is `Frozen`, which no claims may be. */

import type { Bytes } from "../bytes.ts";
import { badCbor, tooLarge } from "./refused.ts";

const MAX_DEPTH = 16;

export class Float {
  constructor(readonly value: number) {}
}
export class Tag {
  constructor(readonly tag: number | bigint, readonly value: Value) {}
}
/** `undefined` (23) and the other simple values: no credential needs them. */
export class Simple {
  constructor(readonly n: number) {}
}
export class Frozen extends Map<Value, Value> {}

export type Value = null | boolean | number | bigint | string | Bytes | Float | Tag | Simple | Value[] | Map<Value, Value>;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const COSTLY = new Set<number | bigint>([2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 256, 258, 260, 261, 43000]);
const READ_AS_OTHERS = new Set<number | bigint>([0, 1, 100, 1004, 55799]);
const BREAK = new Simple(-1);
const SELF_DESCRIBED = 55799;
const malformed = (): never => { throw badCbor("not well-formed, or a key stands twice in a map"); };

/** The one value in `raw`. Refuses with BAD_CBOR, or TOO_LARGE beyond 16 levels. Dates become ISO 8601 text. */
export function read(raw: Uint8Array): Value {
  const reader = new Reader(raw);
  const value = reader.value(0, false);
  reader.end();
  return value;
}

/** The first value in `raw`; what follows is ignored. Only for the outermost layer of foreign formats. */
export const readFirst = (raw: Uint8Array): Value => new Reader(raw).value(0, false);

/** The one value in `raw` if, and only if, it is written in the deterministic form (RFC 8949, 4.2.1). Map keys must stand in order with
`sorted`; without, their order is left to whoever knows the map. */
export function readExact(raw: Uint8Array, sorted = true): Value {
  const reader = new Reader(raw, sorted);
  const value = reader.value(0, false);
  reader.end();
  if (!reader.exact) throw badCbor("not the deterministic form");
  return value;
}

class Reader {
  at = 0;
  /** False once something was not in its shortest, definite form. */
  exact = true;

  constructor(readonly raw: Uint8Array, readonly sorted = false) {}

  /** Nothing stands behind the value. What does is looked at once: nested too deeply is said before that it is there at all. */
  end(): void {
    if (this.at === this.raw.length) return;
    this.value(0, false);
    throw badCbor("bytes after the end");
  }

  take(n: number): Uint8Array {
    if (n > this.raw.length - this.at) malformed();
    this.at += n;
    return this.raw.subarray(this.at - n, this.at);
  }

  /** The number in a head; -1 for an indefinite length. */
  head(info: number, indefinite: boolean): number | bigint {
    if (info < 24) return info;
    if (info === 24 && this.at < this.raw.length) {
      const n = this.raw[this.at++]!;
      if (n < 24) this.exact = false;
      return n;
    }
    if (info === 31 && indefinite) {
      this.exact = false;
      return -1;
    }
    if (info > 27) malformed();
    const size = 1 << (info - 24);
    let n = 0;
    for (const byte of this.take(size)) n = n * 256 + byte;
    if (n < (size === 1 ? 24 : 2 ** (4 * size))) this.exact = false;
    if (n <= Number.MAX_SAFE_INTEGER) return n;
    return new DataView(this.raw.buffer, this.raw.byteOffset + this.at - 8, 8).getBigUint64(0);
  }

  length(info: number): number {
    const n = this.head(info, true);
    return typeof n === "bigint" ? malformed() : n;
  }

  value(depth: number, frozen: boolean, inside = false): Value {
    if (depth > MAX_DEPTH) throw tooLarge("nested too deeply");
    if (this.at >= this.raw.length) malformed();
    const first = this.raw[this.at++]!;
    const info = first & 31;
    switch (first >> 5) {
      case 0: return this.head(info, false);
      case 1: {
        const n = this.head(info, false);
        if (typeof n === "bigint") return -1n - n;
        return n < Number.MAX_SAFE_INTEGER ? -1 - n : -1n - BigInt(n);
      }
      case 2: return this.string(info, 2);
      case 3: return this.text(info);
      case 4: return this.list(this.length(info), depth, frozen);
      case 5: return this.map(this.length(info), depth, frozen);
      case 6: return this.tagged(this.head(info, false), depth);
      default: return this.simple(info, inside);
    }
  }

  string(info: number, major: number): Bytes {
    const n = this.length(info);
    if (n >= 0) return this.take(n).slice() as Bytes;
    const parts: Uint8Array[] = [];
    for (let head = this.take(1)[0]!; head !== 0xff; head = this.take(1)[0]!) {
      if (head >> 5 !== major || (head & 31) === 31) malformed();
      const part = this.take(this.length(head & 31));
      if (major === 3) decoded(part);
      parts.push(part);
    }
    const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let to = 0;
    for (const part of parts) {
      out.set(part, to);
      to += part.length;
    }
    return out;
  }

  text(info: number): string {
    if (info === 31) return decoded(this.string(info, 3));
    const n = this.length(info);
    return decoded(this.take(n));
  }

  list(n: number, depth: number, frozen: boolean): Value[] {
    const out: Value[] = [];
    for (let i = 0; n < 0 || i < n; i++) {
      const value = this.value(depth + 1, frozen, n < 0);
      if (value === BREAK) break;
      out.push(value);
    }
    return out;
  }

  map(n: number, depth: number, frozen: boolean): Map<Value, Value> {
    const out: Map<Value, Value> = frozen ? new Frozen() : new Map();
    let seen: Set<string | number> | undefined;
    let last: Uint8Array | undefined;
    for (let i = 0; n < 0 || i < n; i++) {
      const start = this.at;
      const key = this.value(depth + 1, true, n < 0);
      if (key === BREAK) break;
      const raw = this.raw.subarray(start, this.at);
      if (this.sorted && last && compare(last, raw) >= 0) this.exact = false;
      last = raw;
      const place = plainKey(key);
      const value = this.value(depth + 1, frozen);
      if (typeof place === "object" && place !== null) {
        const name = nameOf(place); // a map tells two equal lists or byte strings apart
        if ((seen ??= new Set()).has(name)) malformed();
        seen.add(name);
      } else if (out.has(place)) malformed();
      out.set(place, value);
    }
    return out;
  }

  tagged(tag: number | bigint, depth: number): Value {
    const value = this.value(depth + 1, true);
    if (READ_AS_OTHERS.has(tag)) this.exact = false;
    if (tag === SELF_DESCRIBED) return value;
    if (COSTLY.has(tag)) malformed();
    if (tag === 0 || tag === 1004) return typeof value === "string" ? value : malformed();
    if (tag === 1) return epochText(value);
    if (tag === 100) return dayText(value);
    return new Tag(tag, value);
  }

  simple(info: number, inside: boolean): Value {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    if (info >= 25 && info <= 27) return this.float(info);
    if (info === 31 && inside) return BREAK;
    if (info === 24) {
      const n = this.take(1)[0]!;
      return n < 32 ? malformed() : new Simple(n);
    }
    return info < 24 ? new Simple(info) : malformed();
  }

  float(info: number): Float {
    const bytes = this.take(1 << (info - 24));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const value = info === 27 ? view.getFloat64(0) : info === 26 ? view.getFloat32(0) : half(view.getUint16(0));
    // Ours carry no floats; where one may stand at all it is written in 8 bytes, and what is not finite in 2.
    if (this.sorted || info !== (Number.isFinite(value) ? 27 : 25)) this.exact = false;
    return new Float(value);
  }
}

const SHORT = 48;

function decoded(bytes: Uint8Array): string {
  if (bytes.length <= SHORT) {
    // Most texts are short and plain: a decoder costs more than they do.
    let text = "";
    let i = 0;
    for (; i < bytes.length && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!);
    if (i === bytes.length) return text;
  }
  try {
    return UTF8.decode(bytes);
  } catch {
    return malformed();
  }
}

function half(n: number): number {
  const [exponent, fraction] = [(n >> 10) & 31, n & 1023];
  const size = exponent === 31 ? (fraction ? NaN : Infinity) : exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
  return n & 0x8000 ? -size : size;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Equal names for keys that are equal in Python, inside lists too: 1, 1.0 and true are one key. */
function nameOf(key: Value): string | number {
  if (typeof key === "number") return key;
  if (typeof key === "string") return `s${key}`;
  if (typeof key === "boolean") return Number(key);
  if (key instanceof Float) return Number.isNaN(key.value) ? `n${Math.random()}` : key.value;
  if (key instanceof Uint8Array) return `b${key.join()}`;
  if (Array.isArray(key)) return `l${JSON.stringify(key.map(nameOf))}`;
  if (key instanceof Map) return `m${JSON.stringify([...key].map(([k, v]) => [nameOf(k), nameOf(v)]).sort())}`;
  if (key instanceof Tag) return `t${key.tag}:${nameOf(key.value)}`;
  if (key instanceof Simple) return `u${key.n}`;
  return key === null ? "null" : Number(key);
}

/** A key as it is looked up: a whole float is found under its whole number. */
function plainKey(key: Value): Value {
  if (key instanceof Float && Number.isInteger(key.value)) return key.value;
  return typeof key === "boolean" ? Number(key) : key;
}

const DAY = 86_400;
const [FIRST_DAY, LAST_DAY] = [-719_162, 2_932_896]; // 0001-01-01, 9999-12-31

function epochText(value: Value): string {
  const seconds = value instanceof Float ? value.value : typeof value === "number" ? value : NaN;
  if (!(seconds >= FIRST_DAY * DAY && seconds < (LAST_DAY + 1) * DAY)) return malformed();
  const micros = roundHalfEven((seconds - Math.floor(seconds)) * 1e6);
  const whole = Math.floor(seconds) + (micros === 1e6 ? 1 : 0);
  const fraction = micros % 1e6 ? `.${String(micros).padStart(6, "0")}` : "";
  return `${iso(whole * 1000).slice(0, 19)}${fraction}Z`;
}

function roundHalfEven(n: number): number {
  const down = Math.floor(n);
  return n - down === 0.5 ? down + (down % 2) : Math.round(n);
}

function dayText(value: Value): string {
  if (typeof value !== "number" || value < FIRST_DAY || value > LAST_DAY) return malformed();
  return iso(value * DAY * 1000).slice(0, 10);
}

const iso = (ms: number): string => new Date(ms).toISOString();
