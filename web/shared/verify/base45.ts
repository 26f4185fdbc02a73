/** base45 (RFC 9285) as verification reads it: every text has one meaning, nothing is trimmed. */

import type { Bytes } from "../bytes.ts";
import { badText } from "./refused.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const FOREIGN = 64;
const VALUE = new Uint8Array(128).fill(FOREIGN);
for (let i = 0; i < 45; i++) VALUE[ALPHABET.charCodeAt(i)] = i;

const MOST = 3 * 4096;

const value = (text: string, at: number): number => VALUE[text.charCodeAt(at)] ?? FOREIGN;

/** The bytes that `text` stands for from `start` on. Refuses with BAD_TEXT. */
export function readBase45(text: string, start: number): Bytes {
  const length = text.length - start;
  for (let at = start; at < text.length; at++) if (value(text, at) === FOREIGN) throw badText("a character outside base45");
  if (length % 3 === 1) throw badText("one character too many or too few");
  if (length > MOST + 2) throw badText("longer than any code");
  const out = new Uint8Array(Math.floor(length / 3) * 2 + (length % 3 ? 1 : 0));
  let to = 0;
  let at = start;
  for (; at + 2 < text.length; at += 3) {
    const n = value(text, at) + 45 * value(text, at + 1) + 2025 * value(text, at + 2);
    if (n > 0xffff) throw badText("three characters stand for more than two bytes");
    out[to++] = n >> 8;
    out[to++] = n & 255;
  }
  if (at < text.length) {
    const n = value(text, at) + 45 * value(text, at + 1);
    if (n > 0xff) throw badText("the last two characters stand for more than a byte");
    out[to] = n;
  }
  return out;
}
