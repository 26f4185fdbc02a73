/** A household at the sampling table: one code for everybody who came, so that they share one tube.

Dependants have slips; their names are typed here and never leave this phone. */

import { useEffect, useState } from "preact/hooks";

import { Code } from "../shared/code.tsx";
import { familyCode, siteCode } from "../shared/ids.ts";
import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { addDependant, asking, dependants, dropDependant, offline, problem, readDependants } from "./booking-state.ts";
import { holder } from "./state.ts";

export function FamilyScreen() {
  const [away, setAway] = useState<ReadonlySet<string>>(new Set());
  const [claim, setClaim] = useState("");
  const [name, setName] = useState("");
  useEffect(() => void readDependants(), []);
  const me = holder.value?.subject_id;
  const everybody = [...(me ? [{ subject_id: me, name: t("wallet.booking.me") }] : []), ...dependants.value];
  const here = everybody.filter((one) => !away.has(one.subject_id)).map((one) => one.subject_id);
  const text = here.length > 1 ? familyCode(here) : here[0] ? siteCode(here[0]) : "";
  const toggle = (subject: string): void => setAway((now) => { const next = new Set(now); if (!next.delete(subject)) next.add(subject); return next; });
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    await addDependant(claim, name);
    if (!problem.value && !offline.value) { setClaim(""); setName(""); }
  };
  return (
    <Screen title={t("wallet.booking.family")} back wide>
      <p class="lead">{t("wallet.booking.family-lead")}</p>
      {text && <div class="show-code"><div class="code-card"><Code text={text} label={t("wallet.booking.family-code", { n: here.length })} max={360} /></div></div>}
      <section class="card">
        <h2>{t("wallet.booking.who-came")}</h2>
        {everybody.map((one) => (
          <div class="row apart" key={one.subject_id}>
            <label class="choice"><input type="checkbox" checked={!away.has(one.subject_id)} onChange={() => toggle(one.subject_id)} />{one.name}</label>
            {one.subject_id !== me && <button type="button" class="button quiet" onClick={() => void dropDependant(one.subject_id)}>{t("wallet.booking.remove")}</button>}
          </div>
        ))}
      </section>
      <form class="card form" onSubmit={(e) => void add(e)}>
        <h2>{t("wallet.booking.add-person")}</h2>
        <div class="field"><label for="dependant">{t("wallet.booking.name")}</label><input id="dependant" autocomplete="off" required maxLength={40} value={name} onInput={(e) => setName(e.currentTarget.value)} /><span class="hint">{t("wallet.booking.name-stays")}</span></div>
        <div class="field"><label for="claim">{t("wallet.slip.code")}</label><input id="claim" class="mono" autocomplete="off" autocapitalize="characters" spellcheck={false} required maxLength={40} value={claim} onInput={(e) => setClaim(e.currentTarget.value)} /></div>
        {offline.value && <p class="note flag" role="alert">{t("wallet.booking.family-offline")}</p>}
        {problem.value && <p class="note hold" role="alert">{say(problem.value)}</p>}
        <button class="button" type="submit" disabled={asking.value}>{t("wallet.booking.add")}</button>
      </form>
    </Screen>
  );
}
