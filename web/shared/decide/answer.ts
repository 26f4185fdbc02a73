/** The twin by itself: one question of plain JSON in, one answer out. What tests, conformance and benches talk to, in node and in a browser.

Bytes are base64url. `trust` names a bundle's body for later questions: it is not signed, so no gate takes lists this way. */

import { fromBase64url, toBase64url, type Bytes } from "../bytes.ts";
import { makeChallenge } from "../challenge.ts";
import type { Evidence } from "./context.ts";
import { evaluate, Fault, Instant, type Value } from "./certlogic.ts";
import { apply } from "../gdiff.ts";
import { contentDigest, signatureBase } from "../http_signature.ts";
import { pairing, rootsHash } from "../pairing.ts";
import { judgeForeign } from "./foreign.ts";
import { decide, PAIR_OF } from "./gate.ts";
import { load, Loaded, readPolicy } from "./lists.ts";
import { AMBER, LONGEST, Machine, STATES, STOPS } from "./machine.ts";
import { PAIRS, type FailTable, type Grade } from "./model.ts";
import { readOrder } from "./order.ts";
import { decidePerson } from "./person.ts";
import { applicable, readRule, ruleSetOf } from "./ruleset.ts";
import type { Json } from "../verify/json.ts";
import { Refused } from "../verify/refused.ts";
import { readBody, Snapshot } from "../verify/snapshot.ts";
import { verify } from "../verify/verify.ts";

type Question = { op: string; [name: string]: unknown };
const held = new Map<string, Loaded>();

const OPERATIONS: { [op: string]: (q: never) => unknown } = {
  trust: async ({ name, body, icvp = false }: { name: string; body: string; icvp?: boolean }) => {
    const snapshot = await Snapshot.of(readBody(fromBase64url(body)), icvp);
    const orders = snapshot.bundle.mandates.map(readOrder).filter((order) => order !== null);
    const policy = snapshot.bundle.policy === null ? null : readPolicy(snapshot.bundle.policy);
    held.set(name, new Loaded(snapshot, orders, policy?.rules ?? null, policy?.number ?? 0));
    return { number: snapshot.number };
  },

  take: async ({ name, bundle, roots, quorum, at_least, at }: { name: string; bundle: string; roots: string[]; quorum: number; at_least: number; at: number }) => {
    held.set(name, await load(fromBase64url(bundle), roots.map(fromBase64url), quorum, at_least, at));
    return { number: held.get(name)!.number };
  },

  verify: async ({ text, at, trust, nonces = [] }: { text: string; at: number; trust: string; nonces?: string[] }) => {
    const found = await verify(text, at, held.get(trust)!.snapshot, new Set(nonces));
    return { ...found, replay: found.replay && toBase64url(found.replay) };
  },

  decide: async (q: { text: string; at: number; trust: string; grade: Grade; fail: FailTable; seen?: string[]; nonces?: string[] }) => {
    const judged = await decide(q.text, q.at, q.grade, held.get(q.trust)!, q.fail, (replay) => (q.seen ?? []).includes(toBase64url(replay)), new Set(q.nonces ?? []));
    return { ...judged.decision, replay: judged.replay && toBase64url(judged.replay), named: judged.credential !== null, window: judged.window };
  },

  /** A gate's challenge, by an Ed25519 key in PKCS #8. */
  challenge: async ({ key, certificate, nonce, mandate, at }: { key: string; certificate: string; nonce: string; mandate: string; at: number }) => {
    const signer = await crypto.subtle.importKey("pkcs8", fromBase64url(key), { name: "Ed25519" }, false, ["sign"]);
    const sign = async (message: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, signer, message));
    return { text: await makeChallenge(sign, fromBase64url(certificate), fromBase64url(nonce), fromBase64url(mandate), at) };
  },

  open: async (q: { bundle: string; roots: string[]; quorum: number; at_least: number; at: number; again?: boolean }) => {
    const loaded = await load(fromBase64url(q.bundle), q.roots.map(fromBase64url), q.quorum, q.at_least, q.at, q.again);
    return { number: loaded.number, orders: loaded.orders, policy: loaded.policyNumber, rules: loaded.rules?.rules.length ?? null, stale: loaded.stale(q.at), amber: loaded.amber(q.at) };
  },

  person: (q: { document: Json; number: number; evidence: Evidence[]; at: number }) => decidePerson(q.evidence, q.at, ruleSetOf(q.document, q.number)),

  /** What chooses the words of two screens, and what a link says of the root keys. */
  pairing: async ({ device, roots, quorum, token }: { device: string; roots: string[]; quorum: number; token: string }) => {
    const keys = roots.map(fromBase64url);
    return { chosen: toBase64url(await pairing(fromBase64url(device), keys, quorum, token)), roots: await rootsHash(keys, quorum) };
  },

  /** What a delta makes of held bytes. */
  gdiff: ({ old, delta, largest }: { old: string; delta: string; largest: number }) => ({ made: toBase64url(apply(fromBase64url(old), fromBase64url(delta), largest)) }),

  /** What a gate in a browser signs for an upload. */
  upload: async ({ method, path, body, keyid, nonce, created }: { method: string; path: string; body: string; keyid: string; nonce: string; created: number }) => {
    const raw = fromBase64url(body);
    const digest = await contentDigest(raw);
    return { digest, ...signatureBase({ method, path, body: raw, keyid, nonce, created }, digest) };
  },

  lists: () => ({ pairs: PAIRS, pair_of: [...PAIR_OF], states: STATES, stops: STOPS, amber: AMBER, longest: LONGEST }),

  /** Steps such as ["feed", "seen"], ["cause", "clock", true], ["tick"]: where the gate is after each, a second apart. */
  machine: ({ steps, sensor }: { steps: [string, ...never[]][]; sensor: boolean }) => {
    let machine = new Machine("starting", 0, new Set(), false, sensor);
    return steps.map(([name, ...given], i) => {
      const act = machine[name as "feed"] as (...given: unknown[]) => Machine;
      machine = act.call(machine, ...given, i + 1);
      return [machine.state, machine.since, [...machine.faults].sort(), machine.ended];
    });
  },

  certlogic: ({ logic, data }: { logic: Json; data: Json }) => shown(evaluate(logic, data)),

  foreign: (q: { payload: Json; external: { [key: string]: Json }; rules: Json[]; at: number; arrival: string; issuer: string; kind: string }) => {
    const asked = applicable(q.rules.map((rule, i) => readRule(rule, `rules.${i}`)), q.at * 1000, q.arrival, q.issuer, q.kind);
    const values = judgeForeign(q.payload, asked, q.external);
    return asked.map((rule, i) => [rule.id, rule.version, values[i]]);
  },
};

function shown(value: Value | Fault): unknown {
  if (value instanceof Fault) return { fault: [value.kind, value.path] };
  return { value: plain(value) };
}

const plain = (value: Value): unknown =>
  value instanceof Instant ? { instant: value.ms } : Array.isArray(value) ? value.map(plain) : value;

/** The answer to one question; `refused` with a code where a list or a text was not taken. */
export async function answer(question: Question): Promise<unknown> {
  const operation = OPERATIONS[question.op];
  if (!operation) return { unknown: question.op };
  try {
    return await operation(question as never);
  } catch (fault) {
    if (fault instanceof Refused) return { refused: fault.code };
    if (fault instanceof RangeError) return { refused: "RANGE" };
    throw fault;
  }
}

/** One line of JSON for another. */
export const line = async (question: string): Promise<string> =>
  JSON.stringify(await answer(JSON.parse(question) as Question), (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
