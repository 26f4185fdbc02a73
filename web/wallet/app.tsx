/** The wallet: which screen is open. */

import "../shared/tokens.css";
import "../shared/base.css";
import "./wallet.css";

import { inReach, keepOffline, openInReach } from "../shared/offline.ts";
import { language } from "../shared/prefs.ts";
import { route } from "../shared/route.ts";
import { Bar, mount, Opening } from "../shared/shell.tsx";
import { t } from "../shared/words.ts";
import { AnswerScreen } from "./answer.tsx";
import { FamilyScreen } from "./booking-family.tsx";
import { BookingScreen } from "./booking.tsx";
import { Home } from "./home.tsx";
import { AppealsScreen, HelpScreen, LooksScreen, NoticesScreen, PaperScreen, ResultsScreen } from "./lists.tsx";
import { GuestScreen, JoinScreen, MemberScreen, MembersScreen, ReceiptScreen, TakingScreen, VisitingScreen } from "./members.tsx";
import { NoticeScreen } from "./notice.tsx";
import { PassScreen, SiteCodeScreen } from "./pass.tsx";
import { SettingsScreen } from "./settings.tsx";
import { closeSlip, guest, holder, ready, start } from "./state.ts";
import { SlipScreen, Welcome } from "./welcome.tsx";

function Open() {
  const [place, id] = route.value;
  if (!ready.value) return <Opening />;
  if (place === "paper") return <PaperScreen />;
  if (place === "settings") return <SettingsScreen />;
  if (place === "slip") return <SlipScreen />;
  // Memberships are nobody's subject and need no account: they work also where nothing else of the wallet is used.
  switch (place) {
    case "members": return id ? <MemberScreen id={Number(id)} key={id} /> : <MembersScreen />;
    case "member": return <TakingScreen kind="member" text={id ?? ""} />;
    case "visit": return <TakingScreen kind="visit" text={id ?? ""} />;
    case "visiting": return <VisitingScreen id={Number(id)} />;
    case "guest": return <GuestScreen id={Number(id)} key={id} />;
    case "join": return <JoinScreen />;
    case "receipt": return <ReceiptScreen />;
  }
  if (!holder.value && !guest.value) return <Welcome />;
  switch (place) {
    case "pass": return <PassScreen />;
    case "answer": return <AnswerScreen />;
    case "code": return <SiteCodeScreen />;
    case "notice": return <NoticeScreen id={id ?? ""} key={id} />;
    case "notices": return <NoticesScreen />;
    case "family": return <FamilyScreen />;
    case "booking": return <BookingScreen />;
    case "results": return <ResultsScreen />;
    case "looks": return <LooksScreen />;
    case "appeals": return <AppealsScreen />;
    case "help": return <HelpScreen />;
    default: return <Home />;
  }
}

function App() {
  return (
    <div class="shell" data-language={language.value}>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{t("common.skip")}</a>
      <Bar name={t("wallet.name")} />
      {guest.value && (
        <div class="slip-bar" role="status">
          <span>{t("wallet.slip.reading")}</span>
          <button class="button second" type="button" onClick={closeSlip}>{t("wallet.slip.close")}</button>
        </div>
      )}
      <Open />
    </div>
  );
}

if (inReach) {
  // A scanned payload must not stay in the browser's history.
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
  mount(<App />);
  keepOffline("wallet", () => true);
  void start();
} else openInReach();
