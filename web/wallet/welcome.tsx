/** The first run: what this is, what it does not do, and one button. */

import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { begin, busy, fault, reached } from "./state.ts";

export function Welcome() {
  return (
    <Screen title={t("wallet.welcome.title")}>
      <p class="lead">{t("wallet.welcome.lead")}</p>
      <ul class="promises">
        <li>{t("wallet.welcome.why")}</li>
        <li>{t("wallet.welcome.nobody")}</li>
        <li>{t("wallet.welcome.key")}</li>
      </ul>
      {fault.value && <p class="note hold" role="alert">{say(fault.value.texts)}</p>}
      {!reached.value && <p class="note flag" role="alert">{t("wallet.welcome.offline")}</p>}
      {busy.value && <div class="progress" role="status"><progress /><span class="progress-text">{t("wallet.welcome.working")}</span></div>}
      <button class="button big" type="button" disabled={busy.value} onClick={() => void begin()}>{t("wallet.welcome.begin")}</button>
      <p class="small soft">{t("wallet.settings.lost")}</p>
      <p><a href="#/paper">{t("wallet.welcome.paper")}</a></p>
    </Screen>
  );
}
