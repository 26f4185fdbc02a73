/** One text, one moment, one snapshot → one decision. Pure: all input comes in, nothing is asked, nothing is kept.

The twin of `pratique.gate.decide`. What the gate cannot know goes to `see_staff`, never to `hold`: a hold is the house's decision about a person. */

import type { Bytes } from "../bytes.ts";
import { utf8 } from "../bytes.ts";
import type { Outcome as Verified } from "../verify/model.ts";
import { CLEAR, readPass } from "../verify/pass.ts";
import { Refused } from "../verify/refused.ts";
import { verify } from "../verify/verify.ts";
import { byRules } from "./foreign.ts";
import type { Loaded } from "./lists.ts";
import { opens, type FailTable, type Grade, type Outcome, type Pair } from "./model.ts";

const UNREADABLE: Pair = ["see_staff", "unreadable"];
const UNKNOWN_ISSUER: Pair = ["see_staff", "unknown_issuer"];
const BAD_SIGNATURE: Pair = ["see_staff", "bad_signature"];
const CLOCK: Pair = ["see_staff", "clock"];
const STALE: Pair = ["see_staff", "stale"];
const EXPIRED: Pair = ["hold", "expired"];
const HOLD: Pair = ["hold", "policy"];

const each = (codes: string, pair: Pair): [string, Pair][] => codes.split(" ").map((code) => [code, pair]);

/** Every reason of the verifier. A picture of a pass has an old proof (PROOF_TIME): it cannot be told from a phone with a wrong clock. */
export const PAIR_OF: ReadonlyMap<string, Pair> = new Map([
  ...each("UNKNOWN_PREFIX BAD_TEXT BAD_COMPRESSION TOO_LARGE BAD_CBOR BAD_COSE BAD_HEADER CHUNK_MISSING UNREADABLE SCHEMA CODE_UNKNOWN", UNREADABLE),
  ...each("UNKNOWN_KEY KEY_NOT_VALID KEY_USAGE ISSUER_NOT_TRUSTED ISSUER_URL ISSUER_KID_MISMATCH", UNKNOWN_ISSUER),
  ...each("ALG_NOT_ALLOWED ALG_KEY_MISMATCH BAD_SIGNATURE SIGNATURE_FORMAT PROOF_MISSING PROOF_BAD", BAD_SIGNATURE),
  ...each("PROOF_TIME PROOF_REPLAYED NOT_YET_VALID", CLOCK),
  ...each("EXPIRED", EXPIRED),
  ...each("REVOKED", ["hold", "revoked"]),
  ...each("PAPER_NOT_ALLOWED", HOLD),
  ...each("STATUS_UNKNOWN BAD_TRUST ROLLBACK LIST_EXPIRED PRIVATE_KEY", STALE),
]);

/** What the gate decided and by which numbers. Carries no part of the code that was read. */
export type Decision = { outcome: Outcome; reason: string; policy: number; snapshot: number };

/** A decision, and what the gate's memory keeps of the showing for `window` seconds; `replay` and `credential` are null where there is none. */
export type Judged = { decision: Decision; replay: Bytes | null; credential: Bytes | null; window: number };

/** What the gate does about `text`. `now` (seconds) is never below the time floor; `shownBefore` knows showings by name; `nonces` are the
challenges this gate has open, in hex. */
export async function decide(
  text: string, now: number, grade: Grade, loaded: Loaded, fail: FailTable, shownBefore: (replay: Bytes) => boolean | Promise<boolean>,
  nonces: ReadonlySet<string> = new Set(),
): Promise<Judged> {
  const { snapshot } = loaded;
  let found = await verify(text, now, snapshot, nonces);
  if (grade === "bad" && fail.clock === "admit") found = await byThePhone(text, now, found, loaded);
  let pair = pairOf(text, found, now, grade, loaded);
  const admits = opens(pair[0]);
  // A bad clock reads the floor: what had ended by then has ended, all else is unknown.
  if (grade === "bad" && (pair === HOLD || (pair[0] === "hold" && pair[1] === "policy") || (admits && fail.clock !== "admit"))) pair = CLOCK;
  else if (admits && loaded.stale(now) && fail.stale !== "admit") pair = STALE;
  else if (admits && found.replay && (await shownBefore(found.replay))) pair = PAIR_OF.get("PROOF_REPLAYED")!;
  const named = found.format === "PQ1" && Object.keys(found.claims).length ? utf8(JSON.stringify(found.claims)) : null;
  return {
    decision: { outcome: pair[0], reason: pair[1], policy: loaded.policyNumber, snapshot: loaded.number },
    replay: found.replay, credential: named, window: 2 * snapshot.bundle.skew_s,
  };
}

function pairOf(text: string, found: Verified, now: number, grade: Grade, loaded: Loaded): Pair {
  if (!found.ok) {
    const pair = PAIR_OF.get(found.reason ?? "") ?? UNREADABLE;
    if (pair === EXPIRED && grade === "lower_bound") {
      // Nobody has confirmed our clock, and the phone disagrees with it: ours may be the wrong one.
      const shown = shownAt(text);
      if (shown !== null && Math.abs(shown - now) > loaded.snapshot.bundle.skew_s) return CLOCK;
    }
    return pair;
  }
  if (found.format !== "PQ1") return byRules(found, now, loaded.rules);
  if (found.claims["class"] !== CLEAR) return ["conditions", "pass"];
  return ["clear", found.claims["bound_to"] === "paper" ? "paper" : "pass"];
}

/** With no clock of its own the gate takes the latest time that the pass itself and its proof speak of. */
async function byThePhone(text: string, now: number, found: Verified, loaded: Loaded): Promise<Verified> {
  if (found.reason !== "PROOF_TIME" && found.reason !== "NOT_YET_VALID") return found;
  const spoken = [shownAt(text), found.claims["iat"]].filter((at) => typeof at === "number");
  return verify(text, Math.max(now, ...spoken), loaded.snapshot);
}

function shownAt(text: string): number | null {
  if (!text.startsWith("PQ1:")) return null;
  try {
    return readPass(text).shown;
  } catch (fault) {
    if (fault instanceof Refused) return null;
    throw fault;
  }
}
