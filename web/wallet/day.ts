/** Passes of the day: eight, each for a key of its own, so that two gates cannot tell that one person came to both.

They are asked for when the last ones draw to their end and never because one was shown: the server must not learn when somebody stood at a gate. Each is shown
at one visit; when all were shown, the one that was shown longest ago comes again. In which order is kept, when is not. */

import { toBase64url } from "../shared/bytes.ts";
import { now } from "../shared/clock.ts";
import { newHolderKey, publicPoint } from "../shared/pq1.ts";
import { bestPass, type HeldPass, type Wallet } from "./model.ts";
import * as store from "./store.ts";

const A_DAY = 8;
const RENEW_BEFORE = 6 * 3_600_000;
const ASK_AGAIN = 3_600_000; // after a refusal
const SAME_VISIT = 60_000; // a screen that is opened again so soon is opened at the same door

/** What to show at this visit. `again`: it was shown at an earlier one. */
export type Visit = { key: CryptoKey; credential: string; expires: string; again: boolean };
type Call = <T>(path: string, options: { method: "POST"; body: unknown }) => Promise<{ body: T }>;

let askedAt = -Infinity;
let last: { seq: number; at: number } | undefined;

const lives = (pass: HeldPass): boolean => Date.parse(pass.expires) > now();

/** Lets go of what has ended or was given for another decision, and asks for the next day's passes when it is time. */
export async function refill(view: Wallet, call: Call): Promise<void> {
  const outcome = view.decision?.outcome ?? "";
  const held = bestPass(view.passes, now());
  const rows = await store.readDay();
  const good = held ? rows.filter((row) => lives(row) && row.outcome === outcome) : [];
  if (good.length < rows.length) await store.dropDay(rows.filter((row) => !good.includes(row)).map((row) => row.seq!));
  const lasting = good.some((row) => Date.parse(row.expires) > now() + RENEW_BEFORE);
  if (!held || lasting || now() - askedAt < ASK_AGAIN) return;
  askedAt = now();
  const pairs = await Promise.all(Array.from({ length: A_DAY }, newHolderKey));
  const keys = (await Promise.all(pairs.map(publicPoint))).map(toBase64url);
  const { passes } = (await call<{ passes: HeldPass[] }>("/v1/wallet/passes", { method: "POST", body: { keys } })).body;
  await store.addDay(passes.map((pass, i) => ({ ...pass, pair: pairs[i]!, outcome, shown: 0 })));
}

/** The pass of this visit, noted as shown; the present one again within `same` milliseconds. Undefined where there is none of the day. */
export async function visit(same = SAME_VISIT): Promise<Visit | undefined> {
  const rows = (await store.readDay()).filter(lives);
  const going = last && now() - last.at < same ? rows.find((row) => row.seq === last!.seq) : undefined;
  const chosen = going ?? rows.sort((a, b) => a.shown - b.shown || (a.expires < b.expires ? -1 : 1))[0];
  if (!chosen) return undefined;
  const again = !going && chosen.shown > 0;
  if (!going) await store.putDay({ ...chosen, shown: 1 + Math.max(...rows.map((row) => row.shown)) });
  last = { seq: chosen.seq!, at: now() };
  return { key: chosen.pair.privateKey, credential: chosen.credential, expires: chosen.expires, again };
}
