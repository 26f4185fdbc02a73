/** HC1, the chain of HCERT and the EU DCC: prefix, base45, zlib, COSE, CWT. The twin of `pratique.credentials.hcert`. */

import { toBase64url, utf8, type Bytes } from "../bytes.ts";
import { readBase45 } from "./base45.ts";
import { Float, Frozen, read, type Value } from "./cbor.ts";
import { header, isSigned, toBeSigned, unwrap, type Header, type Sign1 } from "./cose.ts";
import { entriesOf, hasUnknownCode, isSingle, schemaFault, tidy, typesOf, type Plain } from "./dcc.ts";
import { examine, PROPOSALS } from "./icvp.ts";
import { inflateZlib } from "./inflate.ts";
import { ES256, PS256 } from "./keys.ts";
import { refused, stages, type Outcome } from "./model.ts";
import { attempt, attemptLater, badCbor, Refused } from "./refused.ts";
import type { Snapshot, TrustKey } from "./snapshot.ts";
import { claimed, INVALID, SUSPENDED, VALID } from "./status.ts";

const MAX_INFLATED = 64 << 10;
const [ISS, EXP, IAT, HCERT, STATUS, DCC] = [1, 4, 6, -260, 65535, 1];

type Time = number | bigint;
type Cwt = { iss: string | null; iat: Time; exp: Time; hcert: Map<Value, Value>; status: Value };
type Signed = { key: TrustKey; signature: Bytes };

const UNPACKED_BADLY = stages({ prefix: true, base45: true, compression: true, cose: false });
const NOT_SIGNED = stages({ prefix: true, base45: true, compression: true, cose: true, signature: false });

/** Verifies an HC1 text. `now` in seconds since 1970. */
export async function checkHcert(text: string, now: number, snapshot: Snapshot): Promise<Outcome> {
  const raw = attempt(() => readBase45(text, 4));
  if (raw instanceof Refused) return refused("HC1", raw, stages({ prefix: true, base45: false }));
  const inflated = attempt(() => inflateZlib(raw, MAX_INFLATED));
  if (inflated instanceof Refused) return refused("HC1", inflated, stages({ prefix: true, base45: true, compression: false }));
  const opened = attempt(() => {
    const sign1 = unwrap(inflated);
    return { sign1, head: header(sign1) };
  });
  if (opened instanceof Refused) return refused("HC1", opened, UNPACKED_BADLY);
  const { sign1 } = opened;
  const key = await attemptLater(() => signedBy(sign1, opened.head, snapshot));
  if (key instanceof Refused) return refused("HC1", key, NOT_SIGNED);
  const claims = attempt(() => readClaims(sign1.payload));
  if (claims instanceof Refused) return refused("HC1", claims, UNPACKED_BADLY);
  return judged({ key, signature: sign1.signature }, claims, now, snapshot);
}

/** Every key listed under the kid is tried, with the key's own algorithm only. */
async function signedBy(sign1: Sign1, head: Header, snapshot: Snapshot): Promise<TrustKey> {
  const { alg } = head;
  if (alg !== ES256 && alg !== PS256) throw new Refused("ALG_NOT_ALLOWED");
  const keys = snapshot.keysFor("hcert", head.kid);
  if (!keys.length) throw new Refused("UNKNOWN_KEY", snapshot.lacks(head.kid));
  const fitting = keys.filter((key) => key.alg === alg);
  if (!fitting.length) throw new Refused("ALG_KEY_MISMATCH");
  if (alg === ES256 && sign1.signature.length !== 64) throw new Refused("SIGNATURE_FORMAT");
  const message = toBeSigned(sign1.protected, sign1.payload);
  for (const key of fitting) if (await isSigned(key.alg, key.key!, sign1.signature, message)) return key;
  throw new Refused("BAD_SIGNATURE");
}

function readClaims(payload: Bytes): Cwt {
  const claims = read(payload);
  if (!(claims instanceof Map) || claims instanceof Frozen) throw badCbor("the claims are not a map");
  const [iss, iat, exp, hcert] = [claims.get(ISS), time(claims.get(IAT)), time(claims.get(EXP)), claims.get(HCERT)];
  if (iat === undefined || exp === undefined) throw badCbor("iat or exp is missing or not a number");
  if (!(hcert instanceof Map) || hcert instanceof Frozen || !hcert.size) throw badCbor("there is no health certificate inside");
  const dcc = hcert.get(DCC);
  if (hcert.has(DCC) && (!(dcc instanceof Map) || dcc instanceof Frozen)) throw badCbor("the health certificate is not a map");
  return { iss: typeof iss === "string" ? iss : null, iat, exp, hcert, status: claims.get(STATUS) ?? null };
}

function time(value: Value | undefined): Time | undefined {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return value instanceof Float && Number.isFinite(value.value) ? value.value : undefined;
}

