/** Token Status List (draft-ietf-oauth-status-list-20): index i is the block of `bits` bits from the least significant end. */

import type { Value } from "./cbor.ts";
import { inflateZlib } from "./inflate.ts";
import { badTrust, Refused } from "./refused.ts";

export const [VALID, INVALID, SUSPENDED] = [0, 1, 2];
export type StatusEntry = { issuer: string; list_no: number; bits: number; lst: Uint8Array; size: number; uri: string; expires: number | null };
/** A status list that certificates name by its address. */
export type ForeignList = { statuses: StatusList; issuer: string; expires: number };

const broken = (detail: string): Refused => new Refused("STATUS_UNKNOWN", detail);

export class StatusList {
  constructor(readonly bits: number, readonly blocks: Uint8Array) {}

  /** Refuses with STATUS_UNKNOWN out of bounds: no statement is not a statement. */
  value(index: number): number {
    const place = index * this.bits;
    const at = Math.floor(place / 8);
    if (at >= this.blocks.length) throw broken("the index is outside the list");
    return (this.blocks[at]! >> place % 8) & ((1 << this.bits) - 1);
  }
}

/** Address and index of a credential's `status` claim (65535, section 6.3), null where it names no status list. */
export function claimed(claim: Value): [uri: string, index: number] | null {
  const named = claim instanceof Map ? claim.get("status_list") : undefined;
  if (!(named instanceof Map)) return null;
  const [uri, index] = [named.get("uri"), named.get("idx")];
  if (typeof uri !== "string" || (typeof index !== "number" && typeof index !== "bigint") || index < 0) return null;
  return [uri, Number(index)];
}

export function unpack(entry: StatusEntry): StatusList {
  if (!(entry.size > 0 && entry.size <= 1 << 24)) throw badTrust("a status list of an absurd size");
  if (![1, 2, 4, 8].includes(entry.bits)) throw broken("bits is not 1, 2, 4 or 8");
  try {
    return new StatusList(entry.bits, inflateZlib(entry.lst, Math.ceil((entry.size * entry.bits) / 8)));
  } catch {
    throw broken("lst is not zlib, cut short, too large, or has bytes behind it");
  }
}
