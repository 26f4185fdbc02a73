/** Staff with the PIN: admit one person by hand, or work on the gate. The gate counts it and learns nobody's name. */

import { signal } from "@preact/signals";

import { say, t, type Text } from "../shared/words.ts";
import { status } from "./state.ts";

type Act = "admit" | "maintenance" | "touch" | "leave";

const open = signal(false);
const refused = signal<Text | undefined>();

async function post(act: Act, pin = ""): Promise<Text | undefined> {
  const answer = await fetch("/staff", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ act, pin }) }).catch(() => undefined);
  if (answer?.ok) return undefined;
  const problem = (await answer?.json().catch(() => undefined)) as { texts?: Text } | undefined;
  return problem?.texts ?? { en: t("gate.silent"), "zh-Hans": t("gate.silent") };
}

/** The button in the foot: a pad for the PIN, or, in maintenance, the way out of it. */
export function StaffButton() {
  if (status.value?.state === "maintenance") {
    return <button type="button" class="foot-button" onClick={() => void post("leave")}>{t("gate.staff.leave")}</button>;
  }
  return <button type="button" class="foot-button" onClick={() => { refused.value = undefined; open.value = true; }}>{t("gate.staff")}</button>;
}

export function StaffPad() {
  if (!open.value) return null;
  const close = (): void => { open.value = false; };
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const act = (event.submitter as HTMLButtonElement | null)?.value === "maintenance" ? "maintenance" : "admit";
    const pin = form.elements.namedItem("pin") as HTMLInputElement;
    refused.value = await post(act, pin.value);
    pin.value = "";
    if (refused.value) pin.focus();
    else close();
  };
  return (
    <dialog class="staff-pad" ref={(pad) => { if (pad && !pad.open) pad.showModal(); }} onClose={close} aria-labelledby="staff-title">
      <form onSubmit={(event) => void send(event as unknown as SubmitEvent)}>
        <h2 id="staff-title">{t("gate.staff.title")}</h2>
        <label for="staff-pin">{t("gate.staff.pin")}</label>
        <input id="staff-pin" name="pin" type="password" inputMode="numeric" autocomplete="off" required aria-describedby="staff-refused" />
        <p id="staff-refused" role="alert">{refused.value && say(refused.value)}</p>
        <button type="submit" value="admit">{t("gate.staff.admit")}</button>
        <button type="submit" value="maintenance">{t("gate.staff.maintenance")}</button>
        <button type="button" onClick={close}>{t("gate.staff.close")}</button>
        <p class="staff-note">{t("gate.staff.note")}</p>
      </form>
    </dialog>
  );
}
