/** Key sets and revocation lists of SMART Health Cards issuers, bound to their issuer. The twin of `shc_keys.py`. */

import { sha256, toBase64url, utf8, type Bytes } from "../bytes.ts";
import { isObject, member, strictJson, type Json } from "./json.ts";
import { unbase64url } from "./jose.ts";
import { importJwk } from "./keys.ts";
import { badTrust, Refused } from "./refused.ts";

export type ShcIssuer = { iss: string; keys: Bytes; crls: Bytes[]; name: string; listed: boolean };
export type ShcKey = { kid: string; key: CryptoKey; crlVersion: number | null };
type RevocationList = { kid: string; counter: number; rids: Map<string, number | null> };

const ANY_ISSUER = "";
const RID = /^([A-Za-z0-9_-]{1,24})(?:\.([0-9]{1,12}))?$/;
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "k"];

const unknown = (detail: string): Refused => new Refused("STATUS_UNKNOWN", detail);

export class ShcTrust {
  #keys = new Map<string, Map<string, ShcKey>>();
  #lists = new Map<string, RevocationList | null>();
  #listed = new Set<string>();

  static async of(issuers: ShcIssuer[]): Promise<ShcTrust> {
    const trust = new ShcTrust();
    for (const issuer of issuers) {
      if (issuer.listed) trust.#listed.add(issuer.iss);
      for (const key of await usableKeys(issuer.keys)) {
        const held = trust.#keys.get(key.kid) ?? new Map<string, ShcKey>();
        trust.#keys.set(key.kid, held.set(issuer.iss, key));
      }
      for (const raw of issuer.crls) trust.#addList(issuer.iss, raw);
    }
    return trust;
  }

  #addList(iss: string, raw: Bytes): void {
    try {
      const list = readRevocationList(raw);
      this.#lists.set(place(iss, list.kid), list);
    } catch (fault) {
      if (!(fault instanceof Refused)) throw fault;
      const kid = kidOfBroken(raw);
      if (kid !== null) this.#lists.set(place(iss, kid), null);
    }
  }

  isListed(iss: string): boolean {
    return this.#listed.has(iss) || this.#listed.has(ANY_ISSUER);
  }

  /** The issuer's key. Refuses with UNKNOWN_KEY, or ISSUER_KID_MISMATCH where the key is another issuer's. */
  key(iss: string, kid: string): ShcKey {
    const ofKid = this.#keys.get(kid);
    if (!ofKid) throw new Refused("UNKNOWN_KEY");
    const key = ofKid.get(iss) ?? ofKid.get(ANY_ISSUER);
    if (!key) throw new Refused("ISSUER_KID_MISMATCH");
    return key;
  }

  /** Null where the list is not here. Refuses with STATUS_UNKNOWN where it is broken or of another version than the key says. */
  isRevoked(iss: string, key: ShcKey, rid: Json | undefined, notBefore: number): boolean | null {
    const at = this.#lists.has(place(iss, key.kid)) ? place(iss, key.kid) : place(ANY_ISSUER, key.kid);
    if (!this.#lists.has(at)) return key.crlVersion !== null && rid !== undefined && rid !== null ? null : false;
    const list = this.#lists.get(at);
    if (!list) throw unknown("the issuer's revocation list is broken");
    if (list.counter !== key.crlVersion) throw unknown("the revocation list is not of the version the key names");
    if (typeof rid !== "string" || !list.rids.has(rid)) return false;
    const before = list.rids.get(rid)!;
    return before === null || notBefore < before;
  }
}

const place = (iss: string, kid: string): string => JSON.stringify([iss, kid]);

/** The keys of a set that may verify cards. Refuses with BAD_TRUST for a broken set, PRIVATE_KEY for a private part. */
async function usableKeys(raw: Bytes): Promise<ShcKey[]> {
  const whole = new Set<object>();
  const keys = member(json(raw, () => badTrust("the key set is not JSON"), (holder, key, isWhole) => key === "crlVersion" && isWhole && whole.add(holder)), "keys");
  if (!Array.isArray(keys) || !keys.every(isObject)) throw badTrust("the key set has no list of keys");
  if (keys.some((jwk) => PRIVATE_PARTS.some((name) => Object.hasOwn(jwk, name)))) throw badTrust("the key set holds a private key", "PRIVATE_KEY");
  const found: ShcKey[] = [];
  for (const jwk of keys) {
    const key = await usable(jwk);
    const version = member(jwk, "crlVersion");
    if (key) found.push({ kid: member(jwk, "kid") as string, key, crlVersion: typeof version === "number" && whole.has(jwk) ? version : null });
  }
  return found;
}

async function usable(jwk: { [key: string]: Json }): Promise<CryptoKey | undefined> {
  const says = (name: string, value: string): boolean => member(jwk, name) === value;
  if (!says("kty", "EC") || !says("use", "sig") || !says("crv", "P-256") || !says("alg", "ES256")) return undefined;
  try {
    const [x, y] = [coordinate(member(jwk, "x")), coordinate(member(jwk, "y"))];
    const print = toBase64url(await sha256(utf8(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`)));
    const key = await importJwk(x, y);
    return says("kid", print) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Coordinates of 33 bytes with a leading zero are read: WHO's lists have them. */
function coordinate(text: Json | undefined): string {
  if (typeof text !== "string") throw badTrust("no coordinate");
  let raw = unbase64url(text.replace(/=+$/, ""));
  if (raw.length === 33 && raw[0] === 0) raw = raw.slice(1);
  if (raw.length !== 32) throw badTrust("a coordinate has 32 bytes");
  return toBase64url(raw);
}

function json(raw: Bytes, fault: () => Refused, isWhole?: (holder: object, key: string, whole: boolean) => void): Json {
  try {
    return strictJson(raw, isWhole);
  } catch {
    throw fault();
  }
}

function readRevocationList(raw: Bytes): RevocationList {
  let whole = false;
  const value = json(raw, () => unknown("the revocation list is not JSON"), (_, key, isWhole) => { if (key === "ctr") whole = isWhole; });
  const [kid, counter, listed] = [member(value, "kid"), member(value, "ctr"), member(value, "rids")];
  if (member(value, "method") !== "rid" || typeof kid !== "string") throw unknown("not a revocation list by rid");
  if (typeof counter !== "number" || !whole || counter < 1 || !Array.isArray(listed)) throw unknown("the revocation list lacks its counter or its ids");
  const rids = new Map<string, number | null>();
  for (const one of listed) {
    const found = typeof one === "string" ? RID.exec(one) : null;
    if (!found || rids.has(found[1]!)) throw unknown("a revoked id is malformed or stands twice");
    rids.set(found[1]!, found[2] ? Number(found[2]) : null);
  }
  return { kid, counter, rids };
}

function kidOfBroken(raw: Bytes): string | null {
  try {
    const kid = member(strictJson(raw), "kid");
    return typeof kid === "string" ? kid : null;
  } catch {
    return null;
  }
}
