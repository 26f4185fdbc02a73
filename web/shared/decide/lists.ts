/** The lists a gate decides by: one signed snapshot, checked whole or refused. The twin of `gate/lists.py`. */

import { readExact } from "../verify/cbor.ts";
import { strictJson } from "../verify/json.ts";
import { Refused } from "../verify/refused.ts";
import { readBundle, Snapshot, type GateConfig } from "../verify/snapshot.ts";
import { readOrder, type Order } from "./order.ts";
import { ruleSetOf, type RuleSet } from "./ruleset.ts";

const [AMBER_AFTER, STALE_AFTER] = [24 * 3600, 72 * 3600];

/** A snapshot ready for deciding. `rules` is null where no policy came with it. */
export class Loaded {
  constructor(readonly snapshot: Snapshot, readonly orders: Order[], readonly rules: RuleSet | null, readonly policyNumber: number, readonly config = 0) {}

  get number(): number { return this.snapshot.number; }
  get issued(): number { return this.snapshot.issued; }

  /** True from 24 hours of age on. */
  amber(now: number): boolean {
    return now >= this.issued + AMBER_AFTER || this.stale(now);
  }

  /** True from 72 hours of age on, or once it has expired. */
  stale(now: number): boolean {
    return now >= Math.min(this.snapshot.expires, this.issued + STALE_AFTER);
  }
}

/** Checks and reads a snapshot. Throws Refused, or RangeError for mandates or rules that cannot be read.

One that has expired is refused, but for `again`: the very snapshot the gate decided by last (number `atLeast`), about which the mandate's
fail table decides. */
export async function load(raw: Uint8Array, roots: Uint8Array[], quorum: number, atLeast: number, now: number, again = false, group = ""): Promise<Loaded> {
  let snapshot: Snapshot;
  try {
    snapshot = await readBundle(raw, roots, quorum, atLeast, now);
  } catch (refused) {
    if (!(refused instanceof Refused) || refused.code !== "LIST_EXPIRED" || !again) throw refused;
    snapshot = await readBundle(raw, roots, quorum, atLeast, 0);
    if (snapshot.number !== atLeast) throw refused;
  }
  const orders = snapshot.bundle.mandates.map(readOrder).filter((order) => order !== null);
  const { policy, groups } = snapshot.bundle;
  const config = Object.hasOwn(groups, group) ? groups[group]! : undefined;
  if (config) snapshot = await narrowed(snapshot, config);
  const version = config?.version ?? 0;
  if (policy === null) return new Loaded(snapshot, orders, null, 0, version);
  const { number, rules } = readPolicy(policy);
  return new Loaded(snapshot, orders, rules, number, version);
}

/** The snapshot with what this group of gates accepts: other keys are unknown here. */
const narrowed = ({ bundle, icvp }: Snapshot, { accepts, paper }: GateConfig): Promise<Snapshot> =>
  Snapshot.of({ ...bundle, keys: bundle.keys.filter(({ purpose }) => accepts.includes(purpose)), shc: accepts.includes("shc") ? bundle.shc : [], paper: bundle.paper && paper }, icvp);

/** Number and rules of a snapshot's policy: CBOR `{"number", "mandate", "body"}`, `body` the published document. */
export function readPolicy(raw: Uint8Array): { number: number; rules: RuleSet } {
  const policy = readExact(raw);
  if (!(policy instanceof Map) || [...policy.keys()].sort().join() !== "body,mandate,number") throw new RangeError("the policy of a snapshot holds number, mandate and body");
  const [number, body] = [policy.get("number"), policy.get("body")];
  if (typeof number !== "number" || !(body instanceof Uint8Array)) throw new RangeError("the policy's number or body is not of its type");
  return { number, rules: ruleSetOf(strictJson(body)) };
}
