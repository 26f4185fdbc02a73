/** What the hand-held gate keeps, in IndexedDB with strict durability: its key, its lists, counts per quarter of an hour, what waits to be sent.

No token, no hash of one, no name and no time finer than fifteen minutes is ever written. Writes are one transaction each. */

import { deleteDB, openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from "idb";

import { sha256, concat, toHex, type Bytes } from "../shared/bytes.ts";
import { canonicalJson, type Json } from "../shared/canonical.ts";
import { SLOT_CLOSES_AFTER, SLOT_SECONDS, slotOf } from "../shared/decide/model.ts";
import type { Decision } from "../shared/decide/gate.ts";
import type { Text } from "../shared/words.ts";

export type Enrolment = { gate_id: string; place: Text; roots: string[]; quorum: number; pair: CryptoKeyPair; public_key: string; certificate?: string };
export type Counter = { slot15: number; outcome: string; reason: string; policy: number; n: number; closed: number };
export type Alarm = { kind: string; first_slot: number; last_slot: number | null; sent: boolean };
export type CountRow = { slot15: number; outcome: string; reason: string; policy: number; n: number };
export type Batch = { rows: CountRow[]; alarms: Omit<Alarm, "sent">[]; snapshot: number; at: string };
/** `snapshot`: the highest number ever decided by. `floor`: the newest certain time, at slot grain. `chain`: the end of the chain of closed slots. */
export type Settings = { seq: number; snapshot: number; floor: number; chain: string; group?: string };

interface Schema extends DBSchema {
  me: { key: "me"; value: Enrolment };
  lists: { key: "newest"; value: { body: Bytes; etag: string } };
  counter: { key: [number, string, string, number]; value: Counter };
  outbox: { key: number; value: Batch };
  alarm: { key: [string, number]; value: Alarm };
  setting: { key: string; value: Settings };
}

const NAME = "pratique-handheld";
const STRICT = { durability: "strict" } as const;
const KEEP_SLOTS = 30 * 96;
const FRESH: Settings = { seq: 0, snapshot: 0, floor: 0, chain: "00".repeat(32) };
let opened: Promise<IDBPDatabase<Schema>> | undefined;
/** After the end nothing that is still under way may make the database anew. */
let gone = false;

export const begin = (): void => { gone = false; };

const db = (): Promise<IDBPDatabase<Schema>> =>
  gone ? Promise.reject(new DOMException("this gate has ended", "InvalidStateError")) :
  (opened ??= openDB<Schema>(NAME, 1, {
    upgrade(fresh) {
      fresh.createObjectStore("me");
      fresh.createObjectStore("lists");
      fresh.createObjectStore("counter", { keyPath: ["slot15", "outcome", "reason", "policy"] });
      fresh.createObjectStore("outbox");
      fresh.createObjectStore("alarm", { keyPath: ["kind", "first_slot"] });
      fresh.createObjectStore("setting");
    },
    terminated: () => { opened = undefined; },
  }));

type Tx = IDBPTransaction<Schema, ("counter" | "outbox" | "alarm" | "setting" | "lists" | "me")[], "readwrite">;

/** One transaction over all stores, on disk when it is told as done. */
async function write<T>(act: (tx: Tx) => Promise<T>): Promise<T> {
  const tx = (await db()).transaction(["counter", "outbox", "alarm", "setting", "lists", "me"], "readwrite", STRICT);
  try {
    const [value] = await Promise.all([act(tx), tx.done]);
    return value;
  } catch (fault) {
    await tx.done.catch(() => undefined);
    throw fault;
  }
}

const settingsIn = async (tx: Tx): Promise<Settings> => ({ ...FRESH, ...(await tx.objectStore("setting").get("all")) });
const change = async (tx: Tx, part: Partial<Settings>): Promise<unknown> => tx.objectStore("setting").put({ ...(await settingsIn(tx)), ...part }, "all");

export const readEnrolment = async (): Promise<Enrolment | undefined> => (await db()).get("me", "me");
export const readLists = async (): Promise<{ body: Bytes; etag: string } | undefined> => (await db()).get("lists", "newest");
export const readSettings = async (): Promise<Settings> => ({ ...FRESH, ...(await (await db()).get("setting", "all")) });
export const waiting = async (): Promise<number> => (await db()).count("outbox");
export const lastSlot = async (): Promise<number> => (await (await db()).getAllKeys("counter")).reduce((last, [slot]) => Math.max(last, slot), 0);
export const decisions = async (): Promise<number> => (await (await db()).getAll("counter")).reduce((sum, { n }) => sum + n, 0);
export const standing = async (): Promise<string[]> => (await (await db()).getAll("alarm")).filter((alarm) => alarm.last_slot === null).map(({ kind }) => kind);

export const keepEnrolment = (me: Enrolment): Promise<unknown> => write((tx) => tx.objectStore("me").put(me, "me"));

/** The newest lists with their number, which is never lowered. */
export const keepLists = (body: Bytes, etag: string, number: number): Promise<unknown> =>
  write(async (tx) => {
    await tx.objectStore("lists").put({ body, etag }, "newest");
    await change(tx, { snapshot: Math.max(number, (await settingsIn(tx)).snapshot) });
  });

/** The group this gate is in, as the server last told. */
export const keepGroup = (group: string): Promise<unknown> => write((tx) => change(tx, { group }));

/** A certain time, at slot grain: law 4 allows no finer one. */
export const raiseFloor = (unix: number): Promise<unknown> =>
  write(async (tx) => change(tx, { floor: Math.max((await settingsIn(tx)).floor, slotOf(unix) * SLOT_SECONDS) }));

async function add(tx: Tx, row: Omit<Counter, "n" | "closed">, n: number): Promise<void> {
  const counters = tx.objectStore("counter");
  const held = await counters.get([row.slot15, row.outcome, row.reason, row.policy]);
  if (n < 0 && (held?.n ?? 0) <= (held?.closed ?? 0)) return; // its slot was told already: nothing is left to take back
  await counters.put({ ...row, n: (held?.n ?? 0) + n, closed: held?.closed ?? 0 });
}

const rowOf = ({ outcome, reason, policy }: Decision, slot15: number) => ({ slot15, outcome, reason, policy });

/** Counts decisions; on disk when it is done. */
export const count = (rows: { decision: Decision; slot15: number; n: number }[]): Promise<void> =>
  write(async (tx) => {
    for (const { decision, slot15, n } of rows) if (n) await add(tx, rowOf(decision, slot15), n);
  });

export async function countsOf(slot15: number): Promise<{ [outcome: string]: number }> {
  const found: { [outcome: string]: number } = {};
  const range = IDBKeyRange.bound([slot15], [slot15 + 1], false, true);
  for (const { outcome, n } of await (await db()).getAll("counter", range)) if (n) found[outcome] = (found[outcome] ?? 0) + n;
  return found;
}

const atOf = (slot15: number): string => `${new Date(slot15 * SLOT_SECONDS * 1000).toISOString().slice(0, 19)}Z`;

async function post(tx: Tx, batch: Batch): Promise<void> {
  const { seq } = await settingsIn(tx);
  await tx.objectStore("outbox").put(batch, seq + 1);
  await change(tx, { seq: seq + 1 });
}

/** Folds every slot that is over into a batch; how many. A slot closes 60 s after its end; `all` closes the running one too. */
export async function closeSlots(now: number, snapshot: number, all = false): Promise<number> {
  const last = all ? slotOf(now) : slotOf(now - SLOT_CLOSES_AFTER) - 1;
  const range = IDBKeyRange.upperBound([last + 1], true);
  const open = (await (await db()).getAll("counter", range)).filter(({ n, closed }) => n !== closed);
  const slots = [...new Set(open.map(({ slot15 }) => slot15))].sort((a, b) => a - b);
  for (const slot15 of slots) {
    const rows = open.filter((row) => row.slot15 === slot15);
    const link = await chained((await readSettings()).chain, slot15, rows);
    await write(async (tx) => {
      for (const row of rows) await tx.objectStore("counter").put({ ...row, closed: row.n });
      await post(tx, { rows: rows.map(({ n, closed, ...row }) => ({ ...row, n: n - closed })).filter((row) => row.n > 0), alarms: [], snapshot, at: atOf(slot15 + 1) });
      await change(tx, { chain: link });
      for (const key of await tx.objectStore("counter").getAllKeys(IDBKeyRange.upperBound([last - KEEP_SLOTS]))) await tx.objectStore("counter").delete(key);
    });
  }
  return slots.length;
}

/** SHA-256(prev ‖ slot15 as 8 bytes ‖ canonical rows): one link per closed slot, as the Python gate makes it. */
async function chained(before: string, slot15: number, rows: Counter[]): Promise<string> {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(slot15));
  const body = rows.map((row): Json => [row.outcome, row.reason, row.policy, row.n - row.closed]);
  const prev = Uint8Array.from(before.match(/../g)!, (two) => parseInt(two, 16));
  return toHex(await sha256(concat(prev, head, canonicalJson(body))));
}

