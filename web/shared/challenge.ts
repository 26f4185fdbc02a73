/** A gate's challenge: its signed identity and a nonce. The twin of credentials/challenge.py, held to the same vectors.

Times are not judged here: the phone's clock is what is in doubt. */

import { fromBase64url, type Bytes } from "./bytes.ts";
import { toBase45 } from "./base45.ts";
import { encode, type Cbor } from "./cbor.ts";
import { readBase45 } from "./verify/base45.ts";
import { readExact, type Value } from "./verify/cbor.ts";
import { Refused } from "./verify/refused.ts";
import type { Text } from "./words.ts";

export const PREFIX = "PQG1:";
export const OPEN_FOR = 60; // seconds
const MAX_TEXT = 1500;

export type IssuerKey = { kid: string; x: string; y: string };
export type Challenge = { gate: Bytes; place: Text; nonce: Bytes; mandate: Bytes; at: number; until: number };
export type Why = "not-a-gate" | "unknown" | "old-browser";

/** Why a challenge was not taken. */
export class NotTaken extends Error {
  constructor(readonly why: Why) {
    super(why);
  }
}

/** The text of the code a gate shows. `sign` is Ed25519 by the device's key; `nonce` 8 fresh bytes; `mandate` 16; `at` in seconds since 1970. */
export async function makeChallenge(
  sign: (message: Bytes) => Promise<Bytes>, certificate: Uint8Array, nonce: Uint8Array, mandate: Uint8Array, at: number,
): Promise<string> {
  if (nonce.length !== 8 || mandate.length !== 16) throw new RangeError("a nonce has 8 bytes, a mandate's id 16");
  const from = Math.floor(at);
  const head = encode(new Map<Cbor, Cbor>([[1, -8]]));
  const payload = encode(new Map<Cbor, Cbor>([[4, from + OPEN_FOR], [6, from], [-70013, nonce], [-70014, mandate]]));
  const signature = await sign(encode(["Signature1", head, new Uint8Array(), payload]));
  return PREFIX + toBase45(encode([certificate, encode([head, new Map(), payload, signature])]));
}

export type Sign1 = { head: Value; claims: Map<Value, Value>; signed: Bytes; signature: Bytes };

/** Checks a challenge against the keys that sign passes. Throws NotTaken. */
export async function readChallenge(text: string, keys: readonly IssuerKey[]): Promise<Challenge> {
  let certificate: Sign1;
  let question: Sign1;
  try {
    if (!text.startsWith(PREFIX) || text.length > MAX_TEXT) throw new RangeError("no question");
    const parts = readExact(readBase45(text, PREFIX.length));
    if (!Array.isArray(parts) || parts.length !== 2) throw new RangeError("not a certificate and a question");
    [certificate, question] = [sign1(parts[0]), sign1(parts[1])];
  } catch (fault) {
    if (fault instanceof RangeError || fault instanceof Refused) throw new NotTaken("not-a-gate");
    throw fault;
  }
  await byIssuer(certificate, keys);
  const { gate, place, key } = identity(certificate.claims);
  if (!(question.head instanceof Map) || !ordered(question.head, [1]) || question.head.get(1) !== -8 || !ordered(question.claims, [4, 6, -70013, -70014])) throw new NotTaken("not-a-gate");
  await byGate(question, key);
  const [nonce, mandate] = [bytes(question.claims.get(-70013), 8), bytes(question.claims.get(-70014), 16)];
  return { gate, place, nonce, mandate, at: whole(question.claims.get(6)), until: whole(question.claims.get(4)) };
}

export function sign1(raw: Value | undefined): Sign1 {
  const parts = readExact(bytes(raw));
  if (!Array.isArray(parts) || parts.length !== 4 || !(parts[1] instanceof Map) || parts[1].size) throw new RangeError("not an array of four");
  const [protectedHead, payload, signature] = [bytes(parts[0]), bytes(parts[2]), bytes(parts[3], 64)];
  const claims = readExact(payload);
  if (!(claims instanceof Map)) throw new RangeError("the claims are no map");
  return { head: readExact(protectedHead), claims, signed: encode(["Signature1", protectedHead, new Uint8Array(), payload]), signature };
}

export async function byIssuer(certificate: Sign1, keys: readonly IssuerKey[]): Promise<void> {
  const head = certificate.head;
  if (!(head instanceof Map) || !ordered(head, [1, 4]) || head.get(1) !== -7) throw new NotTaken("not-a-gate");
  const kid = bytes(head.get(4), 8);
  for (const { kid: name, x, y } of keys) {
    if (!same(fromBase64url(name), kid)) continue;
    const key = await crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-256", x, y }, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    if (await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, certificate.signature as BufferSource, certificate.signed as BufferSource)) return;
  }
  throw new NotTaken("unknown");
}

export async function byGate(question: Sign1, raw: Bytes): Promise<void> {
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new NotTaken("old-browser");
  }
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, question.signature as BufferSource, question.signed as BufferSource))) throw new NotTaken("unknown");
}

export function identity(claims: Map<Value, Value>): { gate: Bytes; place: Text; key: Bytes } {
  try {
    if (!ordered(claims, [4, 6, 8, -70011, -70012])) throw new RangeError("claims");
    const cnf = claims.get(8);
    const key = cnf instanceof Map ? cnf.get(1) : undefined;
    const names = claims.get(-70012);
    if (!(key instanceof Map) || !ordered(key, [1, -1, -2]) || key.get(1) !== 1 || key.get(-1) !== 6) throw new RangeError("key");
    if (!Array.isArray(names) || names.length !== 2 || names.some((name) => typeof name !== "string")) throw new RangeError("place");
    return { gate: bytes(claims.get(-70011), 16), place: { en: names[0] as string, "zh-Hans": names[1] as string }, key: bytes(key.get(-2), 32) };
  } catch {
    throw new NotTaken("not-a-gate");
  }
}

export function bytes(value: Value | undefined, size?: number): Bytes {
  if (!(value instanceof Uint8Array) || (size !== undefined && value.length !== size)) throw new NotTaken("not-a-gate");
  return value as Bytes;
}

export function whole(value: Value | undefined): number {
  if (typeof value !== "number" || value < 0) throw new NotTaken("not-a-gate");
  return value;
}

export const ordered = (map: Map<Value, Value>, keys: number[]): boolean => [...map.keys()].join() === keys.join();
const same = (a: Bytes, b: Bytes): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
