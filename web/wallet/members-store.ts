/** What the wallet keeps of memberships, in a database of its own: keys as handles, passes, receipts, visits. None of it leaves by itself. */

import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Bytes } from "../shared/bytes.ts";
import type { Offer } from "../shared/membership.ts";
import type { Text } from "../shared/words.ts";
import { forgetting, MEMBERSHIPS } from "./store.ts";

/** `offer` is missing while the organisation has not given its pass. */
export type Member = { id?: number; pair: CryptoKeyPair; point: Bytes; offer?: Offer };
export type KeptReceipt = { text: string; member: number; at: number; place: Text };
/** A visit to somebody else: a key for it, and the pass. */
export type KeptVisit = { id?: number; key: CryptoKey; chain: [Bytes, Bytes]; name: Text; begins: number; expires: number };
/** A visitor of ours. */
export type Guest = { id?: number; member: number; secret: Bytes; bell: CryptoKey; bellPoint: Bytes; visit: Bytes; link: string; paper: string; expires: number };

interface Schema extends DBSchema {
  member: { key: number; value: Member };
  receipt: { key: string; value: KeptReceipt };
  visit: { key: number; value: KeptVisit };
  guest: { key: number; value: Guest };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;
const db = (): Promise<IDBPDatabase<Schema>> =>
  (opened ??= openDB<Schema>(MEMBERSHIPS, 1, {
    upgrade(fresh) {
      for (const name of ["member", "visit", "guest"] as const) fresh.createObjectStore(name, { keyPath: "id", autoIncrement: true });
      fresh.createObjectStore("receipt", { keyPath: "text" });
    },
  }));

forgetting.push(async () => {
  if (opened) (await opened).close();
  opened = undefined;
});

export const members = async (): Promise<Member[]> => (await db()).getAll("member");
export const putMember = async (one: Member): Promise<number> => (await db()).put("member", one);
export const receipts = async (): Promise<KeptReceipt[]> => (await db()).getAll("receipt");
export const putReceipt = async (one: KeptReceipt): Promise<string> => (await db()).put("receipt", one);
export const visits = async (): Promise<KeptVisit[]> => (await db()).getAll("visit");
export const putVisit = async (one: KeptVisit): Promise<number> => (await db()).put("visit", one);
export const guests = async (): Promise<Guest[]> => (await db()).getAll("guest");
export const putGuest = async (one: Guest): Promise<number> => (await db()).put("guest", one);

/** A membership with its receipts and guests. */
export async function dropMember(id: number): Promise<void> {
  const tx = (await db()).transaction(["member", "receipt", "guest"], "readwrite");
  for (const one of await tx.objectStore("receipt").getAll()) if (one.member === id) await tx.objectStore("receipt").delete(one.text);
  for (const one of await tx.objectStore("guest").getAll()) if (one.member === id) await tx.objectStore("guest").delete(one.id!);
  await tx.objectStore("member").delete(id);
  await tx.done;
}

/** What is over is not kept: visits and guests past their end, receipts after 60 days. `now` in seconds since 1970. */
export async function sweep(now: number): Promise<void> {
  const tx = (await db()).transaction(["receipt", "visit", "guest"], "readwrite");
  for (const one of await tx.objectStore("receipt").getAll()) if (one.at < now - 60 * 86_400) await tx.objectStore("receipt").delete(one.text);
  for (const name of ["visit", "guest"] as const) {
    for (const one of await tx.objectStore(name).getAll()) if (one.expires <= now) await tx.objectStore(name).delete(one.id!);
  }
  await tx.done;
}
