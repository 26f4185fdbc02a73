/** Brings signed lists, takes signed counts away, learns the time. It may fail for a month; the gate goes on.

Lists are checked before they are kept; a count leaves this device only when the server has acknowledged it under a root key's signature. */

import { fromBase64url, toBase64url, utf8, concat, type Bytes } from "../shared/bytes.ts";
import { canonicalJson, type Json } from "../shared/canonical.ts";
import { load, type Loaded } from "../shared/decide/lists.ts";
import { slotOf } from "../shared/decide/model.ts";
import { apply } from "../shared/gdiff.ts";
import { signatureFields } from "../shared/http_signature.ts";
import { importRoot } from "../shared/verify/keys.ts";
import { Refused } from "../shared/verify/refused.ts";
import type { Clock } from "./clock.ts";
import * as store from "./store.ts";

const SAY_SOMETHING_EVERY = 900; // seconds
const CERTIFY_EVERY = 86_400;
const SLOWEST_ANSWER = 10; // a slower one tells no time
const COUNTS = "/v1/gate-counts";
const MAX_BYTES = 64 << 20;

/** An empty text is well, a code is a refusal by us or by the server, `offline` is no answer. */
export type Told = { pull: string; push: string };

export class Sync {
  #spoke = -Infinity;
  #certified = -Infinity;
  #config: number;
  #under: Promise<Told> | undefined;

  constructor(
    private readonly me: store.Enrolment, private readonly clock: Clock, private readonly ticks: () => number, private readonly taken: (loaded: Loaded) => void,
    private readonly certified: (certificate: string) => void, config = 0,
  ) {
    this.#config = config;
  }

