/** All tubes this device has sealed, what became of each, and the device itself. */

import { updateWaits, applyUpdate } from "../shared/offline.ts";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import type { Row } from "./model.ts";
import { CarriedLine } from "./carry.tsx";
import { change, device, inLine, rows, tellLine, sending, sendRefused, tube } from "./state.ts";
import { Queue } from "./work.tsx";

export function QueueScreen() {
  const me = device.value!;
  const list = [...rows.value].sort((a, b) => Number(open(b)) - Number(open(a)) || b.seq - a.seq);
  return (
    <Screen title={t("site.list.title")} back wide>
      <Queue listed />
      {list.length === 0 ? <p class="empty">{t("site.list.none")}</p> : (
        <ul class="rows" aria-label={t("site.list.title")}>{list.map((row) => <Line row={row} />)}</ul>
      )}
      {list.some((row) => row.state === "refused") && (
        <div class="row"><button class="button second" type="button" disabled={sending.value} onClick={() => void sendRefused()}>{t("site.list.again")}</button><span class="small soft">{t("site.list.again-what")}</span></div>
      )}
      <section class="card">
        <h2>{t("site.carried.title")}</h2>
        <CarriedLine />
        <a class="button second" href="#/carry">{t("site.carry.open")}</a>
      </section>
      <section class="card">
        <h2>{t("site.device.title")}</h2>
        <dl class="facts">
          <div><dt>{t("site.device.site")}</dt><dd>{say(me.site.name)}</dd></div>
          <div><dt>{t("site.device.campaign")}</dt><dd>{say(me.campaign.name)}</dd></div>
          <div><dt>{t("site.device.mandate")}</dt><dd class="mono">{me.campaign.mandate_id}</dd></div>
          <div><dt>{t("site.device.id")}</dt><dd class="mono">{me.device_id}</dd></div>
        </dl>
        <div class="field">
          <label for="lane">{t("site.device.lane")}</label>
          <input id="lane" type="number" min={1} max={99} inputMode="numeric" value={me.lane} onChange={(e) => { const lane = Number(e.currentTarget.value); if (Number.isInteger(lane) && lane > 0) void change({ lane }); }} />
        </div>
        <div class="field">
          <label for="line">{t("site.device.line")}</label>
          <input id="line" type="number" min={0} max={9999} inputMode="numeric" value={inLine.value} onChange={(e) => { const n = Number(e.currentTarget.value); if (Number.isInteger(n) && n >= 0) { inLine.value = n; void tellLine().catch(() => undefined); } }} />
          <span class="hint">{t("site.device.line-what")}</span>
        </div>
        <label class="choice"><input type="checkbox" checked={me.left_handed} onChange={() => void change({ left_handed: !me.left_handed })} />{t("site.device.left")}</label>
        {updateWaits.value && (tube.value ? <p class="note quiet">{t("site.device.update-later")}</p> : <button class="button second" type="button" onClick={applyUpdate}>{t("common.update")}</button>)}
        <p class="small soft">{t("site.device.keeps")}</p>
      </section>
    </Screen>
  );
}

const open = (row: Row): boolean => row.state !== "stored" || row.text !== undefined;

const TONE = { waiting: ["conditions", "bar"], stored: ["clear", "ok"], conflict: ["hold", "stop"], refused: ["hold", "stop"] } as const;

function Line({ row }: { row: Row }) {
  const [tone, shape] = TONE[row.state];
  return (
    <li class="card" data-state={row.state}>
      <span class="row apart">
        <strong class="mono">{row.code}</strong>
        <span class={`badge ${tone}`}><span class={`shape ${shape}`} />{t(`site.state.${row.state}`)}</span>
      </span>
      <span class="since">{t("site.list.line", { people: row.people, when: dayAndTime(row.sealed_at) })}</span>
      {row.text && <p>{say(row.text)}</p>}
    </li>
  );
}
