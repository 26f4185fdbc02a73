/** Is this PQ1 pass good here and now? The twin of `pq1.py` (form) and `pass_check.py` (worth).

Whether a showing was seen before is for the caller to remember (`Outcome.replay`): a pure function has no memory. */

import { sha256, toBase64url, toHex, type Bytes } from "../bytes.ts";
import { encode } from "../cbor.ts";
import { readBase45 } from "./base45.ts";
import { readExact, type Value } from "./cbor.ts";
import { isSigned, toBeSigned } from "./cose.ts";
import { ES256, importHolder } from "./keys.ts";
import { refused, stages, type Outcome } from "./model.ts";
import { attempt, attemptLater, badCbor, badCose, Refused, tooLarge } from "./refused.ts";
import type { Snapshot, TrustKey } from "./snapshot.ts";

export const [CLEAR, CONDITIONS] = [1, 2];
const MAX_TEXT = 1024;
const MAX_PAPER_DAYS = 28;
const [EXP, IAT, CNF, CLASS, STATUS] = [4, 6, 8, -70001, -70003];
const CLAIMS = [EXP, IAT, CNF, CLASS, STATUS]; // in the order of their encoded bytes
const TIME_LIMIT = 2 ** 40;

export type Claims = {
  passClass: number; issued: number; expires: number;
  holder: { x: Bytes; odd: boolean } | null; hints: (string | number | null)[] | null; status: [number, number] | null;
};
export type Presentation = {
  credential: Bytes; protected: Bytes; payload: Bytes; signature: Bytes; kid: Bytes; claims: Claims;
  shown: number | null; nonce: Bytes | null; proof: Bytes | null;
};

const isBytes = (value: Value | undefined, length?: number): value is Bytes => value instanceof Uint8Array && (length === undefined || value.length === length);
const isTime = (value: Value | undefined): value is number => typeof value === "number" && value >= 0 && value < TIME_LIMIT;
const exact = (raw: Uint8Array): Value => readExact(raw, false);

/** Takes a PQ1 text apart. Checks form only: no signature, no time. */
export function readPass(text: string): Presentation {
  if (text.length > MAX_TEXT) throw tooLarge("longer than any pass");
  const raw = readBase45(text, 4);
  const parts = exact(raw);
  if (!Array.isArray(parts) || (parts.length !== 3 && parts.length !== 4)) throw badCose("neither a presentation nor a credential");
  if (parts.length === 4 && parts[1] instanceof Map) return presentation(raw, parts, null, null, null);
  const [credential, shown, nonce, proof] = parts.length === 4 ? parts : [parts[0], parts[1], null, parts[2]];
  if (!(isBytes(credential) && isTime(shown) && isBytes(proof, 64) && (nonce === null ? parts.length === 3 : isBytes(nonce, 8)))) {
    throw badCose("the parts of the presentation are not of their types");
  }
  return presentation(credential, exact(credential), shown, nonce as Bytes | null, proof);
}

function presentation(credential: Bytes, parts: Value, shown: number | null, nonce: Bytes | null, proof: Bytes | null): Presentation {
  if (!Array.isArray(parts) || parts.length !== 4) throw badCose("not an array of four");
  const [head, unprotected, payload, signature] = parts;
  if (!isBytes(head) || !(unprotected instanceof Map) || unprotected.size || !isBytes(payload)) throw badCose("the parts of the credential are not of their types");
  if (!isBytes(signature, 64)) throw new Refused("SIGNATURE_FORMAT", "the signature is not 64 bytes");
  const header = exact(head);
  if (!(header instanceof Map) || [...header.keys()].join() !== "1,4") throw new Refused("BAD_HEADER");
  const [alg, kid] = [header.get(1), header.get(4)];
  if (typeof alg !== "number" && typeof alg !== "bigint") throw new Refused("BAD_HEADER");
  if (!isBytes(kid, 8)) throw new Refused("BAD_HEADER", "the key id is not 8 bytes");
  if (alg !== ES256) throw new Refused("ALG_NOT_ALLOWED");
  return { credential, protected: head, payload, signature, kid, claims: claimsOf(exact(payload)), shown, nonce, proof };
}