  /** Pull, then push; one round at a time. */
  round(): Promise<Told> {
    return (this.#under ??= this.#round().finally(() => { this.#under = undefined; }));
  }

  async #round(): Promise<Told> {
    return { pull: await outcome(() => this.#pull()), push: await outcome(() => this.#push()) };
  }

  async #pull(): Promise<void> {
    const held = await store.readLists();
    const found = await this.#fetch(held);
    if (!found) return;
    if (found.status !== 226 || !held) return this.take(found.body, found.etag);
    try {
      await this.take(apply(held.body, found.body, MAX_BYTES), found.etag);
    } catch (problem) {
      if (!(problem instanceof Refused) && !(problem instanceof RangeError)) throw problem;
      const whole = await this.#fetch(held, true); // a delta is trusted for nothing: it may have made anything
      if (whole) await this.take(whole.body, whole.etag);
    }
  }

  /** The newest lists whole, or (226) what makes them of the held ones (RFC 3229); null if those are still the newest. */
  async #fetch(held: { etag: string } | undefined, whole = false): Promise<{ status: number; body: Bytes; etag: string } | null> {
    const headers: Record<string, string> = held?.etag ? { "if-none-match": held.etag, ...(whole ? {} : { "a-im": "gdiff" }) } : {};
    const answer = await fetch(`/v1/snapshot?gate=${this.me.gate_id}`, { headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(30_000) });
    if (answer.status === 304) return null;
    if (!answer.ok) throw new Answered(answer.status);
    return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()), etag: answer.headers.get("etag") ?? "" };
  }

  /** Lists from the server or from a file: checked, kept, then used. Throws Refused or RangeError and leaves the present ones as they are. */
  async take(body: Bytes, etag: string): Promise<void> {
    if (body.length > MAX_BYTES) throw new Refused("TOO_LARGE", "the snapshot file");
    const { snapshot, group } = await store.readSettings();
    const loaded = await load(body, this.me.roots.map(fromBase64url), this.me.quorum, snapshot, this.clock.read().now, false, group);
    this.#config = loaded.config;
    await store.keepLists(body, etag, loaded.number);
    this.taken(loaded);
  }

  /** Another group wants other things of its gates: the lists are read anew. */
  async #join(group: string): Promise<void> {
    if (group === ((await store.readSettings()).group ?? "")) return;
    await store.keepGroup(group);
    const held = await store.readLists();
    if (held) await this.take(held.body, held.etag).catch(() => undefined);
  }

  async #push(): Promise<void> {
    const { now } = this.clock.read();
    if (!(await store.waiting()) && this.ticks() - this.#spoke >= SAY_SOMETHING_EVERY) await store.postNothing(slotOf(now), (await store.readSettings()).snapshot);
    for (let next = await store.oldest(); next; next = await store.oldest()) {
      await this.#send(next.seq, next.batch);
      await store.acknowledged(next.seq);
    }
  }

  /** The gate's own certificate for wallets, anew once a day. It carries a signature, and is not ours to judge. */
  #keepCertificate(certificate: unknown, ticks: number): void {
    if (typeof certificate !== "string" || !certificate || ticks - this.#certified < CERTIFY_EVERY) return;
    this.#certified = ticks;
    this.certified(certificate);
  }

  async #send(seq: number, batch: store.Batch): Promise<void> {
    const body = canonicalJson({ ...batch, gate_id: this.me.gate_id, seq, config: this.#config, software: "web" } as unknown as Json);
    const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
    // The signature's time is the batch's, at slot grain: law 4 allows no finer one to leave a gate.
    const request = { method: "POST", path: COUNTS, body, keyid: this.me.gate_id, nonce, created: Date.parse(batch.at) / 1000 };
    const signed = await signatureFields(request, async (base) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, this.me.pair.privateKey, base)));
    const before = this.ticks();
    const answer = await fetch(COUNTS, {
      method: "POST", headers: { "content-type": "application/json", accept: "application/json", ...signed }, cache: "no-store", credentials: "omit",
      body, signal: AbortSignal.timeout(15_000),
    });
    if (!answer.ok) throw new Answered(answer.status, ((await answer.json().catch(() => null)) as { code?: string } | null)?.code);
    const after = this.ticks();
    const told = (await answer.json().catch(() => null)) as Answer;
    const unix = await heard(told, this.me, seq, nonce);
    if (unix === null) throw new TypeError("the answer is not signed by a root key"); // a login page of some network, or a forger
    this.#spoke = after;
    this.#keepCertificate(told?.certificate, after);
    // Made between the two readings and taken for the later one: the gate's time is never ahead of the server's.
    if (after - before <= SLOWEST_ANSWER) this.clock.confirm(unix);
    await this.#join(String(told?.group));
  }
}

type Answer = { now?: unknown; sig?: unknown; group?: unknown; certificate?: unknown } | null;

class Answered extends Error {
  constructor(readonly status: number, readonly code: string = String(status)) {
    super(code);
  }
}

async function outcome(act: () => Promise<void>): Promise<string> {
  try {
    await act();
    return "";
  } catch (fault) {
    if (fault instanceof Answered) return fault.status >= 500 || fault.status === 429 ? "offline" : fault.code;
    if (fault instanceof Refused) return fault.code;
    if (fault instanceof RangeError) return "BAD_TRUST";
    if (fault instanceof DOMException && !["AbortError", "TimeoutError"].includes(fault.name)) return "storage";
    return "offline";
  }
}

/** The time of a signed answer, in seconds since 1970; null if no root key signed it for this very request. */
async function heard(answer: Answer, me: store.Enrolment, seq: number, nonce: string): Promise<number | null> {
  const now = answer?.now;
  if (typeof now !== "string" || typeof answer?.sig !== "string") return null;
  const message = concat(utf8("pratique-heard\n"), canonicalJson({ gate_id: me.gate_id, seq, nonce, now, group: String(answer.group) }));
  const unix = Date.parse(now) / 1000;
  let signature: Bytes;
  try {
    signature = fromBase64url(answer.sig);
  } catch {
    return null;
  }
  for (const root of me.roots) {
    if (await crypto.subtle.verify({ name: "Ed25519" }, await importRoot(fromBase64url(root)), signature, message)) return Number.isFinite(unix) ? unix : null;
  }
  return null;
}
