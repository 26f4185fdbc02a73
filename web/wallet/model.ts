/** What the server tells a holder (`GET /v1/wallet`). The wallet keeps the last answer and works from it alone. */

import type { Text } from "../shared/words.ts";

export type Said = Text | string;

export type Fact = { what: Text; source: Said; at: string | null };
export type Reason = { code: string; text: Text };
export type Rule = { id: string; version: string | number };

export type Decision = {
  outcome: "clear" | "conditions" | "hold";
  reasons: Reason[];
  remedy: Text[];
  rule: Rule;
  facts: Fact[];
  mandate_id: string;
  valid_until: string | null;
  would_change: Text[];
};

export type Notice = {
  id: string;
  kind: string;
  class: "duty" | "restriction" | "information";
  title: Text;
  reason: Reason;
  facts: Fact[];
  rule: Rule;
  mandate_id: string;
  remedy: Text[];
  allowed: Text[];
  opened_at: string;
  deadline: string;
  deadline_effective: string;
  extended_because: Text[];
  state: string;
  appeal: { path: string; clock_hours: number };
  history: { at: string; what: Text }[];
};

export type HeldPass = { credential: string; expires: string };
export type Result = { tube_kind: string; outcome: string; sampled_at: string; known_at: string | null; analyte: string };
export type Look = { at: string; role: string; purpose: Text; fields: string[] };
export type Appeal = {
  id: string; notice_id: string; opened_at: string; due_at: string; state: string; outcome: string; reason: Text | null; answer: string;
  attachments?: { id: string; media: string; size: number; added_at: string }[];
};
export type Order = {
  id: string; notice_id: string; state: string; issuer: Text; basis: string[]; why: string; opened_at: string; ends_at: string;
  care: { code: string; what: Text; who: string }[]; review_path: Said; court_path: Said; appeal_office: Text; mandate_id: string;
  family_by?: string; family?: "" | "told" | "not-wished"; family_at?: string | null;
};
export type Mandate = { id: string; purpose: Text; issuer: Text; appeal_office: Text; start: string; end: string };

export type Wallet = {
  now: string;
  subject_id: string;
  mandate: Mandate | null;
  decision: Decision | null;
  notices: Notice[];
  passes: HeldPass[];
  results: Result[];
  looks: Look[];
  appeals: Appeal[];
  orders?: Order[];
  skew_s: number;
};

const OVER = new Set(["cleared", "lifted", "replaced", "withdrawn"]);
const WEIGHT = { restriction: 0, duty: 1, information: 2 };

export const isOpen = (notice: Notice): boolean => !OVER.has(notice.state);

/** Open notices, the most urgent first: what holds a person before what asks something, then the nearest deadline. */
export function byUrgency(notices: readonly Notice[]): Notice[] {
  const due = (n: Notice): number => Date.parse(n.deadline_effective);
  const waits = (n: Notice): number => (n.state === "waiting" ? 1 : 0);
  return notices
    .filter(isOpen)
    .sort((a, b) => WEIGHT[a.class] - WEIGHT[b.class] || waits(a) - waits(b) || (due(a) < due(b) ? -1 : 1));
}

/** What ended, the newest first; each keeps the line that says why. */
export const ended = (notices: readonly Notice[]): Notice[] =>
  notices.filter((n) => !isOpen(n)).sort((a, b) => (lastAt(a) < lastAt(b) ? 1 : -1));

const lastAt = (n: Notice): string => n.history.at(-1)?.at ?? n.opened_at;

/** The pass to show now: the one that lives longest. */
export const bestPass = (passes: readonly HeldPass[], now: number): HeldPass | undefined =>
  passes.filter((p) => Date.parse(p.expires) > now).sort((a, b) => (a.expires < b.expires ? 1 : -1))[0];
