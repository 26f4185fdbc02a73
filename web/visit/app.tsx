/** Home visits: the day's own cases, readable without a network, written down in two taps, gone after a day. */

import "../shared/tokens.css";
import "../shared/base.css";
import "./visit.css";

import { useState } from "preact/hooks";

import { inReach, keepOffline, openInReach } from "../shared/offline.ts";
import { route } from "../shared/route.ts";
import { Bar, mount, Opening, Screen } from "../shared/shell.tsx";
import { dayAndTime, ms, withZone } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { conflicts, day, done, link, meet, ready, record, start, waits, wipeNow, type Visit } from "./state.ts";

function Link() {
  if (link.value === "ok") return waits.value ? <p class="note flag" role="status">{t("visit.waits", { n: waits.value })}</p> : null;
  if (link.value === "offline") return <p class="note flag" role="status" data-offline>{t("visit.offline", { n: waits.value })}</p>;
  const [to, key] = link.value === "confirm" ? ["/console/confirm?next=/visit/", "visit.confirm"] as const : ["/sign-in?next=/visit/", "visit.sign-in"] as const;
  return <p class="note hold" role="alert"><a href={to}>{t(key)}</a></p>;
}

function List() {
  const today = day.value;
  return (
    <Screen title={t("visit.title")}>
      <Link />
      {today && <p class="small soft">{t("visit.ends", { when: withZone(ms(today.ends_at)) })}</p>}
      {!today?.visits.length && <p class="empty">{t("visit.none")}</p>}
      {today?.visits.map((one) => (
        <a class="card notice-line" href={`#/case/${one.case_id}`}>
          <span class="row apart"><strong>{one.card["name"] ?? t("visit.no-card")}</strong>{done.value.has(one.case_id) && <span class="badge clear"><span class="shape ok" />{t("visit.written")}</span>}</span>
          <span class="since">{say(one.reason)} · {dayAndTime(ms(one.due_at))}</span>
        </a>
      ))}
      {[...conflicts.value].map(([, other]) => <p class="note hold" role="alert">{t("visit.conflict", { other: resultWord(other) })}</p>)}
      <div class="buttons">
        <button class="button second" type="button" onClick={() => void meet()}>{t("visit.fetch")}</button>
        <button class="button second" type="button" onClick={() => void wipeNow()}>{t("visit.wipe")}</button>
      </div>
      <p class="small soft">{t("visit.sealed")}</p>
    </Screen>
  );
}

const WORDS = {
  "reached": "visit.reached", "no-answer": "visit.no-answer", "wrong-number": "visit.wrong-number",
  "needs-help": "visit.needs-help", "refuses": "visit.refuses", "not-this-person": "visit.not-this-person",
} as const;
const resultWord = (code: string, visit?: Visit): string => {
  const own = visit?.answers?.[code];
  return own ? say(own) : code in WORDS ? t(WORDS[code as keyof typeof WORDS]) : code;
};

function Case({ visit }: { visit: Visit }) {
  const [note, setNote] = useState("");
  const written = done.value.get(visit.case_id);
  return (
    <Screen title={visit.card["name"] ?? t("visit.no-card")} back>
      <Link />
      <p>{say(visit.reason)}</p>
      {visit.card["phone"] && <p><a href={`tel:${visit.card["phone"].replaceAll(" ", "")}`}>{visit.card["phone"]}</a></p>}
      <ol>{visit.script.map((line) => <li>{say(line)}</li>)}</ol>
      {written
        ? <p class="note clear" role="status">{t("visit.written-as", { result: resultWord(written, visit) })}</p>
        : <section class="stack">
            <h2>{t("visit.result")}</h2>
            <div class="field"><label for="note">{t("visit.note")}</label><textarea id="note" maxLength={500} value={note} onInput={(e) => setNote(e.currentTarget.value)} /></div>
            <div class="buttons">{day.value!.results.map((code) => <button class="button second" type="button" onClick={() => void record(visit, code, note)}>{resultWord(code, visit)}</button>)}</div>
          </section>}
    </Screen>
  );
}

function App() {
  const [place, id] = route.value;
  const visit = place === "case" ? day.value?.visits.find((one) => one.case_id === id) : undefined;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{t("common.skip")}</a>
      <Bar name={t("visit.name")} />
      {!ready.value ? <Opening /> : visit ? <Case visit={visit} key={visit.case_id} /> : <List />}
    </div>
  );
}

if (inReach) {
  mount(<App />);
  keepOffline("visit", () => true);
  void start();
} else openInReach();
