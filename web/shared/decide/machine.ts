/** The gate's states as one table, the twin of `pratique.gate.machine`. Every state has a longest time; a time-out is an event like any other.

Pure: the running time (seconds) comes in. The exit is never locked in any state (fire rule): this table knows the way in only. */

export const STATES = [
  "starting", "ready", "reading", "decided", "waiting_passage", "annulled", "degraded", "out_of_order", "maintenance", "no_check", "retired",
] as const;
export type State = (typeof STATES)[number];
export type Event = "started" | "seen" | "opened" | "refused" | "turned" | "timeout" | "pin" | "touched" | "left";

/** A fault that stops the gate, and one that it works through with an amber lamp. */
export const STOPS: readonly string[] = ["start", "door", "device_key", "scanner", "snapshot_missing"];
export const AMBER: readonly string[] = ["stale", "clock", "storage", "snapshot_refused", "upload", "peripheral"];

/** Seconds. null: stays until an event. `decided` is the time a verdict stands on the screen. */
export const LONGEST: { readonly [state in State]: number | null } = {
  starting: 5, ready: null, reading: 3, decided: 4, waiting_passage: 8, annulled: 3, degraded: null, out_of_order: null, maintenance: 15 * 60,
  no_check: null, retired: null,
};

const WORKING: readonly State[] = ["ready", "degraded", "reading", "decided", "waiting_passage", "annulled"];
const RESTING: readonly State[] = ["ready", "degraded", "out_of_order", "no_check"];

/** "rest" is ready, degraded, out_of_order or no_check, whichever the causes say. */
const TABLE = new Map<string, State | "rest">([
  ["starting started", "rest"], ["starting timeout", "out_of_order"],
  ["reading seen", "reading"], ["reading timeout", "rest"], ["decided timeout", "rest"],
  ["waiting_passage turned", "rest"], ["annulled timeout", "rest"],
  ["maintenance touched", "maintenance"], ["maintenance left", "rest"], ["maintenance timeout", "rest"],
  ...WORKING.flatMap((state): [string, State][] => [[`${state} opened`, "waiting_passage"], [`${state} refused`, "decided"]]),
  ["ready seen", "reading"], ["degraded seen", "reading"],
  ...RESTING.map((state): [string, State] => [`${state} pin`, "maintenance"]),
]);

/** Where the gate is. `faults` are causes that stand; `ended` is true when no mandate lets it check. */
export class Machine {
  constructor(
    readonly state: State = "starting", readonly since: number = 0, readonly faults: ReadonlySet<string> = new Set(), readonly ended: boolean = false,
    readonly turnSensor: boolean = false,
  ) {}

  /** True while a fault keeps the gate from deciding. */
  get stopped(): boolean {
    return STOPS.some((fault) => this.faults.has(fault));
  }

  /** The next place. An event that means nothing here changes nothing. */
  feed(event: Event, now: number): Machine {
    // With a turn sensor nobody went through; without one the passage is taken as made.
    if (event === "timeout" && this.state === "waiting_passage") return this.#to(this.turnSensor ? "annulled" : "rest", now);
    if (event === "timeout" && this.state === "starting") return this.#with({ faults: new Set([...this.faults, "start"]) }).#to("rest", now);
    const to = TABLE.get(`${this.state} ${event}`);
    return to === undefined ? this : this.#to(to, now);
  }

  /** The same place, or the next one if its longest time is over. */
  tick(now: number): Machine {
    const longest = LONGEST[this.state];
    return longest !== null && now - this.since >= longest ? this.feed("timeout", now) : this;
  }

  /** A cause appeared or went. A stopping one acts at once; the others show when the gate is at rest. */
  cause(fault: string, stands: boolean, now: number): Machine {
    if (!STOPS.includes(fault) && !AMBER.includes(fault)) throw new RangeError(`${fault} is not a fault of the closed list`);
    if (this.faults.has(fault) === stands) return this;
    const faults = new Set(this.faults);
    if (stands) faults.add(fault);
    else faults.delete(fault);
    return this.#with({ faults }).#settle(now);
  }

  /** Law 1: without a live mandate the gate does not decide; the door is free. */
  underMandate(lives: boolean, now: number): Machine {
    return this.ended !== lives ? this : this.#with({ ended: !lives }).#settle(now);
  }

  /** The last state. Nothing leads out of it. */
  retire(now: number): Machine {
    return this.#with({ state: "retired", since: now });
  }

  #settle(now: number): Machine {
    const mustStop = (this.stopped || this.ended) && WORKING.includes(this.state);
    return RESTING.includes(this.state) || mustStop ? this.#to("rest", now) : this;
  }

  #to(to: State | "rest", now: number): Machine {
    return this.#with({ state: to === "rest" ? this.#rest() : to, since: now });
  }

  #rest(): State {
    if (this.ended) return "no_check";
    if (this.stopped) return "out_of_order";
    return this.faults.size ? "degraded" : "ready";
  }

  #with(changed: Partial<Pick<Machine, "state" | "since" | "faults" | "ended">>): Machine {
    const { state, since, faults, ended } = { ...this, ...changed };
    return new Machine(state, since, faults, ended, this.turnSensor);
  }
}
