/** COSE_Sign1 (RFC 9052): take it apart, check its signature. What was signed is never encoded again. */

import { concat, utf8, type Bytes } from "../bytes.ts";
import { Frozen, read, readFirst, Tag, type Value } from "./cbor.ts";
import { EDDSA, ES256, PS256 } from "./keys.ts";
import { attempt, badCose, Refused } from "./refused.ts";

export type Sign1 = { protected: Bytes; unprotected: Map<Value, Value>; payload: Bytes; signature: Bytes };
/** The protected header wins over the unprotected one. */
export type Header = { alg: number | bigint; kid: Bytes };

const [ALG, CRIT, KID] = [1, 2, 4];
const [SIGN1, CWT] = [18, 61];

/** Untagged, tag 18, tags 61(18(…)), or a byte string inside the tag. Bytes after the outermost value are ignored. */
export function unwrap(raw: Bytes): Sign1 {
  let value = readFirst(raw);
  for (let i = 0; i < 4; i++) {
    if (value instanceof Tag && (value.tag === SIGN1 || value.tag === CWT)) value = value.value;
    else if (value instanceof Uint8Array) value = readFirst(value);
    else break;
  }
  if (!Array.isArray(value) || value.length !== 4) throw badCose("not an array of four");
  const [head, unprotected, payload, signature] = value;
  if (!(head instanceof Uint8Array && payload instanceof Uint8Array && signature instanceof Uint8Array && unprotected instanceof Map)) {
    throw badCose("the parts are not bytes, map, bytes, bytes");
  }
  return { protected: head, unprotected, payload, signature };
}

const badHeader = (why: string): Refused => new Refused("BAD_HEADER", why);

export function header(sign1: Sign1): Header {
  let head: Map<Value, Value> = new Frozen();
  if (sign1.protected.length) {
    const found = attempt(() => read(sign1.protected));
    if (found instanceof Refused) throw found.code === "BAD_CBOR" ? badHeader("the protected header is not CBOR") : found;
    if (!(found instanceof Map)) throw badHeader("the protected header is not a map");
    head = found;
  }
  if (head.has(CRIT)) throw badHeader("a critical header that is not understood");
  const alg = head.has(ALG) ? head.get(ALG) : sign1.unprotected.get(ALG);
  const kid = head.has(KID) ? head.get(KID) : sign1.unprotected.get(KID);
  if (typeof alg !== "number" && typeof alg !== "bigint") throw badHeader("no algorithm");
  if (!(kid instanceof Uint8Array)) throw badHeader("no key id");
  return { alg, kid };
}

const CONTEXT = concat(Uint8Array.of(0x84, 0x6a), utf8("Signature1"));
const NO_MORE = Uint8Array.of(0x40);

/** Sig_structure of RFC 9052 section 4.4 from the bytes as received; an empty map counts as no header. */
export function toBeSigned(head: Uint8Array, payload: Uint8Array): Bytes {
  const given = head.length === 1 && head[0] === 0xa0 ? new Uint8Array() : head;
  return concat(CONTEXT, bytesHead(given.length), given, NO_MORE, bytesHead(payload.length), payload);
}

function bytesHead(n: number): Uint8Array {
  if (n < 24) return Uint8Array.of(0x40 | n);
  if (n < 0x100) return Uint8Array.of(0x58, n);
  if (n < 0x10000) return Uint8Array.of(0x59, n >> 8, n & 255);
  return Uint8Array.of(0x5a, n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255);
}

const ECDSA = { name: "ECDSA", hash: "SHA-256" };
const PSS = { name: "RSA-PSS", saltLength: 32 };

/** True if `signature` (r‖s, PSS or Ed25519, by `alg`, which must be the key's own) is good. */
export async function isSigned(alg: number, key: CryptoKey, signature: Bytes, message: Bytes): Promise<boolean> {
  if (alg === ES256) return signature.length === 64 && crypto.subtle.verify(ECDSA, key, signature, message);
  if (alg === PS256) return crypto.subtle.verify(PSS, key, signature, message);
  return alg === EDDSA && crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}
