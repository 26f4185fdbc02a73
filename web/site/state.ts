/** The site app's one state: enrolment, the open tube, the queue. Every step is on the disk before it is told. */

import { computed, signal } from "@preact/signals";

import { ask, Offline, pause, Problem } from "../shared/api.ts";
import { newId, readSiteText } from "../shared/ids.ts";
import type { Text } from "../shared/words.ts";
import { headOf, markOf, newDeviceKey, publicKeyOf, sign } from "./chain.ts";
import type { Device, Member, OpenTube, Outcome, Refusal, Row, TubeEvent } from "./model.ts";
import { sounds } from "./sounds.ts";
import * as store from "./store.ts";

const MOST = 50;
const DRAIN = 15_000;
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
export const said = signal<{ refusal?: Refusal; good?: "opened" | "added" | "sealed" | "undone" | "closed"; n: number }>({ n: 0 });

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
  ready.value = "yes";
  addEventListener("online", () => void drain());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void drain());
  void drain();
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
  type Enrolled = { device_id: string; last_seq: number; campaign: Device["campaign"]; site: Device["site"] };
  fault.value = undefined;
  enrolling.value = true;
  try {
    const pair = await newDeviceKey();
    const body = { token: token.trim(), public_key: await publicKeyOf(pair) };
    const told = (await ask<Enrolled>("/v1/devices", { method: "POST", body })).body;
    const made: Device = {
      pair, device_id: told.device_id, campaign: told.campaign, site: told.site,
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

export async function change(part: Partial<Pick<Device, "lane" | "left_handed">>): Promise<void> {
  if (!device.value) return;
  const changed = { ...device.value, ...part };
  await store.keepDevice(changed);
  device.value = changed;
}

let line: Promise<void> = Promise.resolve();

/** A scanned or typed text. Texts are taken one after another, so that two quick scans cannot cross. */
export const take = (text: string): Promise<void> => (line = line.then(() => taken(text)));

async function taken(text: string): Promise<void> {
  const read = readSiteText(text);
  if (read.kind === "foreign") return refuse("foreign");
  if (read.kind === "wrong-check") return refuse(read.what === "tube" ? "wrong-check-tube" : "wrong-check-person");
  return read.kind === "tube" ? openTube(read.code) : addPerson(read.subject);
}

function refuse(refusal: Refusal): void {
  said.value = { refusal, n: said.value.n + 1 };
  sounds[refusal === "tube-sealed" ? "sealed-already" : refusal === "full" ? "full" : refusal.startsWith("person") ? "twice" : "unknown"]();
}

function tell(good: NonNullable<(typeof said.value)["good"]>): void {
  said.value = { good, n: said.value.n + 1 };
  sounds[good]();
}

async function openTube(code: string): Promise<void> {
  if (tube.value) return refuse(tube.value.code === code ? "tube-open" : "other-tube");
  if (await store.isSealedHere(code)) return refuse("tube-sealed");
  if (!(await hasSpace())) return refuse("storage");
  const fresh: OpenTube = { code, opened: stamp(), m: [] };
  await store.keepOpen(fresh);
  tube.value = fresh;
  tell("opened");
}

/** Storage is asked for before a tube is opened, not when ten people stand in the line. */
async function hasSpace(): Promise<boolean> {
  const estimate = await navigator.storage?.estimate?.().catch(() => undefined);
  return !estimate?.quota || estimate.quota - (estimate.usage ?? 0) > LEAST_SPACE;
}

async function addPerson(subject: string): Promise<void> {
  const { value: open } = tube;
  const me = device.value!;
  if (!open) return refuse("need-tube");
  if (open.m.some((m) => m.s === subject)) return refuse("person-here");
  if (open.m.length >= me.campaign.capacity) return refuse("full");
  const mark = await markOf(subject, day(), me.device_id);
  if (await store.isSeen(mark)) return refuse("person-today");
  const member: Member = { s: subject, p: open.m.length + 1, at: stamp() };
  const fuller = { ...open, m: [...open.m, member] };
  await store.keepOpen(fuller, { add: mark, day: day() });
  tube.value = fuller;
  tell("added");
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
    for (let batch = await store.waitingRows(MOST); batch.length > 0; batch = await store.waitingRows(MOST)) {
      if (!(await send(batch))) break;
    }
    failures = 0;
    reached.value = true;
  } catch (error) {
    failures += 1;
    reached.value = !(error instanceof Offline);
    fault.value = error instanceof Problem ? error.texts : undefined;
  } finally {
    sending.value = false;
    if (waiting.value.length > 0) timer = window.setTimeout(() => void drain(), pause(DRAIN, failures));
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
