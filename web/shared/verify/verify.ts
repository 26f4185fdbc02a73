/** The one verifier: any text that people hold, against one snapshot, at one moment. Pure; always an Outcome.

The twin of `pratique.credentials.verify`; both are held to the same vectors. No clock, no network, no memory. */

import { checkHcert } from "./hcert.ts";
import { stages, refused, type Outcome } from "./model.ts";
import { checkPass } from "./pass.ts";
import { Refused, tooLarge } from "./refused.ts";
import { checkJws, checkShc, isJws } from "./shc.ts";
import type { Snapshot } from "./snapshot.ts";

const MAX_TEXT = 7100; // the largest QR code holds 4,296 letters or 7,089 digits
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const NOT_HERE: { [prefix: string]: string } = {
  "LT1:": "Swiss light certificates are not read: their keys were never published outside Switzerland",
  "NO1:": "Norwegian domestic certificates are not read",
};

/** What `text` (HC1, SHC or PQ1) is worth at `now` (seconds since 1970) by `snapshot`. `nonces`: challenges this gate has open, in hex. */
export async function verify(text: string, now: number, snapshot: Snapshot, nonces: ReadonlySet<string> = new Set()): Promise<Outcome> {
  if (text.startsWith("HC1:")) {
    if (lengthOver(text, MAX_TEXT)) return refused("HC1", tooLarge(""), stages({ prefix: true, base45: false }));
    return checkHcert(text, now, snapshot);
  }
  if (text.startsWith("PQ1:")) return checkPass(text, now, snapshot, nonces);
  if (text.startsWith("shc:/")) return checkShc(text.split(SPACES).filter(Boolean), now, snapshot);
  if (isJws(text)) return checkJws(text, now, snapshot);
  return refused(null, new Refused("UNKNOWN_PREFIX", NOT_HERE[text.slice(0, 4)] ?? ""), stages({ prefix: false }));
}

/** Longer than `most` characters; a pair of surrogates is one. */
const lengthOver = (text: string, most: number): boolean => text.length > most && (text.length > 2 * most || [...text].length > most);
