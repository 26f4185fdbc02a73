/** Answering a gate: when a clock is wrong, the gate asks with a code of its own. The wallet checks who asks before it shows anything. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import "../shared/camera.css";

import { ask } from "../shared/api.ts";
import { NotTaken, readChallenge, type IssuerKey, type Why } from "../shared/challenge.ts";
import { CameraView } from "../shared/camera.tsx";
import { now, offset } from "../shared/clock.ts";
import { Code } from "../shared/code.tsx";
import { present } from "../shared/pq1.ts";
import { Scanner } from "../shared/scanner.ts";
import { Screen } from "../shared/shell.tsx";
import { tick } from "../shared/time.ts";
import { say, t, type Text } from "../shared/words.ts";
import { visit } from "./day.ts";
import { bestPass } from "./model.ts";
import { credentialOf, guest, holder, view } from "./state.ts";

type Step = { at: "reading" } | { at: "checking" } | { at: "refused"; why: Why | "no-keys" } | { at: "answered"; place: Text; text: string };

const SAME_QUESTION = 600_000; // what a gate asks about is the pass it was shown
const KEPT = "pratique-issuer-keys";
const step = signal<Step>({ at: "reading" });
const scanner = new Scanner({ formats: ["QRCode"], facing: "environment", onText: (text) => void answer(text) });

/** The issuer's public keys: asked for while there is a network, kept for when there is none. They are public. */
async function issuerKeys(): Promise<readonly IssuerKey[]> {
  try {
    const { keys } = (await ask<{ keys: IssuerKey[] }>("/v1/issuer-keys")).body;
    localStorage.setItem(KEPT, JSON.stringify(keys));
    return keys;
  } catch {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]") as IssuerKey[];
  }
}

async function answer(text: string): Promise<void> {
  const pass = bestPass(view.value?.passes ?? [], Math.max(now(), tick.value + offset.value));
  const me = holder.value;
  if (step.value.at !== "reading" || !pass || !me || guest.value) return;
  step.value = { at: "checking" };
  const keys = await issuerKeys();
  if (!keys.length) {
    step.value = { at: "refused", why: "no-keys" };
    return;
  }
  try {
    const asked = await readChallenge(text, keys);
    const { key, credential } = (await visit(SAME_QUESTION)) ?? { ...pass, key: me.pair.privateKey };
    const shown = await present(key, credentialOf(credential), now(), asked.nonce);
    step.value = { at: "answered", place: asked.place, text: shown };
    scanner.stop();
  } catch (fault) {
    if (!(fault instanceof NotTaken)) throw fault;
    step.value = { at: "refused", why: fault.why };
  }
}

export function AnswerScreen() {
  useEffect(() => {
    step.value = { at: "reading" };
    void issuerKeys();
    void scanner.start();
    return () => scanner.stop();
  }, []);
  return <Screen title={t("wallet.answer.title")} back><Now /></Screen>;
}

function Now() {
  const at = step.value;
  if (at.at === "answered") {
    return (
      <div class="show-code">
        <p class="lead">{t("wallet.answer.who", { place: say(at.place) })}</p>
        <p class="small soft">{t("wallet.answer.known")}</p>
        <div class="code-card"><Code text={at.text} label={t("wallet.answer.label")} /></div>
        <p role="status">{t("wallet.answer.show")}</p>
        <Again />
      </div>
    );
  }
  return (
    <div class="stack">
      <p class="lead">{t("wallet.answer.how")}</p>
      <CameraView scanner={scanner} />
      {at.at === "checking" && <p role="status">{t("wallet.answer.checking")}</p>}
      {at.at === "refused" && <><p class="note" role="alert">{t(`wallet.answer.${at.why}`)}</p><Again /></>}
    </div>
  );
}

function Again() {
  return <button type="button" class="button second" onClick={() => { step.value = { at: "reading" }; void scanner.start(); }}>{t("wallet.answer.again")}</button>;
}
