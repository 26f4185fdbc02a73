/** When a phone's clock and the gate's disagree: a challenge on the screen, with the gate's signed identity and a nonce. The twin of `gate/challenge.py`.

The wallet checks who asks and answers with the nonce; the phone's clock no longer matters. Challenges live in memory for a minute and are good once:
the memory of showings refuses a second answer like any other copy. */

import { fromBase64url, toHex, type Bytes } from "../shared/bytes.ts";
import { makeChallenge, OPEN_FOR } from "../shared/challenge.ts";
import { idBytes } from "../shared/ids.ts";

const MOST = 8; // challenges open at a time

export class Challenger {
  #open = new Map<string, number>();
  #text = "";

  /** `certificate` gives the gate's present certificate in base64url, or nothing: then no challenge is made. */
  constructor(private readonly sign: (message: Bytes) => Promise<Bytes>, private readonly certificate: () => string | undefined) {}

  /** A new challenge. `now` in seconds since 1970, `ticks` in seconds of running time. */
  async ask(mandate: string, now: number, ticks: number): Promise<void> {
    const certificate = this.certificate();
    if (!certificate) return;
    const nonce = crypto.getRandomValues(new Uint8Array(8));
    this.#text = await makeChallenge(this.sign, fromBase64url(certificate), nonce, idBytes(mandate), now);
    this.#open.set(toHex(nonce), ticks);
    for (const oldest of this.#open.keys()) if (this.#open.size > MOST) this.#open.delete(oldest);
  }

  /** The nonces that may be answered, in hex; a challenge that is older than a minute is gone. */
  open(ticks: number): ReadonlySet<string> {
    for (const [nonce, at] of this.#open) if (ticks - at >= OPEN_FOR) this.#open.delete(nonce);
    if (!this.#open.size) this.#text = "";
    return new Set(this.#open.keys());
  }

  /** The text to show, or nothing. */
  text(ticks: number): string {
    this.open(ticks);
    return this.#text;
  }

  /** Somebody came in: nothing is asked any more. */
  close(): void {
    this.#open.clear();
    this.#text = "";
  }
}
