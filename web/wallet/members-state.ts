/** Memberships: what changes them. Screens only read the signals. */

import { signal } from "@preact/signals";

import { ask, Offline, Problem } from "../shared/api.ts";
import { toBase64url } from "../shared/bytes.ts";
import { now } from "../shared/clock.ts";
import { handIn, invite, NotOurs, onPaper, readMembership, readReceipt, readRing, readVisit, takeOffer, timesOf, visitKey } from "../shared/membership.ts";
import { newHolderKey, publicPoint } from "../shared/pq1.ts";
import type { Text } from "../shared/words.ts";
import * as store from "./members-store.ts";

export const list = signal<store.Member[] | undefined>();
export const kept = signal<store.KeptReceipt[]>([]);
export const visiting = signal<store.KeptVisit[]>([]);
export const guests = signal<store.Guest[]>([]);

const seconds = (): number => Math.floor(now() / 1000);

export async function load(): Promise<void> {
  await store.sweep(seconds());
  [list.value, kept.value, visiting.value, guests.value] = await Promise.all([store.members(), store.receipts(), store.visits(), store.guests()]);
}

/** A key for a membership that is still to come; the one that waits, if there is one. */
export async function join(): Promise<store.Member> {
  await load();
  const waits = list.value?.find((one) => !one.offer);
  if (waits) return waits;
  const pair = await newHolderKey();
  await store.putMember({ pair, point: await publicPoint(pair) });
  void navigator.storage?.persist?.();
  await load();
  return list.value!.find((one) => !one.offer)!;
}

/** Takes a membership for a key of this phone; a fresh pass for a key replaces the one before. Undefined where it is not for this phone. */
export async function take(text: string): Promise<number | undefined> {
  await load();
  for (const one of list.value ?? []) {
    try {
      const offer = await takeOffer(text, one.point);
      const id = await store.putMember({ ...one, offer });
      await load();
      return id;
    } catch (fault) {
      if (!(fault instanceof NotOurs)) throw fault;
    }
  }
  return undefined;
}

/** Takes a visit from a link. Undefined where it is none, or over. */
export async function takeVisit(text: string): Promise<number | undefined> {
  try {
    const visit = readVisit(text);
    const [begins, expires] = timesOf(visit.chain[1]);
    if (expires <= seconds()) return undefined;
    const id = await store.putVisit({ key: await visitKey(visit), chain: visit.chain, name: visit.name, begins, expires });
    await load();
    return id;
  } catch (fault) {
    if (fault instanceof NotOurs || fault instanceof DOMException) return undefined;
    throw fault;
  }
}

/** Keeps a receipt of a door for whichever membership it is. Undefined where it is none of ours. */
export async function keepReceipt(text: string): Promise<store.KeptReceipt | undefined> {
  for (const one of list.value ?? []) {
    if (!one.offer) continue;
    try {
      const { place, at } = await readReceipt(text, one.offer, one.point);
      const made = { text, member: one.id!, at, place };
      await store.putReceipt(made);
      await load();
      return made;
    } catch (fault) {
      if (!(fault instanceof NotOurs)) throw fault;
    }
  }
  return undefined;
}

/** Monday 00:00 of the week of a time, in the phone's own zone. */
export function weekOf(at: number): number {
  const day = new Date(at * 1000);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() - ((day.getDay() + 6) % 7));
  return day.getTime();
}

/** A file of one week's receipts, for the member to send where they like. */
export async function handInWeek(member: store.Member, week: number): Promise<void> {
  const texts = kept.value.filter((one) => one.member === member.id && weekOf(one.at) === week).sort((a, b) => a.at - b.at).map((one) => one.text);
  const file = new Blob([await handIn(member.pair.privateKey, member.offer!.membership, texts)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  const first = new Date(week);
  link.download = `attendance-${first.getFullYear()}-${String(first.getMonth() + 1).padStart(2, "0")}-${String(first.getDate()).padStart(2, "0")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Invites somebody from now on for so many hours, no longer than our own pass lasts. */
export async function inviteGuest(member: store.Member, hours: number, paper: boolean): Promise<store.Guest> {
  const begins = seconds();
  const expires = Math.min(begins + hours * 3600, readMembership(member.offer!.membership).expires);
  const made = await invite(member.pair.privateKey, member.offer!, begins, expires, paper);
  const link = paper ? "" : `${location.origin}/wallet/#/visit/${made.link}`;
  const { secret, bell, bellPoint, visit } = made;
  const guest = { member: member.id!, secret, bell, bellPoint, visit, link, paper: paper ? onPaper(made.chain) : "", expires };
  const id = await store.putGuest(guest);
  await load();
  return { ...guest, id };
}

type Rings = { rings: { id: string; sealed: string }[] };

/** Waits for a guest until `live` says no. `told` hears each place that rings; `reached` whether the server is there. */
export async function waitFor(guest: store.Guest, live: () => boolean, told: (place: Text) => void, reached: (there: boolean) => void): Promise<void> {
  const offer = list.value?.find((one) => one.id === guest.member)?.offer;
  const secret = toBase64url(guest.secret);
  while (offer && live()) {
    try {
      const { rings } = (await ask<Rings>("/v1/doorbell-waits", { method: "POST", body: { secret }, timeout: 20_000 })).body;
      reached(true);
      for (const { id, sealed } of rings) {
        const place = await readRing(sealed, guest, offer).catch((fault: unknown) => { if (!(fault instanceof NotOurs)) throw fault; });
        if (!place || !live()) continue;
        await ask("/v1/doorbell-heard", { method: "POST", body: { secret, id } });
        told(place);
      }
    } catch (fault) {
      if (!(fault instanceof Offline) && !(fault instanceof Problem)) throw fault;
      reached(false);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
    }
  }
}
