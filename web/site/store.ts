/** What the site device keeps, in IndexedDB with strict durability: a sound is made only after the commit. */

import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Carried, Device, OpenTube, Row } from "./model.ts";

interface Schema extends DBSchema {
  device: { key: "me"; value: Device };
  tube: { key: "open"; value: OpenTube };
  row: { key: number; value: Row; indexes: { code: string; state: string } };
  seen: { key: string; value: string };
  carried: { key: string; value: Carried };
}

const STRICT = { durability: "strict" } as const;
const KEEP = 200;
let opened: Promise<IDBPDatabase<Schema>> | undefined;

const db = (): Promise<IDBPDatabase<Schema>> =>
  (opened ??= openDB<Schema>("pratique-site", 2, {
    upgrade(fresh, before) {
      fresh.createObjectStore("carried", { keyPath: "text" });
      if (before >= 1) return;
      fresh.createObjectStore("device");
      fresh.createObjectStore("tube");
      const rows = fresh.createObjectStore("row", { keyPath: "seq" });
      rows.createIndex("code", "code");
      rows.createIndex("state", "state");
      fresh.createObjectStore("seen");
    },
  }));

export const readDevice = async (): Promise<Device | undefined> => (await db()).get("device", "me");
export const readOpen = async (): Promise<OpenTube | undefined> => (await db()).get("tube", "open");
export const readRows = async (): Promise<Row[]> => (await db()).getAll("row");
export const isSealedHere = async (code: string): Promise<boolean> => (await (await db()).countFromIndex("row", "code", code)) > 0;
export const isSeen = async (mark: string): Promise<boolean> => (await (await db()).count("seen", mark)) > 0;

export async function keepDevice(device: Device): Promise<void> {
  const tx = (await db()).transaction("device", "readwrite", STRICT);
  await Promise.all([tx.store.put(device, "me"), tx.done]);
}

/** The open tube with the people just added or taken back, and their marks of the day. */
export async function keepOpen(tube: OpenTube | undefined, mark?: { add?: readonly string[]; remove?: string; day: string }): Promise<void> {
  const tx = (await db()).transaction(["tube", "seen"], "readwrite", STRICT);
  if (tube) await tx.objectStore("tube").put(tube, "open");
  else await tx.objectStore("tube").delete("open");
  for (const add of mark?.add ?? []) await tx.objectStore("seen").put(mark!.day, add);
  if (mark?.remove) await tx.objectStore("seen").delete(mark.remove);
  await tx.done;
}

/** One commit: the sealed tube waits, the chain moves on, no tube is open. Throws if the chain moved meanwhile. */
export async function seal(row: Row, device: Device): Promise<void> {
  const tx = (await db()).transaction(["device", "tube", "row"], "readwrite", STRICT);
  const kept = await tx.objectStore("device").get("me");
  if (kept?.seq !== device.seq - 1) {
    tx.abort();
    await tx.done.catch(() => undefined);
    throw new Error("the chain of this device has moved on");
  }
  await tx.objectStore("row").add(row);
  await tx.objectStore("device").put(device, "me");
  await tx.objectStore("tube").delete("open");
  await tx.done;
}

export async function waitingRows(most: number): Promise<Row[]> {
  return (await db()).getAllFromIndex("row", "state", "waiting", most);
}

export async function keepRows(rows: readonly Row[]): Promise<void> {
  const tx = (await db()).transaction("row", "readwrite", STRICT);
  for (const row of rows) await tx.store.put(row);
  await tx.done;
}

/** Marks of other days go, and of what the server has only the last lines stay, so that a code is still known as sealed. */
export async function tidy(today: string): Promise<void> {
  const tx = (await db()).transaction(["seen", "row"], "readwrite");
  for (let at = await tx.objectStore("seen").openCursor(); at; at = await at.continue()) {
    if (at.value !== today) await at.delete();
  }
  const done = (await tx.objectStore("row").getAll()).filter((r) => r.state === "stored");
  for (const row of done.slice(0, -KEEP)) await tx.objectStore("row").delete(row.seq);
  await tx.done;
}

export const readCarried = async (): Promise<Carried[]> => (await db()).getAll("carried");

export async function keepCarried(copies: readonly Carried[]): Promise<void> {
  const tx = (await db()).transaction("carried", "readwrite", STRICT);
  for (const copy of copies) await tx.store.put(copy);
  await tx.done;
}

export async function dropCarried(texts: readonly string[]): Promise<void> {
  const tx = (await db()).transaction("carried", "readwrite", STRICT);
  for (const text of texts) await tx.store.delete(text);
  await tx.done;
}
