/** Results, who looked, appeals, the paper way, help: the quieter screens. */

import { inFours, siteCode } from "../shared/ids.ts";
import { Code } from "../shared/code.tsx";
import { Eye, Gear, Paper, Person, Scale, Tube } from "../shared/icons.tsx";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime, ms } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { Link, NoticeList } from "./home.tsx";
import { byUrgency, ended, type Result } from "./model.ts";
import { AppealCard } from "./notice.tsx";
import { Empty, Freshness, word } from "./parts.tsx";
import { guest, holder, notices, view, waiting } from "./state.ts";

export function ResultsScreen() {
  const list = [...(view.value?.results ?? [])].sort((a, b) => (a.sampled_at < b.sampled_at ? 1 : -1));
  return (
    <Screen title={t("wallet.results.title")} back>
      <Freshness />
      {list.length === 0 && <Empty>{t("wallet.results.none")}</Empty>}
      {list.map((r) => (
        <article class="card">
          <h2>{word("outcome", fromPool(r) ? "retest-required" : r.outcome)}</h2>
          <dl class="facts">
            <div><dt>{t("wallet.results.sampled")}</dt><dd>{dayAndTime(ms(r.sampled_at))}</dd></div>
            {r.known_at && <div><dt>{t("wallet.results.known")}</dt><dd>{dayAndTime(ms(r.known_at))}</dd></div>}
            <div><dt>{t("wallet.results.tube")}</dt><dd>{word("tube", r.tube_kind)}</dd></div>
            {r.analyte && <div><dt>{t("wallet.results.analyte")}</dt><dd>{word("analyte", r.analyte)}</dd></div>}
          </dl>
          {(fromPool(r) || r.outcome === "retest-required") && <p class="note quiet">{t("wallet.results.pool")}</p>}
        </article>
      ))}
    </Screen>
  );
}

/** Nobody is positive from a mixed tube, whatever word an answer uses for it. */
const fromPool = (r: Result): boolean => r.tube_kind === "mixed" && ["positive", "indeterminate", "detected"].includes(r.outcome);

export function LooksScreen() {
  const list = [...(view.value?.looks ?? [])].sort((a, b) => (a.at < b.at ? 1 : -1));
  return (
    <Screen title={t("wallet.looks.title")} back>
      <Freshness />
      <p class="soft">{t("wallet.looks.what")}</p>
      {list.length === 0 && <Empty>{t("wallet.looks.none")}</Empty>}
      {list.map((look) => (
        <article class="card">
          <h2>{word("role", look.role)}</h2>
          <p>{say(look.purpose)}</p>
          <p class="since">{dayAndTime(ms(look.at))} · {t("wallet.looks.fields", { fields: look.fields.map((f) => word("field", f)).join(", ") })}</p>
        </article>
      ))}
      <p class="small soft">{t("wallet.looks.wrong")}</p>
    </Screen>
  );
}

export function AppealsScreen() {
  const list = [...(view.value?.appeals ?? [])].sort((a, b) => (a.opened_at < b.opened_at ? 1 : -1));
  return (
    <Screen title={t("wallet.appeals.title")} back>
      <Freshness />
      <p class="soft">{t("wallet.appeals.what")}</p>
      {waiting.value.map((w) => (
        <article class="card">
          <p class="note flag">{t("wallet.appeal.waits")}</p>
          <p class="since">{dayAndTime(w.written_at)}</p>
        </article>
      ))}
      {list.length + waiting.value.length === 0 && <Empty>{t("wallet.appeals.none")}</Empty>}
      {list.map((a) => <AppealCard appeal={a} />)}
    </Screen>
  );
}

export function NoticesScreen() {
  const open = byUrgency(notices.value);
  const over = ended(notices.value);
  return (
    <Screen title={t("wallet.home.notices")} back>
      <Freshness />
      {open.length === 0 && <Empty>{t("wallet.home.nothing")}</Empty>}
      {open.length > 0 && <NoticeList title={t("wallet.notices.open")} list={open} />}
      {over.length > 0 && <NoticeList title={t("wallet.home.ended")} list={over} />}
    </Screen>
  );
}

/** The way without a phone, at each step; also what to do before a battery dies. */
export function PaperScreen() {
  const subject = (guest.value ?? holder.value)?.subject_id;
  return (
    <Screen title={t("wallet.paper.title")} back>
      <p class="lead no-print">{t("wallet.paper.lead")}</p>
      <dl class="facts no-print">
        <div><dt>{t("wallet.paper.sample")}</dt><dd>{t("wallet.paper.sample-how")}</dd></div>
        <div><dt>{t("wallet.paper.know")}</dt><dd>{t("wallet.paper.know-how")}</dd></div>
        <div><dt>{t("wallet.paper.gate")}</dt><dd>{t("wallet.paper.gate-how")}</dd></div>
        <div><dt>{t("wallet.paper.appeal")}</dt><dd>{t("wallet.paper.appeal-how")}</dd></div>
      </dl>
      <a class="no-print" href="#/slip">{t("wallet.slip.title")}</a>
      {subject && (
        <section class="card paper-slip">
          <h2>{t("wallet.paper.slip")}</h2>
          <p class="small">{t("wallet.paper.slip-how")}</p>
          <div class="code-card"><Code text={siteCode(subject)} label={t("wallet.site.label")} level="Q" max={240} /></div>
          <p class="mono spelled">{inFours(siteCode(subject).slice(5))}</p>
          <button class="button second" type="button" onClick={() => print()}>{t("wallet.paper.print")}</button>
        </section>
      )}
    </Screen>
  );
}

export function HelpScreen() {
  return (
    <Screen title={t("wallet.home.help")} back>
      <p>{t("wallet.help.lead")}</p>
      <nav class="links">
        <Link to="code" icon={<Person />}>{t("wallet.home.code")}</Link>
        <Link to="results" icon={<Tube />}>{t("wallet.results.title")}</Link>
        <Link to="paper" icon={<Paper />}>{t("wallet.paper.title")}</Link>
        <Link to="appeals" icon={<Scale />}>{t("wallet.appeals.title")}</Link>
        <Link to="looks" icon={<Eye />}>{t("wallet.looks.title")}</Link>
        <Link to="settings" icon={<Gear />}>{t("wallet.settings.title")}</Link>
      </nav>
    </Screen>
  );
}
