/** What a verifier knows, from one signed bundle: the twin of `snapshot.py` and `trust.py`.

A bundle counts only if a quorum of different root keys signed it, its number is not below the highest seen, and it has not expired. */

import { concat, toBase64url, toHex, utf8, type Bytes } from "../bytes.ts";
import { readExact, type Value } from "./cbor.ts";
import { HashLists, type HashBatch } from "./hashlist.ts";
import { importKey, importRoot } from "./keys.ts";
import { badTrust, Refused } from "./refused.ts";
import { readers, struct, type Fields } from "./shape.ts";
import { ShcTrust, type ShcIssuer } from "./shc_keys.ts";
import { unpack, type ForeignList, type StatusEntry, type StatusList } from "./status.ts";

export type Text = { en: string; "zh-Hans": string };
type KeyEntry = { kid: Bytes; key: Bytes; purpose: "pass" | "hcert" | "shc" | "member"; issuer: string; usages: string[]; valid_from: number | null; valid_to: number | null };

export type Bundle = {
  number: number; issued: number; expires: number;
  keys: KeyEntry[]; status: StatusEntry[]; shc: ShcIssuer[]; hashes: HashBatch[];
  skew_s: number; paper: boolean; policy: Bytes | null; mandates: Bytes[];
  texts: { [key: string]: Text }; fail: { [cause: string]: string }; value_sets: { [id: string]: string[] }; door: Bytes | null;
  groups: { [id: string]: GateConfig };
};
/** What is wanted of the gates of a group. */
export type GateConfig = { version: number; accepts: KeyEntry["purpose"][]; paper: boolean };

export type TrustKey = { kid: Bytes; key: CryptoKey | undefined; alg: number; issuer: string; usages: Set<string>; validFrom: number; validTo: number };

const { whole, text, bytes, flag, list, oneOf, orNull, dictionary } = readers;
const KEY: Fields = {
  kid: bytes, key: bytes, purpose: oneOf("pass", "hcert", "shc", "member"), issuer: [text, ""], usages: [list(text), []],
  valid_from: [orNull(whole), null], valid_to: [orNull(whole), null],
};
const STATUS: Fields = { issuer: text, list_no: whole, bits: whole, lst: bytes, size: [whole, 1 << 20], uri: [text, ""], expires: [orNull(whole), null] };
const ISSUER: Fields = { iss: text, keys: bytes, crls: [list(bytes), []], name: [text, ""], listed: [flag, true] };
const BATCH: Fields = { country: text, kid: bytes, hash_type: oneOf("SIGNATURE", "UCI", "COUNTRYCODEUCI"), expires: whole, hashes: bytes };
const CONFIG: Fields = { version: whole, accepts: [list(oneOf("pass", "hcert", "shc")), ["pass", "hcert", "shc"]], paper: [flag, true] };
const BUNDLE: Fields = {
  number: whole, issued: whole, expires: whole,
  keys: [list(struct(KEY)), []], status: [list(struct(STATUS)), []], shc: [list(struct(ISSUER)), []], hashes: [list(struct(BATCH)), []],
  skew_s: [whole, 180], paper: [flag, true], policy: [orNull(bytes), null], mandates: [list(bytes), []],
  texts: [dictionary(struct({ en: text, "zh-Hans": text })), {}], fail: [dictionary(text), {}], value_sets: [dictionary(list(text)), {}], door: [orNull(bytes), null],
  groups: [dictionary(struct(CONFIG)), {}],
};

const MAX_KID = 32; // a stranger chooses it: what is longer is not repeated

/** A bundle, indexed. Make it once and give it to `verify` as often as you like. */
export class Snapshot {
  readonly valueSets: Map<string, Set<string>>;
  readonly hashes: HashLists;
  readonly #keys = new Map<string, TrustKey[]>();
  readonly #status = new Map<string, StatusList>();
  readonly foreignStatus = new Map<string, ForeignList>();

  private constructor(readonly bundle: Bundle, readonly shc: ShcTrust, readonly icvp: boolean) {
    this.valueSets = new Map(Object.entries(bundle.value_sets).map(([id, codes]) => [id, new Set(codes)]));
    this.hashes = new HashLists(bundle.hashes);
    for (const entry of bundle.status) {
      const statuses = unpack(entry);
      if (entry.uri) this.foreignStatus.set(entry.uri, { statuses, issuer: entry.issuer, expires: entry.expires ?? Infinity });
      else this.#status.set(JSON.stringify([entry.issuer, entry.list_no]), statuses);
    }
  }

