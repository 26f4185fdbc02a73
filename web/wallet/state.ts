/** The wallet's one state and what changes it: binding, polling, appeals, forgetting. Screens only read it. */

import { computed, signal } from "@preact/signals";

import { ask, Offline, pause, problem, Problem } from "../shared/api.ts";
import { fromBase64url, toBase64url, type Bytes } from "../shared/bytes.ts";
import { now, offset } from "../shared/clock.ts";
import { language } from "../shared/prefs.ts";
import type { Text } from "../shared/words.ts";
import { bindProof, newHolderKey, publicPoint } from "../shared/pq1.ts";
import { refill } from "./day.ts";
import { isOpen, type Appeal, type Notice, type Wallet } from "./model.ts";
import * as store from "./store.ts";

const POLL = 20_000;

export const ready = signal(false);
export const holder = signal<store.Holder | undefined>();
/** Somebody who reads with the code of a paper slip: nothing of it is kept on this phone. */
export const guest = signal<{ subject_id: string; token: string } | undefined>();
export const view = signal<Wallet | undefined>();
export const fetchedAt = signal(0);
export const reached = signal(true);
export const busy = signal(false);
export const fault = signal<Problem | undefined>();
/** Appeals that the server would not take, by notice: the sentence stays until another try. */
export const refusals = signal<ReadonlyMap<string, Text>>(new Map());
export const waiting = signal<store.Waiting[]>([]);
const remembered = signal<Notice[]>([]);

/** Notices of the server, and those it no longer lists: a notice never vanishes from the phone by itself. */
export const notices = computed<Notice[]>(() => {
  const told = view.value?.notices ?? [];
  const listed = new Set(told.map((n) => n.id));
  const gone = remembered.value.filter((n) => !listed.has(n.id));
  return [...told, ...gone.map((n) => (isOpen(n) ? { ...n, state: "withdrawn" } : n))];
});

let etag = "";
let failures = 0;
let timer = 0;

export async function start(): Promise<void> {
  [holder.value, waiting.value, remembered.value] = await Promise.all([store.readHolder(), store.readWaiting(), store.readNotices()]);
  const kept = await store.readKept();
  if (kept) {
    view.value = kept.view;
    etag = kept.etag;
    fetchedAt.value = kept.fetched_at;
    offset.value = kept.offset;
  }
  ready.value = true;
  addEventListener("online", () => void poll());
  addEventListener("offline", () => { reached.value = false; });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void poll());
  if (holder.value) void poll();
}

/** First run: makes the key on this phone and tells the server its public part. */
export async function begin(): Promise<void> {
  await attempt(async () => {
    const pair = holder.value?.pair ?? (await newHolderKey());
    await bind(pair);
  });
  if (holder.value) {
    void navigator.storage?.persist?.();
    void poll();
  }
}

async function bind(pair: CryptoKeyPair): Promise<void> {
  type Bound = { subject_id: string; token: string; expires: string };
  const { challenge } = (await ask<{ challenge: string }>("/v1/challenge")).body;
  const body = {
    public_key: toBase64url(await publicPoint(pair)),
    challenge,
    signature: toBase64url(await bindProof(pair.privateKey, challenge)),
  };
  const bound = (await ask<Bound>("/v1/subjects", { method: "POST", body })).body;
  const made = { pair, subject_id: bound.subject_id, token: bound.token, token_ends: bound.expires };
  await store.keepHolder(made);
  holder.value = made;
}

/** Runs a call and turns its faults into state. True if it went through. */
async function attempt(call: () => Promise<void>): Promise<boolean> {
  busy.value = true;
  try {
    await call();
    reached.value = true;
    fault.value = undefined;
    return true;
  } catch (error) {
    if (error instanceof Offline) reached.value = false;
    else if (error instanceof Problem) fault.value = error;
    else throw error;
    return false;
  } finally {
    busy.value = false;
  }
}

/** Opens what a paper slip stands for. True if the code is known. */
export async function openSlip(code: string): Promise<boolean> {
  type Claimed = { subject_id: string; token: string };
  const went = await attempt(async () => {
    const told = (await ask<Claimed>("/v1/claims", { method: "POST", body: { claim_code: code } })).body;
    [view.value, remembered.value, etag] = [undefined, [], ""];
    guest.value = { subject_id: told.subject_id, token: told.token };
  });
  if (went) await poll();
  return went;
}

