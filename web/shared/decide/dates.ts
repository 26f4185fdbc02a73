/** Dates as CertLogic knows them: text in, milliseconds since 1970 in UTC out, calendar arithmetic that rolls over.

The twin of `pratique.policy.dates`. Days are counted with whole numbers, so that the browser's date type decides nothing. */

const FORM =
  /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])(?:([0-9]{1,2})|([0-9]{1,2}):?([0-9]{2})))?)?)?)?$/;

export type Unit = "year" | "month" | "day" | "hour";
export const UNITS: readonly string[] = ["year", "month", "day", "hour"];
export const FURTHEST = 8_640_000_000_000_000; // ECMA-262: the range of a Date
export const DAY = 86_400_000;
const HOUR = 3_600_000;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `kind` is DATE_FORMAT (not one of the allowed forms) or INVALID_DATE (the form of a date, but no date). */
export class NotADate extends Error {
  constructor(readonly kind: "DATE_FORMAT" | "INVALID_DATE") {
    super(kind);
  }
}

const invalid = (): NotADate => new NotADate("INVALID_DATE");

/** Milliseconds of a date or date-time text. A partial date is its last day. */
export function readDate(text: string): number {
  const found = FORM.exec(text);
  if (!found) throw new NotADate("DATE_FORMAT");
  const [, year, month, day, hour, minute, second, fraction = "0", sign, h, hh, mm] = found;
  let ms = midnight(year!, month, day);
  if (hour === undefined) return ms;
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  const endsTheDay = hours === 24 && minutes === 0 && seconds === 0 && /^0*$/.test(fraction);
  if (!endsTheDay && (hours > 23 || minutes > 59 || seconds > 59)) throw invalid();
  ms += ((hours * 60 + minutes) * 60 + seconds) * 1000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
  if (sign) {
    const [aheadHours, aheadMinutes] = [Number(h ?? hh), Number(mm ?? 0)];
    if (aheadHours > 23 || aheadMinutes > 59) throw invalid();
    ms -= (sign === "+" ? 1 : -1) * (aheadHours * 60 + aheadMinutes) * 60_000;
  }
  return ms;
}

/** Milliseconds of the last day that fits a date of birth `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
export function readBirth(text: string): number {
  const found = FORM.exec(text);
  if (!found || found[4] !== undefined) throw new NotADate("DATE_FORMAT");
  return midnight(found[1]!, found[2], found[3]);
}

/** `amount` units later, as ECMA-262 `setUTC…` computes it: a day that the month lacks rolls into the next. */
export function plus(ms: number, amount: number, unit: Unit): number {
  if (amount === 0) return ms;
  if (Math.abs(amount) > FURTHEST) throw invalid();
  let later: number;
  if (unit === "hour") later = ms + amount * HOUR;
  else if (unit === "day") later = ms + amount * DAY;
  else {
    const days = Math.floor(ms / DAY);
    const [year, month, day] = civilFromDays(days);
    const months = year * 12 + month - 1 + (unit === "year" ? amount * 12 : amount);
    if (Math.abs(months) > 12_000_000) throw invalid(); // a million years: far beyond the range below
    later = (daysFromCivil(Math.floor(months / 12), mod(months, 12) + 1, 1) + day - 1) * DAY + (ms - days * DAY);
  }
  if (Math.abs(later) > FURTHEST) throw invalid();
  return later;
}

const mod = (n: number, by: number): number => n - Math.floor(n / by) * by;
const quotient = (n: number, by: number): number => Math.floor(n / by);

/** Days since 1970-01-01 of a Gregorian date; any year. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = year - (month <= 2 ? 1 : 0); // a year that begins in March keeps the leap day at its end
  const dayOfYear = quotient(153 * (month + (month > 2 ? -3 : 9)) + 2, 5) + day - 1;
  return shifted * 365 + quotient(shifted, 4) - quotient(shifted, 100) + quotient(shifted, 400) + dayOfYear - 719_468;
}

/** Year, month, day of a number of days since 1970-01-01. */
export function civilFromDays(days: number): [number, number, number] {
  const era = quotient(days + 719_468, 146_097);
  const rest = days + 719_468 - era * 146_097;
  const year = quotient(rest - quotient(rest, 1460) + quotient(rest, 36_524) - quotient(rest, 146_096), 365);
  const dayOfYear = rest - (365 * year + quotient(year, 4) - quotient(year, 100));
  const shifted = quotient(5 * dayOfYear + 2, 153);
  const month = shifted + (shifted < 10 ? 3 : -9);
  return [era * 400 + year + (month <= 2 ? 1 : 0), month, dayOfYear - quotient(153 * shifted + 2, 5) + 1];
}

const pad = (n: number, width: number): string => String(n).padStart(width, "0");

/** `YYYY-MM-DDThh:mm:ss.SSSZ`; years outside 0000 to 9999 with sign and six digits (ECMA-262). */
export function writeDate(ms: number): string {
  const days = quotient(ms, DAY);
  const rest = ms - days * DAY;
  const [year, month, day] = civilFromDays(days);
  const named = year >= 0 && year <= 9999 ? pad(year, 4) : `${year < 0 ? "-" : "+"}${pad(Math.abs(year), 6)}`;
  const seconds = quotient(rest, 1000);
  const clock = [quotient(seconds, 3600), quotient(seconds, 60) % 60, seconds % 60].map((n) => pad(n, 2)).join(":");
  return `${named}-${pad(month, 2)}-${pad(day, 2)}T${clock}.${pad(rest % 1000, 3)}Z`;
}

function midnight(year: string, month: string | undefined, day: string | undefined): number {
  const y = Number(year);
  const m = month ? Number(month) : 12;
  if (m < 1 || m > 12) throw invalid();
  const leap = y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0);
  const last = m === 2 && leap ? 29 : MONTH_DAYS[m - 1]!;
  const d = day ? Number(day) : last;
  if (d < 1 || d > last) throw invalid();
  return daysFromCivil(y, m, d) * DAY;
}
