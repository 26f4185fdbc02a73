/** The PQ1 presentation: a pass and a fresh proof that its holder's key is here now (credentials brief, c4 and c5). */

import { toBase45 } from "./base45.ts";
import { concat, sha256, utf8, type Bytes } from "./bytes.ts";
import { encode } from "./cbor.ts";

const ES256 = { name: "ECDSA", hash: "SHA-256" };

export const newHolderKey = (): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);

export async function publicPoint(key: CryptoKeyPair): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey));
}

/** ES256: r‖s over SHA-256 of the message. */
export async function sign(key: CryptoKey, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(ES256, key, message));
}

/** The answer to the server's challenge when a wallet is bound. */
export const bindProof = (key: CryptoKey, challenge: string): Promise<Bytes> => sign(key, utf8(`pratique-bind\n${challenge}`));

/** The bytes that the holder's proof covers. `shown` is in whole seconds of corrected time. */
export async function proofMessage(credential: Bytes, shown: number, nonce?: Bytes): Promise<Bytes> {
  const parts = ["PQ1", await sha256(credential), shown];
  return encode(nonce ? [...parts, nonce] : parts);
}

/** The text of the code for a gate, good for the skew window around `shownMs`; with a gate's `nonce`, for that gate's minute. */
export async function present(key: CryptoKey, credential: Bytes, shownMs: number, nonce?: Bytes): Promise<string> {
  const shown = Math.floor(shownMs / 1000);
  const proof = await sign(key, await proofMessage(credential, shown, nonce));
  return `PQ1:${toBase45(concat(encode(nonce ? [credential, shown, nonce, proof] : [credential, shown, proof])))}`;
}
