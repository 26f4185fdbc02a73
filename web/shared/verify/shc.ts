/** SMART Health Cards 1.4: numeric text, JWS, raw DEFLATE, claims, FHIR bundle. The twin of `pratique.credentials.shc`. */

import { utf8, type Bytes } from "../bytes.ts";
import { isSigned } from "./cose.ts";
import { bundleFaults } from "./fhir.ts";
import { inflateRaw } from "./inflate.ts";
import { unbase64url } from "./jose.ts";
import { isObject, member, strictJson, type Json } from "./json.ts";
import { ES256 } from "./keys.ts";
import { refused, stages, type Outcome, type Stages } from "./model.ts";
import { attempt, attemptLater, badCose, badText, Refused, tooLarge } from "./refused.ts";
import type { ShcKey } from "./shc_keys.ts";
import type { Snapshot } from "./snapshot.ts";

const HEALTH_CARD = "https://smarthealth.cards#health-card";
const [MAX_IN_ONE_CODE, MAX_IN_ONE_CHUNK] = [1195, 1191];
const [MAX_JWS, MAX_INFLATED, MAX_CHUNKS] = [64 << 10, 256 << 10, 32];
const JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/;
const CHUNK = /^shc:\/(?:([1-9][0-9]?)\/([1-9][0-9]?)\/)?([0-9]*)$/;
const LARGEST_PAIR = 77; // "z" is 122 − 45
const MILLISECONDS = 1e11;

type Object = { [key: string]: Json };
type Parts = { header: Object; claims: Object; signed: Bytes; signature: Bytes };

export const isJws = (text: string): boolean => text.length <= MAX_JWS && JWS.test(text);

function joinChunks(texts: string[]): { jws: string; count: number } {
  const parts = new Map<number, string>();
  const totals = new Set<number>();
  for (const text of texts) {
    const found = CHUNK.exec(text);
    if (!found) throw badText("not shc:/ and digits");
    const [number, total] = found[1] ? [Number(found[1]), Number(found[2])] : [1, 1];
    if (parts.has(number)) throw new Refused("CHUNK_MISSING", "one chunk stands twice");
    totals.add(total);
    const part = digitsToText(found[3]!);
    parts.set(number, part);
    if (total > 1 && part.length > MAX_IN_ONE_CHUNK) throw badText("a chunk larger than a chunk may be");
  }
  const [total] = totals;
  const all = Array.from({ length: total ?? 0 }, (_, i) => parts.get(i + 1));
  if (totals.size !== 1 || parts.size !== total || all.includes(undefined)) throw new Refused("CHUNK_MISSING", "not all chunks of one card are here");
  return { jws: all.join(""), count: parts.size };
}

function digitsToText(digits: string): string {
  if (digits.length % 2 || !digits) throw badText("an odd count of digits");
  let text = "";
  for (let at = 0; at < digits.length; at += 2) {
    const code = Number(digits.slice(at, at + 2));
    if (code > LARGEST_PAIR) throw badText("a pair of digits above 77");
    text += String.fromCharCode(code + 45);
  }
  return text;
}

/** Verifies a card given as one numeric text or all its chunks. `now` in seconds since 1970. */
export async function checkShc(texts: string[], now: number, snapshot: Snapshot): Promise<Outcome> {
  const unread = stages({ prefix: true, base45: false });
  if (texts.length > MAX_CHUNKS || texts.reduce((n, text) => n + text.length, 0) > 2 * MAX_JWS) return refused("SHC", tooLarge("larger than any card"), unread);
  const joined = attempt(() => joinChunks(texts));
  if (joined instanceof Refused) return refused("SHC", joined, unread);
  return check(joined.jws, now, snapshot, { prefix: true, base45: true }, joined.count > 1 ? ["CHUNKS_DEPRECATED"] : []);
}

/** Verifies a card given as its bare JWS, as files and FHIR answers hold it. */
export const checkJws = (jws: string, now: number, snapshot: Snapshot): Promise<Outcome> => check(jws, now, snapshot, {}, []);

async function check(jws: string, now: number, snapshot: Snapshot, before: Partial<Stages>, findings: string[]): Promise<Outcome> {
  const parts = attempt(() => readJws(jws));
  if (parts instanceof Refused) {
    const packed = parts.code === "BAD_COMPRESSION" || parts.code === "TOO_LARGE";
    return refused("SHC", parts, stages({ ...before, ...(packed ? { compression: false } : { compression: true, cose: false }) }), findings);
  }
  const key = await attemptLater(() => signedBy(parts, snapshot));
  if (key instanceof Refused) return refused("SHC", key, stages({ ...before, compression: true, cose: true, signature: false }), findings);
  const { why: own, faults } = judgeClaims(parts.claims, now);
  const inTime = own === null || (own.code !== "EXPIRED" && own.code !== "NOT_YET_VALID");
  const trust = trustFault(parts, key, snapshot);
  const more = [...findings];
  if (jws.length > MAX_IN_ONE_CODE) more.push("JWS_TOO_LONG");
  if (faults.length) more.push("SCHEMA");
  if (trust.unknown) more.push("STATUS_UNKNOWN");
  if (snapshot.expires <= now) more.push("LISTS_STALE");
  const why = trust.why ?? own;
  return {
    ok: why === null, format: "SHC", reason: why?.code ?? null,
    stages: stages({ ...before, compression: true, cose: true, signature: true, expiry: inTime, schema: !faults.length }),
    claims: parts.claims, findings: more, detail: why ? why.detail : (faults[0] ?? ""), replay: null,
  };
}