function claimsOf(claims: Value): Claims {
  if (!(claims instanceof Map) || ![...claims.keys()].every((key) => CLAIMS.includes(key as number))) throw badCose("unknown claims");
  const places = [...claims.keys()].map((key) => CLAIMS.indexOf(key as number));
  if (places.some((place, i) => i > 0 && place < places[i - 1]!)) throw badCbor("not the deterministic form");
  const [expires, issued, shows, status] = [claims.get(EXP), claims.get(IAT), claims.get(CLASS), claims.get(STATUS) ?? null];
  if (!isTime(expires) || !isTime(issued) || !Array.isArray(shows) || shows.length < 1 || shows.length > 2) throw badCose("exp, iat or class is missing or not of its type");
  const [passClass] = shows;
  if (typeof passClass !== "number" || passClass < 1 || passClass > 255) throw badCose("the class is not a small number");
  const hints = shows.length === 2 ? hintsOf(shows[1]!) : null;
  if (status !== null && !(Array.isArray(status) && status.length === 2 && status.every((n) => typeof n === "number" && n >= 0 && n < 2 ** 32))) {
    throw badCose("the status is not a list and an index");
  }
  const holder = claims.has(CNF) ? holderOf(claims.get(CNF)!) : null;
  return { passClass, issued, expires, holder, hints, status: status as [number, number] | null };
}

function hintsOf(hints: Value): (string | number | null)[] {
  if (!Array.isArray(hints) || hints.length !== 4) throw badCose("hints are four places");
  return hints.map((hint, i) => {
    if (hint === null) return null;
    const short = i < 2 ? typeof hint === "string" && [...hint].length <= 2 : typeof hint === "number" && String(hint).length <= 2;
    if (!short) throw badCose("a hint is not of its type");
    return hint as string | number;
  });
}

function holderOf(cnf: Value): { x: Bytes; odd: boolean } {
  const key = cnf instanceof Map && cnf.size === 1 ? cnf.get(1) : undefined;
  if (!(key instanceof Map) || [...key.keys()].join() !== "1,-1,-2,-3" || key.get(1) !== 2 || key.get(-1) !== 1) throw badCose("the holder's key is not P-256");
  const [x, odd] = [key.get(-2), key.get(-3)];
  if (!isBytes(x, 32) || typeof odd !== "boolean") throw badCose("the holder's key is not compressed");
  return { x, odd };
}

/** What the holder's key signs. */
export async function proofMessage(credential: Bytes, shown: number, nonce: Bytes | null): Promise<Bytes> {
  const parts = ["PQ1", await sha256(credential), shown];
  return encode(nonce === null ? parts : [...parts, nonce]) as Bytes;
}

const READ = stages({ prefix: true, base45: true, cose: true, signature: false });

/** Verifies a PQ1 text. `nonces`: the challenges this gate has open, in hex. */
export async function checkPass(text: string, now: number, snapshot: Snapshot, nonces: ReadonlySet<string>): Promise<Outcome> {
  const shown = attempt(() => readPass(text));
  if (shown instanceof Refused) {
    const early = shown.code === "BAD_TEXT" || shown.code === "TOO_LARGE";
    return refused("PQ1", shown, stages(early ? { prefix: true, base45: false } : { prefix: true, base45: true, cose: false }));
  }
  const key = await attemptLater(() => signerOf(shown, snapshot));
  if (key instanceof Refused) return refused("PQ1", key, READ);
  const proved = await attemptLater(() => checkHolder(shown));
  if (proved instanceof Refused) return refused("PQ1", proved, READ);
  const late = timeFault(shown, key, now, snapshot, nonces);
  const stale = snapshot.expires <= now;
  const why = late ?? statusFault(shown, key, stale, snapshot) ?? paperFault(shown, snapshot);
  return {
    ok: why === null, format: "PQ1", reason: why?.code ?? null,
    stages: stages({ prefix: true, base45: true, cose: true, signature: true, expiry: late === null, key_usage: true, schema: true }),
    claims: said(shown.claims, key), findings: stale ? ["LISTS_STALE"] : [], detail: why?.detail ?? "", replay: proved,
  };
}

