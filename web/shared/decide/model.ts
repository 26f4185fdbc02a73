/** What a gate can say, be and count: closed lists, the same as `pratique.gate.model`. A test holds them equal. */

export type Outcome = "clear" | "conditions" | "hold" | "see_staff" | "staff" | "annulled";
export type Pair = readonly [outcome: Outcome, reason: string];
export type Grade = "good" | "lower_bound" | "bad";

export const SLOT_SECONDS = 900;
export const SLOT_CLOSES_AFTER = 60; // seconds after its end: an open passage may still be taken back

export const PAIRS: readonly Pair[] = [
  ["clear", "pass"], ["clear", "paper"], ["conditions", "pass"], ["hold", "policy"], ["hold", "expired"], ["hold", "revoked"],
  ["see_staff", "unreadable"], ["see_staff", "unknown_issuer"], ["see_staff", "bad_signature"], ["see_staff", "clock"], ["see_staff", "stale"],
  ["annulled", "annulled"], ["staff", "admitted"],
];

export const opens = (outcome: Outcome): boolean => outcome === "clear" || outcome === "conditions" || outcome === "staff";

/** What the mandate says the gate does when it cannot know. */
export type FailTable = { stale: "admit" | "see-staff" | "stop"; clock: "see-staff" | "admit" };

/** What a mandate leaves out takes the default; an answer that is not known here, the strict one. */
export function failTable(fail: { [cause: string]: string }): FailTable {
  const [stale, clock] = [fail["lists-stale"] ?? "admit", fail["clock-bad"] ?? "see-staff"];
  return { stale: stale === "admit" || stale === "stop" ? stale : "see-staff", clock: clock === "admit" ? "admit" : "see-staff" };
}

/** The quarter of an hour a time (in seconds) falls into. Finer times are neither stored nor sent (law 4). */
export const slotOf = (unix: number): number => Math.floor(unix / SLOT_SECONDS);
