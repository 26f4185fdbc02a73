/** The working screen: camera on top, the tube below it, big buttons at the bottom. No server in the flow. */

import { useState } from "preact/hooks";

import { CameraView } from "../shared/camera.tsx";
import { HoldButton } from "../shared/hold.tsx";
import { Cloud, Keys, Undo } from "../shared/icons.tsx";
import { language } from "../shared/prefs.ts";
import { Scanner } from "../shared/scanner.ts";
import { age } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { CarriedLine, SealedCopy } from "./carry.tsx";
import { announce, carried, device, drain, drained, fault, lastSealed, pending, rows, reached, said, sealTube, sending, take, troubled, tube, undo, waiting } from "./state.ts";

const scanner = new Scanner({ formats: ["QRCode", "Code128"], facing: "environment", onText: (text) => void take(text) });

export function Work() {
  const me = device.value!;
  return (
    <main class={`work ${me.left_handed ? "left-handed" : ""}`} id="main" tabIndex={-1}>
      <h1 class="visually-hidden">{t("site.work.title")}</h1>
      <section class="work-camera" aria-label={t("site.work.camera")}>
        <CameraView scanner={scanner} />
        <Said />
        <Typed />
      </section>
      <section class="work-tube">
        <TubeCard />
        <Acts />
      </section>
      <section class="work-queue"><Queue /></section>
    </main>
  );
}

/** What the last scan came to: a shape, a sentence, and it was a sound. */
function Said() {
  const { refusal, good, n, fill } = said.value;
  if (refusal) {
    return (
      <div class="said refused" role="alert" key={n} data-said={refusal}>
        <span class="shape stop" /><span>{t(`site.refusal.${refusal}`, { capacity: device.value!.campaign.capacity, ...fill })}</span>
      </div>
    );
  }
  const next = tube.value ? t("site.say.next-person") : t("site.say.next-tube");
  return (
    <div class="said" role="status" data-said={good ?? "ready"}>
      <span class={`shape ${good ? "ok" : "off"}`} /><span>{good && <strong>{t(`site.good.${good}`, fill)}{language.value === "en" && " "}</strong>}{next}</span>
    </div>
  );
}

/** Typing always stands next to the camera: for a torn slip, a dead phone, a broken lens. */
function Typed() {
  const [text, setText] = useState("");
  const send = (event: Event): void => {
    event.preventDefault();
    if (!text.trim()) return;
    void take(text);
    setText("");
  };
  return (
    <form class="typed" onSubmit={send}>
      <label class="visually-hidden" for="typed">{t("site.typed.label")}</label>
      <span class="typed-icon"><Keys /></span>
      <input id="typed" class="mono" autocomplete="off" autocapitalize="characters" spellcheck={false} enterkeyhint="done"
        placeholder={tube.value ? t("site.typed.person") : t("site.typed.tube")} value={text} onInput={(e) => setText(e.currentTarget.value)} />
      <button class="button second" type="submit">{t("site.typed.take")}</button>
    </form>
  );
}

function TubeCard() {
  const open = tube.value;
  const capacity = device.value!.campaign.capacity;
  if (!open) {
    const sealed = rows.value.find((row) => row.seq === lastSealed.value);
    return (
      <div class="tube-card none">
        {pending.value.length > 0 && <p class="note flag">{t("site.tube.household", { n: pending.value.length })}</p>}
        <p class="tube-empty">{t("site.tube.none")}</p>
        <p class="small soft">{t("site.tube.none-how")}</p>
        {sealed?.event && <SealedCopy row={sealed} />}
      </div>
    );
  }
  const household = pending.value.length;
  const full = open.m.length >= capacity;
  return (
    <div class={`tube-card ${full ? "full" : ""}`}>
      <div class="row apart">
        <span><span class="over">{t("site.tube.open")}</span><span class="mono tube-code">{open.code}</span></span>
        <span class="tube-count num" aria-label={t("site.tube.count-label", { n: open.m.length, capacity })}>{open.m.length}<small>/{capacity}</small></span>
      </div>
      <ol class="places" aria-label={t("site.tube.people")}>
        {Array.from({ length: capacity }, (_, i) => {
          const member = open.m[i];
          return <li class={member ? "taken" : ""}>{member ? <span class="mono">{member.s.slice(-4)}</span> : <span aria-hidden="true">{i + 1}</span>}</li>;
        })}
      </ol>
      {household > 0 && <p class="note flag">{t("site.tube.household", { n: household })}</p>}
      {full && <p class="small"><strong>{t("site.tube.full")}</strong></p>}
    </div>
  );
}

function Acts() {
  const open = tube.value;
  const people = open?.m.length ?? 0;
  return (
    <div class="acts">
      <button type="button" class="button big second undo" disabled={!open} onClick={() => { scanner.forgetLast(); void undo(); }}>
        <Undo />{t(open && people === 0 ? "site.act.close" : "site.act.undo")}
      </button>
      <HoldButton label={t("site.act.seal")} holding={t("site.act.sealing")} confirm={t("site.act.seal-confirm")} disabled={people === 0}
        onHeld={() => void sealTube()} />
      <Household />
    </div>
  );
}

/** A family with slips of their own: is there room for all of them? One tube a household by default. */
function Household() {
  const [asked, setAsked] = useState(false);
  const capacity = device.value!.campaign.capacity;
  if (!tube.value || capacity < 2) return null;
  if (!asked) return <button type="button" class="button quiet household" onClick={() => setAsked(true)}>{t("site.household.ask")}</button>;
  return (
    <div class="household" role="group" aria-label={t("site.household.how-many")}>
      <span class="small">{t("site.household.how-many")}</span>
      {Array.from({ length: Math.min(capacity, 8) - 1 }, (_, i) => i + 2).map((n) => (
        <button type="button" class="button second num" onClick={() => { setAsked(false); void announce(n); }}>{n}</button>
      ))}
    </div>
  );
}

/** The queue is always in sight: how many tubes wait, since when, and what was not taken. */
export function Queue({ listed }: { listed?: boolean }) {
  const n = waiting.value.length;
  const oldest = Math.min(...waiting.value.map((r) => r.sealed_at));
  const trouble = troubled.value.length;
  return (
    <div class="queue-line" role="status" data-waiting={n}>
      <span class="row">
        <span class={`badge ${n === 0 ? "clear" : "conditions"}`}><span class={`shape ${n === 0 ? "ok" : "bar"}`} />
          {n === 0 ? t("site.queue.none") : t(reached.value ? "site.queue.waits" : "site.queue.waits-offline", { n, age: age(oldest) })}
        </span>
        {trouble > 0 && <a class="badge hold" href="#/queue"><span class="shape stop" />{t("site.queue.trouble", { n: trouble })}</a>}
      </span>
      <span class="row">
        {sending.value && !drained.value && <span class="since">{t("site.queue.sending")}</span>}
        {drained.value && <span class="progress"><progress max={drained.value.of} value={drained.value.done} aria-label={t("site.queue.sending")} /><span class="progress-text num">{drained.value.done}/{drained.value.of}</span></span>}
        {n > 0 && <a class="button quiet" href="#/carry">{t("site.carry.open")}</a>}
        {n > 0 && !sending.value && <button type="button" class="button quiet" onClick={() => void drain()}><Cloud />{t("site.queue.now")}</button>}
        {!listed && <a class="button quiet" href="#/queue">{t("site.queue.list")}</a>}
      </span>
      {carried.value.held > 0 && <CarriedLine />}
      {fault.value && <p class="note hold">{say(fault.value)}</p>}
    </div>
  );
}

