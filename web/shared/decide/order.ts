/** What a gate needs of a mandate note: until when it holds, whether it unlocks gates, what to do on a fault. The twin of `gate/order.py`.

The note came inside a snapshot signed by a quorum of root keys; its officers' signatures were checked before it was put there. */

import { isObject, member, strictJson, type Json } from "../verify/json.ts";
import type { Text } from "../verify/snapshot.ts";
import { failTable, type FailTable } from "./model.ts";

/** Times in seconds since 1970. At `destroys` (its end plus grace) the gate destroys what it holds. */
export type Order = { id: string; start: number; end: number; purpose: Text; fail: FailTable; destroys: number };

const bad = (field: string): RangeError => new RangeError(`mandate.${field}: not of its form`);

/** The order in a signed note; null if it does not unlock gates. Throws RangeError for a text that is no mandate. */
export function readOrder(note: Uint8Array): Order | null {
  const whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(note);
  const cut = whole.lastIndexOf("\n\n");
  const read = strictJson(cut > 0 ? whole.slice(0, cut) : whole);
  const [id, unlocks, grace, fail] = [member(read, "id"), member(read, "unlocks"), member(read, "grace_hours") ?? 0, member(read, "fail") ?? {}];
  const [start, end, purpose] = [instant(read, "start"), instant(read, "end"), textOf(member(member(read, "purpose"), "text"))];
  if (typeof id !== "string") throw bad("id");
  if (!Array.isArray(unlocks) || !unlocks.every((one) => typeof one === "string")) throw bad("unlocks");
  if (typeof grace !== "number" || !Number.isInteger(grace)) throw bad("grace_hours");
  if (!isObject(fail) || !Object.values(fail).every((one) => typeof one === "string")) throw bad("fail");
  if (!unlocks.includes("gate")) return null;
  return { id, start, end, purpose, fail: failTable(fail as { [cause: string]: string }), destroys: end + Math.max(0, grace) * 3600 };
}

function instant(read: Json, field: string): number {
  const text = member(read, field);
  if (typeof text !== "string" || !/(Z|[+-][0-9]{2}:[0-9]{2})$/.test(text)) throw bad(field);
  const ms = Date.parse(text);
  if (!Number.isFinite(ms)) throw bad(field);
  return ms / 1000;
}

function textOf(value: Json | undefined): Text {
  const [en, zh] = [member(value, "en"), member(value, "zh-Hans")];
  if (typeof en !== "string" || typeof zh !== "string") throw bad("purpose");
  return { en, "zh-Hans": zh };
}

/** The order in force at `now` that ends last; null: no check here. */
export function liveOrder(orders: Order[], now: number): Order | null {
  let found: Order | null = null;
  for (const order of orders) if (order.start <= now && now < order.end && (!found || order.end > found.end)) found = order;
  return found;
}

/** True once every mandate the gate ever worked under here is past its end and grace. No mandate: nothing to end. */
export const isOver = (orders: Order[], now: number): boolean => orders.length > 0 && orders.every((order) => now >= order.destroys);
