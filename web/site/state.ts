/** The site app's one state: enrolment, the open tube, the queue. Every step is on the disk before it is told. */

import { computed, signal } from "@preact/signals";

import { ask, Offline, pause, Problem } from "../shared/api.ts";
import { newId, readSiteText } from "../shared/ids.ts";
import { isCopy } from "./copy.ts";
import type { Text } from "../shared/words.ts";
import { headOf, markOf, newDeviceKey, publicKeyOf, sign, signLine } from "./chain.ts";
import type { Carried, Device, Member, OpenTube, Outcome, Refusal, Row, TubeEvent } from "./model.ts";
import { sounds } from "./sounds.ts";
import * as store from "./store.ts";

const MOST = 50;
const DRAIN = 15_000;
/** Refusals that time does not heal: such a copy is of no use to anybody. */
const NEVER = new Set(["BAD_COPY", "BAD_SIGNATURE", "UNKNOWN_DEVICE"]);
const HEARTBEAT = 60_000;
const LEAST_SPACE = 5_000_000;

export const ready = signal<"no" | "yes" | "elsewhere">("no");
export const device = signal<Device | undefined>();
export const tube = signal<OpenTube | undefined>();
export const rows = signal<Row[]>([]);
export const reached = signal(true);
export const sending = signal(false);
export const enrolling = signal(false);
export const fault = signal<Text | undefined>();
/** What the last scan or typed entry came to: shown as a sentence, spoken by the live region. */
export const said = signal<{ refusal?: Refusal; good?: Good; n: number; fill?: Record<string, number> }>({ n: 0 });
export type Good = "opened" | "added" | "family" | "room" | "sealed" | "undone" | "closed" | "copied" | "copied-before";
/** People of a household that did not fit: they go into the next tube together. */
export const pending = signal<string[]>([]);
/** Copies of other phones: how many are here, how many the server has taken, why one is still here. */
export const carried = signal<{ held: number; handed: number; why?: Carried["why"] }>({ held: 0, handed: 0 });
/** How far a backlog has drained. */
export const drained = signal<{ done: number; of: number } | undefined>();
/** The tube sealed last, while its copy is on the screen. */
export const lastSealed = signal<number | undefined>();
/** People in line, as somebody here counted. */
export const inLine = signal(0);

export const waiting = computed(() => rows.value.filter((r) => r.state === "waiting"));
export const troubled = computed(() => rows.value.filter((r) => r.state === "conflict" || r.state === "refused" || r.text));

/** The device's own clock: the server is told what it shows when tubes are sent, and corrects it. */
const stamp = (): string => new Date().toISOString();
const day = (): string => new Date().toDateString();

/** Opens the store; one tab only, since one chain has one writer. */
export async function start(): Promise<void> {
  if (!(await hold())) {
    ready.value = "elsewhere";
    return;
  }
  [device.value, tube.value, rows.value] = await Promise.all([store.readDevice(), store.readOpen(), store.readRows()]);
  await store.tidy(day());
  await countCarried();
  ready.value = "yes";
  addEventListener("online", () => void drain());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void drain());
  void refresh();
  void drain();
  setInterval(() => void tellLine().catch(() => undefined), HEARTBEAT);
}

function hold(): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request("pratique-site", { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => undefined) : undefined;
    });
  });
}

export async function enrol(token: string): Promise<void> {
  type Enrolled = { device_id: string; last_seq: number; campaign: Device["campaign"]; site: Device["site"]; server_key: string };
  fault.value = undefined;
  enrolling.value = true;
  try {
    const pair = await newDeviceKey();
    const body = { token: token.trim(), public_key: await publicKeyOf(pair) };
    const told = (await ask<Enrolled>("/v1/devices", { method: "POST", body })).body;
    const made: Device = {
      pair, device_id: told.device_id, campaign: told.campaign, site: told.site, server_key: told.server_key,
      lane: 1, left_handed: false, seq: told.last_seq, head: "",
    };
    await store.keepDevice(made);
    device.value = made;
    reached.value = true;
    void navigator.storage?.persist?.();
  } catch (error) {
    if (error instanceof Offline) reached.value = false;
    else if (error instanceof Problem) fault.value = error.texts;
    else throw error;
  } finally {
    enrolling.value = false;
  }
}

let line: Promise<void> = Promise.resolve();

/** In line with scans and seals, so that the chain is never written over. */
export const change = (part: Partial<Pick<Device, "lane" | "left_handed" | "campaign" | "server_key">>): Promise<void> => (line = line.then(async () => {
  if (!device.value) return;
  const changed = { ...device.value, ...part };
  await store.keepDevice(changed);
  device.value = changed;
}));

/** What the server has learned since this phone joined: new batches, its key for copies. */
async function refresh(): Promise<void> {
  const me = device.value;
  if (!me) return;
  const told = await ask<{ campaign: Device["campaign"]; server_key: string }>(`/v1/devices/${me.device_id}`).catch(() => undefined);
  if (told) await change({ campaign: told.body.campaign, server_key: told.body.server_key });
}

