/** How the holder is told that there is news, and how everything that is held leaves with them. */

import { useEffect, useState } from "preact/hooks";

import { say, t } from "../shared/words.ts";
import { busy, canPush, channels, fault, guest, saveMine, stopTelling, tellByPush, tellBySms, type Channels } from "./state.ts";

export function Telling() {
  const [told, setTold] = useState<Channels>();
  const [refused, setRefused] = useState(false);
  useEffect(() => { void channels().then(setTold); }, []);
  if (!told || guest.value) return null;
  const turn = async (kind: "push" | "sms", on: boolean) => {
    const now = on ? await (kind === "push" ? tellByPush() : tellBySms()) : await stopTelling(kind);
    setRefused(on && !now);
    if (now) setTold(now);
  };
  const box = (kind: "push" | "sms") => (
    <label class="choice">
      <input type="checkbox" checked={told.kinds.includes(kind)} disabled={busy.value} onChange={(e) => void turn(kind, e.currentTarget.checked)} />
      {t(`wallet.told.${kind}`)}
    </label>
  );
  return (
    <section class="card">
      <h2>{t("wallet.told.title")}</h2>
      <p>{t("wallet.told.what")}</p>
      {canPush() ? box("push") : <p class="small soft">{t("wallet.told.no-push")}</p>}
      {told.sms && box("sms")}
      {refused && <p class="note hold" role="alert">{fault.value ? say(fault.value.texts) : t("wallet.told.refused")}</p>}
    </section>
  );
}

export function TakeAway() {
  return (
    <section class="card">
      <h2>{t("wallet.mine.title")}</h2>
      <p>{t("wallet.mine.what")}</p>
      <div class="buttons">
        <button class="button second" type="button" disabled={busy.value} onClick={() => void saveMine("/v1/my-data/pdf", "pratique.pdf")}>{t("wallet.mine.pdf")}</button>
        <button class="button second" type="button" disabled={busy.value} onClick={() => void saveMine("/v1/my-data", "pratique.json")}>{t("wallet.mine.fhir")}</button>
      </div>
    </section>
  );
}
