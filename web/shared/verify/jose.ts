/** base64url without padding, in its one form (RFC 7515). */

import { fromBase64url, toBase64url, type Bytes } from "../bytes.ts";
import { badText } from "./refused.ts";

/** Refuses with BAD_TEXT anything that `toBase64url` would not write. */
export function unbase64url(text: string): Bytes {
  let raw: Bytes;
  try {
    raw = fromBase64url(text);
  } catch {
    throw badText("not base64url");
  }
  if (toBase64url(raw) !== text) throw badText("not base64url");
  return raw;
}