function readJws(jws: string): Parts {
  if (!isJws(jws)) throw badCose("not the three parts of a JWS");
  const [head, body, last] = jws.split(".") as [string, string, string];
  const raw = part(body);
  const payload = inflateRaw(raw, MAX_INFLATED);
  const header = jsonObject(part(head), "the header");
  if (member(header, "alg") !== "ES256" || member(header, "zip") !== "DEF" || typeof member(header, "kid") !== "string") {
    throw new Refused("BAD_HEADER", "the header does not say alg ES256, zip DEF and kid");
  }
  if (member(header, "crit") !== undefined) throw new Refused("BAD_HEADER", "a critical header that is not understood");
  const signature = part(last);
  return { header, claims: jsonObject(payload, "the payload"), signed: utf8(`${head}.${body}`), signature };
}

function part(text: string): Bytes {
  const raw = attempt(() => unbase64url(text));
  if (raw instanceof Refused) throw badCose("a part of the JWS is not base64url");
  return raw;
}

function jsonObject(raw: Bytes, what: string): Object {
  let value: Json;
  try {
    value = strictJson(raw);
  } catch {
    throw badCose(`${what} is not JSON`);
  }
  if (!isObject(value)) throw badCose(`${what} is not a JSON object`);
  return value;
}

async function signedBy(parts: Parts, snapshot: Snapshot): Promise<ShcKey> {
  const iss = member(parts.claims, "iss");
  if (!isIssuer(iss)) throw badIssuer();
  if (parts.signature.length !== 64) throw new Refused("SIGNATURE_FORMAT", "the signature is not r and s in 64 bytes");
  const key = snapshot.shc.key(iss, member(parts.header, "kid") as string);
  if (!(await isSigned(ES256, key.key, parts.signature, parts.signed))) throw new Refused("BAD_SIGNATURE");
  return key;
}

/** What the issuer's lists say against the card, and whether its revocation list is not here. */
function trustFault(parts: Parts, key: ShcKey, snapshot: Snapshot): { why: Refused | null; unknown: boolean } {
  const iss = member(parts.claims, "iss") as string;
  if (!snapshot.shc.isListed(iss)) return { why: new Refused("ISSUER_NOT_TRUSTED"), unknown: false };
  const notBefore = member(parts.claims, "nbf");
  const rid = member(member(parts.claims, "vc"), "rid");
  const revoked = attempt(() => snapshot.shc.isRevoked(iss, key, rid, typeof notBefore === "number" ? notBefore : 0));
  if (revoked instanceof Refused) return { why: revoked, unknown: false };
  if (revoked === null && (snapshot.bundle.fail["shc_list_missing"] ?? "admit") !== "admit") {
    return { why: new Refused("STATUS_UNKNOWN", "the issuer's revocation list is not in the snapshot"), unknown: true };
  }
  return { why: revoked ? new Refused("REVOKED") : null, unknown: revoked === null };
}

const badIssuer = (): Refused => new Refused("ISSUER_URL", "iss is an https address without a slash at its end");
const isIssuer = (iss: Json | undefined): iss is string => typeof iss === "string" && iss.startsWith("https://") && !iss.endsWith("/");

/** What refuses the claims at `now` by themselves, and every fault of their form. */
export function judgeClaims(claims: Object, now: number): { why: Refused | null; faults: string[] } {
  const faults = contentsFaults(claims);
  if (!isIssuer(member(claims, "iss"))) return { why: badIssuer(), faults };
  const why = claimsFault(claims, now);
  return { why: why ?? (isCard(claims) ? null : new Refused("SCHEMA", faults[0])), faults };
}

function claimsFault(claims: Object, now: number): Refused | null {
  const [notBefore, ends] = [member(claims, "nbf"), member(claims, "exp") ?? null];
  if (typeof notBefore !== "number") return new Refused("SCHEMA", "nbf is missing or not a number");
  if (ends !== null && typeof ends !== "number") return new Refused("SCHEMA", "exp is not a number");
  if (!(notBefore <= now)) return new Refused("NOT_YET_VALID", notBefore > MILLISECONDS ? "nbf seems to be in milliseconds" : "");
  return ends !== null && !(now <= ends) ? new Refused("EXPIRED") : null;
}

function contentsFaults(claims: Object): string[] {
  if (!isCard(claims)) return ["vc is not a health card with a FHIR bundle"];
  const subject = member(member(claims, "vc"), "credentialSubject");
  const version = member(subject, "fhirVersion");
  const known = typeof version === "string" && /^4\.[0-9]+(\.[0-9]+)?$/.test(version);
  return [...bundleFaults(member(subject, "fhirBundle")), ...(known ? [] : ["fhirVersion is missing or not release 4"])];
}

function isCard(claims: Object): boolean {
  const vc = member(claims, "vc");
  const types = member(vc, "type");
  return Array.isArray(types) && types.includes(HEALTH_CARD) && isObject(member(member(vc, "credentialSubject"), "fhirBundle"));
}