/** Puts the slip away: the page starts anew with what this phone itself holds. */
export const closeSlip = (): void => location.replace(location.pathname);

/** A call with the holder's token. A token that ran out is renewed once with the same key. */
async function call<T>(path: string, options: Parameters<typeof ask>[1] = {}) {
  if (guest.value) return ask<T>(path, { ...options, token: guest.value.token });
  const me = holder.value!;
  if (Date.parse(me.token_ends) < now()) await bind(me.pair);
  try {
    return await ask<T>(path, { ...options, token: holder.value!.token });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    await bind(me.pair);
    return ask<T>(path, { ...options, token: holder.value!.token });
  }
}

let last: Promise<void> = Promise.resolve();

/** Asks for news, sends what waits, and plans the next call. Calls wait for one another. */
export const poll = (): Promise<void> => (last = last.then(pollOnce));

async function pollOnce(): Promise<void> {
  if (!holder.value && !guest.value) return;
  const went = await attempt(async () => {
    await drain();
    const told = await call<Wallet>("/v1/wallet", { etag });
    fetchedAt.value = Date.now();
    if (told.status !== 304) await take(told.body, told.etag);
    else if (view.value && !guest.value) await store.keepView({ view: view.value, etag, fetched_at: fetchedAt.value, offset: offset.value });
  });
  if (went && view.value && !guest.value) await refill(view.value, call).catch(quiet);
  failures = went ? 0 : failures + 1;
  plan();
}

/** What was asked for on the quiet may fail on the quiet: the pass of the wallet itself is there. */
function quiet(error: unknown): void {
  if (!(error instanceof Offline || error instanceof Problem)) throw error;
}

function plan(): void {
  clearTimeout(timer);
  if (document.visibilityState === "visible") timer = window.setTimeout(() => void poll(), pause(POLL, failures));
}

async function take(told: Wallet, tag: string): Promise<void> {
  etag = tag;
  if (guest.value) {
    view.value = told;
    return;
  }
  await store.keepView({ view: told, etag, fetched_at: fetchedAt.value, offset: offset.value });
  view.value = told;
  remembered.value = await store.readNotices();
}

/** One tap: the appeal is kept on the phone first, then sent; without a network it goes when there is one. */
export async function appeal(notice: Notice, text: string): Promise<void> {
  refusals.value = new Map([...refusals.value].filter(([id]) => id !== notice.id));
  if (guest.value) return appealNow(notice, text);
  await store.putWaiting({ key: crypto.randomUUID(), notice_id: notice.id, text, written_at: Date.now() });
  waiting.value = await store.readWaiting();
  await poll();
}

/** For a slip nothing is kept here, so the appeal goes at once or is said not to have gone. */
async function appealNow(notice: Notice, text: string): Promise<void> {
  const body = { text };
  const went = await attempt(async () => { await call(`/v1/notices/${notice.id}/appeals`, { method: "POST", body, key: crypto.randomUUID() }); });
  if (went) await poll();
}

async function drain(): Promise<void> {
  if (guest.value) return;
  for (const item of await store.readWaiting()) {
    try {
      await call(`/v1/notices/${item.notice_id}/appeals`, { method: "POST", body: { text: item.text }, key: item.key });
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500 || error.status === 429) throw error;
      refusals.value = new Map([...refusals.value, [item.notice_id, error.texts]]);
    }
    await store.dropWaiting(item.seq!);
  }
  waiting.value = await store.readWaiting();
}

/** A picture or a PDF for an open appeal. A large picture is made smaller here first, so that it fits. */
export async function attach(one: Appeal, file: File): Promise<void> {
  refusals.value = new Map([...refusals.value].filter(([id]) => id !== one.id));
  const body = file.type.startsWith("image/") && file.size > FITS ? await smaller(file) : file;
  await attempt(async () => {
    try {
      await send(`/v1/appeals/${one.id}/attachments`, body);
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      refusals.value = new Map([...refusals.value, [one.id, error.texts]]);
    }
  });
  await poll();
}

const FITS = 900_000;