/** An alarm stands or is gone. Raised twice it stays one; raised again in the slot it was cleared in, it goes on. */
export const alarm = (kind: string, stands: boolean, slot15: number): Promise<void> =>
  write(async (tx) => {
    const alarms = tx.objectStore("alarm");
    const held = (await alarms.getAll()).find((one) => one.kind === kind && one.last_slot === null);
    if (stands && !held) await alarms.put({ kind, first_slot: slot15, last_slot: null, sent: false });
    if (!stands && held) await alarms.put({ ...held, last_slot: Math.max(slot15, held.first_slot), sent: false });
  });

/** Puts alarms that were not sent yet into a batch of their own. */
export const postAlarms = (slot15: number, snapshot: number): Promise<boolean> =>
  write(async (tx) => {
    const alarms = (await tx.objectStore("alarm").getAll()).filter((one) => !one.sent);
    if (!alarms.length) return false;
    for (const one of alarms) await tx.objectStore("alarm").put({ ...one, sent: true });
    await post(tx, { rows: [], alarms: alarms.map(({ sent: _, ...one }) => one), snapshot, at: atOf(slot15) });
    return true;
  });

/** An empty batch where nothing was counted: the gate is heard, and hears the time. */
export const postNothing = (slot15: number, snapshot: number): Promise<void> => write((tx) => post(tx, { rows: [], alarms: [], snapshot, at: atOf(slot15) }));

/** The oldest batch that waits, with its number. */
export async function oldest(): Promise<{ seq: number; batch: Batch } | undefined> {
  const cursor = await (await db()).transaction("outbox").store.openCursor();
  return cursor ? { seq: cursor.key, batch: cursor.value } : undefined;
}

/** The server has this batch on disk: only now may it go. */
export const acknowledged = (seq: number): Promise<unknown> => write((tx) => tx.objectStore("outbox").delete(seq));

/** All of it, the key first of all. */
export async function destroy(): Promise<void> {
  await write(async (tx) => {
    for (const name of ["me", "lists", "counter", "outbox", "alarm", "setting"] as const) await tx.objectStore(name).clear();
  });
  const last = await db();
  [gone, opened] = [true, undefined];
  last.close();
  await deleteDB(NAME);
}
