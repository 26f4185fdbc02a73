/** The copy of a sealed tube for a second phone, sealed to the server: whoever carries it cannot read it.

The bytes are described in `src/pratique/testing/carry.py`, which opens them. */

import { toBase45 } from "../shared/base45.ts";
import { concat, fromBase64url, utf8, type Bytes } from "../shared/bytes.ts";
import { idBytes } from "../shared/ids.ts";
import type { SignedEvent } from "./model.ts";

export const PREFIX = "PQM1:";
const INFO = utf8("pratique-manifest-1");

/** Whether a scanned text is a copy that another phone shows. */
export const isCopy = (text: string): boolean => /^PQM1:[0-9A-Z $%*+\-./:]{100,4290}$/.test(text);

/** The text of the code. Throws where this browser has no X25519. */
export async function copyOf(event: SignedEvent, serverKey: string): Promise<string> {
  const theirs = fromBase64url(serverKey);
  const pair = (await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
  const ours: Bytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const server = await crypto.subtle.importKey("raw", theirs, { name: "X25519" }, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "X25519", public: server }, pair.privateKey, 256);
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const kdf = { name: "HKDF", hash: "SHA-256", salt: concat(ours, theirs), info: INFO };
  const key = await crypto.subtle.deriveKey(kdf, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, pack(event));
  return PREFIX + toBase45(concat(ours, new Uint8Array(sealed)));
}

/** A whole number in `size` bytes, most significant first; times need six. */
function number(value: number, size: number): Bytes {
  const out = new Uint8Array(size);
  for (let i = size - 1, left = value; i >= 0; i--, left = Math.floor(left / 256)) out[i] = left % 256;
  return out;
}

const hex = (text: string): Bytes => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

function pack(event: SignedEvent): Bytes {
  const opened = Date.parse(event.opened);
  const code = utf8(event.code);
  const prev = hex(event.prev);
  return concat(
    number(1, 1), idBytes(event.id), number(code.length, 1), code, idBytes(event.dev), number(event.lane, 1), number(event.seq, 4),
    number(prev.length, 1), prev, number(opened, 6), number(Date.parse(event.sealed), 6), number(event.m.length, 1),
    ...event.m.flatMap((one) => [idBytes(one.s), number(Date.parse(one.at) - opened, 4)]),
    fromBase64url(event.sig),
  );
}
