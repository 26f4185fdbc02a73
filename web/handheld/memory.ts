/** What a gate remembers of codes: keyed marks, in memory only, for seconds. The twin of `pratique.gate.memory`.

The key is made when the page opens and cannot leave it, so that a mark means nothing anywhere else. The same code again within five seconds is
the same scan; the same proof twice within its window is a copy. A live relay of somebody's screen is not stopped by this, nor by anything at a door. */

import { concat, toHex, utf8, type Bytes } from "../shared/bytes.ts";

const SAME_CODE = 5;
const MOST = 100_000; // marks held at most: the oldest go first

export class Memory {
  #codes = new Map<string, number>();
  #proofs = new Map<string, number>();
  #inView = { mark: "", at: -Infinity };
  #longest = 0;

  private constructor(private readonly key: CryptoKey) {}

  static async made(): Promise<Memory> {
    return new Memory(await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]) as CryptoKey);
  }

  /** True if this very text was read less than five seconds ago. Remembers it. `now` is running time in seconds. */
  async sameCode(text: string, now: number): Promise<boolean> {
    const mark = await this.#mark("code", utf8(text));
    const last = this.#codes.get(mark);
    put(this.#codes, mark, now, now - SAME_CODE);
    const again = last !== undefined && now - last < SAME_CODE;
    if (again) this.#inView.at = now;
    return again;
  }

  /** True if the last passage was opened for this pass and it was in view less than five seconds ago: its owner stands there while the phone
  draws the next proof. Remembers it; asked only for what opens. */
  async stillInView(credential: Bytes, now: number): Promise<boolean> {
    const before = this.#inView;
    this.#inView = { mark: await this.#mark("pass", credential), at: now };
    return before.mark === this.#inView.mark && now - before.at < SAME_CODE;
  }

  /** True if this proof was taken at this gate already. */
  shownBefore = async (proof: Bytes): Promise<boolean> => this.#proofs.has(await this.#mark("proof", proof));

  /** Remember a proof for `window` seconds: as long as it could be shown again. */
  async take(proof: Bytes, now: number, window: number): Promise<void> {
    this.#longest = Math.max(this.#longest, window);
    put(this.#proofs, await this.#mark("proof", proof), now, now - this.#longest);
  }

  /** Nobody went through: the same proof may be shown again, and the same code is a new scan. */
  async giveBack(proof: Bytes | null): Promise<void> {
    if (proof) this.#proofs.delete(await this.#mark("proof", proof));
    this.#codes.clear();
    this.#inView = { mark: "", at: -Infinity };
  }

  /** Lets go of what is older than it has to be; how much is left. */
  fade(now: number): number {
    prune(this.#codes, now - SAME_CODE);
    prune(this.#proofs, now - this.#longest);
    return this.#codes.size + this.#proofs.size;
  }

  async #mark(kind: string, value: Bytes): Promise<string> {
    const whole = await crypto.subtle.sign("HMAC", this.key, concat(utf8(kind), new Uint8Array(1), value));
    return toHex(new Uint8Array(whole).subarray(0, 16));
  }
}

function put(marks: Map<string, number>, mark: string, now: number, older: number): void {
  marks.delete(mark);
  marks.set(mark, now);
  prune(marks, older);
}

/** A map keeps the order in which marks were put: the oldest stand first. */
function prune(marks: Map<string, number>, older: number): void {
  for (const [mark, at] of marks) {
    if (marks.size <= MOST && at > older) return;
    marks.delete(mark);
  }
}
