/** GDIFF (W3C NOTE-gdiff-19970901): new bytes from held ones. The twin of `pratique.credentials.gdiff`, its reading side.

A delta is trusted for nothing: what it makes counts only if the roots signed it. */

import { concat, type Bytes } from "./bytes.ts";

const MAGIC = [0xd1, 0xff, 0xd1, 0xff, 0x04];
/** Bytes of position and length of the commands 249 to 255. */
const COPIES = [[2, 1], [2, 2], [2, 4], [4, 1], [4, 2], [4, 4], [8, 4]] as const;

/** What `delta` makes of `old`, at most `largest` bytes. Throws RangeError. */
export function apply(old: Bytes, delta: Bytes, largest: number): Bytes {
  if (!MAGIC.every((byte, i) => delta[i] === byte)) throw new RangeError("not a GDIFF of version 4");
  const parts: Bytes[] = [];
  let [at, size] = [MAGIC.length, 0];
  const number = (bytes: number): number => {
    let value = 0;
    for (const end = at + bytes; at < end; at++) {
      if (at >= delta.length) throw new RangeError("cut short");
      value = value * 256 + delta[at]!;
    }
    return value;
  };
  for (let code = number(1); code !== 0; code = number(1)) {
    let [from, length] = [delta, code];
    let place = 0;
    if (code >= 249) {
      const [wide, long] = COPIES[code - 249]!;
      [from, place, length] = [old, number(wide), number(long)];
    } else {
      if (code > 246) length = number(code === 247 ? 2 : 4);
      place = at;
      at += length;
    }
    size += length;
    if (place + length > from.length || size > largest) throw new RangeError("reaches beyond the held bytes, the delta or the limit");
    parts.push(from.subarray(place, place + length));
  }
  if (at !== delta.length) throw new RangeError("something stands after the end");
  return concat(...parts);
}
