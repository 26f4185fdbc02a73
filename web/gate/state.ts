/** What the gate says, as it comes on loopback. The page is a view: it decides nothing and keeps nothing. */

import { computed, signal } from "@preact/signals";

import type { Text } from "../shared/words.ts";

export type Status = {
  state: string;
  outcome: string | null;
  reason: string | null;
  lamp: string;
  faults: string[];
  text: Text;
  ages: { snapshot_s: number | null; snapshot: number | null; clock: string; mandate_end: string | null };
  mandate: Text | null;
  advice?: Text | null;
  /** A challenge to a wallet whose clock and ours disagree: the text of a code. */
  challenge?: string | null;
  /** Of a door reader: its organisation, and a receipt for the wallet of who just came in. */
  door?: Text | null;
  receipt?: string | null;
};

/** The gate gives a sign of life each second; before three have gone by without one the screen says so itself. */
const SILENCE = 2_700;

export const status = signal<Status | undefined>();
export const silent = signal(false);

/** The face to show: an outcome while one stands, else the state. */
export const face = computed<FaceName>(() => {
  if (silent.value) return "out_of_order";
  const now = status.value;
  if (!now) return "starting";
  if ((now.state === "decided" || now.state === "waiting_passage") && now.outcome) {
    if (now.outcome === "staff") return "clear";
    if (isFace(now.outcome)) return now.outcome;
  }
  if (now.state === "degraded") return "ready";
  return isFace(now.state) ? now.state : "see_staff";
});

const FACES = [
  "starting", "ready", "reading", "clear", "conditions", "hold", "see_staff", "annulled", "out_of_order", "maintenance", "no_check", "retired",
] as const;
export type FaceName = (typeof FACES)[number];
const isFace = (name: string): name is FaceName => (FACES as readonly string[]).includes(name);

export function listen(): void {
  let timer = 0;
  const alive = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => { silent.value = true; }, SILENCE);
  };
  const open = (): void => {
    const events = new EventSource("/events");
    events.addEventListener("message", (event) => {
      const told = JSON.parse(event.data as string) as Status;
      alive();
      silent.value = false;
      if (told.state) status.value = told;
    });
    // A refused stream closes for good and is opened anew; a broken one comes back by itself.
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) setTimeout(open, 1_000);
    });
  };
  alive();
  open();
}

/** Hands a read text to the gate. It answers through the event stream, not here. */
export async function scanned(text: string): Promise<void> {
  await fetch("/scan", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ text }) }).catch(() => undefined);
}
