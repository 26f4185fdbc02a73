/** Membership of an organisation's doors: the wallet's part of credentials/membership.py, receipt.py and doorbell.py.

Nothing here asks a server about anybody; what is read is checked against the key that came with the membership. */

import { toBase45 } from "./base45.ts";
import { concat, fromBase64url, sha256, toBase64url, utf8, type Bytes } from "./bytes.ts";
import { canonicalJson } from "./canonical.ts";
import { encode, type Cbor } from "./cbor.ts";
import { byGate, byIssuer, bytes, identity, NotTaken, ordered, sign1, whole, type IssuerKey, type Sign1 } from "./challenge.ts";
import { sign } from "./pq1.ts";
import { readBase45 } from "./verify/base45.ts";
import { readExact, type Value } from "./verify/cbor.ts";
import { Refused } from "./verify/refused.ts";
import type { Text } from "./words.ts";

const P256 = { name: "ECDH", namedCurve: "P-256" };
const RECEIPT = "PQR1:";
const MAX_RECEIPT = 1500;

export type Offer = { membership: Bytes; organisation: Bytes; name: Text };
export type Visit = { chain: [Bytes, Bytes]; key: Bytes; point: Bytes; name: Text };
/** Minutes of the day on days of the week, bit 0 is Monday. */
export type Hours = { days: number; start: number; end: number };
export type Membership = { kid: Bytes; hosts: boolean; point: Bytes; doors: number[]; hours: Hours[]; issued: number; expires: number };
export type Receipt = { place: Text; at: number; nonce: Bytes };

/** What was read is not what it should be. */
export class NotOurs extends Error {}

/** The 33 bytes of a P-256 point of 65. */
export const compressed = (point: Bytes): Bytes => concat(Uint8Array.of(point[64]! & 1 ? 3 : 2), point.slice(1, 33));

export const wantedKey = (point: Bytes): string => `PQK1:${toBase64url(compressed(point))}`;

/** The text of the code for a door, good for the skew window around `shownMs`. */
export async function presentAtDoor(key: CryptoKey, chain: Bytes[], shownMs: number): Promise<string> {
  const shown = Math.floor(shownMs / 1000);
  const proof = await sign(key, encode(["PQM1", await sha256(encode(chain)), shown]));
  return `PQM1:${toBase45(encode([chain, shown, proof]))}`;
}

/** The text of the code on a visitor's paper. */
export const onPaper = (chain: Bytes[]): string => `PQM1:${toBase45(encode([chain]))}`;

/** A membership's own claims. Its signature is checked by `takeOffer`. Throws NotOurs. */
export function readMembership(raw: Bytes): Membership {
  const { head, claims } = guarded(() => sign1(raw));
  const says = claims.get(-70021);
  return guarded(() => {
    if (!(head instanceof Map) || !ordered(head, [1, 4]) || !Array.isArray(says) || says.length !== 3) throw new NotOurs();
    const [doors, hours] = [says[1], says[2]];
    if (!Array.isArray(doors) || !Array.isArray(hours)) throw new NotOurs();
    return {
      kid: bytes(head.get(4), 8), hosts: says[0] === 2, point: pointOf(claims.get(8)), issued: whole(claims.get(6)), expires: whole(claims.get(4)),
      doors: doors.map((n) => whole(n)),
      hours: hours.map((one) => {
        if (!Array.isArray(one) || one.length !== 3) throw new NotOurs();
        return { days: whole(one[0]), start: whole(one[1]), end: whole(one[2]) };
      }),
    };
  });
}

/** A membership that an organisation offers, if it is for the key with this point. Throws NotOurs. */
export async function takeOffer(text: string, point: Bytes): Promise<Offer> {
  const parts = guarded(() => readExact(fromBase64url(text)));
  if (!Array.isArray(parts) || parts.length !== 3) throw new NotOurs();
  const offer = guarded(() => ({ membership: bytes(parts[0]), organisation: bytes(parts[1], 65), name: nameOf(parts[2]) }));
  if (!same(readMembership(offer.membership).point, compressed(point))) throw new NotOurs();
  await checked(() => byIssuer(sign1(offer.membership), issuersOf(offer)));
  return offer;
}

/** A visit as it stands in a link. Throws NotOurs. */
export function readVisit(text: string): Visit {
  return guarded(() => {
    const parts = readExact(fromBase64url(text));
    if (!Array.isArray(parts) || parts.length !== 4 || !Array.isArray(parts[0]) || parts[0].length !== 2) throw new NotOurs();
    return { chain: [bytes(parts[0][0]), bytes(parts[0][1])], key: bytes(parts[1], 32), point: bytes(parts[2], 65), name: nameOf(parts[3]) };
  });
}

/** When a visit begins and ends, in seconds since 1970. */
export function timesOf(invitation: Bytes): [number, number] {
  const { claims } = guarded(() => sign1(invitation));
  return guarded(() => [whole(claims.get(5)), whole(claims.get(4))]);
}

/** The visit's key as a handle: from here on its private part cannot be read. */
export async function visitKey({ key, point }: Visit): Promise<CryptoKey> {
  const jwk = { kty: "EC", crv: "P-256", d: toBase64url(key), x: toBase64url(point.slice(1, 33)), y: toBase64url(point.slice(33)) };
  return crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
}

export type Made = { chain: [Bytes, Bytes]; link: string; secret: Bytes; bell: CryptoKey; bellPoint: Bytes; visit: Bytes };

