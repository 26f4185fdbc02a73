/** The first run: what this is, what it does not do, and one button. Beside it, the way in with a paper slip. */

import { useState } from "preact/hooks";

import { go } from "../shared/route.ts";
import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { begin, busy, fault, openSlip, reached } from "./state.ts";

export function Welcome() {
  return (
    <Screen title={t("wallet.welcome.title")}>
      <p class="lead">{t("wallet.welcome.lead")}</p>
      <ul class="promises">
        <li>{t("wallet.welcome.why")}</li>
        <li>{t("wallet.welcome.nobody")}</li>
        <li>{t("wallet.welcome.key")}</li>
      </ul>
      <Faults />
      {busy.value && <div class="progress" role="status"><progress /><span class="progress-text">{t("wallet.welcome.working")}</span></div>}
      <button class="button big" type="button" disabled={busy.value} onClick={() => void begin()}>{t("wallet.welcome.begin")}</button>
      <p class="small soft">{t("wallet.settings.lost")}</p>
      <p class="row"><a class="button quiet" href="#/slip">{t("wallet.slip.title")}</a><a class="button quiet" href="#/paper">{t("wallet.welcome.paper")}</a><a class="button quiet" href="#/members">{t("wallet.members.title")}</a></p>
    </Screen>
  );
}

const Faults = () => (
  <>
    {fault.value && <p class="note hold" role="alert">{say(fault.value.texts)}</p>}
    {!reached.value && <p class="note flag" role="alert">{t("wallet.welcome.offline")}</p>}
  </>
);

/** Notices and results of a paper slip, on any phone or computer: for the person, or for who helps. */
export function SlipScreen() {
  const [code, setCode] = useState("");
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await openSlip(code)) go("");
  };
  return (
    <Screen title={t("wallet.slip.title")} back>
      <p class="lead">{t("wallet.slip.lead")}</p>
      <form class="form" onSubmit={(e) => void send(e)}>
        <div class="field">
          <label for="claim">{t("wallet.slip.code")}</label>
          <input id="claim" class="mono" autocomplete="off" autocapitalize="characters" spellcheck={false} required maxLength={40} value={code} onInput={(e) => setCode(e.currentTarget.value)} />
          <span class="hint">{t("wallet.slip.hint")}</span>
        </div>
        <Faults />
        <button class="button big" type="submit" disabled={busy.value}>{t("wallet.slip.open")}</button>
      </form>
      <p class="small soft">{t("wallet.slip.keeps")}</p>
    </Screen>
  );
}
