/** Tickets and windows. Windows are public and hold nobody; the holder's own tickets stay on this phone for use without a
network, and go when their day is over or the wallet is deleted. */

import { effect, signal } from "@preact/signals";
import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import { ask, Offline, Problem } from "../shared/api.ts";
import { now } from "../shared/clock.ts";
import type { Text } from "../shared/words.ts";
import { isOpen } from "./model.ts";
import { guest, holder, notices } from "./state.ts";
import { BOOKINGS, forgetting } from "./store.ts";

export type Ticket = { id: string; slot_id: string; place: Text; kind: "site" | "home"; start: string; purpose: "screen" | "retest" };
export type Window = { slot_id: string; start: string; free: number; wait: number; by_lot: boolean };
export type Place = { id: string; area_id: string; kind: "site" | "home"; name: Text; wait_now: number | null; windows: Window[] };
export type Lottery = { id: string; opens_at: string; closes_at: string; seed_digest: string; seed: string };
export type Campaign = {
  campaign_id: string; name: Text; areas: { id: string; name: Text }[]; places: Place[]; lotteries: Lottery[]; walk_in: boolean;
};

/** Somebody the holder looks after: their slip's subject, and a name that never leaves this phone. */
export type Dependant = { subject_id: string; name: string };

interface Schema extends DBSchema { ticket: { key: string; value: Ticket }; dependant: { key: string; value: Dependant } }

export const tickets = signal<Ticket[]>([]);
export const campaigns = signal<Campaign[] | undefined>();
export const offline = signal(false);
export const problem = signal<Text | undefined>();
export const entered = signal<Lottery | undefined>();
export const asking = signal(false);

/** A single test after a positive tube is booked apart from the round itself. */
export const isRetest = (): boolean => notices.value.some((one) => one.kind === "N2" && isOpen(one));

let opened: Promise<IDBPDatabase<Schema>> | undefined;
/** When the wallet forgets, tickets and dependants go first: the connection here must not keep them alive. */
forgetting.push(async () => {
  (await opened)?.close();
  opened = undefined;
});
const db = (): Promise<IDBPDatabase<Schema>> =>
  (opened ??= openDB<Schema>(BOOKINGS, 1, { upgrade: (fresh) => { fresh.createObjectStore("ticket", { keyPath: "id" }); fresh.createObjectStore("dependant", { keyPath: "subject_id" }); } }));

async function keep(list: Ticket[]): Promise<void> {
  tickets.value = list;
  if (guest.value) return; // a slip's tickets stay on paper
  const tx = (await db()).transaction("ticket", "readwrite", { durability: "strict" });
  await tx.store.clear();
  for (const one of list) await tx.store.put(one);
  await tx.done;
}

const DAY = 86_400_000;

/** Opens the screen: what is kept here first, then what the server says. */
export async function look(): Promise<void> {
  if (!guest.value) tickets.value = (await (await db()).getAll("ticket")).filter((one) => Date.parse(one.start) > now() - DAY);
  await attempt(async () => {
    campaigns.value = (await ask<{ campaigns: Campaign[] }>("/v1/windows")).body.campaigns;
    await keep((await ask<{ tickets: Ticket[] }>("/v1/bookings", { token: token() })).body.tickets);
  });
}

const token = (): string | undefined => guest.value?.token ?? holder.value?.token;

export const book = (slot: string): Promise<void> => attempt(async () => {
  const body = { slot_id: slot, retest: isRetest() };
  await ask<Ticket>("/v1/bookings", { method: "POST", body, token: token() });
  await look();
});

export const giveBack = (ticket: Ticket): Promise<void> => attempt(async () => {
  const body = { slot_id: ticket.slot_id, retest: ticket.purpose === "retest" };
  await keep((await ask<{ tickets: Ticket[] }>("/v1/bookings/cancel", { method: "POST", body, token: token() })).body.tickets);
  campaigns.value = (await ask<{ campaigns: Campaign[] }>("/v1/windows")).body.campaigns;
});

export const wish = (slots: string[]): Promise<void> => attempt(async () => {
  entered.value = (await ask<Lottery>("/v1/wishes", { method: "POST", body: { slot_ids: slots }, token: token() })).body;
});

async function attempt(act: () => Promise<void>): Promise<void> {
  problem.value = undefined;
  asking.value = true;
  try {
    await act();
    offline.value = false;
  } catch (error) {
    if (error instanceof Offline) offline.value = true;
    else if (error instanceof Problem) problem.value = error.texts;
    else throw error;
  } finally {
    asking.value = false;
  }
}

// A household

export const dependants = signal<Dependant[]>([]);
export const readDependants = async (): Promise<void> => { dependants.value = await (await db()).getAll("dependant"); };

/** Adds who has this slip. The claim code proves that the slip is at hand; only the subject is kept. */
export const addDependant = (claim: string, name: string): Promise<void> => attempt(async () => {
  const told = (await ask<{ subject_id: string }>("/v1/claims", { method: "POST", body: { claim_code: claim } })).body;
  await (await db()).put("dependant", { subject_id: told.subject_id, name: name.trim() });
  await readDependants();
});

export async function dropDependant(subject: string): Promise<void> {
  await (await db()).delete("dependant", subject);
  await readDependants();
}

// The wallet was deleted: so are its tickets and its household.
let held = false;
effect(() => {
  if (held && !holder.value) [tickets.value, dependants.value] = [[], []];
  held = holder.value !== undefined;
});
