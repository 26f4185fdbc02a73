/** DEFLATE (RFC 1951), bare or as zlib (RFC 1950), with a cap on what comes out. For small texts that strangers made.

The browser's own `DecompressionStream` has no cap and costs more than a signature for five hundred bytes. */

import type { Bytes } from "../bytes.ts";
import { Refused, tooLarge } from "./refused.ts";

const MAX_BITS = 15;
const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const FAR = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
const FAR_BITS = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const broken = (detail: string): Refused => new Refused("BAD_COMPRESSION", detail);

/** `fast`, where there is one, holds for every nine bits the symbol they begin with and its length: symbol << 4 | length. */
type Code = { count: Uint16Array; symbol: Uint16Array; fast?: Uint16Array };
const FAST_BITS = 9;

/** For the fixed code only, which nearly every certificate is written in: it is made once. */
function quickened(code: Code): Code {
  const fast = new Uint16Array(1 << FAST_BITS);
  let [value, index] = [0, 0];
  for (let length = 1; length <= FAST_BITS; length++, value <<= 1) {
    for (let i = 0; i < code.count[length]!; i++, value++, index++) {
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= ((value >> bit) & 1) << (length - 1 - bit);
      for (let more = reversed; more < fast.length; more += 1 << length) fast[more] = (code.symbol[index]! << 4) | length;
    }
  }
  return { ...code, fast };
}

/** Canonical Huffman code of these lengths. As in zlib a code with room left is refused, but for one symbol of one bit where that may be. */
function codeOf(lengths: Uint8Array, from: number, to: number, mayLack: boolean): Code {
  const count = new Uint16Array(MAX_BITS + 1);
  for (let i = from; i < to; i++) count[lengths[i]!]!++;
  let left = 1;
  const offset = new Uint16Array(MAX_BITS + 2);
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    left = left * 2 - count[bits]!;
    if (left < 0) throw broken("an impossible code");
    offset[bits + 1] = offset[bits]! + count[bits]!;
  }
  const used = offset[MAX_BITS + 1]!;
  if (left > 0 && used > 0 && !(mayLack && used === 1 && count[1] === 1)) throw broken("an incomplete code");
  if (used === 0 && !mayLack) throw broken("an empty code");
  const symbol = new Uint16Array(used);
  for (let i = from; i < to; i++) if (lengths[i]) symbol[offset[lengths[i]!]!++] = i - from;
  return { count, symbol };
}

const fixedLengths = new Uint8Array(288 + 32).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288).fill(5, 288);
let fixed: { literals: Code; distances: Code } | undefined;

class Inflater {
  at: number;
  store = 0;
  held = 0;
  out = new Uint8Array(1024);
  size = 0;

  constructor(readonly raw: Uint8Array, start: number, readonly most: number) {
    this.at = start;
  }

  ended(): never {
    throw this.size >= this.most ? tooLarge("inflates beyond its cap") : broken("cut short");
  }

  bits(n: number): number {
    while (this.held < n) {
      if (this.at >= this.raw.length) this.ended();
      this.store |= this.raw[this.at++]! << this.held;
      this.held += 8;
    }
    const value = this.store & ((1 << n) - 1);
    this.store >>>= n;
    this.held -= n;
    return value;
  }

