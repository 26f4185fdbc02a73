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

/** What a person typed, as the alphabet means it: upper case, I and L are 1, O is 0, no spaces or hyphens. */
export const tidyTyped = (text: string): string =>
  text.toUpperCase().replace(/[\s-]/g, "").replace(/[IL]/g, "1").replaceAll("O", "0");

/** Groups of four for reading aloud. */
export const inFours = (text: string): string => text.replace(/(.{4})(?=.)/g, "$1 ");

/** The text of the code a person shows at a sampling site. */
export const siteCode = (subject: string): string => `PQS1:${subject}${checkCharacter(subject)}`;

export type Read =
  | { kind: "tube"; code: string }
  | { kind: "person"; subject: string; slip: boolean }
  | { kind: "wrong-check"; what: "tube" | "person" }
  | { kind: "foreign" };

/** Says what a scanned or typed text is at a sampling site. The claim code of a slip is dropped here: no site needs it. */
export function readSiteText(raw: string): Read {
  const text = raw.trim();
  const slip = /^PQL1:/i.test(text);
  if (slip || /^PQS1:/i.test(text)) return readPerson(tidyTyped(text.slice(5)), slip);
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

/** Ids are not drawn again for an awkward check character, so a typed 1 must do for I or L, and 0 for O. */
const fits = (text: string, check: string): boolean => tidyTyped(checkCharacter(text)) === tidyTyped(check);