/** An invitation with a doorbell of its own, all made for this one visit. `begins`, `expires` in seconds since 1970. */
export async function invite(key: CryptoKey, offer: Offer, begins: number, expires: number, paper: boolean): Promise<Made> {
  const visitor = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  const bell = await crypto.subtle.generateKey(P256, false, ["deriveBits"]);
  const [point, bellPoint] = [await raw(visitor.publicKey), compressed(await raw(bell.publicKey))];
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const claims = new Map<Cbor, Cbor>([[4, expires], [5, begins], [-70022, []], [-70023, [await boxOf(secret), bellPoint]]]);
  if (!paper) claims.set(8, new Map([[1, new Map<Cbor, Cbor>([[1, 2], [-1, 1], [-2, point.slice(1, 33)], [-3, (point[64]! & 1) === 1]])]]));
  const [head, payload] = [encode(new Map([[1, -7]])), encode(claims)];
  const signature = await sign(key, encode(["Signature1", head, new Uint8Array(), payload]));
  const made = encode([head, new Map(), payload, signature]);
  const chain: [Bytes, Bytes] = [offer.membership, made];
  const d = fromBase64url((await crypto.subtle.exportKey("jwk", visitor.privateKey)).d!);
  const link = paper ? "" : toBase64url(encode([chain, d, point, [offer.name.en, offer.name["zh-Hans"]]]));
  return { chain, link, secret, bell: bell.privateKey, bellPoint, visit: await sha256(made) };
}

export const boxOf = async (secret: Bytes): Promise<Bytes> => (await sha256(secret)).slice(0, 16);

/** A receipt that a door of this organisation handed to the holder of `point`. Throws NotOurs. */
export async function readReceipt(text: string, offer: Offer, point: Bytes): Promise<Receipt> {
  if (!text.startsWith(RECEIPT) || text.length > MAX_RECEIPT) throw new NotOurs();
  const { claims, place } = await said(guarded(() => readBase45(text, RECEIPT.length)), offer, [6, -70031, -70032]);
  const nonce = guarded(() => bytes(claims.get(-70031), 16));
  const mark = await sha256(concat(utf8("pratique-receipt\n"), nonce, compressed(point)));
  if (!same(mark, guarded(() => bytes(claims.get(-70032), 32)))) throw new NotOurs();
  return { place, nonce, at: whole(claims.get(6)) };
}

export type Awaited = { bell: CryptoKey; bellPoint: Bytes; visit: Bytes };

/** The place that rings, if a door of the organisation rings for this very invitation. Throws NotOurs. */
export async function readRing(sealed: string, awaited: Awaited, offer: Offer): Promise<Text> {
  const all = guarded(() => fromBase64url(sealed));
  const ephemeral = all.slice(0, 65);
  let message: Bytes;
  try {
    const theirs = await crypto.subtle.importKey("raw", ephemeral, P256, false, []);
    const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, awaited.bell, 256);
    const from = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
    const how = { name: "HKDF", hash: "SHA-256", salt: concat(ephemeral, awaited.bellPoint), info: utf8("pratique-doorbell") };
    const made = new Uint8Array(await crypto.subtle.deriveBits(how, from, 44 * 8));
    const key = await crypto.subtle.importKey("raw", made.slice(0, 32), "AES-GCM", false, ["decrypt"]);
    message = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: made.slice(32) }, key, all.slice(65)));
  } catch {
    throw new NotOurs();
  }
  const { claims, place } = await said(message, offer, [6, -70033]);
  if (!same(guarded(() => bytes(claims.get(-70033), 32)), awaited.visit)) throw new NotOurs();
  return place;
}

/** The file that hands in receipts, signed with the membership's key. */
export async function handIn(key: CryptoKey, membership: Bytes, receipts: string[]): Promise<string> {
  const body = { v: 1, kind: "pratique-attendance", membership: toBase64url(membership), receipts };
  const signature = await sign(key, concat(utf8("pratique-attendance\n"), canonicalJson(body)));
  return new TextDecoder().decode(canonicalJson({ ...body, signature: toBase64url(signature) }));
}

async function said(raw: Bytes, offer: Offer, keys: number[]): Promise<{ claims: Map<Value, Value>; place: Text }> {
  const parts = guarded(() => readExact(raw));
  if (!Array.isArray(parts) || parts.length !== 2) throw new NotOurs();
  const [certificate, statement] = guarded((): [Sign1, Sign1] => [sign1(parts[0]), sign1(parts[1])]);
  if (!ordered(statement.claims, keys)) throw new NotOurs();
  const { place, key } = guarded(() => identity(certificate.claims));
  await checked(() => byIssuer(certificate, issuersOf(offer)));
  await checked(() => byGate(statement, key));
  return { claims: statement.claims, place };
}

const issuersOf = ({ membership, organisation }: Offer): IssuerKey[] => [
  { kid: toBase64url(readMembership(membership).kid), x: toBase64url(organisation.slice(1, 33)), y: toBase64url(organisation.slice(33)) },
];

function pointOf(cnf: Value | undefined): Bytes {
  const key = cnf instanceof Map ? cnf.get(1) : undefined;
  if (!(key instanceof Map)) throw new NotOurs();
  return concat(Uint8Array.of(key.get(-3) === true ? 3 : 2), bytes(key.get(-2), 32));
}

function nameOf(value: Value | undefined): Text {
  if (!Array.isArray(value) || typeof value[0] !== "string" || typeof value[1] !== "string") throw new NotOurs();
  return { en: value[0], "zh-Hans": value[1] };
}

const raw = async (key: CryptoKey): Promise<Bytes> => new Uint8Array(await crypto.subtle.exportKey("raw", key));
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, n) => byte === b[n]);
const isOther = (fault: unknown): boolean => fault instanceof RangeError || fault instanceof Refused || fault instanceof NotTaken;

function guarded<T>(act: () => T): T {
  try {
    return act();
  } catch (fault) {
    throw isOther(fault) ? new NotOurs() : fault;
  }
}

async function checked(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (fault) {
    throw isOther(fault) ? new NotOurs() : fault;
  }
}
