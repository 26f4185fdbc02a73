/** A device becomes a gate with a token that works once, and stops being one with a certificate. */

import { useEffect, useState } from "preact/hooks";

import { CameraView } from "../shared/camera.tsx";
import { Code } from "../shared/code.tsx";
import { inReach } from "../shared/offline.ts";
import { Scanner } from "../shared/scanner.ts";
import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { certificate, enrol, enrolling, fault, reached, stage } from "./state.ts";

/** The token of a link such as /handheld/#token=…, read before anything is drawn and taken out of the address at once. */
export const linkedToken = (() => {
  if (!inReach) return "";
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
})();

const CAN_SIGN = "subtle" in crypto;
const reader = new Scanner({ formats: ["QRCode"], facing: "environment", onText: (text) => void enrol(text) });

export function Enrol() {
  const [token, setToken] = useState(linkedToken);
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
