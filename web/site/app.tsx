/** The site app: which screen is open. */

import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/camera.css";
import "./site.css";

import { linkedToken, Enrol } from "./enrol.tsx";
import { inReach, keepOffline, openInReach } from "../shared/offline.ts";
import { language } from "../shared/prefs.ts";
import { route } from "../shared/route.ts";
import { Bar, mount, Opening, Screen } from "../shared/shell.tsx";
import { unlockSound } from "../shared/sound.ts";
import { say, t } from "../shared/words.ts";
import { CarryScreen } from "./carry.tsx";
import { QueueScreen } from "./queue.tsx";
import { device, ready, start, tube } from "./state.ts";
import { Work } from "./work.tsx";

function Open() {
  if (ready.value === "no") return <Opening />;
  if (ready.value === "elsewhere") return <Screen title={t("site.elsewhere.title")}><p class="lead">{t("site.elsewhere.what")}</p><button class="button" type="button" onClick={() => location.reload()}>{t("site.elsewhere.again")}</button></Screen>;
  if (!device.value) return <Enrol />;
  if (route.value[0] === "carry") return <CarryScreen />;
  return route.value[0] === "queue" ? <QueueScreen /> : <Work />;
}

function App() {
  const me = device.value;
  return (
    <div class="shell" data-language={language.value}>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{t("common.skip")}</a>
      <Bar name={me ? say(me.site.name) : t("site.name")} />
      <Open />
    </div>
  );
}

if (inReach) {
  unlockSound();
  mount(<App />);
  // The worker may change builds only while no tube is open, so it is asked after the store has been read.
  void start().then(() => keepOffline("site", () => !tube.value && !linkedToken));
} else openInReach();
