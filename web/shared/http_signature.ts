/** HTTP Message Signatures (RFC 9421) with Ed25519 and Content-Digest (RFC 9530), as gates sign their uploads: the twin of
`pratique.credentials.http_signature`, its signing side. */

import { sha256, utf8, type Bytes } from "./bytes.ts";

const COVERED = ["@method", "@path", "content-digest"] as const;
const TAG = "pratique-gate";

export type Signing = { method: string; path: string; body: Bytes; keyid: string; nonce: string; created: number };

const base64 = (bytes: Bytes): string => btoa(String.fromCharCode(...bytes));

/** The value of Content-Digest by SHA-256. */
export const contentDigest = async (body: Bytes): Promise<string> => `sha-256=:${base64(await sha256(body))}:`;

/** The parameters of the signature and the text that is signed (RFC 9421 §2.5). */
export function signatureBase({ method, path, keyid, nonce, created }: Signing, digest: string): { parameters: string; base: string } {
  const values = { "@method": method, "@path": path, "content-digest": digest };
  const parameters = `(${COVERED.map((name) => `"${name}"`).join(" ")});created=${created};keyid="${keyid}";nonce="${nonce}";tag="${TAG}"`;
  const lines = COVERED.map((name) => `"${name}": ${values[name]}`);
  return { parameters, base: [...lines, `"@signature-params": ${parameters}`].join("\n") };
}

/** The fields that make a request a signed one. */
export async function signatureFields(request: Signing, sign: (base: Bytes) => Promise<Bytes>): Promise<Record<string, string>> {
  const digest = await contentDigest(request.body);
  const { parameters, base } = signatureBase(request, digest);
  return { "content-digest": digest, "signature-input": `gate=${parameters}`, signature: `gate=:${base64(await sign(utf8(base)))}:` };
}
