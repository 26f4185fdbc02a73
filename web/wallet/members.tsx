/** Memberships: join, show the pass at a door, keep receipts, hand in a week, invite a visitor. Nothing here needs an account. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import type { Bytes } from "../shared/bytes.ts";
import { CameraView } from "../shared/camera.tsx";
import { now } from "../shared/clock.ts";
import { Code } from "../shared/code.tsx";
import { presentAtDoor, readMembership, wantedKey } from "../shared/membership.ts";
import { go } from "../shared/route.ts";
import { Scanner } from "../shared/scanner.ts";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime, withZone } from "../shared/time.ts";
import { say, t, type Text } from "../shared/words.ts";
import { guests, handInWeek, inviteGuest, join, keepReceipt, kept, list, load, take, takeVisit, visiting, waitFor, weekOf } from "./members-state.ts";
import { dropMember, type Guest, type Member } from "./members-store.ts";
import { Alive, useAwake, useRenewed } from "./pass.tsx";

export function MembersScreen() {
  useEffect(() => { void load(); }, []);
  const mine = (list.value ?? []).filter((one) => one.offer);
  return (
    <Screen title={t("wallet.members.title")} back>
      <p class="lead">{t("wallet.members.lead")}</p>
      {mine.map((one) => <a class="card notice-line" href={`#/members/${one.id}`}><strong>{say(one.offer!.name)}</strong><span class="since">{t("wallet.members.until", { until: until(one.offer!.membership) })}</span></a>)}
      {visiting.value.map((one) => <a class="card notice-line" href={`#/visiting/${one.id}`}><strong>{t("wallet.members.visit-to", { name: say(one.name) })}</strong><span class="since">{t("wallet.members.until", { until: dayAndTime(one.expires * 1000) })}</span></a>)}
      <div class="buttons">
        <a class="button second" href="#/join">{t("wallet.members.join")}</a>
        {mine.length > 0 && <a class="button" href="#/receipt">{t("wallet.members.scan")}</a>}
      </div>
      <Weeks mine={mine} />
    </Screen>
  );
}

const until = (membership: Bytes): string => dayAndTime(readMembership(membership).expires * 1000);

/** Receipts by week and membership. They are here and nowhere else, until they are handed in. */
function Weeks({ mine }: { mine: Member[] }) {
  if (mine.length === 0) return null;
  const rows = mine.flatMap((member) => {
    const own = kept.value.filter((one) => one.member === member.id);
    return [...new Set(own.map((one) => weekOf(one.at)))].sort((a, b) => b - a).map((week) => ({ member, week, n: own.filter((one) => weekOf(one.at) === week).length }));
  });
  return (
    <section class="card">
      <h2>{t("wallet.members.receipts")}</h2>
      <p class="small soft">{t("wallet.members.receipts-what")}</p>
      {rows.length === 0 && <p>{t("wallet.members.receipts-none")}</p>}
      {rows.map(({ member, week, n }) => (
        <p class="row apart">
          <span>{t("wallet.members.week", { day: dayAndTime(week), n, name: say(member.offer!.name) })}</span>
          <button type="button" class="button second" onClick={() => void handInWeek(member, week)}>{t("wallet.members.hand-in")}</button>
        </p>
      ))}
    </section>
  );
}

/** The key for a membership to come, and the way in for what the organisation answers. */
export function JoinScreen() {
  const [text, setText] = useState<string>();
  const [pasted, setPasted] = useState("");
  const [refused, setRefused] = useState(false);
  useEffect(() => { void join().then((one) => setText(wantedKey(one.point))); }, []);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const id = await take(pasted.trim().split("#/member/").at(-1)!);
    if (id === undefined) setRefused(true);
    else go(`members/${id}`);
  };
  return (
    <Screen title={t("wallet.members.join")} back>
      <p class="lead">{t("wallet.members.join-how")}</p>
      {text && <div class="code-card"><Code text={text} label={t("wallet.members.join-key")} max={320} /></div>}
      {text && <p class="mono" data-key={text}>{text}</p>}
      <form class="form" onSubmit={(e) => void send(e)}>
        <div class="field">
          <label for="offer">{t("wallet.members.offer")}</label>
          <input id="offer" class="mono" autocomplete="off" spellcheck={false} required value={pasted} onInput={(e) => { setPasted(e.currentTarget.value); setRefused(false); }} />
        </div>
        {refused && <p class="note hold" role="alert">{t("wallet.members.not-yours")}</p>}
        <button class="button" type="submit">{t("wallet.members.take")}</button>
      </form>
    </Screen>
  );
}

