/** The hand-held gate's one state and its loop: a scan becomes a decision, the decision is durable, then the screen says it.

The loop never asks anybody over a network; `sync.ts` brings lists and takes counts. One tab only: one gate has one writer. */

import { computed, signal } from "@preact/signals";

import { ask, Offline, Problem } from "../shared/api.ts";
import { fromBase64url, toBase64url } from "../shared/bytes.ts";
import { decide, type Decision, type Judged } from "../shared/decide/gate.ts";
import { load, type Loaded } from "../shared/decide/lists.ts";
import { Machine } from "../shared/decide/machine.ts";
import { opens, slotOf, SLOT_CLOSES_AFTER, SLOT_SECONDS } from "../shared/decide/model.ts";
import { isOver, liveOrder, type Order } from "../shared/decide/order.ts";
import { tidyTyped } from "../shared/ids.ts";
import { pairing as chosenWords, pairingWords, rootsHash } from "../shared/pairing.ts";
import { Refused } from "../shared/verify/refused.ts";
import type { Text } from "../shared/words.ts";
import { Challenger } from "./challenger.ts";
import { Clock, type Reading } from "./clock.ts";
import { end, endedBefore, forgetEnd, type Certificate } from "./end.ts";
import { Memory } from "./memory.ts";
import * as store from "./store.ts";
import { Sync } from "./sync.ts";

const SYNC_EVERY = 60_000;
const END_AFTER = 900; // seconds of running time between "over" and the end: a clock that jumped ahead may be set right by then
const ticks = (): number => performance.now() / 1000;

export type Stage = "opening" | "elsewhere" | "enrol" | "compare" | "work" | "ended";
export const stage = signal<Stage>("opening");
export const machine = signal(new Machine());
export const verdict = signal<Decision | undefined>();
export const loaded = signal<Loaded | undefined>();
export const order = signal<Order | null>(null);
export const reading = signal<Reading | undefined>();
export const counts = signal<{ [outcome: string]: number }>({});
export const waits = signal(0);
export const refusal = signal("");
export const certificate = signal<Certificate | undefined>();
export const me = signal<store.Enrolment | undefined>();
export const enrolling = signal(false);
export const fault = signal<Text | undefined>();
export const reached = signal(true);

/** The text of a code that asks a wallet whose clock and ours disagree, or nothing. */
export const challenge = signal("");

/** The way can be taken back as long as its verdict stands. */
export const passage = signal<{ judged: Judged; slot15: number } | undefined>();
export const stale = computed(() => machine.value.faults.has("stale"));

let clock: Clock;
let memory: Memory;
let challenger: Challenger;
let sync: Sync | undefined;
/** Counts that could not be written, until the storage takes them again. */
let unwritten: { decision: Decision; slot15: number; n: number }[] = [];
let pullRefused = false;
let overSince = Infinity;
let closing = 0;
let floorSlot = 0;
let alarms: Promise<unknown> = Promise.resolve();

const step = (next: Machine): void => {
  const before = machine.peek();
  if (next.state === before.state && next.since === before.since && next.faults === before.faults && next.ended === before.ended) return;
  machine.value = next;
  if (before.state === "waiting_passage" && next.state !== "waiting_passage") passage.value = undefined;
  if (next.state === "ready" || next.state === "degraded") verdict.value = undefined;
};

function cause(name: string, stands: boolean): void {
  if (machine.peek().faults.has(name) === stands) return;
  const slot15 = slotOf(reading.peek()!.now);
  alarms = alarms.then(() => store.alarm(name, stands, slot15)).catch(() => undefined);
  step(machine.peek().cause(name, stands, ticks()));
}

/** Opens the store; one tab only. */
export async function start(): Promise<void> {
  if (!(await hold())) {
    stage.value = "elsewhere";
    return;
  }
  const mine = await store.readEnrolment();
  certificate.value = endedBefore();
  if (!mine) stage.value = certificate.value ? "ended" : "enrol";
  else await work(mine);
}

function hold(): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request("pratique-handheld", { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => undefined) : undefined;
    });
  });
}

