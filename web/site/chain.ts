/** The chain of sealed tubes: each event is signed by this device and names the one before it. Pure but for the key. */

import { sha256, toBase64url, toHex } from "../shared/bytes.ts";
import { canonicalJson, type Json } from "../shared/canonical.ts";
import type { SignedEvent, TubeEvent } from "./model.ts";

export const newDeviceKey = async (): Promise<CryptoKeyPair> =>
  (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;

export async function publicKeyOf(pair: CryptoKeyPair): Promise<string> {
  return toBase64url(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
}

export async function sign(key: CryptoKey, event: TubeEvent): Promise<SignedEvent> {
  const sig = await crypto.subtle.sign({ name: "Ed25519" }, key, canonicalJson(event as unknown as Json));
  return { ...event, sig: toBase64url(new Uint8Array(sig)) };
}

export type Line = { dev: string; at: number; waiting: number; unsent: number };

export async function signLine(key: CryptoKey, line: Line): Promise<Line & { sig: string }> {
  const sig = await crypto.subtle.sign({ name: "Ed25519" }, key, canonicalJson(line));
  return { ...line, sig: toBase64url(new Uint8Array(sig)) };
}

/** What the next event names as `prev`: the SHA-256 of the bytes that were signed. */
export const headOf = async (event: TubeEvent): Promise<string> => toHex(await sha256(canonicalJson(event as unknown as Json)));

/** A mark that says "this person was here today" without saying who: it goes with the day. */
export async function markOf(subject: string, day: string, device: string): Promise<string> {
  return toHex(await sha256(canonicalJson([device, day, subject]))).slice(0, 24);
}
