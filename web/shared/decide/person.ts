/** One person, one moment, one rule set → clear, conditions or hold, by which rules, until when. The twin of `pratique.policy.decide`.

The outcome, the codes of the reasons, the rules that fail, those that are open, and the moment time alone changes it are those of Python; the
sentences are the server's, which knows where each fact came from. A rule that cannot be judged holds nobody and clears nobody. */

import { Fault, type Value } from "./certlogic.ts";
import { clockText, fieldsOf, instantOf, subjectContext, type Evidence } from "./context.ts";
import { readDate } from "./dates.ts";
import { flipsAfter, watch } from "./explain.ts";
import { inForce, isSupported, type HouseRule, type Rule, type RuleSet } from "./ruleset.ts";

const MAX_STEPS = 32; // flips looked through before a later look is asked for
const CANNOT_JUDGE = "CANNOT_BE_JUDGED";
const OUTCOMES = ["clear", "conditions", "hold"] as const; // mildest first
type Outcome = (typeof OUTCOMES)[number];

/** Times in milliseconds since 1970. `next` is the outcome from `until` on, null where that is not known. */
export type Verdict = {
  outcome: Outcome; reasons: string[]; rule: { id: string; version: string }; failing: string[]; open_rules: string[]; until: number; next: Outcome | null;
};
type Judged = { rule: Rule; value: boolean | null; flipsAt: number | null };

/** What the rules of `rules` say at `now` of the person with this evidence (all of it, withdrawn items left out). */
export function decidePerson(evidence: readonly Evidence[], now: number, rules: RuleSet): Verdict {
  const judged = judgeAt(evidence, now, rules);
  const total = sum(judged);
  const { until, next } = constantUntil(evidence, judged, now, rules);
  const soonest = (one: Judged): number => one.flipsAt ?? rules.to;
  const leading = total.failing[0] ?? judged.reduce<Judged | undefined>((least, one) => (least && soonest(least) <= soonest(one) ? least : one), undefined);
  return {
    outcome: total.outcome, reasons: [...total.failing.map(({ rule }) => rule.house!.reason), ...(total.open.length ? [CANNOT_JUDGE] : [])],
    rule: leading ? { id: leading.rule.id, version: leading.rule.version } : { id: "policy", version: String(rules.number) },
    failing: total.failing.map(({ rule }) => rule.id), open_rules: total.open, until, next,
  };
}

/** Every rule in force at `now`; of several items that fail item rules, the one that fails least. */
function judgeAt(evidence: readonly Evidence[], now: number, set: RuleSet): Judged[] {
  const rules = inForce(set.rules, now).filter((rule) => rule.house !== null);
  const of = (scope: HouseRule["scope"]): Rule[] => rules.filter(({ house }) => house!.scope === scope);
  const whole = of("subject").map((rule) => {
    const { analyte, zone, grain } = rule.house!;
    return judge(rule, { subject: subjectContext(evidence, analyte, zone, grain) }, now, set);
  });
  const ofItems = of("item");
  if (!ofItems.length) return whole;
  const rows = evidence.map((item) => ofItems.map((rule) => judge(rule, { item: fieldsOf(item, rule.house!.zone, rule.house!.grain) }, now, set)));
  if (!rows.length) rows.push(ofItems.map((rule) => ({ rule, value: false, flipsAt: null })));
  const [first, ...others] = rows as [Judged[], ...Judged[][]];
  return [...whole, ...others.reduce((least, row) => (isBetter(row, least) ? row : least), first)];
}

function isBetter(row: Judged[], than: Judged[]): boolean {
  const [a, b] = [row, than].map((one) => [OUTCOMES.indexOf(sum(one).outcome), one.filter(({ value }) => value !== true).length] as const) as [readonly [number, number], readonly [number, number]];
  return a[0] !== b[0] ? a[0] < b[0] : a[1] < b[1];
}

function judge(rule: Rule, data: { [name: string]: Value }, now: number, set: RuleSet): Judged {
  if (!isSupported(rule)) return { rule, value: null, flipsAt: null };
  const { zone, grain } = rule.house!;
  const clock = clockText(now, zone, grain);
  const { value, node } = watch(rule.logic, { ...data, external: { validationClock: clock, valueSets: set.valueSets } });
  if (value instanceof Fault || typeof value !== "boolean") return { rule, value: null, flipsAt: null };
  const turn = flipsAfter(node, readDate(clock));
  return { rule, value, flipsAt: turn === null ? null : instantOf(turn, zone, grain) };
}

type Sum = { outcome: Outcome; failing: Judged[]; open: string[] };

/** What the rules come to. While a rule holds, milder ones are left out: nobody at home is told to queue for a test. */
function sum(judged: Judged[]): Sum {
  const failing = judged.filter(({ value }) => value === false);
  const open = [...new Set(judged.filter(({ value }) => value === null).map(({ rule }) => rule.id))].sort();
  let worst = open.length ? 1 : 0;
  for (const { rule } of failing) worst = Math.max(worst, OUTCOMES.indexOf(rule.house!.on_false));
  const outcome = OUTCOMES[worst]!;
  return { outcome, failing: failing.filter(({ rule }) => rule.house!.on_false === outcome), open };
}

const keyOf = ({ outcome, failing, open }: Sum): string => JSON.stringify([outcome, failing.map(({ rule }) => [rule.id, rule.version]), open]);

/** When time alone changes which rules fail, at most the policy's end; and the outcome from then on. */
function constantUntil(evidence: readonly Evidence[], judged: Judged[], from: number, set: RuleSet): { until: number; next: Outcome | null } {
  const same = keyOf(sum(judged));
  let now = from;
  for (let step = 0; step < MAX_STEPS; step++) {
    const later = judged.flatMap(({ flipsAt }) => (flipsAt === null ? [] : [flipsAt]));
    for (const { validFrom, validTo } of set.rules) for (const edge of [validFrom, validTo]) if (edge > now) later.push(edge);
    const soonest = later.length ? Math.min(...later) : set.to;
    if (soonest >= set.to) return { until: set.to, next: null };
    now = soonest;
    judged = judgeAt(evidence, now, set);
    const total = sum(judged);
    if (keyOf(total) !== same) return { until: now, next: total.outcome };
  }
  return { until: now, next: null };
}
