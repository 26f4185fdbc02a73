/** Language, size, keeping the wallet, the contact card, and the way out: forget everything. */

import { useEffect, useState } from "preact/hooks";

import { language, large } from "../shared/prefs.ts";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime, ms } from "../shared/time.ts";
import { t } from "../shared/words.ts";
import { updateWaits, applyUpdate } from "../shared/offline.ts";
import { Freshness, Lines } from "./parts.tsx";
import { TakeAway, Telling } from "./told.tsx";
import { busy, forget, forgetHere, guest, holder, writeCard, type Forgotten } from "./state.ts";

export function SettingsScreen() {
  return (
    <Screen title={t("wallet.settings.title")} back>
      <Freshness />
      <section class="card">
        <h2>{t("wallet.settings.reading")}</h2>
        <fieldset class="choices">
          <legend>{t("wallet.settings.language")}</legend>
          <label class="choice" lang="zh-Hans"><input type="radio" name="language" checked={language.value === "zh-Hans"} onChange={() => { language.value = "zh-Hans"; }} />中文</label>
          <label class="choice" lang="en"><input type="radio" name="language" checked={language.value === "en"} onChange={() => { language.value = "en"; }} />English</label>
        </fieldset>
        <label class="choice"><input type="checkbox" checked={large.value} onChange={() => { large.value = !large.value; }} />{t("wallet.settings.large")}</label>
      </section>
      <Keeping />
      {holder.value && <Telling />}
      {(holder.value || guest.value) && <CardForm />}
      {(holder.value || guest.value) && <TakeAway />}
      <Leaving />
      {updateWaits.value && <button class="button second" type="button" onClick={applyUpdate}>{t("common.update")}</button>}
      <p class="small soft mono">{t("wallet.settings.build", { build: BUILD })}</p>
    </Screen>
  );
}

/** What is lost if the browser is emptied, and the two ways not to lose it. */
function Keeping() {
  const [persisted, setPersisted] = useState<boolean>();
  useEffect(() => { void navigator.storage?.persisted?.().then(setPersisted); }, []);
  const installed = matchMedia("(display-mode: standalone)").matches;
  return (
    <section class="card">
      <h2>{t("wallet.settings.keep")}</h2>
      <p>{t("wallet.settings.lost")}</p>
      {installed ? <p>{t("wallet.settings.installed")}</p> : <p>{t("wallet.settings.install")}</p>}
      {persisted !== undefined && <p class="small soft">{t(persisted ? "wallet.settings.persisted" : "wallet.settings.not-persisted")}</p>}
      <a href="#/paper">{t("wallet.paper.title")}</a>
    </section>
  );
}

function CardForm() {
  const [name, setName] = useState("");
  const [phone, setPhone] = useState("");
  const [kept, setKept] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setKept(await writeCard({ name: name.trim(), phone: phone.trim(), language: language.value }));
  };
  return (
    <details class="card more">
      <summary>{t("wallet.card.title")}</summary>
      <form class="form" onSubmit={(e) => void send(e)}>
        <p class="small soft">{t("wallet.card.what")}</p>
        <div class="field">
          <label for="card-name">{t("wallet.card.name")}</label>
          <input id="card-name" autocomplete="name" required maxLength={200} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        </div>
        <div class="field">
          <label for="card-phone">{t("wallet.card.phone")}</label>
          <input id="card-phone" type="tel" autocomplete="tel" required pattern="\+?[0-9][0-9 \(\)\-]{3,22}[0-9]" value={phone} onInput={(e) => setPhone(e.currentTarget.value)} />
          <span class="hint">{t("wallet.card.phone-hint")}</span>
        </div>
        <button class="button second" type="submit" disabled={busy.value}>{t("wallet.card.send")}</button>
        {kept && <p class="note clear" role="status">{t("wallet.card.kept")}</p>}
      </form>
    </details>
  );
}

function Leaving() {
  const [sure, setSure] = useState(false);
  const [gone, setGone] = useState<Forgotten>();
  if (gone) {
    return (
      <section class="note clear" role="status">
        <p><strong>{t("wallet.forget.done")}</strong></p>
        <p>{t("wallet.forget.when", { online: dayAndTime(ms(gone.online_at)), final: dayAndTime(ms(gone.final_by)) })}</p>
        <p>{t("wallet.forget.ends")}</p><Lines list={gone.ends} />
        <p>{t("wallet.forget.stays")}</p><Lines list={gone.stays} />
      </section>
    );
  }
  if (!holder.value && !guest.value) return null;
  return (
    <section class="danger-zone">
      <h2>{t("wallet.forget.title")}</h2>
      <p>{t("wallet.forget.what")}</p>
      <label class="choice"><input type="checkbox" checked={sure} onChange={() => setSure(!sure)} />{t("wallet.forget.sure")}</label>
      <div class="buttons">
        <button class="button danger" type="button" disabled={!sure || busy.value} onClick={() => void forget().then(setGone)}>{t("wallet.forget.all")}</button>
        {!guest.value && <button class="button second" type="button" disabled={!sure} onClick={() => void forgetHere()}>{t("wallet.forget.here")}</button>}
      </div>
      {!guest.value && <p class="small soft">{t("wallet.forget.here-what")}</p>}
    </section>
  );
}
