/** The phone's clock may be wrong: every answer of the server corrects it, and what is signed carries corrected time. */

import { signal } from "@preact/signals";

/** Server minus phone, in milliseconds. Kept by the face, so that it still holds when offline. */
export const offset = signal(0);

/** Learns from an answer that left the server between `asked` and now (phone time). */
export function learn(serverNow: string, asked: number, answered: number = Date.now()): void {
  const server = Date.parse(serverNow);
  if (Number.isFinite(server)) offset.value = Math.round(server - (asked + answered) / 2);
}

export const now = (): number => Date.now() + offset.value;
