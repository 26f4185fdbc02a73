/** The day's visits and what changes them: fetching, writing down, sending. The server's answer always wins over the phone. */

import { signal } from "@preact/signals";

import type { Text } from "../shared/words.ts";
import * as store from "./store.ts";

export type Visit = { case_id: string; title: Text; reason: Text; script: Text[]; due_at: string; card: Record<string, string>;
  answers?: Record<string, Text>;
};
export type Day = { visits: Visit[]; results: string[]; ends_at: string };
type Result = { case_id: string; result: string; at: string; key: string; note: string };
type Taken = { key: string; what: "stored" | "known" | "conflict" | "not-yours"; other: string };

export const day = signal<Day | undefined>();
export const done = signal<ReadonlyMap<string, string>>(new Map());
export const conflicts = signal<ReadonlyMap<string, string>>(new Map());
export const waits = signal(0);
/** ok, offline, sign-in (nobody is signed in here), confirm (show again that it is you). */
export const link = signal<"ok" | "offline" | "sign-in" | "confirm">("ok");
export const ready = signal(false);

const TICK = 30_000;

export async function start(): Promise<void> {
  await remember();
  ready.value = true;
  addEventListener("online", () => void meet());
  setInterval(() => void remember(), TICK);
  await meet();
}

/** What the phone still has; past the day's end there is nothing. */
async function remember(): Promise<void> {
  day.value = await store.read<Day>(Date.now());
  const all = await store.waiting<Result>(Date.now());
  waits.value = all.length;
  if (!day.value) done.value = new Map();
  else done.value = new Map([...done.value, ...all.map((one) => [one.case_id, one.result] as const)]);
}

/** Sends what waits, then asks for the day anew. */
export async function meet(): Promise<void> {
  const all = await store.waiting<Result>(Date.now());
  if (all.length) {
    const told = await call<{ results: Taken[] }>("/v1/desk/results", { results: all });
    if (!told) return;
    for (const one of told.results) {
      const mine = all.find((result) => result.key === one.key);
      if (one.what === "conflict" && mine) conflicts.value = new Map([...conflicts.value, [mine.case_id, one.other]]);
      await store.drop(one.key);
    }
  }
  const fresh = await call<Day>("/v1/desk/visits", undefined);
  if (fresh) await store.keep(fresh, Date.parse(fresh.ends_at), Date.now());
  await remember();
}

/** Written down on the phone first; it goes when there is a network. */
export async function record(visit: Visit, result: string, note: string): Promise<void> {
  const key = crypto.randomUUID();
  await store.put(key, { case_id: visit.case_id, result, at: new Date().toISOString(), key, note }, Date.now());
  await remember();
  await meet();
}

export async function wipeNow(): Promise<void> {
  await store.wipe();
  [day.value, done.value, waits.value] = [undefined, new Map(), 0];
}

async function call<T>(path: string, body: unknown): Promise<T | undefined> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: "POST", cache: "no-store", credentials: "same-origin", headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }), signal: AbortSignal.timeout(15_000),
    });
  } catch {
    link.value = "offline";
    return undefined;
  }
  if (answer.ok) {
    link.value = "ok";
    return (await answer.json()) as T;
  }
  if (answer.status === 404) await wipeNow(); // this worker has no desk any more: nothing of it stays here
  link.value = answer.status === 403 ? "confirm" : answer.status === 401 || answer.status === 404 ? "sign-in" : "offline";
  return undefined;
}
