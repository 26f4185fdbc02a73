/** Times as a person says them: the day and hour in the phone's zone with the zone named, and how far away that is. */

import { signal } from "@preact/signals";

import { language } from "./prefs.ts";
import { t } from "./words.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds of the last full quarter-minute; what shows an age follows it. */
export const tick = signal(Date.now());
setInterval(() => { tick.value = Date.now(); }, 15_000);

const locale = (): string => (language.value === "en" ? "en-GB" : "zh-CN");
const format = (at: number, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(locale(), { hourCycle: "h23", ...options }).format(at);

export const ms = (time: string): number => Date.parse(time);

export const clockTime = (at: number): string => format(at, { hour: "2-digit", minute: "2-digit" });

/** "Thursday 26 November, 18:00": the year is added when it is not this year. */
export function dayAndTime(at: number): string {
  const year = new Date(at).getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" as const };
  const day = format(at, { weekday: "long", day: "numeric", month: "long", ...year });
  return t("common.day-and-time", { day, time: clockTime(at) });
}

export function zoneName(at: number): string {
  const parts = new Intl.DateTimeFormat(locale(), { timeZoneName: "long" }).formatToParts(at);
  return parts.find((p) => p.type === "timeZoneName")?.value ?? "UTC";
}

export const withZone = (at: number): string => t("common.with-zone", { when: dayAndTime(at), zone: zoneName(at) });

/** "in 2 days", "3 minutes ago": whole units, cut and never rounded up, so that a deadline is not said to be later than it is. */
export function distance(at: number, now: number): string {
  const gap = Math.abs(at - now);
  const [unit, size] = gap >= 2 * DAY ? (["day", DAY] as const) : gap >= HOUR ? (["hour", HOUR] as const) : (["minute", MINUTE] as const);
  const n = Math.floor(gap / size);
  if (n === 0) return at < now ? t("common.just-now") : t("common.in-a-moment");
  return new Intl.RelativeTimeFormat(locale(), { numeric: "always" }).format(at < now ? -n : n, unit);
}

/** How long ago, for a time that is past. */
export const age = (at: number): string => distance(at, Math.max(tick.value, at + 1));