  /** `icvp` reads WHO's proposed vaccination certificate too. */
  static async of(bundle: Bundle, icvp = false): Promise<Snapshot> {
    const snapshot = new Snapshot(bundle, await ShcTrust.of(bundle.shc), icvp);
    for (const entry of bundle.keys) await snapshot.#add(entry);
    return snapshot;
  }

  async #add(entry: KeyEntry): Promise<void> {
    const { alg, key } = await importKey(entry.key);
    const made: TrustKey = {
      kid: entry.kid, key, alg, issuer: entry.issuer, usages: new Set(entry.usages),
      validFrom: entry.valid_from ?? -Infinity, validTo: entry.valid_to ?? Infinity,
    };
    const place = `${entry.purpose}:${toHex(entry.kid)}`;
    this.#keys.set(place, [...(this.#keys.get(place) ?? []), made]);
  }

  get number(): number { return this.bundle.number; }
  get issued(): number { return this.bundle.issued; }
  get expires(): number { return this.bundle.expires; }

  /** For those who ask why a key is not known: which key, and on which list of which day it is not. */
  lacks(kid: Uint8Array): string {
    const key = kid.length <= MAX_KID ? `key ${toBase64url(kid)}` : "a key id that is none";
    return `${key} is not on ${this.number ? `list ${this.number} of ${new Date(this.issued * 1000).toISOString().slice(0, 10)}` : "the list that was given"}`;
  }

  /** Every key listed under `kid` for `purpose`; several are normal. */
  keysFor(purpose: KeyEntry["purpose"], kid: Uint8Array): TrustKey[] {
    return this.#keys.get(`${purpose}:${toHex(kid)}`) ?? [];
  }

  statusList(issuer: string, number: number): StatusList | undefined {
    return this.#status.get(JSON.stringify([issuer, number]));
  }
}

const DOMAIN = utf8("pratique-bundle\n");
const MAX_BUNDLE = 256 << 20;

/** The snapshot of a bundle signed by at least `quorum` of the `roots` (raw Ed25519 keys), no older than `atLeast`.

Refuses with BAD_TRUST for form or signatures, ROLLBACK for a number below `atLeast`, LIST_EXPIRED at or after its end. */
export async function readBundle(raw: Uint8Array, roots: Uint8Array[], quorum: number, atLeast: number, now: number): Promise<Snapshot> {
  const { body, signatures } = openBundle(raw);
  const message = concat(DOMAIN, body);
  let signed = 0;
  for (const root of new Map(roots.map((one) => [toHex(one), one])).values()) {
    const key = await importRoot(root);
    for (const signature of signatures) {
      if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message))) continue;
      signed++;
      break;
    }
  }
  if (quorum < 1 || signed < quorum) throw badTrust(`signed by ${signed} of the ${quorum} root keys that are needed`);
  const bundle = readBody(body);
  if (bundle.number < atLeast) throw badTrust(`number ${bundle.number}, and ${atLeast} was seen already`, "ROLLBACK");
  if (bundle.expires <= now) throw badTrust("the bundle has expired", "LIST_EXPIRED");
  return Snapshot.of(bundle);
}

function openBundle(raw: Uint8Array): { body: Bytes; signatures: Bytes[] } {
  if (raw.length > MAX_BUNDLE) throw badTrust("larger than any bundle");
  const value = exact(raw, "not a bundle file");
  const [body, rows] = value instanceof Map && value.size === 2 ? [value.get("body"), value.get("signatures")] : [];
  if (!(body instanceof Uint8Array)) throw badTrust("not a bundle file");
  if (!Array.isArray(rows) || rows.length > 16) throw badTrust("the signatures are not a list of key id and signature");
  const signatures = rows.map((row) => {
    if (!Array.isArray(row) || row.length !== 2 || !row.every((part) => part instanceof Uint8Array)) throw badTrust("the signatures are not a list of key id and signature");
    return row[1] as Bytes;
  });
  return { body, signatures };
}

/** The bundle in signed bytes. Refuses with BAD_TRUST unknown fields and wrong types. */
export function readBody(body: Uint8Array): Bundle {
  return struct(BUNDLE)(exact(body, "the bundle's body is not of the known form"), "the bundle's body is not of the known form") as Bundle;
}

function exact(raw: Uint8Array, otherwise: string): Value {
  try {
    return readExact(raw);
  } catch (fault) {
    if (fault instanceof Refused) throw badTrust(otherwise);
    throw fault;
  }
}