/** A scanned or typed text. Texts are taken one after another, so that two quick scans cannot cross. */
export const take = (text: string): Promise<void> => (line = line.then(() => timed(() => taken(text))));

/** From the scan to the disk, on the record of this page alone: `performance.getEntriesByName("saved")`. */
async function timed(act: () => Promise<void>): Promise<void> {
  const from = performance.now();
  await act();
  performance.measure("saved", { start: from, end: performance.now() });
}

async function taken(text: string): Promise<void> {
  if (isCopy(text)) return takeCopy(text);
  const read = readSiteText(text, device.value?.campaign.batches);
  if (read.kind === "other-batch") return refuse("other-batch");
  if (read.kind === "foreign") return refuse("foreign");
  if (read.kind === "wrong-check") return refuse(read.what === "tube" ? "wrong-check-tube" : "wrong-check-person");
  return read.kind === "tube" ? openTube(read.code) : addPeople(read.kind === "family" ? read.subjects : [read.subject]);
}

function refuse(refusal: Refusal, fill: Record<string, number> = {}): void {
  said.value = { refusal, n: said.value.n + 1, fill };
  sounds[refusal === "tube-sealed" ? "sealed-already" : refusal === "full" || refusal === "family-room" ? "full" : refusal.startsWith("person") || refusal === "family-here" ? "twice" : "unknown"]();
}

function tell(good: Good, fill: Record<string, number> = {}): void {
  said.value = { good, n: said.value.n + 1, fill };
  sounds[good === "family" || good === "room" ? "added" : good === "copied" || good === "copied-before" ? "sealed" : good]();
}

async function openTube(code: string): Promise<void> {
  if (tube.value) return refuse(tube.value.code === code ? "tube-open" : "other-tube");
  if (await store.isSealedHere(code)) return refuse("tube-sealed");
  if (!(await hasSpace())) return refuse("storage");
  const fresh: OpenTube = { code, opened: stamp(), m: [] };
  await store.keepOpen(fresh);
  tube.value = fresh;
  lastSealed.value = undefined;
  tell("opened");
  const household = pending.value;
  pending.value = [];
  if (household.length) await addPeople(household);
}

/** Storage is asked for before a tube is opened, not when ten people stand in the line. */
async function hasSpace(): Promise<boolean> {
  const estimate = await navigator.storage?.estimate?.().catch(() => undefined);
  return !estimate?.quota || estimate.quota - (estimate.usage ?? 0) > LEAST_SPACE;
}

/** One person, or a household that stays together: all of it goes in, or none. */
async function addPeople(subjects: readonly string[]): Promise<void> {
  const { value: open } = tube;
  const me = device.value!;
  const several = subjects.length > 1;
  if (!open) return refuse("need-tube");
  if (subjects.some((subject) => open.m.some((m) => m.s === subject))) return refuse(several ? "family-here" : "person-here");
  const left = me.campaign.capacity - open.m.length;
  if (left < subjects.length) {
    if (several) pending.value = [...subjects];
    return several ? refuse("family-room", { n: subjects.length, left }) : refuse("full");
  }
  const marks = await Promise.all(subjects.map((subject) => markOf(subject, day(), me.device_id)));
  if ((await Promise.all(marks.map(store.isSeen))).some(Boolean)) return refuse(several ? "family-here" : "person-today");
  const at = stamp();
  const members = subjects.map((s, n): Member => ({ s, p: open.m.length + 1 + n, at }));
  const fuller = { ...open, m: [...open.m, ...members] };
  await store.keepOpen(fuller, { add: marks, day: day() });
  tube.value = fuller;
  tell(several ? "family" : "added", { n: subjects.length });
}

/** A household with slips of their own is announced: is there room for all of them in this tube? */
export const announce = (n: number): Promise<void> => (line = line.then(async () => {
  const left = device.value!.campaign.capacity - (tube.value?.m.length ?? 0);
  if (!tube.value) return refuse("need-tube");
  if (left < n) return refuse("family-room", { n, left });
  tell("room", { n });
}));

/** A copy that another phone shows: kept here until the server has it. */
async function takeCopy(text: string): Promise<void> {
  const known = (await store.readCarried()).some((copy) => copy.text === text);
  if (!known) await store.keepCarried([{ text, taken_at: Date.now() }]);
  await countCarried();
  tell(known ? "copied-before" : "copied", { n: carried.value.held });
  void drain();
}

async function countCarried(): Promise<void> {
  const copies = await store.readCarried();
  carried.value = { ...carried.value, held: copies.length, why: copies.find((copy) => copy.why)?.why };
}

export const undo = (): Promise<void> => (line = line.then(undone));

/** Takes back the last person; with nobody in it, the tube itself. */
async function undone(): Promise<void> {
  const { value: open } = tube;
  if (!open) return;
  const last = open.m.at(-1);
  if (!last) {
    await store.keepOpen(undefined);
    tube.value = undefined;
    return tell("closed");
  }
  const less = { ...open, m: open.m.slice(0, -1) };
  await store.keepOpen(less, { remove: await markOf(last.s, day(), device.value!.device_id), day: day() });
  tube.value = less;
  tell("undone");
}

