/** What a verification found, in the words of HOUSE section 5. */

import type { Bytes } from "../bytes.ts";
import type { Refused } from "./refused.ts";

export type Stage = boolean | null;
export type Stages = {
  prefix: Stage; base45: Stage; compression: Stage; cose: Stage; signature: Stage; expiry: Stage; key_usage: Stage; schema: Stage;
};

/** `reason` is null exactly if `ok`. `findings` do not refuse by themselves. `claims` holds contents only after a good signature.
`replay` names one showing of a pass, for the gate's memory. */
export type Outcome = {
  ok: boolean;
  format: "HC1" | "SHC" | "PQ1" | null;
  reason: string | null;
  stages: Stages;
  claims: { [key: string]: unknown };
  findings: string[];
  detail: string;
  replay: Bytes | null;
};

export const stages = (reached: Partial<Stages>): Stages => ({
  prefix: null, base45: null, compression: null, cose: null, signature: null, expiry: null, key_usage: null, schema: null, ...reached,
});

export const refused = (format: Outcome["format"], fault: Refused, reached: Stages, findings: string[] = []): Outcome => ({
  ok: false, format, reason: fault.code, stages: reached, claims: {}, findings, detail: fault.detail, replay: null,
});
