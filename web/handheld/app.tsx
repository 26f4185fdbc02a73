/** The hand-held gate: a gate on any phone or tablet, read by its own camera, decided here, without a network. */

import { effect } from "@preact/signals";

import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/camera.css";
import "../gate/gate.css";
import "./handheld.css";

import { PICTURES } from "../gate/pictures.tsx";
import { sound, speak } from "../gate/sounds.ts";
import type { FaceName } from "../gate/state.ts";
import { listenToWedge } from "../gate/wedge.ts";
import { CameraView } from "../shared/camera.tsx";
import { Code } from "../shared/code.tsx";
import { Flag } from "../shared/icons.tsx";
import { inReach, keepOffline, openInReach } from "../shared/offline.ts";
import { language, type Language } from "../shared/prefs.ts";
import { route } from "../shared/route.ts";
import { Scanner } from "../shared/scanner.ts";
import { mount, Opening, Screen, Switches } from "../shared/shell.tsx";
import { unlockSound } from "../shared/sound.ts";
import { inLanguage, say, t, type Key } from "../shared/words.ts";
import { About, Foot } from "./about.tsx";
import { Compare, Ended, Enrol, linkedToken } from "./enrol.tsx";
import { admit, challenge, machine, me, next, passage, scanned, scanner as cameraFault, stage, start, takeBack, verdict } from "./state.ts";

const scanner = new Scanner({ formats: ["QRCode"], facing: "environment", onText: (text) => void scanned(text) });
const VERDICTS: ReadonlySet<FaceName> = new Set(["clear", "conditions", "hold", "see_staff", "annulled"]);

/** The face to show: an outcome while one stands, else the state. */
function faceNow(): FaceName {
  const { state } = machine.value;
  const outcome = verdict.value?.outcome;
  if ((state === "decided" || state === "waiting_passage") && outcome) return outcome === "staff" ? "clear" : outcome;
  return state === "degraded" ? "ready" : state === "decided" || state === "waiting_passage" ? "see_staff" : state;
}

function Door() {
  const name = faceNow();
  const Picture = PICTURES[name];
  const other: Language = language.value === "en" ? "zh-Hans" : "en";
  const broken = name === "out_of_order" && machine.value.faults.has("scanner");
  const aiming = name === "ready" || name === "reading" || broken;
  // The camera runs on behind a verdict: the next person need not wait for it to start.
  const running = aiming || VERDICTS.has(name);
  return (
    <div class={`face hand ${name}${challenge.value ? " asking" : ""}`} data-face={name} data-state={machine.value.state} data-outcome={verdict.value?.outcome ?? ""} data-reason={verdict.value?.reason ?? ""}>
      <header class="face-top">
        <span class="brand"><Flag /><span>{me.value ? say(me.value.place) : t("handheld.name")}</span></span>
        <Switches />
      </header>
      <main class="face-main" id="main">
        {running && <div class={aiming ? "face-camera" : "face-camera behind"} inert={!aiming}><CameraView scanner={scanner} /></div>}
        {!aiming && !challenge.value && <Picture />}
        <div class="face-words" role={VERDICTS.has(name) ? "alert" : "status"}>
          <h1>{t(`gate.face.${name}`)}</h1>
          <p class="face-other" lang={other}>{inLanguage(other, `gate.face.${name}`)}</p>
          <Line name={name} />
        </div>
        <Challenge />
        <Acts />
      </main>
      <Foot />
    </div>
  );
}

/** What to do about the code, or what is wrong with the gate; never why a person was held (law 2: the wallet says that). */
function Line({ name }: { name: FaceName }) {
  const { faults } = machine.value;
  const held = verdict.value;
  if (held && VERDICTS.has(name) && name !== "annulled") {
    const line = t(`handheld.line.${held.outcome}.${held.reason}` as Key);
    return line === t(`gate.face.${name}`) ? null : <p class="face-line">{line}</p>;
  }
  const shown = name === "out_of_order" || name === "ready" ? [...faults].sort()[0] : undefined;
  return shown ? <p class="face-line" data-fault={shown}>{t(`handheld.fault.${shown}` as Key)}</p> : null;
}

/** When clocks disagree: the gate says who it is, and asks the wallet to answer. Whoever holds the gate turns its screen round. */
function Challenge() {
  const text = challenge.value;
  if (!text) return null;
  return (
    <section class="face-challenge" aria-label={t("gate.challenge")}>
      <p><b>{t("handheld.challenge.turn")}</b></p>
      <Code text={text} label={t("gate.challenge")} level="M" max={360} />
      <p>{t("gate.challenge.how")}</p>
    </section>
  );
}

/** Large buttons under a verdict: the next person, a passage that was not made, a person whom staff let in. */
function Acts() {
  const { state } = machine.value;
  if (state !== "decided" && state !== "waiting_passage") return null;
  return (
    <div class="hand-acts">
      {verdict.value?.outcome === "see_staff" && <button type="button" class="button second" data-act="admit" onClick={() => void admit()}>{t("handheld.act.admit")}</button>}
      {passage.value && <button type="button" class="button second" data-act="take-back" onClick={() => void takeBack()}>{t("handheld.act.take-back")}</button>}
      <button type="button" class="button big" data-act="next" onClick={next}>{t("handheld.act.next")}</button>
    </div>
  );
}

function App() {
  if (stage.value === "work" && route.value[0] !== "about") return <Door />;
  return (
    <div class="shell hand-shell" data-language={language.value} data-stage={stage.value}>
      <header class="bar">
        <a class="brand" href="#/"><Flag /><span>{t("common.pratique")}<small>{t("handheld.name")}</small></span></a>
        <span class="grow" /><Switches />
      </header>
      <Place />
    </div>
  );
}

function Place() {
  switch (stage.value) {
    case "opening": return <Opening />;
    case "elsewhere": return (
      <Screen title={t("handheld.elsewhere.title")}>
        <p class="lead">{t("handheld.elsewhere.what")}</p>
        <button class="button" type="button" onClick={() => location.reload()}>{t("handheld.elsewhere.again")}</button>
      </Screen>
    );
    case "enrol": return <Enrol />;
    case "compare": return <Compare />;
    case "ended": return <Ended />;
    default: return <About />;
  }
}

let shown: FaceName | undefined;
effect(() => {
  if (stage.value !== "work") return;
  const name = faceNow();
  if (name === shown) return;
  shown = name;
  sound(name);
  if (VERDICTS.has(name)) speak(inLanguage(language.peek(), `gate.face.${name}`), language.peek());
});

effect(() => cameraFault(scanner.state.value === "broken" || scanner.state.value === "missing"));

/** A camera that sleeps wakes with the page; the screen stays on while the gate works, where the browser can do that. */
async function stayAwake(): Promise<void> {
  if (document.visibilityState !== "visible" || stage.peek() !== "work") return;
  if (scanner.state.peek() === "asleep") void scanner.start();
  await navigator.wakeLock?.request("screen").catch(() => undefined);
}

if (inReach) {
  unlockSound();
  listenToWedge((text) => void scanned(text));
  document.addEventListener("visibilitychange", () => void stayAwake());
  mount(<App />);
  void start().then(() => {
    void stayAwake();
    keepOffline("handheld", () => !linkedToken);
  });
} else openInReach();

