/** What a worker's phone keeps of the day's visits: everything sealed under one key that cannot be read out and that is
thrown away after a day, or as soon as the server says that this worker has none. */

import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";

type Sealed = { iv: Uint8Array<ArrayBuffer>; body: ArrayBuffer };
type Key = { key: CryptoKey; ends_at: number };

interface Schema extends DBSchema {
  key: { key: "day"; value: Key };
  package: { key: "day"; value: Sealed };
  outbox: { key: string; value: Sealed };
}

const NAME = "pratique-visit";
const STRICT = { durability: "strict" } as const;
let opened: Promise<IDBPDatabase<Schema>> | undefined;

const db = (): Promise<IDBPDatabase<Schema>> =>
  (opened ??= openDB<Schema>(NAME, 1, {
    upgrade(fresh) {
      for (const name of ["key", "package", "outbox"] as const) fresh.createObjectStore(name);
    },
  }));

/** The day's key; undefined where there is none or its time is over, and then nothing else is left either. */
async function dayKey(now: number): Promise<Key | undefined> {
  const found = await (await db()).get("key", "day");
  if (found && now >= found.ends_at) {
    await wipe();
    return undefined;
  }
  return found;
}

/** Keeps the day's visits until `ends_at`; results that still wait stay readable under the same key. */
export async function keep(visits: unknown, ends_at: number, now: number): Promise<void> {
  const old = await dayKey(now);
  const key = old?.key ?? (await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]));
  const sealed = await seal(key, visits);
  const tx = (await db()).transaction(["key", "package"], "readwrite", STRICT);
  await tx.objectStore("key").put({ key, ends_at }, "day");
  await tx.objectStore("package").put(sealed, "day");
  await tx.done;
}

export async function read<T>(now: number): Promise<T | undefined> {
  const day = await dayKey(now);
  const sealed = day && (await (await db()).get("package", "day"));
  return day && sealed ? open<T>(day.key, sealed) : undefined;
}

export async function put(key: string, result: unknown, now: number): Promise<void> {
  const day = await dayKey(now);
  if (!day) throw new Error("the day is over");
  const sealed = await seal(day.key, result);
  const tx = (await db()).transaction("outbox", "readwrite", STRICT);
  await Promise.all([tx.store.put(sealed, key), tx.done]);
}

export async function waiting<T>(now: number): Promise<T[]> {
  const day = await dayKey(now);
  const all = day ? await (await db()).getAll("outbox") : [];
  return Promise.all(all.map((one) => open<T>(day!.key, one)));
}

export const drop = async (key: string): Promise<void> => (await db()).delete("outbox", key);

/** The key first: what is sealed under it is then nobody's. */
export async function wipe(): Promise<void> {
  await (await db()).delete("key", "day");
  (await db()).close();
  opened = undefined;
  await deleteDB(NAME);
}

async function seal(key: CryptoKey, value: unknown): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, body: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(JSON.stringify(value))) };
}

async function open<T>(key: CryptoKey, { iv, body }: Sealed): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, body))) as T;
}
