/** Revocation of EU certificates by 128-bit hashes, to read only. The twin of `pratique.credentials.hashlist`. */

import { sha256, toHex, type Bytes } from "../bytes.ts";
import { PS256 } from "./keys.ts";
import { badTrust } from "./refused.ts";

export type HashBatch = { country: string; kid: Bytes; hash_type: "SIGNATURE" | "UCI" | "COUNTRYCODEUCI"; expires: number; hashes: Bytes };
type Key = { kid: Bytes; alg: number };

export class HashLists {
  #sets = new Map<string, Map<string, number>>();

  constructor(batches: HashBatch[]) {
    for (const batch of batches) {
      if (batch.hashes.length % 16) throw badTrust("a revocation batch whose hashes are not 16 bytes each");
      const name = place(batch.hash_type, batch.country, batch.kid);
      const set = this.#sets.get(name) ?? new Map<string, number>();
      this.#sets.set(name, set);
      for (let at = 0; at < batch.hashes.length; at += 16) {
        const one = toHex(batch.hashes.subarray(at, at + 16));
        set.set(one, Math.max(batch.expires, set.get(one) ?? 0));
      }
    }
  }

  get some(): boolean {
    return this.#sets.size > 0;
  }

  /** True if a batch that is alive at `now` names this certificate. `ids`: the bytes of each id, alone and behind its country.

  For ES256 the signature's hash covers its first half: s can be changed into another good one, r alone cannot. */
  async revoked(country: string, key: Key, ids: [Bytes, Bytes][], signature: Bytes, now: number): Promise<boolean> {
    const signed = key.alg === PS256 ? signature : (signature.slice(0, signature.length >> 1) as Bytes);
    const wanted: [HashBatch["hash_type"], Bytes][] = [["SIGNATURE", signed]];
    for (const [uci, named] of ids) wanted.push(["UCI", uci], ["COUNTRYCODEUCI", named]);
    for (const [kind, bytes] of wanted) {
      const one = toHex((await sha256(bytes)).subarray(0, 16));
      for (const kid of [key.kid, new Uint8Array()]) {
        if ((this.#sets.get(place(kind, country, kid))?.get(one) ?? -1) >= now) return true;
      }
    }
    return false;
  }
}

const place = (kind: string, country: string, kid: Uint8Array): string => JSON.stringify([kind, country, toHex(kid)]);
