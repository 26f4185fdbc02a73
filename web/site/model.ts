/** A sealed tube as the server takes it (testing brief 4.3), and what this device keeps about it. */

import type { Batch } from "../shared/ids.ts";
import type { Text } from "../shared/words.ts";

export type Member = { s: string; p: number; at: string };

export type TubeEvent = {
  id: string;
  code: string;
  site: string;
  lane: number;
  dev: string;
  seq: number;
  prev: string;
  opened: string;
  sealed: string;
  m: Member[];
};
export type SignedEvent = TubeEvent & { sig: string };

export type OpenTube = { code: string; opened: string; m: Member[] };

/** What stands about one sealed tube. Its people are dropped as soon as the server has them; `text` is what it said. */
export type Row = {
  seq: number;
  id: string;
  code: string;
  people: number;
  sealed_at: number;
  state: "waiting" | "stored" | "conflict" | "refused";
  event: SignedEvent | null;
  text?: Text;
};

/** A copy that this phone carries for another: unreadable here, dropped when the server has it. */
export type Carried = { text: string; taken_at: number; why?: { gap: boolean; text?: Text } };

export type Device = {
  pair: CryptoKeyPair;
  device_id: string;
  campaign: { id: string; name: Text; capacity: number; mandate_id: string; batches?: Batch[] };
  server_key?: string;
  site: { id: string; name: Text };
  lane: number;
  left_handed: boolean;
  seq: number;
  head: string;
};

export type Outcome = { id: string; outcome: "stored" | "already" | "conflict" | "refused"; code?: string; field?: string; text?: Text };

/** Why a scan is not taken. Each has a sentence and a sound of its own. */
export type Refusal =
  | "foreign" | "wrong-check-tube" | "wrong-check-person" | "need-tube" | "other-tube" | "tube-open" | "tube-sealed"
  | "person-here" | "person-today" | "full" | "storage" | "other-batch" | "family-room" | "family-here";
