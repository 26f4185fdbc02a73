/** base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode. */

import type { Bytes } from "./bytes.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export function toBase45(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 2) {
    const pair = i + 1 < bytes.length;
    let n = pair ? bytes[i]! * 256 + bytes[i + 1]! : bytes[i]!;
    for (let k = pair ? 3 : 2; k > 0; k--) {
      text += ALPHABET[n % 45];
      n = Math.floor(n / 45);
    }
  }
  return text;
}

/** Throws RangeError for a foreign character, a group above its range, or a lone last character. */
export function fromBase45(text: string): Bytes {
  if (text.length % 3 === 1) throw new RangeError("base45 does not end in a lone character");
  const out: number[] = [];
  for (let i = 0; i < text.length; i += 3) {
    const group = [...text.slice(i, i + 3)].map((c) => ALPHABET.indexOf(c));
    if (group.includes(-1)) throw new RangeError("not a base45 character");
    const n = group[0]! + group[1]! * 45 + (group[2] ?? 0) * 2025;
    if (n > (group.length === 3 ? 0xffff : 0xff)) throw new RangeError("a base45 group is out of range");
    if (group.length === 3) out.push(n >> 8);
    out.push(n & 255);
  }
  return Uint8Array.from(out);
}