type Content = { content: Plain; fault: string | null; single: boolean; usable: boolean; checked: boolean };

function contentOf(claims: Cwt, key: TrustKey, snapshot: Snapshot): Content {
  const certificate = claims.hcert.get(DCC);
  if (certificate === undefined) {
    const number = PROPOSALS.find((one) => claims.hcert.has(one)) ?? -6;
    const other = tidy(claims.hcert.get(number)) ?? null;
    const { fault, checked } = snapshot.icvp ? examine(number, other) : { fault: "no content that is read here", checked: true };
    return { content: { [String(number)]: other }, fault, single: fault === null, usable: true, checked };
  }
  const dcc = tidy(certificate) as Plain;
  const fault = schemaFault(dcc);
  const usable = !key.usages.size || typesOf(dcc).every((kind) => key.usages.has(kind));
  return { content: { "1": dcc as never }, fault, single: fault === null || isSingle(dcc), usable, checked: true };
}

async function judged(signed: Signed, claims: Cwt, now: number, snapshot: Snapshot): Promise<Outcome> {
  const { key } = signed;
  const { content, fault, single, usable, checked } = contentOf(claims, key, snapshot);
  const dcc = (content["1"] ?? {}) as Plain;
  let reason = timeFault(claims, key, now) ?? (usable && single ? null : usable ? "SCHEMA" : "KEY_USAGE");
  const findings = fault ? ["SCHEMA"] : [];
  if (snapshot.valueSets.size && hasUnknownCode(dcc, snapshot.valueSets)) findings.push("CODE_UNKNOWN");
  if (reason === null && snapshot.hashes.some && (await isRevoked(signed, claims, dcc, now, snapshot))) reason = "REVOKED";
  let detail = fault ?? "";
  if (reason === null && claims.status !== null) {
    const found = statusFault(claims.status, key, now, snapshot);
    reason = found.reason;
    detail = found.detail || detail;
    if (found.detail && reason === null) findings.push("STATUS_UNKNOWN");
  }
  if (snapshot.expires <= now) findings.push("LISTS_STALE");
  const expiry = claims.iat <= now && now <= claims.exp;
  const reached = stages({ prefix: true, base45: true, compression: true, cose: true, signature: true, expiry, key_usage: usable, schema: checked ? fault === null : null });
  const said = { iss: claims.iss, iat: claims.iat, exp: claims.exp, kid: toBase64url(key.kid), country: key.issuer, hcert: content };
  return { ok: reason === null, format: "HC1", reason, stages: reached, claims: said, findings, detail, replay: null };
}

function timeFault(claims: Cwt, key: TrustKey, now: number): string | null {
  if (claims.iat <= now && now <= claims.exp) return key.validFrom <= claims.iat && claims.exp <= key.validTo ? null : "KEY_NOT_VALID";
  return now < claims.iat ? "NOT_YET_VALID" : "EXPIRED";
}

/** What a status claim comes to (Token Status List, section 8.3); words alone where the list is missing and the mandate takes that. */
function statusFault(claim: Value, key: TrustKey, now: number, snapshot: Snapshot): { reason: string | null; detail: string } {
  const place = claimed(claim);
  if (place === null) return { reason: "STATUS_UNKNOWN", detail: "its status claim names no status list" };
  const listed = snapshot.foreignStatus.get(place[0]);
  if (!listed || (listed.issuer && listed.issuer !== key.issuer) || listed.expires <= now) {
    const admitted = (snapshot.bundle.fail["status_list_missing"] ?? "refuse") === "admit";
    return { reason: admitted ? null : "STATUS_UNKNOWN", detail: listed ? "its status list is another's or has ended" : "its status list is not here" };
  }
  const value = attempt(() => listed.statuses.value(place[1]));
  if (value instanceof Refused) return { reason: value.code, detail: value.detail };
  if (value === INVALID || value === SUSPENDED) return { reason: "REVOKED", detail: value === SUSPENDED ? "suspended" : "" };
  return value === VALID ? { reason: null, detail: "" } : { reason: "STATUS_UNKNOWN", detail: "a status that is not known here" };
}

async function isRevoked({ key, signature }: Signed, claims: Cwt, dcc: Plain, now: number, snapshot: Snapshot): Promise<boolean> {
  const entries = [...entriesOf(dcc)].map(([, entry]) => entry);
  const texts = (name: string): string[] => entries.map((entry) => entry[name]).filter((text) => typeof text === "string");
  for (const country of new Set([...texts("co"), claims.iss || key.issuer])) {
    if (await snapshot.hashes.revoked(country, key, texts("ci").map((ci) => [utf8(ci), utf8(country + ci)]), signature, now)) return true;
  }
  return false;
}
