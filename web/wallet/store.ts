/** What the wallet keeps on the phone, in IndexedDB. The key is a handle: its private part cannot be read by anybody. */

import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Notice, Wallet } from "./model.ts";

export type Holder = { pair: CryptoKeyPair; subject_id: string; token: string; token_ends: string };
export type Kept = { view: Wallet; etag: string; fetched_at: number; offset: number };
/** An appeal that was written but not yet taken by the server. `key` makes a second try harmless. */
export type Waiting = { seq?: number; key: string; notice_id: string; text: string; written_at: number };
/** A pass of the day with its own key. `shown`: 0, or its place in the order in which passes were shown. */
export type DayPass = { seq?: number; pair: CryptoKeyPair; credential: string; expires: string; outcome: string; shown: number };

interface Schema extends DBSchema {
  holder: { key: "me"; value: Holder };
  view: { key: "last"; value: Kept };
  notice: { key: string; value: Notice };
  outbox: { key: number; value: Waiting };
  day: { key: number; value: DayPass };
}

const NAME = "pratique-wallet";
export const BOOKINGS = "pratique-booking";
export const MEMBERSHIPS = "pratique-memberships";
const STRICT = { durability: "strict" } as const;
let opened: Promise<IDBPDatabase<Schema>> | undefined;

const db = (): Promise<IDBPDatabase<Schema>> =>
  (opened ??= openDB<Schema>(NAME, 2, {
    upgrade(fresh, before) {
      fresh.createObjectStore("day", { keyPath: "seq", autoIncrement: true });
      if (before > 0) return;
      fresh.createObjectStore("holder");
      fresh.createObjectStore("view");
      fresh.createObjectStore("notice", { keyPath: "id" });
      fresh.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
    },
  }));

export const readHolder = async (): Promise<Holder | undefined> => (await db()).get("holder", "me");

export async function keepHolder(holder: Holder): Promise<void> {
  const tx = (await db()).transaction("holder", "readwrite", STRICT);
  await Promise.all([tx.store.put(holder, "me"), tx.done]);
}

export const readKept = async (): Promise<Kept | undefined> => (await db()).get("view", "last");

/** Keeps the answer whole, and each notice beside it, so that none can disappear without a trace. */
export async function keepView(kept: Kept): Promise<void> {
  const tx = (await db()).transaction(["view", "notice"], "readwrite", STRICT);
  await tx.objectStore("view").put(kept, "last");
  for (const notice of kept.view.notices) await tx.objectStore("notice").put(notice);
  await tx.done;
}

export const readNotices = async (): Promise<Notice[]> => (await db()).getAll("notice");

export async function putWaiting(waiting: Waiting): Promise<void> {
  const tx = (await db()).transaction("outbox", "readwrite", STRICT);
  await Promise.all([tx.store.add(waiting), tx.done]);
}

export const readWaiting = async (): Promise<Waiting[]> => (await db()).getAll("outbox");
export const dropWaiting = async (seq: number): Promise<void> => (await db()).delete("outbox", seq);

export const readDay = async (): Promise<DayPass[]> => (await db()).getAll("day");

export async function addDay(passes: readonly DayPass[]): Promise<void> {
  const tx = (await db()).transaction("day", "readwrite", STRICT);
  await Promise.all([...passes.map((pass) => tx.store.add(pass)), tx.done]);
}

export const putDay = async (pass: DayPass): Promise<unknown> => (await db()).put("day", pass);

export async function dropDay(seqs: readonly number[]): Promise<void> {
  const tx = (await db()).transaction("day", "readwrite", STRICT);
  await Promise.all([...seqs.map((seq) => tx.store.delete(seq)), tx.done]);
}

/** What other parts of the wallet close before everything is deleted. */
export const forgetting: (() => Promise<void>)[] = [];

/** Everything on this phone, the key included. */
export async function deleteAll(): Promise<void> {
  await Promise.all(forgetting.map((close) => close()));
  (await db()).close();
  opened = undefined;
  await Promise.all([deleteDB(NAME), deleteDB(BOOKINGS), deleteDB(MEMBERSHIPS)]);
}