/** What a link or a QR code of the console holds, or what a person typed. */
export const tokenOf = (text: string): string => tidyTyped(/[#&?]token=([^&#\s]+)/.exec(text)?.[1] ?? text.trim());
const hashOf = (text: string): string => /[#&?]roots=([\w-]+)/.exec(text)?.[1] ?? "";

/** The words on this screen, to be compared with the console's, and what goes to work once they are the same. */
export const pairing = signal<{ words: Text; made: store.Enrolment } | undefined>();
const WRONG_SERVER: Text = {
  en: "This server's root keys are not those of the link: somebody may stand between. Nothing was kept.",
  "zh-Hans": "服务器的根密钥与链接不符，中间可能有人冒充；未保存任何内容。",
};

export async function enrol(text: string): Promise<void> {
  type Enrolled = { gate_id: string; place: Text; roots: string[]; quorum: number; certificate?: string };
  [fault.value, enrolling.value] = [undefined, true];
  try {
    const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
    const public_key = toBase64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
    const { gate_id, place, roots, quorum, certificate: shown } = (await ask<Enrolled>("/v1/gates", { method: "POST", body: { token: tokenOf(text), public_key } })).body;
    const [keys, hash] = [roots.map(fromBase64url), hashOf(text)];
    reached.value = true;
    if (hash && hash !== (await rootsHash(keys, quorum))) {
      fault.value = WRONG_SERVER;
      return;
    }
    const words = await pairingWords(await chosenWords(fromBase64url(public_key), keys, quorum, tokenOf(text)));
    pairing.value = { words, made: { gate_id, place, roots, quorum, pair, public_key, certificate: shown ?? "" } };
    stage.value = "compare";
  } catch (problem) {
    if (problem instanceof Offline) reached.value = false;
    else if (problem instanceof Problem) [fault.value, reached.value] = [problem.texts, true];
    else throw problem;
  } finally {
    enrolling.value = false;
  }
}

/** The person has compared: the same words, or others. */
export async function compared(same: boolean): Promise<void> {
  const made = pairing.peek()?.made;
  pairing.value = undefined;
  if (!made || !same) {
    stage.value = "enrol";
    return;
  }
  store.begin();
  await store.keepEnrolment(made);
  forgetEnd();
  certificate.value = undefined;
  void navigator.storage?.persist?.();
  await work(made);
}

async function work(mine: store.Enrolment): Promise<void> {
  const settings = await store.readSettings();
  clock = new Clock(settings.floor, (await store.lastSlot()) * SLOT_SECONDS, () => Date.now() / 1000, ticks);
  memory = await Memory.made();
  challenger = new Challenger(async (message) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, mine.pair.privateKey, message)), () => me.peek()?.certificate);
  reading.value = clock.read();
  await takeKept(mine, settings.snapshot, settings.group ?? "");
  [me.value, machine.value] = [mine, new Machine("starting", ticks())];
  sync = new Sync(mine, clock, ticks, (fresh) => { loaded.value = fresh; }, certified, loaded.peek()?.config);
  for (const name of await store.standing()) cause(name, true);
  await chores();
  step(machine.peek().feed("started", ticks()));
  stage.value = "work";
  setInterval(() => step(machine.peek().tick(ticks())), 250);
  setInterval(() => void chores(), 1_000);
  const round = (): void => void synced();
  setInterval(round, SYNC_EVERY);
  addEventListener("online", round);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && round());
  round();
}

function certified(certificate: string): void {
  const mine = me.peek();
  if (!mine) return;
  me.value = { ...mine, certificate };
  void store.keepEnrolment(me.value).catch(() => cause("storage", true));
}

/** The lists of the last time; expired ones are used on as stale lists, about which the mandate decides. */
async function takeKept(mine: store.Enrolment, atLeast: number, group: string): Promise<void> {
  const kept = await store.readLists();
  if (!kept) return;
  try {
    loaded.value = await load(kept.body, mine.roots.map(fromBase64url), mine.quorum, atLeast, reading.peek()!.now, true, group);
  } catch (problem) {
    if (!(problem instanceof Refused) && !(problem instanceof RangeError)) throw problem;
    refusal.value = problem instanceof Refused ? problem.code : "BAD_TRUST";
  }
}

/** One round with the server. Being offline is the normal state of a gate and no fault. */
export async function synced(): Promise<void> {
  if (!sync || stage.peek() === "ended") return;
  const { pull, push } = await sync.round();
  if (stage.peek() === "ended") return;
  reached.value = pull !== "offline" && push !== "offline";
  if (pull !== "offline") told(pull);
  if (push !== "offline") cause("upload", push !== "");
  await chores();
}

/** Lists from a file, where there is no network at all. */
export async function takeFile(file: Blob): Promise<void> {
  if (!sync) return;
  try {
    await sync.take(new Uint8Array(await file.arrayBuffer()), "");
    told("");
  } catch (problem) {
    if (!(problem instanceof Refused) && !(problem instanceof RangeError)) throw problem;
    told(problem instanceof Refused ? problem.code : "BAD_TRUST");
  }
  await chores();
}

function told(code: string): void {
  [refusal.value, pullRefused] = [code, code !== ""];
  cause("snapshot_refused", pullRefused);
}

let under: Promise<void> | undefined;

/** Once a second, one round at a time: the clock, slots to close, alarms, the mandate, the end. */
const chores = (): Promise<void> => (under ??= rounds().finally(() => { under = undefined; }));

async function rounds(): Promise<void> {
  if (machine.peek().state === "retired") return;
  challenge.value = challenger.text(ticks());
  const lists = loaded.peek();
  if (lists) clock.raiseFloor(lists.issued);
  const now = (reading.value = clock.read());
  cause("clock", now.grade === "bad");
  cause("snapshot_missing", !lists);
  if (lists) {
    cause("stale", lists.amber(now.now));
    order.value = liveOrder(lists.orders, now.now);
    step(machine.peek().underMandate(order.value !== null && !isFree(order.value, lists, now.now), ticks()));
    await deadMan(lists, now);
  }
  if (machine.peek().state !== "retired") await writeDown(now);
}

