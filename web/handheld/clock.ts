/** What time it is, and how sure the gate may be of it: the twin of `pratique.gate.clock` for a browser.

Grades: `good` – the server said so in a signed answer since this page was opened; `lower_bound` – nobody has confirmed it, it only cannot be
earlier; `bad` – it is earlier than a time that is certain, or it jumped back. A gate never works with a time below its floor.

A browser's running time may stand still while the device sleeps, so a confirmed time goes on with whichever of the two clocks went further, and
is no longer called good once they differ: time that is too early would let in what has expired. */

import type { Grade } from "../shared/decide/model.ts";

export const BUILT = Date.UTC(2026, 0, 1) / 1000;
const CONFIRMED_FOR = 7 * 86_400;
const STEP = 60; // seconds by which wall clock and running time may drift apart

/** `now` (seconds since 1970) is never below the floor. `stepped` is true once after a jump, and closes the slot. */
export type Reading = { now: number; grade: Grade; stepped: boolean };
type Ticks = () => number;

export class Clock {
  floor: number;
  #confirmed: { unix: number; wall: number; ticks: number } | undefined;
  #last: { wall: number; ticks: number };

  /** `floor` is a time that is certainly past; `seen` the latest slot the journal knows. */
  constructor(floor: number, private seen: number, private readonly wall: Ticks, private readonly ticks: Ticks) {
    this.floor = Math.max(BUILT, floor);
    this.#last = { wall: wall(), ticks: ticks() };
  }

  /** A signed document was made at `unix`: it cannot be earlier now. */
  raiseFloor(unix: number): void {
    this.floor = Math.max(this.floor, unix);
  }

  /** A signed answer told the time just now. False, and ignored, if it lies below the floor. */
  confirm(unix: number): boolean {
    if (unix < this.floor) return false;
    this.#confirmed = { unix, wall: this.wall(), ticks: this.ticks() };
    this.seen = 0;
    return true;
  }

  read(): Reading {
    const [wall, ticks, before] = [this.wall(), this.ticks(), this.#last];
    this.#last = { wall, ticks };
    const step = wall - before.wall - (ticks - before.ticks);
    const told = this.#confirmed;
    if (told && ticks - told.ticks <= CONFIRMED_FOR) {
      const [ran, went] = [ticks - told.ticks, wall - told.wall];
      const now = Math.max(this.floor, told.unix + Math.max(ran, went));
      return { now, grade: went - ran <= STEP ? "good" : "lower_bound", stepped: step > STEP };
    }
    if (step < -STEP) this.seen = Math.max(this.seen, before.wall + ticks - before.ticks);
    const lowest = Math.max(this.floor, this.seen);
    return { now: Math.max(wall, lowest), grade: wall < lowest - STEP ? "bad" : "lower_bound", stepped: Math.abs(step) > STEP };
  }
}
