/** A device becomes a gate with a token that works once, and stops being one with a certificate. */

import { useEffect, useState } from "preact/hooks";

import { CameraView } from "../shared/camera.tsx";
import { Code } from "../shared/code.tsx";
import { inReach } from "../shared/offline.ts";
import { Scanner } from "../shared/scanner.ts";
import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { certificate, compared, enrol, enrolling, fault, pairing, reached, stage, tokenOf } from "./state.ts";

/** A link such as /handheld/#token=…&roots=…, read before anything is drawn and taken out of the address at once. */
export const linkedToken = (() => {
  const { hash } = location;
  if (!inReach || !new URLSearchParams(hash.slice(1)).get("token")) return "";
  history.replaceState(null, "", location.pathname + location.search);
  return hash;
})();

const CAN_SIGN = "subtle" in crypto;
const reader = new Scanner({ formats: ["QRCode"], facing: "environment", onText: (text) => void enrol(text) });

export function Enrol() {
  const [token, setToken] = useState(linkedToken && tokenOf(linkedToken));
  const [scanning, setScanning] = useState(false);
  useEffect(() => {
    if (linkedToken) void enrol(linkedToken);
  }, []);
  const send = (event: Event): void => {
    event.preventDefault();
    void enrol(token);
  };
  return (
    <Screen title={t("handheld.enrol.title")}>
      <p class="lead">{t("handheld.enrol.lead")}</p>
      {!CAN_SIGN && <p class="note hold" role="alert">{t("handheld.enrol.old")}</p>}
      {scanning && <div class="hand-enrol"><CameraView scanner={reader} /></div>}
      <form class="form" onSubmit={send}>
        <div class="field">
          <label for="token">{t("handheld.enrol.token")}</label>
          <input id="token" class="mono" autocomplete="off" autocapitalize="characters" spellcheck={false} required value={token} onInput={(e) => setToken(e.currentTarget.value)} />
          <span class="hint">{t("handheld.enrol.hint")}</span>
        </div>
        {fault.value && <p class="note hold" role="alert">{say(fault.value)}</p>}
        {!reached.value && <p class="note flag" role="alert">{t("handheld.enrol.offline")}</p>}
        {enrolling.value && <div class="progress" role="status"><progress /><span class="progress-text">{t("handheld.enrol.working")}</span></div>}
        <button class="button big" type="submit" disabled={enrolling.value || !CAN_SIGN}>{t("handheld.enrol.send")}</button>
        <button class="button second" type="button" aria-pressed={scanning} onClick={() => setScanning(!scanning)}>{t("handheld.enrol.scan")}</button>
      </form>
      <p class="small soft">{t("handheld.enrol.key")}</p>
    </Screen>
  );
}

/** The same five words here and in the console: then nobody stands between this device and the server. */
export function Compare() {
  const shown = pairing.value;
  if (!shown) return null;
  return (
    <Screen title={t("handheld.compare.title")}>
      <p class="lead">{t("handheld.compare.lead")}</p>
      <p class="hand-words" data-words={shown.words.en}><strong lang="zh-Hans">{shown.words["zh-Hans"]}</strong><strong lang="en">{shown.words.en}</strong></p>
      <div class="form">
        <button class="button big" type="button" data-act="same" onClick={() => void compared(true)}>{t("handheld.compare.same")}</button>
        <button class="button second" type="button" data-act="differ" onClick={() => void compared(false)}>{t("handheld.compare.differ")}</button>
      </div>
    </Screen>
  );
}

/** This device has ended its work. Its certificate can be read from the screen by anybody, and handed in. */
export function Ended() {
  const told = certificate.value;
  const text = told ? JSON.stringify(told) : "";
  return (
    <Screen title={t("gate.face.retired")}>
      <p class="lead">{t("handheld.ended.what")}</p>
      {text && (
        <>
          <div class="code-card hand-certificate"><Code text={text} label={t("handheld.ended.code")} level="L" /></div>
          <dl class="facts">
            <dt>{t("handheld.about.id")}</dt><dd class="mono">{String(told?.["gate_id"])}</dd>
            <dt>{t("handheld.ended.decisions")}</dt><dd>{String(told?.["decisions"])}</dd>
          </dl>
          <details><summary>{t("handheld.ended.text")}</summary><pre class="mono hand-text" data-certificate>{text}</pre></details>
        </>
      )}
      <button class="button second" type="button" onClick={() => { stage.value = "enrol"; }}>{t("handheld.ended.again")}</button>
    </Screen>
  );
}
