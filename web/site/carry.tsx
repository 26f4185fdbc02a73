/** Copies: the codes this phone shows for another to carry, and the copies it carries for another. */

import { useEffect, useState } from "preact/hooks";

import { Code } from "../shared/code.tsx";
import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { copyOf } from "./copy.ts";
import type { Row } from "./model.ts";
import { carried, device, drain, sending, waiting } from "./state.ts";

const SHOWN_FOR = 2_500;

/** The code of one tube. `undefined` while it is made, "" where this browser cannot make it. */
function useCopy(row: Row | undefined): string | undefined {
  const [made, setMade] = useState<{ seq: number; text: string } | undefined>();
  useEffect(() => {
    let gone = false;
    if (row?.event) {
      const key = device.value?.server_key ?? "";
      void (key ? copyOf(row.event, key) : Promise.resolve(""))
        .catch(() => "")
        .then((text) => !gone && setMade({ seq: row.seq, text }));
    }
    return () => { gone = true; };
  }, [row?.seq]);
  return made?.seq === row?.seq ? made?.text : undefined;
}

/** After the seal: one code, for the swabber's phone. It goes with the next tube, or as soon as the server has it. */
export function SealedCopy({ row }: { row: Row }) {
  const text = useCopy(row);
  if (text === undefined) return null;
  return (
    <section class="copy-card" aria-label={t("site.copy.title")} data-copy={row.seq}>
      {text ? <Code text={text} label={t("site.copy.code", { code: row.code })} level="L" max={280} /> : null}
      <p class="small">{t(text ? "site.copy.scan" : "site.copy.cannot")}</p>
    </section>
  );
}

/** All tubes that wait, one code after the other, so that a second phone can take them all in one go. */
export function CarryScreen() {
  const list = waiting.value;
  const [at, setAt] = useState(0);
  const [stopped, setStopped] = useState(false);
  const here = list.length ? at % list.length : 0;
  const row = list[here];
  const text = useCopy(row);
  useEffect(() => {
    if (stopped || list.length < 2 || text === undefined) return undefined;
    const timer = setTimeout(() => setAt((n) => n + 1), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [at, stopped, text, list.length]);
  const turn = (by: number): void => {
    setStopped(true);
    setAt((n) => (n + by + list.length) % list.length);
  };
  return (
    <Screen title={t("site.carry.title")} back wide>
      <p class="lead">{t("site.carry.what")}</p>
      {!row ? <p class="empty">{t("site.carry.none")}</p> : (
        <section class="card copy-show" data-copy={row.seq}>
          <p class="row apart"><strong class="mono">{row.code}</strong><span class="num">{t("site.carry.at", { n: here + 1, of: list.length })}</span></p>
          {text ? <Code text={text} label={t("site.copy.code", { code: row.code })} level="L" /> : <p class="note flag">{t(text === undefined ? "site.carry.making" : "site.copy.cannot")}</p>}
          {list.length > 1 && (
            <div class="row">
              <button type="button" class="button second" onClick={() => turn(-1)}>{t("site.carry.before")}</button>
              <button type="button" class="button second" aria-pressed={stopped} onClick={() => setStopped(!stopped)}>{t(stopped ? "site.carry.go" : "site.carry.stop")}</button>
              <button type="button" class="button second" onClick={() => turn(1)}>{t("site.carry.next")}</button>
            </div>
          )}
        </section>
      )}
      <section class="card">
        <h2>{t("site.carried.title")}</h2>
        <p>{t("site.carried.what")}</p>
        <CarriedLine />
      </section>
    </Screen>
  );
}

/** How many copies of others this phone carries, and what the server said of them. */
export function CarriedLine() {
  const { held, handed, why } = carried.value;
  if (!held && !handed) return <p class="small soft">{t("site.carried.none")}</p>;
  return (
    <div class="queue-line" role="status" data-carried={held} data-handed={handed}>
      <span class={`badge ${held ? "conditions" : "clear"}`}><span class={`shape ${held ? "bar" : "ok"}`} />{t("site.carried.counts", { held, handed })}</span>
      {held > 0 && !sending.value && <button type="button" class="button quiet" onClick={() => void drain()}>{t("site.queue.now")}</button>}
      {why && <p class="note flag">{why.gap || !why.text ? t("site.carried.waits") : say(why.text)}</p>}
    </div>
  );
}