  /** One symbol, bit by bit: the state is held in local names, since this is where the time goes. */
  symbol({ count, symbol, fast }: Code): number {
    let { store, held, at } = this;
    if (fast) {
      while (held < FAST_BITS && at < this.raw.length) {
        store |= this.raw[at++]! << held;
        held += 8;
      }
      const found = fast[store & ((1 << FAST_BITS) - 1)]!;
      const length = found & 15;
      if (length && length <= held) {
        this.store = store >>> length;
        this.held = held - length;
        this.at = at;
        return found >> 4;
      }
    }
    let value = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      if (held === 0) {
        if (at >= this.raw.length) {
          this.at = at;
          this.ended();
        }
        store = this.raw[at++]!;
        held = 8;
      }
      value |= store & 1;
      store >>>= 1;
      held--;
      const here = count[length]!;
      if (value - here < first) {
        this.store = store;
        this.held = held;
        this.at = at;
        return symbol[index + value - first]!;
      }
      index += here;
      first = (first + here) << 1;
      value <<= 1;
    }
    throw broken("a code that is not there");
  }

  room(n: number): void {
    if (this.size + n > this.most) throw tooLarge("inflates beyond its cap");
    if (this.size + n <= this.out.length) return;
    const wider = new Uint8Array(Math.min(this.most, Math.max(this.out.length * 2, this.size + n)));
    wider.set(this.out.subarray(0, this.size));
    this.out = wider;
  }

  stored(): void {
    this.align();
    if (this.at + 4 > this.raw.length) this.ended();
    const n = this.raw[this.at]! | (this.raw[this.at + 1]! << 8);
    if ((n ^ 0xffff) !== (this.raw[this.at + 2]! | (this.raw[this.at + 3]! << 8))) throw broken("a stored block that lies");
    this.at += 4;
    const there = Math.min(n, this.raw.length - this.at);
    this.room(Math.min(there, this.most - this.size + 1));
    this.out.set(this.raw.subarray(this.at, this.at + there), this.size);
    this.size += there;
    this.at += there;
    if (there < n) this.ended();
  }

  align(): void {
    this.at -= this.held >> 3; // whole bytes that were read too early go back
    this.store = this.held = 0;
  }

  dynamic(): { literals: Code; distances: Code } {
    const [literals, distances, lengths] = [this.bits(5) + 257, this.bits(5) + 1, this.bits(4) + 4];
    if (literals > 286 || distances > 30) throw broken("too many codes");
    const table = new Uint8Array(320);
    for (let i = 0; i < lengths; i++) table[ORDER[i]!] = this.bits(3);
    const code = codeOf(table.slice(0, 19), 0, 19, false);
    table.fill(0);
    for (let i = 0; i < literals + distances; ) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        table[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw broken("a repetition of nothing");
      const value = symbol === 16 ? table[i - 1]! : 0;
      const times = symbol === 16 ? 3 + this.bits(2) : symbol === 17 ? 3 + this.bits(3) : 11 + this.bits(7);
      if (i + times > literals + distances) throw broken("a repetition too long");
      table.fill(value, i, i + times);
      i += times;
    }
    if (table[256] === 0) throw broken("a block without an end");
    return { literals: codeOf(table, 0, literals, true), distances: codeOf(table, literals, literals + distances, true) };
  }

  coded({ literals, distances }: { literals: Code; distances: Code }): void {
    for (;;) {
      const symbol = this.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.room(1);
        this.out[this.size++] = symbol;
        continue;
      }
      if (symbol > 285) throw broken("a length that is not there");
      const length = LENGTHS[symbol - 257]! + this.bits(LENGTH_BITS[symbol - 257]!);
      const place = this.symbol(distances);
      if (place > 29) throw broken("a distance that is not there");
      const back = FAR[place]! + this.bits(FAR_BITS[place]!);
      if (this.size >= this.most) throw tooLarge("inflates beyond its cap");
      if (back > this.size) throw broken("a distance before the beginning");
      this.room(length);
      for (let i = 0; i < length; i++, this.size++) this.out[this.size] = this.out[this.size - back]!;
    }
  }

  run(): Bytes {
    for (let last = 0; !last; ) {
      last = this.bits(1);
      const kind = this.bits(2);
      if (kind === 3) throw broken("a kind of block that is not there");
      if (kind === 0) this.stored();
      else if (kind === 1) this.coded((fixed ??= { literals: quickened(codeOf(fixedLengths, 0, 288, true)), distances: quickened(codeOf(fixedLengths, 288, 320, true)) }));
      else this.coded(this.dynamic());
    }
    this.align();
    return this.out.slice(0, this.size);
  }
}

/** Raw DEFLATE that ends where `raw` ends. Refuses with BAD_COMPRESSION, or TOO_LARGE beyond `most` bytes. */
export function inflateRaw(raw: Uint8Array, most: number): Bytes {
  const inflater = new Inflater(raw, 0, most);
  const out = inflater.run();
  if (inflater.at !== raw.length) throw broken("bytes behind the compressed data");
  return out;
}

/** zlib data that ends where `raw` ends, its checksum right. */
export function inflateZlib(raw: Uint8Array, most: number): Bytes {
  if (raw[0] !== 0x78) throw broken("not zlib");
  if (raw.length < 2) throw broken("cut short");
  if (((raw[0] << 8) | raw[1]!) % 31 !== 0 || raw[1]! & 0x20) throw broken("broken zlib data");
  const inflater = new Inflater(raw, 2, most);
  const out = inflater.run();
  const { at } = inflater;
  if (raw.length < at + 4) inflater.ended();
  const wanted = ((raw[at]! << 24) | (raw[at + 1]! << 16) | (raw[at + 2]! << 8) | raw[at + 3]!) >>> 0;
  if (wanted !== adler32(out)) throw broken("broken zlib data");
  if (raw.length > at + 4) throw broken("bytes behind the compressed data");
  return out;
}

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length; ) {
    const stop = Math.min(i + 3800, bytes.length);
    for (; i < stop; i++) b += a += bytes[i]!;
    [a, b] = [a % 65521, b % 65521];
  }
  return ((b << 16) | a) >>> 0;
}