/** What a link brought: a membership, or an invitation. The link's secret part does not stay in the address. */
export function TakingScreen({ kind, text }: { kind: "member" | "visit"; text: string }) {
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    history.replaceState(null, "", `${location.pathname}#/members`);
    void (kind === "member" ? take(text) : takeVisit(text)).then((id) => {
      if (id === undefined) setFailed(true);
      else go(kind === "member" ? `members/${id}` : `visiting/${id}`);
    });
  }, []);
  return (
    <Screen title={t("wallet.members.title")} back>
      {failed ? <p class="note hold" role="alert">{t(kind === "member" ? "wallet.members.not-yours" : "wallet.members.no-visit")}</p> : <p role="status">{t("wallet.members.taking")}</p>}
    </Screen>
  );
}

export function MemberScreen({ id }: { id: number }) {
  useEffect(() => { void load(); }, []);
  const one = list.value?.find((member) => member.id === id);
  if (!one?.offer) return <Screen title={t("wallet.members.title")} back>{list.value && <p>{t("wallet.members.none")}</p>}</Screen>;
  const { hosts } = readMembership(one.offer.membership);
  const leave = async (): Promise<void> => { await dropMember(id); go("members"); };
  return (
    <Screen title={say(one.offer.name)} back>
      <DoorCode signer={one.pair.privateKey} chain={[one.offer.membership]} ends={readMembership(one.offer.membership).expires} />
      <a class="button" href="#/receipt">{t("wallet.members.scan")}</a>
      {hosts && <Guests member={one} />}
      <details class="more"><summary>{t("wallet.members.leave")}</summary><p>{t("wallet.members.leave-what")}</p><button type="button" class="button danger" onClick={() => void leave()}>{t("wallet.members.leave")}</button></details>
    </Screen>
  );
}

export function VisitingScreen({ id }: { id: number }) {
  useEffect(() => { void load(); }, []);
  const one = visiting.value.find((visit) => visit.id === id);
  if (!one) return <Screen title={t("wallet.members.title")} back>{list.value && <p>{t("wallet.members.no-visit")}</p>}</Screen>;
  return (
    <Screen title={t("wallet.members.visit-to", { name: say(one.name) })} back>
      {one.begins * 1000 > now() && <p class="note flag">{t("wallet.members.from", { from: withZone(one.begins * 1000) })}</p>}
      <DoorCode signer={one.key} chain={one.chain} ends={one.expires} />
      <p class="small soft">{t("wallet.members.visit-what")}</p>
    </Screen>
  );
}

function DoorCode({ signer, chain, ends }: { signer: CryptoKey; chain: Bytes[]; ends: number }) {
  const text = useRenewed(() => presentAtDoor(signer, chain, now()), signer);
  useAwake();
  return (
    <div class="show-code">
      <p class="lead">{t("wallet.members.show")}</p>
      <div class="code-card">
        {text ? <Code text={text} label={t("wallet.members.code")} /> : <div class="code-wait">{t("wallet.pass.signing")}</div>}
        <Alive key={text} />
      </div>
      <p class="small soft">{t("wallet.members.until", { until: withZone(ends * 1000) })}</p>
    </div>
  );
}

function Guests({ member }: { member: Member }) {
  const [hours, setHours] = useState(2);
  const [paper, setPaper] = useState(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const made = await inviteGuest(member, hours, paper);
    go(`guest/${made.id}`);
  };
  return (
    <section class="card">
      <h2>{t("wallet.members.invite")}</h2>
      <form class="form" onSubmit={(e) => void send(e)}>
        <div class="field">
          <label for="visit-hours">{t("wallet.members.hours")}</label>
          <input id="visit-hours" type="number" min={1} max={72} required value={hours} onInput={(e) => setHours(Number(e.currentTarget.value))} />
        </div>
        <label class="choice"><input type="checkbox" checked={paper} onChange={() => setPaper(!paper)} />{t("wallet.members.paper")}</label>
        <button class="button second" type="submit">{t("wallet.members.invite")}</button>
      </form>
      {guests.value.filter((one) => one.member === member.id).map((one) => <p><a href={`#/guest/${one.id}`}>{t("wallet.members.guest-until", { until: dayAndTime(one.expires * 1000) })}</a></p>)}
    </section>
  );
}