export const sealTube = (): Promise<void> => (line = line.then(sealed));

async function sealed(): Promise<void> {
  const { value: open } = tube;
  const me = device.value;
  if (!open || !me || open.m.length === 0) return;
  const seq = me.seq + 1;
  const plain: TubeEvent = {
    id: newId(), code: open.code, site: me.site.id, lane: me.lane, dev: me.device_id, seq, prev: me.head,
    opened: open.opened, sealed: stamp(), m: open.m,
  };
  const event = await sign(me.pair.privateKey, plain);
  const moved = { ...me, seq, head: await headOf(plain) };
  const row: Row = { seq, id: event.id, code: open.code, people: open.m.length, sealed_at: Date.now(), state: "waiting", event };
  await store.seal(row, moved);
  [device.value, tube.value, rows.value] = [moved, undefined, [...rows.value, row]];
  lastSealed.value = seq;
  tell("sealed");
  void drain();
}

let failures = 0;
let timer = 0;

/** Sends what waits, oldest first, at most fifty at a time. Nothing is dropped before the server has it. */
export async function drain(): Promise<void> {
  clearTimeout(timer);
  if (!device.value || sending.value) return;
  sending.value = true;
  try {
    const of = waiting.value.length;
    if (of > 1) drained.value = { done: 0, of };
    for (let batch = await store.waitingRows(MOST); batch.length > 0; batch = await store.waitingRows(MOST)) {
      if (!(await send(batch))) break;
      drained.value = of > 1 ? { done: of - Math.min(of, waiting.value.length), of } : undefined;
    }
    await handIn();
    await tellLine().catch(() => undefined);
    failures = 0;
    reached.value = true;
  } catch (error) {
    failures += 1;
    reached.value = !(error instanceof Offline);
    fault.value = error instanceof Problem ? error.texts : undefined;
  } finally {
    sending.value = false;
    drained.value = undefined;
    if (waiting.value.length > 0 || carried.value.held > 0) timer = window.setTimeout(() => void drain(), pause(DRAIN, failures));
  }
}

async function send(batch: Row[]): Promise<boolean> {
  const body = { events: batch.map((row) => row.event), now: stamp() };
  const told = (await ask<{ results: Outcome[] }>("/v1/tube-events", { method: "POST", body })).body;
  const outcomes = new Map(told.results.map((r) => [r.id, r]));
  const settled = batch.flatMap((row) => (outcomes.has(row.id) ? [settle(row, outcomes.get(row.id)!)] : []));
  await store.keepRows(settled);
  rows.value = await store.readRows();
  fault.value = undefined;
  return settled.length > 0;
}

/** Copies of other phones go to the server. What may be taken later stays here, with the reason. */
async function handIn(): Promise<void> {
  const copies = (await store.readCarried()).slice(0, MOST);
  if (copies.length === 0) return;
  const body = { copies: copies.map((copy) => copy.text) };
  const told = (await ask<{ results: Outcome[] }>("/v1/tube-copies", { method: "POST", body })).body.results;
  const over = (one: Outcome | undefined): boolean => one !== undefined && (one.outcome !== "refused" || NEVER.has(one.code ?? ""));
  const done = copies.filter((_, n) => over(told[n])).map((copy) => copy.text);
  const left = copies.flatMap((copy, n) => {
    const one = told[n];
    return !one || over(one) ? [] : [{ ...copy, why: { gap: one.code === "CHAIN_GAP", ...(one.text ? { text: one.text } : {}) } }];
  });
  await store.keepCarried(left);
  await store.dropCarried(done);
  await countCarried();
  carried.value = { ...carried.value, handed: carried.value.handed + done.length };
}

/** How many stand in line and how much waits here, signed: shown to people before they set out. Counts, nobody. */
export async function tellLine(): Promise<void> {
  const me = device.value;
  if (!me) return;
  const line = { dev: me.device_id, at: Date.now(), waiting: inLine.value, unsent: waiting.value.length };
  await ask("/v1/lines", { method: "POST", body: await signLine(me.pair.privateKey, line) });
}

/** Taken: the people go from this device. Not taken: all of it stays, with the server's sentence. */
function settle(row: Row, told: Outcome): Row {
  const text = told.text ? { text: told.text } : {};
  if (told.outcome === "stored" || told.outcome === "already") return { ...row, state: "stored", event: null, ...text };
  return { ...row, state: told.outcome, ...text };
}

/** What was refused may be right by now, e.g. after an earlier tube went through: all of it goes again, oldest first. */
export async function sendRefused(): Promise<void> {
  await store.keepRows(rows.value.filter((row) => row.state === "refused").map((row) => ({ ...row, state: "waiting" })));
  rows.value = await store.readRows();
  await drain();
}
