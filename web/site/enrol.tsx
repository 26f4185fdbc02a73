/** A device joins its site with a token that works once. The token is taken out of the address at once. */

import { useEffect, useState } from "preact/hooks";

import { inReach } from "../shared/offline.ts";
import { Screen } from "../shared/shell.tsx";
import { say, t } from "../shared/words.ts";
import { enrol, enrolling, fault, reached } from "./state.ts";

/** The token of a link such as /site#token=…, read before anything is drawn. */
export const linkedToken = (() => {
  if (!inReach) return "";
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (location.hash || location.search) history.replaceState(null, "", location.pathname);
  return token;
})();

const CAN_SIGN = "subtle" in crypto;

export function Enrol() {
  const [token, setToken] = useState(linkedToken);
  useEffect(() => {
    if (linkedToken) void enrol(linkedToken);
  }, []);
  const send = (event: Event): void => {
    event.preventDefault();
    void enrol(token);
  };
  return (
    <Screen title={t("site.enrol.title")}>
      <p class="lead">{t("site.enrol.lead")}</p>
      {!CAN_SIGN && <p class="note hold" role="alert">{t("site.enrol.old")}</p>}
      <form class="form" onSubmit={send}>
        <div class="field">
          <label for="token">{t("site.enrol.token")}</label>
          <input id="token" class="mono" autocomplete="off" autocapitalize="characters" spellcheck={false} required value={token} onInput={(e) => setToken(e.currentTarget.value)} />
          <span class="hint">{t("site.enrol.hint")}</span>
        </div>
        {fault.value && <p class="note hold" role="alert">{say(fault.value)}</p>}
        {!reached.value && <p class="note flag" role="alert">{t("site.enrol.offline")}</p>}
        {enrolling.value && <div class="progress" role="status"><progress /><span class="progress-text">{t("site.enrol.working")}</span></div>}
        <button class="button big" type="submit" disabled={enrolling.value || !CAN_SIGN}>{t("site.enrol.send")}</button>
      </form>
      <p class="small soft">{t("site.enrol.key")}</p>
    </Screen>
  );
}
