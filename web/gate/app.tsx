/** The screen at the door: one full face for each state, in shape, word, sound and colour. */

import { effect, signal } from "@preact/signals";

import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/camera.css";
import "./gate.css";

import { CameraView } from "../shared/camera.tsx";
import { Code } from "../shared/code.tsx";
import { Camera, Flag } from "../shared/icons.tsx";
import { language, type Language } from "../shared/prefs.ts";
import { Scanner } from "../shared/scanner.ts";
import { mount, Switches } from "../shared/shell.tsx";
import { unlockSound } from "../shared/sound.ts";
import { dayAndTime, ms } from "../shared/time.ts";
import { inLanguage, say, t } from "../shared/words.ts";
import { PICTURES } from "./pictures.tsx";
import { sound, speak } from "./sounds.ts";
import { StaffButton, StaffPad } from "./staff.tsx";
import { face, listen, scanned, silent, status, type FaceName } from "./state.ts";
import { listenToWedge } from "./wedge.ts";

const HOME_LANGUAGE: Language = language.value;
const BACK_AFTER = 30_000;

/** The page's own camera, for a tablet or a demonstration: asked for in the address (`?camera`, or `?camera=0`), by the button, or already
allowed here before. A terminal whose own process reads the codes never allows it, so the page leaves its camera alone. */
const asked = new URLSearchParams(location.search).get("camera");
const camera = signal(asked !== null && asked !== "0");
if (asked === null) {
  void navigator.permissions?.query({ name: "camera" as PermissionName }).then(
    (allowed) => { if (allowed.state === "granted") camera.value = true; },
    () => undefined,
  );
}
const scanner = new Scanner({ formats: ["QRCode"], facing: "user", sleepAfter: 0, onText: (text) => void scanned(text) });

const VERDICTS: ReadonlySet<FaceName> = new Set(["clear", "conditions", "hold", "see_staff", "annulled"]);

function App() {
  const name = face.value;
  const Picture = PICTURES[name];
  const other: Language = language.value === "en" ? "zh-Hans" : "en";
  const aiming = camera.value && (name === "ready" || name === "reading");
  return (
    <div class={`face ${name}`} data-face={name}>
      <header class="face-top">
        <span class="brand"><Flag /><span>{t("common.pratique")}</span></span>
        <Switches />
      </header>
      <main class="face-main" id="main">
        {aiming ? <div class="face-camera"><CameraView scanner={scanner} mirrored /></div> : <Picture />}
        <div class="face-words" role={VERDICTS.has(name) ? "alert" : "status"}>
          <h1>{phrases(t(`gate.face.${name}`))}</h1>
          <p class="face-other" lang={other}>{inLanguage(other, `gate.face.${name}`)}</p>
          <Line name={name} />
          <Advice />
          <Challenge />
          <Receipt />
        </div>
      </main>
      <Foot />
      <StaffPad />
    </div>
  );
}

/** The gate's own sentence, where it says more than the word above it. */
function Line({ name }: { name: FaceName }) {
  const told = status.value;
  if (silent.value) return <p class="face-line">{t("gate.silent")}</p>;
  if (!told || name === "starting") return null;
  const line = beyond(say(told.text), t(`gate.face.${name}`));
  return line ? <p class="face-line">{line}</p> : null;
}

/** A hint of the skin thermometer, beside the verdict and never part of it. */
function Advice() {
  const advice = silent.value ? null : status.value?.advice;
  return advice ? <p class="face-advice" role="status">{say(advice)}</p> : null;
}

/** When clocks disagree: the gate says who it is, and asks the wallet to answer. */
function Challenge() {
  const text = silent.value ? null : status.value?.challenge;
  if (!text) return null;
  return (
    <section class="face-challenge" aria-label={t("gate.challenge")}>
      <Code text={text} label={t("gate.challenge")} level="M" max={360} />
      <p>{t("gate.challenge.how")}</p>
    </section>
  );
}

/** For the wallet of the member who came in: it stands until the next person comes. */
function Receipt() {
  const text = silent.value ? null : status.value?.receipt;
  if (!text) return null;
  return (
    <section class="face-challenge" aria-label={t("gate.receipt")}>
      <Code text={text} label={t("gate.receipt")} level="L" max={360} />
      <p>{t("gate.receipt.how")}</p>
    </section>
  );
}

/** What a sentence says beyond the word that already stands above it. */
function beyond(line: string, word: string): string {
  const bare = (text: string): string => text.replace(/[\s,，.。:：]/g, "").toLowerCase();
  const parts = line.split(/[:：]\s*/);
  const more = parts.filter((part) => bare(part) !== bare(word)).join(language.value === "en" ? ": " : "：");
  return more.slice(0, 1).toUpperCase() + more.slice(1);
}

/** A long word breaks after its comma, not inside a phrase. */
const phrases = (text: string) => text.split(/(?<=[,，])\s*/).map((part, i) => <>{i > 0 && language.value === "en" && " "}<span class="phrase">{part}</span></>);

/** Always there: how old the lists are, the clock, the mandate and its end, and what this gate keeps. */
function Foot() {
  const told = status.value;
  const ages = told?.ages;
  return (
    <footer class="face-foot">
      {told && ages && (
        <span>
          {ages.snapshot_s === null ? t("gate.lists-none") : t("gate.lists", { age: span(ages.snapshot_s), number: ages.snapshot ?? 0 })}
          {" · "}{t("gate.clock", { grade: clockWord(ages.clock) })}
          {" · "}{told.door ? t("gate.door", { name: say(told.door) }) : told.mandate && ages.mandate_end ? t("gate.mandate", { mandate: say(told.mandate), end: dayAndTime(ms(ages.mandate_end)) }) : t("gate.no-mandate")}
        </span>
      )}
      <strong>{t("gate.counts-only")}</strong>
      <StaffButton />
      {!camera.value && <button type="button" class="foot-button" onClick={() => { camera.value = true; }}><Camera />{t("gate.camera")}</button>}
      {camera.value && <button type="button" class="foot-button" onClick={() => { camera.value = false; }}><Camera />{t("gate.camera-off")}</button>}
    </footer>
  );
}

function span(seconds: number): string {
  const [unit, size] = seconds >= 172_800 ? (["day", 86_400] as const) : seconds >= 3_600 ? (["hour", 3_600] as const) : (["minute", 60] as const);
  return new Intl.NumberFormat(language.value === "en" ? "en-GB" : "zh-CN", { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(seconds / size));
}

const clockWord = (grade: string): string => t(grade === "good" ? "gate.clock.good" : grade === "lower_bound" ? "gate.clock.lower_bound" : "gate.clock.bad");

let shown: FaceName | undefined;
effect(() => {
  const name = face.value;
  if (name === shown) return;
  shown = name;
  sound(name);
  if (VERDICTS.has(name)) speak(inLanguage(language.peek(), `gate.face.${name}`), language.peek());
});

let back = 0;
effect(() => {
  clearTimeout(back);
  if (language.value !== HOME_LANGUAGE) back = window.setTimeout(() => { language.value = HOME_LANGUAGE; }, BACK_AFTER);
});

unlockSound();
listenToWedge((text) => void scanned(text));
listen();
mount(<App />);