export function GuestScreen({ id }: { id: number }) {
  useEffect(() => { void load(); }, []);
  const one = guests.value.find((guest) => guest.id === id);
  if (!one) return <Screen title={t("wallet.members.invite")} back>{list.value && <p>{t("wallet.members.no-visit")}</p>}</Screen>;
  return (
    <Screen title={t("wallet.members.invite")} back>
      <Waiting guest={one} />
      <p class="lead">{t(one.link ? "wallet.members.send" : "wallet.members.print")}</p>
      <div class="code-card"><Code text={one.link || one.paper} label={t("wallet.members.invitation")} level={one.link ? "L" : "Q"} /></div>
      {one.link && <Sharing link={one.link} />}
      <p class="small soft">{t("wallet.members.bearer", { until: dayAndTime(one.expires * 1000) })}</p>
    </Screen>
  );
}

function Sharing({ link }: { link: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    if (navigator.share) await navigator.share({ url: link }).catch(() => undefined);
    else await navigator.clipboard.writeText(link).then(() => setCopied(true), () => undefined);
  };
  return <p class="row"><button type="button" class="button" data-link={link} onClick={() => void copy()}>{t(copied ? "wallet.members.copied" : "wallet.members.share")}</button></p>;
}

/** While this is open the host hears the door. Nothing of it is stored, here or anywhere. */
function Waiting({ guest }: { guest: Guest }) {
  const [place, setPlace] = useState<Text>();
  const [there, setThere] = useState(true);
  useAwake();
  useEffect(() => {
    let live = true;
    const told = (at: Text): void => { setPlace(at); navigator.vibrate?.([300, 150, 300]); };
    void waitFor(guest, () => live, told, setThere);
    return () => { live = false; };
  }, [guest.id]);
  if (place) return <p class="note clear" role="alert"><strong>{t("wallet.members.at-door", { place: say(place) })}</strong></p>;
  return <p class={`note ${there ? "quiet" : "flag"}`} role="status">{t(there ? "wallet.members.waiting" : "wallet.members.no-line")}</p>;
}

type Seen = { at: "reading" } | { at: "kept"; place: Text; when: number } | { at: "not-ours" };
const seen = signal<Seen>({ at: "reading" });
const scanner = new Scanner({ formats: ["QRCode"], facing: "environment", onText: (text) => void read(text) });

async function read(text: string): Promise<void> {
  if (seen.value.at === "kept") return;
  const made = await keepReceipt(text);
  seen.value = made ? { at: "kept", place: made.place, when: made.at } : { at: "not-ours" };
  if (made) scanner.stop();
}

/** Without a camera: what a reader at the door typed or sent. */
function Typed() {
  const [text, setText] = useState("");
  return (
    <form class="form" onSubmit={(e) => { e.preventDefault(); void read(text.trim()); }}>
      <div class="field">
        <label for="receipt">{t("wallet.members.receipt-text")}</label>
        <input id="receipt" class="mono" autocomplete="off" spellcheck={false} required value={text} onInput={(e) => setText(e.currentTarget.value)} />
      </div>
      <button class="button second" type="submit">{t("wallet.members.take")}</button>
    </form>
  );
}

/** Reads the receipt from the door's screen. */
export function ReceiptScreen() {
  useEffect(() => {
    seen.value = { at: "reading" };
    void load();
    return () => scanner.stop();
  }, []);
  const now = seen.value;
  return (
    <Screen title={t("wallet.members.scan")} back>
      {now.at === "kept" ? (
        <p class="note clear" role="status">{t("wallet.members.kept", { place: say(now.place), when: dayAndTime(now.when * 1000) })}</p>
      ) : (
        <>
          <p class="lead">{t("wallet.members.scan-how")}</p>
          <CameraView scanner={scanner} />
          <Typed />
          {now.at === "not-ours" && <p class="note" role="alert">{t("wallet.members.not-ours")}</p>}
        </>
      )}
      <a class="button second" href="#/members">{t("wallet.members.title")}</a>
    </Screen>
  );
}
