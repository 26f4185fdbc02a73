/** Random 128-bit ids as 26 characters of Crockford base32, and the codes that people show or type. */

import { checkCharacter, isChecked } from "./check37.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export const isId = (text: string): boolean => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);

export function newId(): string {
  let n = 0n;
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) n = (n << 8n) | BigInt(byte);
  let text = "";
  for (let shift = 125n; shift >= 0n; shift -= 5n) text += ALPHABET[Number((n >> shift) & 31n)];
  return text;
}

/** The 16 bytes of an id. */
export function idBytes(text: string): Uint8Array {
  let n = 0n;
  for (const c of text) n = (n << 5n) | BigInt(ALPHABET.indexOf(c));
  return Uint8Array.from({ length: 16 }, (_, i) => Number((n >> BigInt(8 * (15 - i))) & 255n));
}

/** What a person typed, as the alphabet means it: upper case, I and L are 1, O is 0, no spaces or hyphens. */
export const tidyTyped = (text: string): string =>
  text.toUpperCase().replace(/[\s-]/g, "").replace(/[IL]/g, "1").replaceAll("O", "0");

/** Groups of four for reading aloud. */
export const inFours = (text: string): string => text.replace(/(.{4})(?=.)/g, "$1 ");

/** The text of the code a person shows at a sampling site. */
export const siteCode = (subject: string): string => `PQS1:${subject}${checkCharacter(subject)}`;

/** The text of one code for several people of a household: each with the check character of their own code. */
export const familyCode = (subjects: readonly string[]): string => `PQF1:${subjects.map((s) => s + checkCharacter(s)).join(".")}`;

/** Tube codes that begin with `prefix`: how they are checked, and whether they belong to this campaign. */
export type Batch = { prefix: string; scheme: string; ours: boolean };

export type Read =
  | { kind: "tube"; code: string }
  | { kind: "other-batch" }
  | { kind: "person"; subject: string; slip: boolean }
  | { kind: "family"; subjects: string[] }
  | { kind: "wrong-check"; what: "tube" | "person" }
  | { kind: "foreign" };

/** Says what a scanned or typed text is at a sampling site. The claim code of a slip is dropped here: no site needs it. */
export function readSiteText(raw: string, batches: readonly Batch[] = []): Read {
  const text = raw.trim();
  if (/^PQF1:/i.test(text)) return readFamily(text.slice(5));
  const slip = /^PQL1:/i.test(text);
  if (slip || /^PQS1:/i.test(text)) return readPerson(tidyTyped(text.slice(5)), slip);
  const printed = text.toUpperCase();
  const batch = batches.filter((one) => printed.startsWith(one.prefix)).sort((a, b) => b.prefix.length - a.prefix.length)[0];
  if (batch && !batch.ours) return { kind: "other-batch" };
  if (batch?.scheme === "none") return /^[0-9A-Z][0-9A-Z._-]{3,39}$/.test(printed) ? { kind: "tube", code: printed } : { kind: "foreign" };
  const typed = tidyTyped(text);
  if (/^T[0-9A-Z]{11}$/.test(typed)) {
    return isChecked(typed) ? { kind: "tube", code: typed } : { kind: "wrong-check", what: "tube" };
  }
  return typed.length === 27 || typed.length === 38 ? readPerson(typed, typed.length === 38) : { kind: "foreign" };
}

function readPerson(body: string, slip: boolean): Read {
  const [subject, check, claim] = [body.slice(0, 26), body.slice(26, 27), body.slice(27)];
  if (!isId(subject) || claim.length !== (slip ? 11 : 0)) return { kind: "foreign" };
  const right = fits(subject, check) && (!slip || fits(claim.slice(0, -1), claim.slice(-1)));
  return right ? { kind: "person", subject, slip } : { kind: "wrong-check", what: "person" };
}

function readFamily(body: string): Read {
  const read = body.split(".").map((one) => readPerson(tidyTyped(one), false));
  const wrong = read.find((one) => one.kind !== "person");
  if (wrong) return wrong;
  const subjects = read.flatMap((one) => (one.kind === "person" ? [one.subject] : []));
  return new Set(subjects).size === subjects.length && subjects.length <= 20 ? { kind: "family", subjects } : { kind: "foreign" };
}

/** Ids are not drawn again for an awkward check character, so a typed 1 must do for I or L, and 0 for O. */
const fits = (text: string, check: string): boolean => tidyTyped(checkCharacter(text)) === tidyTyped(check);
