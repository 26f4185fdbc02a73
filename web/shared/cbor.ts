/** Deterministic CBOR (RFC 8949, 4.2.1), the subset that passes use, as it is written; `verify/cbor.ts` reads it.

Numbers are integers below 2^53; there are no floats, no tags, no indefinite lengths. */

import { concat, type Bytes } from "./bytes.ts";

export type Cbor = number | string | boolean | null | Uint8Array | Cbor[] | Map<Cbor, Cbor>;

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
