/** What a rule of the house sees of a person: the closed evidence model. The twin of `pratique.policy.context`.

The lists are all there is; no place, phone, employer, household or score can be named because none is here (laws 4 and 5). */

import type { Value } from "./certlogic.ts";
import { civilFromDays, DAY, daysFromCivil, writeDate } from "./dates.ts";

/** One signed fact. Times in milliseconds since 1970. */
export type Evidence = {
  id: string; kind: "test" | "vaccination" | "recovery" | "exemption" | "order"; outcome: string; analyte: string; pooled: boolean; sampled_at: number; known_at: number;
};
export type Grain = "instant" | "day";

const pad = (n: number, width: number): string => String(n).padStart(width, "0");

/** Year, month, day, hour, minute, second that a clock in `zone` shows at `ms`. */
function partsIn(zone: string, ms: number): number[] {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-u-ca-iso8601", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
    formats.set(zone, format);
  }
  const found = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  return ["year", "month", "day", "hour", "minute", "second"].map((name) => found.get(name as Intl.DateTimeFormatPartTypes)!);
}
const formats = new Map<string, Intl.DateTimeFormat>();

/** The civil day of `zone` at `ms`, in days since 1970. */
function dayIn(zone: string, ms: number): number {
  const [year, month, day] = partsIn(zone, ms);
  return daysFromCivil(year!, month!, day!);
}

/** The clock as the rule sees it: an instant, or the civil day of `zone`. */
export function clockText(ms: number, zone: string, grain: Grain): string {
  if (grain === "instant") return writeDate(ms);
  const [year, month, day] = civilFromDays(dayIn(zone, ms));
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** The real moment at which the rule's clock shows `clock`: for civil days, the first moment of the day in `zone`. */
export function instantOf(clock: number, zone: string, grain: Grain): number {
  if (grain === "instant") return clock;
  const day = Math.ceil(clock / DAY);
  // Local midnight is within a day of midnight UTC: where the civil day changes, to the second.
  let [before, at] = [day * DAY - 36 * 3_600_000, day * DAY + 36 * 3_600_000];
  while (at - before > 1000) {
    const middle = Math.floor((before + at) / 2000) * 1000;
    if (middle === before) break;
    if (dayIn(zone, middle) >= day) at = middle;
    else before = middle;
  }
  return at;
}

const byTime = (a: Evidence, b: Evidence): number =>
  a.sampled_at - b.sampled_at || a.known_at - b.known_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** All of a person's evidence as `subject` rules see it. */
export function subjectContext(evidence: readonly Evidence[], analyte: string, zone: string, grain: Grain): Value {
  const items = evidence.filter((one) => !analyte || one.analyte === analyte || one.analyte === "").sort(byTime);
  const subject: { [name: string]: Value } = {};
  let since: Evidence[] = [];
  for (const one of items) {
    for (const role of rolesOf(one)) subject[role] = fieldsOf(one, zone, grain);
    if (one.outcome === "detected") since = [];
    else if (one.outcome === "not-detected" && !one.pooled && "last_positive" in subject) since.push(one);
  }
  return {
    ...subject, negatives_since_positive: since.map((one) => fieldsOf(one, zone, grain)), items: items.map((one) => fieldsOf(one, zone, grain)),
    doses: items.filter((one) => one.kind === "vaccination").length,
  };
}

function rolesOf(one: Evidence): string[] {
  if (one.kind === "vaccination") return ["last_dose"];
  if (one.kind !== "test") return [`last_${one.kind}`];
  switch (one.outcome) {
    case "not-detected": return one.pooled ? ["last_negative"] : ["last_negative", "last_single_negative", "last_single"];
    case "detected": return ["last_positive", "last_single"];
    case "retest-required": return ["last_retest"];
    case "sample-sealed": return ["last_sample"];
    default: return []; // recollect counts for and against nobody
  }
}

export const fieldsOf = (one: Evidence, zone: string, grain: Grain): Value => ({
  kind: one.kind, outcome: one.outcome, analyte: one.analyte, pooled: one.pooled, sampled: clockText(one.sampled_at, zone, grain), known: clockText(one.known_at, zone, grain),
});