async function signerOf(shown: Presentation, snapshot: Snapshot): Promise<TrustKey> {
  const keys = snapshot.keysFor("pass", shown.kid);
  if (!keys.length) throw new Refused("UNKNOWN_KEY", snapshot.lacks(shown.kid));
  const message = toBeSigned(shown.protected, shown.payload);
  for (const key of keys) if (key.alg === ES256 && (await isSigned(ES256, key.key!, shown.signature, message))) return key;
  throw new Refused("BAD_SIGNATURE");
}

/** The name of this showing, by what was signed: ECDSA signatures can be rewritten into other good ones. Null for paper. */
async function checkHolder({ claims, credential, shown, nonce, proof }: Presentation): Promise<Bytes | null> {
  if (proof === null || shown === null) {
    if (claims.holder !== null) throw new Refused("PROOF_MISSING");
    return null;
  }
  if (claims.holder === null) throw new Refused("PROOF_BAD", "the pass is not bound to a device");
  const message = await proofMessage(credential, shown, nonce);
  let key: CryptoKey;
  try {
    key = await importHolder(claims.holder.x, claims.holder.odd);
  } catch {
    throw badCose("the holder's key is not on the curve");
  }
  if (!(await isSigned(ES256, key, proof, message))) throw new Refused("PROOF_BAD");
  return sha256(message);
}

function timeFault({ claims, shown, nonce }: Presentation, key: TrustKey, now: number, snapshot: Snapshot, nonces: ReadonlySet<string>): Refused | null {
  const { skew_s: skew } = snapshot.bundle;
  if (now >= claims.expires) return new Refused("EXPIRED");
  if (now < claims.issued - skew) return new Refused("NOT_YET_VALID");
  if (!(key.validFrom <= claims.issued && claims.issued <= key.validTo)) return new Refused("KEY_NOT_VALID");
  if (nonce !== null) return nonces.has(toHex(nonce)) ? null : new Refused("PROOF_TIME", "an answer to a challenge that is not open here");
  return shown !== null && Math.abs(shown - now) > skew ? new Refused("PROOF_TIME") : null;
}

function statusFault({ claims }: Presentation, key: TrustKey, stale: boolean, snapshot: Snapshot): Refused | null {
  if (claims.status === null) return null;
  const [list, index] = claims.status;
  const statuses = snapshot.statusList(key.issuer, list);
  if (!statuses) return new Refused("STATUS_UNKNOWN", "its status list is not in the snapshot");
  const value = attempt(() => statuses.value(index));
  if (value instanceof Refused) return value;
  if (value) return new Refused("REVOKED");
  const fail = snapshot.bundle.fail["lists_stale"] ?? "admit";
  return stale && fail !== "admit" ? new Refused("STATUS_UNKNOWN", "the lists are older than they may be") : null;
}

function paperFault({ claims }: Presentation, snapshot: Snapshot): Refused | null {
  const tooLong = claims.expires - claims.issued > MAX_PAPER_DAYS * 86_400;
  if (claims.holder !== null || (!tooLong && snapshot.bundle.paper)) return null;
  return new Refused("PAPER_NOT_ALLOWED", tooLong ? "longer than 28 days" : "");
}

const said = (claims: Claims, key: TrustKey): Outcome["claims"] => ({
  class: claims.passClass, iat: claims.issued, exp: claims.expires, bound_to: claims.holder === null ? "paper" : "device",
  hints: claims.hints, status: claims.status, kid: toBase64url(key.kid),
});