async function smaller(file: File): Promise<Blob> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
  const sheet = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
  sheet.getContext("2d")!.drawImage(picture, 0, 0, sheet.width, sheet.height);
  return sheet.convertToBlob({ type: "image/jpeg", quality: 0.8 });
}

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${guest.value?.token ?? holder.value?.token ?? ""}` });

/** Bytes as they are; refusals as sentences. */
async function send(path: string, body: Blob): Promise<void> {
  const answer = await fetch(path, { method: "POST", body, headers: { ...bearer(), "content-type": "application/octet-stream" }, credentials: "omit" })
    .catch((error: unknown) => { throw new Offline(String(error)); });
  if (!answer.ok) throw problem(answer, await answer.json().catch(() => null));
}

/** Everything that is held of this person, saved as a file of theirs. */
export const saveMine = (path: string, name: string): Promise<boolean> =>
  attempt(async () => {
    const answer = await fetch(path, { headers: bearer(), credentials: "omit", cache: "no-store" })
      .catch((error: unknown) => { throw new Offline(String(error)); });
    if (!answer.ok) throw problem(answer, await answer.json().catch(() => null));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });

/** Asks to be called about a notice; by when somebody does. */
export async function callMe(notice: Notice): Promise<string | undefined> {
  let by: string | undefined;
  await attempt(async () => { by = (await call<{ by: string }>(`/v1/notices/${notice.id}/call-me`, { method: "POST", body: {} })).body.by; });
  return by;
}

export type Channels = { kinds: string[]; sms: boolean };
type PushKey = { key: string; sms: boolean };

export const canPush = (): boolean => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

/** How the holder is told of news. Undefined without a network. */
export async function channels(): Promise<Channels | undefined> {
  let told: Channels | undefined;
  await attempt(async () => {
    const { sms } = (await ask<PushKey>("/v1/push-key")).body;
    told = { kinds: (await call<{ kinds: string[] }>("/v1/channels", {})).body.kinds, sms };
  });
  return told;
}

export async function tellByPush(): Promise<Channels | undefined> {
  if ((await Notification.requestPermission()) !== "granted") return undefined;
  const went = await attempt(async () => {
    const { key } = (await ask<PushKey>("/v1/push-key")).body;
    const registration = await navigator.serviceWorker.ready;
    const made = await registration.pushManager
      .subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(key) })
      .catch((error: unknown) => { throw new Offline(String(error)); });
    const { endpoint, keys } = made.toJSON();
    await call("/v1/channels/push", { method: "PUT", body: { endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"], language: language.value } });
  });
  return went ? channels() : undefined;
}

export async function tellBySms(): Promise<Channels | undefined> {
  const went = await attempt(async () => { await call("/v1/channels/sms", { method: "PUT", body: { language: language.value } }); });
  return went ? channels() : undefined;
}

export async function stopTelling(kind: "push" | "sms"): Promise<Channels | undefined> {
  const went = await attempt(async () => { await call("/v1/channels/off", { method: "POST", body: { kind } }); });
  return went ? channels() : undefined;
}

export type Card = { name: string; phone: string; language: string };
export const writeCard = (card: Card): Promise<boolean> =>
  attempt(async () => { await call("/v1/card", { method: "PUT", body: card }); });

/** A piece of news is over when its holder has read it. Without a network it is simply read again later. */
export async function markRead(notice: Notice): Promise<void> {
  if (await attempt(async () => { await call(`/v1/notices/${notice.id}/read`, { method: "POST", body: {} }); })) void poll();
}

export type Forgotten = { online_at: string; final_by: string; ends: Text[]; stays: Text[] };

/** Has the server destroy the key of this person's data, then empties the phone. Undefined where it did not go through. */
export async function forget(): Promise<Forgotten | undefined> {
  let told: Forgotten | undefined;
  const went = await attempt(async () => { told = (await call<Forgotten>("/v1/forget", { method: "POST", body: {} })).body; });
  if (went && guest.value) view.value = undefined;
  else if (went) await forgetHere();
  return told;
}

/** Empties this phone only. */
export async function forgetHere(): Promise<void> {
  clearTimeout(timer);
  await store.deleteAll();
  etag = "";
  [holder.value, view.value, waiting.value, remembered.value] = [undefined, undefined, [], []];
}

export const credentialOf = (text: string): Bytes => fromBase64url(text);