const isFree = (held: Order, lists: Loaded, now: number): boolean => held.fail.stale === "stop" && lists.stale(now);

async function writeDown(now: Reading): Promise<void> {
  memory.fade(ticks());
  const [slot15, due] = [slotOf(now.now), slotOf(now.now - SLOT_CLOSES_AFTER)];
  try {
    await flush();
    if (now.grade === "good" && floorSlot !== slot15) await store.raiseFloor(now.now).then(() => { floorSlot = slot15; });
    if (due !== closing || now.stepped) await store.closeSlots(now.now, loaded.peek()?.number ?? 0, now.stepped).then(() => { closing = due; });
    await store.postAlarms(slot15, loaded.peek()?.number ?? 0);
    [counts.value, waits.value] = [await store.countsOf(slot15), await store.waiting()];
    cause("storage", false);
  } catch {
    cause("storage", true);
  }
}

async function flush(): Promise<void> {
  const rows = unwritten;
  unwritten = [];
  try {
    if (rows.length) await store.count(rows);
  } catch (problem) {
    unwritten = [...rows, ...unwritten];
    throw problem;
  }
}

async function tally(...rows: { decision: Decision; slot15: number; n: number }[]): Promise<void> {
  unwritten.push(...rows);
  await flush().catch(() => cause("storage", true));
}

let line: Promise<void> = Promise.resolve();

/** A text that was read. Texts are taken one after another, so that two quick scans cannot cross. */
export const scanned = (text: string): Promise<void> => (line = line.then(() => scan(text)).catch(() => cause("storage", true)));

async function scan(text: string): Promise<void> {
  const lists = loaded.peek();
  const { state, stopped } = machine.peek();
  if (!lists || stopped || state === "starting" || state === "retired") return;
  const now = (reading.value = clock.read());
  const held = liveOrder(lists.orders, now.now);
  if (!held || isFree(held, lists, now.now) || (await memory.sameCode(text, ticks()))) return;
  step(machine.peek().feed("seen", ticks()));
  const judged = await decide(text, now.now, now.grade, lists, held.fail, memory.shownBefore, challenger.open(ticks()));
  if (judged.decision.outcome === "see_staff" && judged.decision.reason === "clock") await challenger.ask(held.id, now.now, ticks());
  const lets = opens(judged.decision.outcome);
  if (lets && judged.credential && (await memory.stillInView(judged.credential, ticks()))) return;
  const slot15 = slotOf(now.now);
  await tally({ decision: judged.decision, slot15, n: 1 });
  if (lets) challenger.close();
  challenge.value = challenger.text(ticks());
  if (lets && judged.replay) await memory.take(judged.replay, ticks(), judged.window);
  say(judged.decision, lets ? { judged, slot15 } : undefined);
}

function say(decision: Decision, open: { judged: Judged; slot15: number } | undefined): void {
  verdict.value = decision;
  step(machine.peek().feed(opens(decision.outcome) ? "opened" : "refused", ticks()));
  passage.value = open;
}

/** Nobody went through: the count is taken back and an annulled one is counted beside it. */
export async function takeBack(): Promise<void> {
  const open = passage.peek();
  if (!open) return;
  const { judged, slot15 } = open;
  passage.value = undefined;
  await tally({ decision: judged.decision, slot15, n: -1 }, { decision: { ...judged.decision, outcome: "annulled", reason: "annulled" }, slot15, n: 1 });
  await memory.giveBack(judged.replay);
  const { faults, ended } = machine.peek();
  step(new Machine("annulled", ticks(), faults, ended));
}

/** Staff looked and lets somebody in where the gate could not decide. */
export async function admit(): Promise<void> {
  const held = verdict.peek();
  if (held?.outcome !== "see_staff") return;
  const decision: Decision = { ...held, outcome: "staff", reason: "admitted" };
  challenger.close();
  challenge.value = "";
  await tally({ decision, slot15: slotOf(clock.read().now), n: 1 });
  say(decision, undefined);
}

/** Back to "show your code" at once. */
export const next = (): void => step(machine.peek().feed("timeout", ticks()));

/** The camera broke, or works again. */
export const scanner = (broken: boolean): void => { if (stage.peek() === "work") cause("scanner", broken); };

/** Past the end and the grace of its mandates a gate destroys what it holds, with no network and nobody there. */
async function deadMan(lists: Loaded, now: Reading): Promise<void> {
  if (now.grade === "bad" || !isOver(lists.orders, now.now)) {
    overSince = Infinity;
    return;
  }
  overSince = Math.min(overSince, ticks());
  if (ticks() - overSince < END_AFTER) return;
  await flush().catch(() => undefined);
  await store.closeSlots(now.now, lists.number, true).catch(() => 0);
  certificate.value = await end(me.peek()!, lists.orders);
  step(machine.peek().retire(ticks()));
  [loaded.value, order.value, me.value, sync, stage.value] = [undefined, null, undefined, undefined, "ended"];
}
