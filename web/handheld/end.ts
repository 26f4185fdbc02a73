/** The end of a hand-held gate: what it holds is destroyed, and a signed certificate says so. It needs no network and nobody there.

A browser deletes where it pleases: the certificate says which method was used and claims no more. No person's data is on a gate at any time. */

import { concat, toBase64url, utf8 } from "../shared/bytes.ts";
import { canonicalJson, type Json } from "../shared/canonical.ts";
import type { Order } from "../shared/decide/order.ts";
import * as store from "./store.ts";

export type Certificate = { [field: string]: Json };

const ENDED = "pratique-handheld-ended";
const METHOD = "the browser's database was emptied and deleted; the key in it could not leave the device";

/** Destroys everything and leaves the certificate. The key signs it last of all and is then gone, so that it can never be made again. */
export async function end(me: store.Enrolment, orders: Order[]): Promise<Certificate> {
  const { chain } = await store.readSettings();
  const body: Certificate = {
    v: 1, kind: "gate-end", method: METHOD, gate_id: me.gate_id, mandates: orders.map(({ id }) => id).sort(), decisions: await store.decisions(), last_hash: chain,
    public_key: me.public_key, files: ["me", "lists", "counter", "outbox", "alarm", "setting"],
  };
  const signature = await crypto.subtle.sign({ name: "Ed25519" }, me.pair.privateKey, concat(utf8("pratique-gate-end\n"), canonicalJson(body)));
  const certificate = { ...body, sig: toBase64url(new Uint8Array(signature)) };
  localStorage.setItem(ENDED, JSON.stringify(certificate));
  await store.destroy();
  return certificate;
}

/** The certificate of an earlier end, until this device is enrolled again. */
export function endedBefore(): Certificate | undefined {
  try {
    return JSON.parse(localStorage.getItem(ENDED) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

export const forgetEnd = (): void => localStorage.removeItem(ENDED);
