/** The pass: a code on a neutral card, signed anew every 15 seconds. It never looks like a verdict, and carries no name. */

import { useEffect, useState } from "preact/hooks";

import { now, offset } from "../shared/clock.ts";
import { Code } from "../shared/code.tsx";
import { siteCode, inFours } from "../shared/ids.ts";
import { present } from "../shared/pq1.ts";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime, ms, tick, withZone } from "../shared/time.ts";
import { t } from "../shared/words.ts";
import { visit, type Visit } from "./day.ts";
import { bestPass, type HeldPass } from "./model.ts";
import { credentialOf, guest, holder, view } from "./state.ts";

const RENEW = 15_000;

/** The text of the code now, and again every 15 seconds. Undefined until the first proof is signed. */
export function useRenewed(make: (() => Promise<string>) | undefined, ...of: unknown[]): string | undefined {
  const [text, setText] = useState<string>();
  useEffect(() => {
    let live = true;
    setText(undefined);
    if (!make) return undefined;
    const renew = async () => {
      const fresh = await make();
      if (live) setText(fresh);
    };
    void renew();
    const timer = setInterval(() => void renew(), RENEW);
    const woken = () => document.visibilityState === "visible" && void renew();
    document.addEventListener("visibilitychange", woken);
    return () => {
      live = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", woken);
    };
  }, of);
  return text;
}

/** The screen stays on while a code is shown; a phone that cannot do it shows the code all the same. */
export function useAwake(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | undefined;
    let live = true;
    const take = () => {
      if (document.visibilityState !== "visible") return;
      navigator.wakeLock?.request("screen").then((got) => {
        if (live) lock = got;
        else void got.release();
      }, () => undefined);
    };
    take();
    document.addEventListener("visibilitychange", take);
    return () => {
      live = false;
      document.removeEventListener("visibilitychange", take);
      void lock?.release();
    };
  }, []);
}

/** What is shown at this visit: a pass of the day, else the wallet's own. Another one when it has ended. */
function useVisit(pass: HeldPass, at: number): Visit | undefined {
  const [shown, setShown] = useState<Visit>();
  const over = shown !== undefined && ms(shown.expires) <= at;
  useEffect(() => {
    let live = true;
    const own = { ...pass, key: holder.value!.pair.privateKey, again: true };
    void visit().catch(() => undefined).then((found) => live && setShown(found ?? own));
    return () => { live = false; };
  }, [over, pass.credential]);
  return over ? undefined : shown;
}

export function PassScreen() {
  const at = Math.max(now(), tick.value + offset.value);
  const pass = bestPass(view.value?.passes ?? [], at);
  return (
    <Screen title={t("wallet.pass.title")} back>
      {pass && holder.value && !guest.value ? <Live pass={pass} at={at} /> : <NoPass />}
    </Screen>
  );
}

function Live({ pass, at }: { pass: HeldPass; at: number }) {
  const shown = useVisit(pass, at);
  const text = useRenewed(shown && (() => present(shown.key, credentialOf(shown.credential), now())), shown?.key, shown?.credential);
  useAwake();
  const until = dayAndTime(ms(shown?.expires ?? pass.expires));
  return (
    <div class="show-code">
      <p class="lead">{t("wallet.pass.how")}</p>
      <div class="code-card">
        {text ? <Code text={text} label={t("wallet.pass.label", { until })} /> : <div class="code-wait">{t("wallet.pass.signing")}</div>}
        <Alive key={text} />
      </div>
      <p class="small soft">{t("wallet.pass.until", { until: withZone(ms(shown?.expires ?? pass.expires)) })}</p>
      <p class="small soft">{t("wallet.pass.carries")}</p>
      {shown && <p class="small soft" data-again={shown.again}>{t(shown.again ? "wallet.pass.again" : "wallet.pass.own")}</p>}
      {Math.abs(offset.value) > 30_000 && (
        <p class="note quiet small">{t("wallet.pass.clock", { minutes: Math.max(1, Math.round(Math.abs(offset.value) / 60_000)) })}</p>
      )}
      <p class="small soft">{t("wallet.pass.bright")}</p>
      <a class="button second" href="#/answer">{t("wallet.answer.open")}</a>
    </div>
  );
}

/** A small boat that crosses the card between two signatures: a screenshot stands still. */
export function Alive() {
  return (
    <div class="alive" aria-hidden="true">
      <svg class="boat" viewBox="0 0 28 24" width="28" height="24">
        <path d="M14 2v15" stroke="#0d5762" stroke-width="2" />
        <path d="M15.5 3h10v7.5h-10z" fill="#e8b53a" />
        <path d="M3 16h22l-3.5 6h-15z" fill="#0d5762" />
      </svg>
    </div>
  );
}

function NoPass() {
  return (
    <div class="stack">
      <p class="lead">{guest.value ? t("wallet.slip.no-pass") : t("wallet.pass.none")}</p>
      <a class="button" href="#/">{t("wallet.pass.none-why")}</a>
      <p class="small soft">{t("wallet.pass.none-paper")}</p>
    </div>
  );
}

export function SiteCodeScreen() {
  const subject = (guest.value ?? holder.value)?.subject_id ?? "";
  useAwake();
  return (
    <Screen title={t("wallet.site.title")} back>
      <div class="show-code">
        <p class="lead">{t("wallet.site.how")}</p>
        <div class="code-card"><Code text={siteCode(subject)} label={t("wallet.site.label")} max={360} /></div>
        <p class="small soft">{t("wallet.site.typed")}</p>
        <p class="mono spelled">{inFours(siteCode(subject).slice(5))}</p>
        <p class="small soft">{t("wallet.site.nothing")}</p>
      </div>
    </Screen>
  );
}
