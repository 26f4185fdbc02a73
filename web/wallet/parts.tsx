/** Small pieces that several screens of the wallet share. */

import type { ComponentChildren } from "preact";

import { age, clockTime, dayAndTime, distance, ms, tick, withZone } from "../shared/time.ts";
import { isKey, say, t, type Text } from "../shared/words.ts";
import type { Fact, Mandate, Rule, Said } from "./model.ts";
import { fault, fetchedAt, reached, view } from "./state.ts";

export const said = (text: Said | null | undefined): string => (!text ? "" : typeof text === "string" ? text : say(text));

/** The house's word for a code of the server; a code without a word is shown as it is, never hidden. */
export function word(group: "outcome" | "tube" | "role" | "state" | "field" | "analyte", code: string): string {
  const key = `wallet.${group}.${code}`;
  return isKey(key) ? t(key) : code;
}

/** How old what is shown is, and whether the server can be reached: on every screen that shows facts. */
export function Freshness() {
  const at = fetchedAt.value;
  if (fault.value) return <p class="note hold" role="alert">{say(fault.value.texts)}</p>;
  if (!reached.value) {
    return (
      <p class="note flag" role="status" data-offline>
        <strong>{t("wallet.offline")}</strong> {at ? t("wallet.offline-since", { time: clockTime(at), age: age(at) }) : ""}
      </p>
    );
  }
  return at ? <p class="since" role="status">{t("wallet.fresh", { age: age(at) })}</p> : null;
}

export function Lines({ list }: { list: readonly Text[] }) {
  if (list.length === 0) return null;
  if (list.length === 1) return <p>{say(list[0]!)}</p>;
  return <ul>{list.map((item) => <li>{say(item)}</li>)}</ul>;
}

export function Part({ title, level = "h3", children }: { title: string; level?: "h2" | "h3"; children: ComponentChildren }) {
  const Heading = level;
  return <section class="part"><Heading class="over">{title}</Heading>{children}</section>;
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <ul class="fact-list">
      {facts.map((f) => <li><FactLine fact={f} /></li>)}
    </ul>
  );
}

export function FactLine({ fact }: { fact: Fact }) {
  return (
    <span class="fact">
      {say(fact.what)}
      <span class="since">{t("wallet.fact.source", { source: said(fact.source) })}{fact.at && ` · ${dayAndTime(ms(fact.at))}`}</span>
    </span>
  );
}

export function RuleLine({ rule, mandate }: { rule: Rule; mandate: string }) {
  const known: Mandate | null = view.value?.mandate ?? null;
  const own = known?.id === mandate ? known : null;
  return (
    <dl class="facts small">
      <div><dt>{t("wallet.rule")}</dt><dd><span class="mono">{rule.id}</span> · {t("wallet.rule-version", { version: rule.version })}</dd></div>
      <div>
        <dt>{t("wallet.mandate")}</dt>
        <dd>
          {own && <>{say(own.purpose)}<br /><span class="since">{t("wallet.mandate-by", { issuer: say(own.issuer), when: dayAndTime(ms(own.end)) })}</span><br /></>}
          <span class="mono">{mandate}</span>
        </dd>
      </div>
      {own && <div><dt>{t("wallet.appeal-office")}</dt><dd>{say(own.appeal_office)}</dd></div>}
    </dl>
  );
}

/** "by 18:00 on Thursday 26 November, China Standard Time" and how far away that is: both, since a deadline counts. */
export function Until({ at, sentence }: { at: string; sentence: "wallet.notice.by" | "wallet.appeal.due" }) {
  const when = ms(at);
  const past = when < tick.value;
  return (
    <p class="deadline">
      <strong>{t(sentence, { when: withZone(when) })}</strong> <span class="since">{past ? t("wallet.past") : distance(when, tick.value)}</span>
    </p>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;
