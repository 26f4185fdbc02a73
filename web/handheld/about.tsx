/** What this gate is and has: always in a line at the foot, in full on a page of its own. */

import { Gear } from "../shared/icons.tsx";
import { applyUpdate, updateWaits } from "../shared/offline.ts";
import { language } from "../shared/prefs.ts";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime } from "../shared/time.ts";
import { say, t, type Key } from "../shared/words.ts";
import { counts, loaded, machine, me, order, reached, reading, refusal, synced, takeFile, waits } from "./state.ts";

function listsWords(): string {
  const [lists, now] = [loaded.value, reading.value];
  return lists && now ? t("gate.lists", { age: span(Math.max(0, now.now - lists.issued)), number: lists.number }) : t("gate.lists-none");
}

const ageWords = (): string => {
  const [lists, now] = [loaded.value, reading.value];
  return lists && now ? t("handheld.about.age", { age: span(Math.max(0, now.now - lists.issued)), number: lists.number }) : t("handheld.about.none");
};
const gradeWord = (): string => t(`gate.clock.${reading.value?.grade ?? "bad"}`);
const clockWords = (): string => t("gate.clock", { grade: gradeWord() });
const mandateWords = (): string => (order.value ? t("handheld.about.until", { mandate: say(order.value.purpose), end: dayAndTime(order.value.end * 1000) }) : t("gate.no-mandate"));

/** Always there: how old the lists are, the clock, what this gate keeps. */
export function Foot() {
  return (
    <footer class="face-foot">
      <span>{listsWords()} · {clockWords()}</span>
      <strong>{t("gate.counts-only")}</strong>
      <a class="foot-button" href="#/about"><Gear />{t("handheld.about")}</a>
    </footer>
  );
}

export function About() {
  const faults = [...machine.value.faults].sort();
  const told = Object.entries(counts.value);
  return (
    <Screen title={t("handheld.about")} back>
      {faults.map((fault) => <p key={fault} class="note flag" role="status">{t(`handheld.fault.${fault}` as Key)}{fault === "snapshot_refused" && refusal.value ? ` (${refusal.value})` : ""}</p>)}
      <dl class="facts">
        <dt>{t("handheld.about.place")}</dt><dd>{me.value && say(me.value.place)}</dd>
        <dt>{t("handheld.about.lists")}</dt><dd>{ageWords()}</dd>
        <dt>{t("handheld.about.clock")}</dt><dd>{gradeWord()}</dd>
        <dt>{t("handheld.about.mandate")}</dt><dd>{mandateWords()}</dd>
        <dt>{t("handheld.about.counts")}</dt>
        <dd>{told.length ? told.map(([outcome, n]) => t("handheld.about.count", { outcome: t(`handheld.outcome.${outcome}` as Key), n })).join(language.value === "en" ? ", " : "，") : t("handheld.about.counts-none")}</dd>
        <dt>{t("handheld.about.waits")}</dt><dd data-waits={waits.value}>{waits.value ? t(reached.value ? "handheld.about.waiting" : "handheld.about.waiting-offline", { n: waits.value }) : t("handheld.about.sent")}</dd>
        <dt>{t("handheld.about.id")}</dt><dd class="mono">{me.value?.gate_id}</dd>
      </dl>
      <div class="stack">
        <button type="button" class="button" data-act="sync" onClick={() => void synced()}>{t("handheld.about.now")}</button>
        <label class="button second">{t("handheld.about.file")}<input type="file" class="visually-hidden" data-act="file" onChange={(e) => { const file = e.currentTarget.files?.[0]; if (file) void takeFile(file); }} /></label>
        {updateWaits.value && <button type="button" class="button second" onClick={applyUpdate}>{t("common.update")}</button>}
      </div>
      <p class="small soft">{t("handheld.about.keeps")}</p>
    </Screen>
  );
}

function span(seconds: number): string {
  const [unit, size] = seconds >= 172_800 ? (["day", 86_400] as const) : seconds >= 3_600 ? (["hour", 3_600] as const) : (["minute", 60] as const);
  return new Intl.NumberFormat(language.value === "en" ? "en-GB" : "zh-CN", { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(seconds / size));
}
