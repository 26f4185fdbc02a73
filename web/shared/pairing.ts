/** Words that two screens show so that a person sees that nobody stands between device and server: the twin of `pratique.credentials.pairing`. */

import { concat, sha256, toBase64url, utf8, type Bytes } from "./bytes.ts";
import type { Text } from "./words.ts";

const [WORDS, ROUNDS] = [5, 200_000];

function rootsOf(roots: Bytes[], quorum: number): Bytes {
  const order = (a: Bytes, b: Bytes): number => a.findIndex((byte, i) => byte !== b[i]);
  const sorted = [...roots].sort((a, b) => { const i = order(a, b); return i < 0 ? 0 : a[i]! - b[i]!; });
  return concat(utf8("pratique-roots\n"), new Uint8Array([quorum]), ...sorted);
}

/** What an enrolment link says of the root keys and how many must sign. */
export const rootsHash = async (roots: Bytes[], quorum: number): Promise<string> => toBase64url(await sha256(rootsOf(roots, quorum)));

/** Five bytes, one for each word, from the device's key, the server's root keys and the one-time token. */
export async function pairing(device: Bytes, roots: Bytes[], quorum: number, token: string): Promise<Bytes> {
  const secret = await crypto.subtle.importKey("raw", concat(device, utf8(token), rootsOf(roots, quorum)), "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: utf8("pratique-pairing"), iterations: ROUNDS }, secret, WORDS * 8);
  return new Uint8Array(bits);
}

/** The words, in both languages. */
export async function pairingWords(chosen: Bytes): Promise<Text> {
  const lists = (await (await fetch(PAIRING)).json()) as { [language in keyof Text]: string[] };
  const said = (language: keyof Text): string => [...chosen].map((byte) => lists[language][byte]).join(" ");
  return { en: said("en"), "zh-Hans": said("zh-Hans") };
}
