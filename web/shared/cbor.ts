/** Deterministic CBOR (RFC 8949, 4.2.1): the subset that passes use, written and read strictly.

Numbers are integers below 2^53; there are no floats, no tags, no indefinite lengths. The reader refuses duplicate or
unsorted keys, lengths that are not the shortest, nesting deeper than 16, and bytes left over. */

import { concat, type Bytes } from "./bytes.ts";

export type Cbor = number | string | boolean | null | Uint8Array | Cbor[] | Map<Cbor, Cbor>;

const MAX_DEPTH = 16;
const MAX_ITEMS = 4096;

function head(major: number, n: number): Bytes {
  const m = major << 5;
  if (n < 24) return Uint8Array.of(m | n);
  if (n < 0x100) return Uint8Array.of(m | 24, n);
  if (n < 0x10000) return Uint8Array.of(m | 25, n >> 8, n & 255);
  const wide = n >= 0x100000000;
  const view = new DataView(new ArrayBuffer(wide ? 9 : 5));
  view.setUint8(0, m | (wide ? 27 : 26));
  if (wide) view.setBigUint64(1, BigInt(n));
  else view.setUint32(1, n);
  return new Uint8Array(view.buffer);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

export function encode(value: Cbor): Bytes {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new RangeError("whole numbers only");
    return value < 0 ? head(1, -1 - value) : head(0, value);
  }
  if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    return concat(head(3, text.length), text);
  }
  if (value instanceof Uint8Array) return concat(head(2, value.length), value);
  if (Array.isArray(value)) return concat(head(4, value.length), ...value.map(encode));
  const rows = [...value].map(([k, v]) => [encode(k), encode(v)] as const).sort((a, b) => compare(a[0], b[0]));
  return concat(head(5, rows.length), ...rows.flat());
}

export function decode(bytes: Uint8Array): Cbor {
  let at = 0;
  let items = 0;

  function take(n: number): Uint8Array {
    if (at + n > bytes.length) throw new RangeError("the bytes end too early");
    at += n;
    return bytes.subarray(at - n, at);
  }

  function length(info: number): number {
    if (info < 24) return info;
    if (info > 27) throw new RangeError("indefinite lengths are not read");
    const size = 1 << (info - 24);
    let n = 0;
    for (const byte of take(size)) n = n * 256 + byte;
    if (!Number.isSafeInteger(n)) throw new RangeError("a number is too large");
    const least = size === 1 ? 24 : 2 ** (4 * size);
    if (n < least) throw new RangeError("a length is not in its shortest form");
    return n;
  }

  function many(n: number, depth: number): number {
    items += n;
    if (items > MAX_ITEMS) throw new RangeError("too many items");
    if (depth >= MAX_DEPTH) throw new RangeError("nested too deeply");
    return n;
  }

  function read(depth: number): Cbor {
    const first = take(1)[0]!;
    const [major, info] = [first >> 5, first & 31];
    if (major === 7) {
      if (info === 20 || info === 21) return info === 21;
      if (info === 22) return null;
      throw new RangeError("floats and simple values are not read");
    }
    const n = length(info);
    switch (major) {
      case 0: return n;
      case 1: return -1 - n;
      case 2: return take(n).slice();
      case 3: return new TextDecoder("utf-8", { fatal: true }).decode(take(n));
      case 4: return Array.from({ length: many(n, depth) }, () => read(depth + 1));
      case 5: return map(many(n, depth), depth);
      default: throw new RangeError("tags are not read");
    }
  }

  function map(n: number, depth: number): Map<Cbor, Cbor> {
    const out = new Map<Cbor, Cbor>();
    let last: Uint8Array | undefined;
    for (let i = 0; i < n; i++) {
      const start = at;
      const key = read(depth + 1);
      const raw = bytes.subarray(start, at);
      if (last && compare(last, raw) >= 0) throw new RangeError("map keys are doubled or not in order");
      last = raw;
      out.set(key, read(depth + 1));
    }
    return out;
  }

  const value = read(0);
  if (at !== bytes.length) throw new RangeError("bytes are left over");
  return value;
}
