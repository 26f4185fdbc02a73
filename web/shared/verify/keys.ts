/** Public keys as snapshots carry them: DER SubjectPublicKeyInfo, and the compressed points of holders.

A key has one algorithm: ES256 with P-256, PS256 with RSA of 2048 bits or more; 0 for keys that verify nothing here. */

import { concat, type Bytes } from "../bytes.ts";
import { badCose, badTrust } from "./refused.ts";

export const [ES256, EDDSA, PS256] = [-7, -8, -37];

export type PublicKey = { alg: number; key: CryptoKey | undefined };

const EC = { name: "ECDSA", namedCurve: "P-256" };
const PSS = { name: "RSA-PSS", hash: "SHA-256" };
const ED = { name: "Ed25519" };

const [SEQUENCE, INTEGER, BITS, OID] = [0x30, 0x02, 0x03, 0x06];
const OF_EC = "42,134,72,206,61,2,1";
const P256 = "42,134,72,206,61,3,1,7";
const OF_RSA = "42,134,72,134,247,13,1,1,1";
const OF_ED = "43,101,112";

type Part = { tag: number; content: Uint8Array };

function parts(raw: Uint8Array): Part[] {
  const found: Part[] = [];
  for (let at = 0; at < raw.length; ) {
    const tag = raw[at]!;
    let [size, start] = [raw[at + 1] ?? NaN, at + 2];
    if (size & 0x80) {
      const count = size & 0x7f;
      if (count < 1 || count > 4) throw unreadable();
      size = 0;
      for (const byte of raw.subarray(start, start + count)) size = size * 256 + byte;
      start += count;
    }
    if (!(start + size <= raw.length)) throw unreadable();
    found.push({ tag, content: raw.subarray(start, start + size) });
    at = start + size;
  }
  return found;
}

const unreadable = (): Error => badTrust("a key in the list cannot be read");

function opened(part: Part | undefined, tag: number): Uint8Array {
  if (part?.tag !== tag) throw unreadable();
  return part.content;
}

/** The key in DER SubjectPublicKeyInfo. Refuses with BAD_TRUST. */
export async function importKey(der: Uint8Array): Promise<PublicKey> {
  const [whole, ...behind] = parts(der);
  const [kind, bits] = parts(opened(whole, SEQUENCE));
  const [name, parameter] = parts(opened(kind, SEQUENCE));
  const point = opened(bits, BITS).subarray(1);
  if (behind.length) throw unreadable();
  try {
    switch (opened(name, OID).join()) {
      case OF_EC: return parameter?.tag === OID && parameter.content.join() === P256 ? { alg: ES256, key: await importPoint(point) } : { alg: 0, key: undefined };
      case OF_RSA: return { alg: modulusBits(point) >= 2048 ? PS256 : 0, key: await crypto.subtle.importKey("spki", der.slice() as Bytes, PSS, false, ["verify"]) };
      case OF_ED: return { alg: EDDSA, key: await importRoot(point) };
      default: throw unreadable();
    }
  } catch {
    throw unreadable();
  }
}

function modulusBits(raw: Uint8Array): number {
  const modulus = opened(parts(opened(parts(raw)[0], SEQUENCE))[0], INTEGER);
  const from = modulus.findIndex((byte) => byte !== 0);
  return from < 0 ? 0 : (modulus.length - from) * 8 - (Math.clz32(modulus[from]!) - 24);
}

export const importRoot = (raw: Uint8Array): Promise<CryptoKey> => crypto.subtle.importKey("raw", raw.slice() as Bytes, ED, false, ["verify"]);

async function importPoint(point: Uint8Array): Promise<CryptoKey> {
  const whole = point.length === 33 && (point[0] === 2 || point[0] === 3) ? decompress(point.subarray(1), point[0] === 3) : point;
  return crypto.subtle.importKey("raw", whole.slice() as Bytes, EC, false, ["verify"]);
}

/** The key of a pass's holder, from x and the sign of y. Refuses with BAD_COSE where x is not on the curve. */
export function importHolder(x: Uint8Array, odd: boolean): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", decompress(x, odd), EC, false, ["verify"]);
}

export const importJwk = (x: string, y: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-256", x, y }, EC, false, ["verify"]);

const P = (1n << 256n) - (1n << 224n) + (1n << 192n) + (1n << 96n) - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function decompress(bytes: Uint8Array, odd: boolean): Bytes {
  const x = numberOf(bytes);
  if (x >= P) throw badCose("the holder's key is not on the curve");
  const square = (x * x * x - 3n * x + B) % P;
  let y = power(square < 0n ? square + P : square, (P + 1n) / 4n);
  if ((y * y - square) % P !== 0n) throw badCose("the holder's key is not on the curve");
  if ((y & 1n) === 1n !== odd) y = P - y;
  return concat(Uint8Array.of(4), bytes, bytesOf(y));
}

function power(base: bigint, exponent: bigint): bigint {
  let out = 1n;
  for (const bit of exponent.toString(2)) {
    out = (out * out) % P;
    if (bit === "1") out = (out * base) % P;
  }
  return out;
}

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("") || "0"}`);
const bytesOf = (n: bigint): Uint8Array => Uint8Array.from(n.toString(16).padStart(64, "0").match(/../g)!, (two) => parseInt(two, 16));
