/** The first screen: the most urgent notice, then the pass, then everything else one tap away. */

import type { ComponentChildren } from "preact";

import { now } from "../shared/clock.ts";
import { Bell, Eye, Gear, Paper, Pass, Person, Scale, Tube } from "../shared/icons.tsx";
import { large } from "../shared/prefs.ts";
import { Screen } from "../shared/shell.tsx";
import { dayAndTime, distance, ms, tick } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { bestPass, byUrgency, ended, isOpen, type Decision, type Notice } from "./model.ts";
import { Facts, Freshness, Lines, Part, RuleLine } from "./parts.tsx";
import { KindBadge, NoticeBody } from "./notice.tsx";
import { notices, view } from "./state.ts";

export function Home() {
  return large.value ? <LargeHome /> : <FullHome />;
}

function FullHome() {
  const open = byUrgency(notices.value);
  const [first, ...others] = open;
  return (
    <Screen title={t("wallet.home.title")} wide>
      <Freshness />
      <div class="home">
        <div class="stack wide">
          {first ? <TopNotice notice={first} /> : view.value && <Quiet />}
          {others.length > 0 && <NoticeList title={t("wallet.home.others")} list={others} />}
          <Standing />
          <Ended />
        </div>
        <div class="stack side">
          <PassButtons />
          <nav class="links" aria-label={t("wallet.home.more")}>
            <Link to="booking" icon={<Tube />}>{t("wallet.booking.title")}</Link>
            <Link to="family" icon={<Person />}>{t("wallet.booking.family")}</Link>
            <Link to="results" icon={<Tube />}>{t("wallet.results.title")}</Link>
            <Link to="looks" icon={<Eye />}>{t("wallet.looks.title")}</Link>
            <Link to="appeals" icon={<Scale />}>{t("wallet.appeals.title")}</Link>
            <Link to="members" icon={<Pass />}>{t("wallet.members.title")}</Link>
            <Link to="paper" icon={<Paper />}>{t("wallet.paper.title")}</Link>
            <Link to="settings" icon={<Gear />}>{t("wallet.settings.title")}</Link>
          </nav>
        </div>
      </div>
    </Screen>
  );
}

/** The large face: three buttons, nothing else to read first. */
function LargeHome() {
  const open = byUrgency(notices.value);
  return (
    <Screen title={t("wallet.home.title")}>
      <Freshness />
      <nav class="three">
        <a class="button big" href="#/pass"><Pass />{t("wallet.home.pass")}</a>
        <a class="button big second" href="#/notices"><Bell />{open.length ? t("wallet.home.notices-n", { n: open.length }) : t("wallet.home.notices")}</a>
        <a class="button big second" href="#/help"><Person />{t("wallet.home.help")}</a>
      </nav>
      {open[0] && <p>{say(open[0].title)}</p>}
    </Screen>
  );
}

export const Link = ({ to, icon, children }: { to: string; icon: ComponentChildren; children: ComponentChildren }) => (
  <a class="link" href={`#/${to}`}>{icon}<span>{children}</span></a>
);

function TopNotice({ notice }: { notice: Notice }) {
  return (
    <article class={`card raised top-notice ${notice.class}`} aria-labelledby="top-notice">
      <h2 id="top-notice">{say(notice.title)}</h2>
      <NoticeBody notice={notice} brief />
    </article>
  );
}

const Quiet = () => (
  <div class="card quiet-home"><h2>{t("wallet.home.nothing")}</h2><p class="soft">{t("wallet.home.nothing-more")}</p></div>
);

export function NoticeList({ title, list }: { title: string; list: readonly Notice[] }) {
  return (
    <section class="stack">
      <h2>{title}</h2>
      {list.map((n) => {
        const due = isOpen(n) && n.class !== "information" ? n.deadline_effective : "";
        return (
          <a class="card notice-line" href={`#/notice/${n.id}`}>
            <span class="row apart"><strong>{say(n.title)}</strong><KindBadge notice={n} /></span>
            {due && <span class="since">{dayAndTime(ms(due))} · {distance(ms(due), tick.value)}</span>}
          </a>
        );
      })}
    </section>
  );
}

function PassButtons() {
  const pass = bestPass(view.value?.passes ?? [], now());
  return (
    <div class="pass-buttons">
      <a class={`button big ${pass ? "" : "second"}`} href="#/pass"><Pass />{t("wallet.home.pass")}</a>
      <a class="button big second" href="#/code"><Person />{t("wallet.home.code")}</a>
    </div>
  );
}

/** The decision in words, with its reasons and facts. No colour and no tick: this is an explanation, not a badge. */
function Standing() {
  const decision = view.value?.decision;
  if (!decision) return null;
  return (
    <section class="card">
      <h2>{t(`wallet.standing.${decision.outcome}`)}</h2>
      <Lines list={decision.reasons.map((r) => r.text)} />
      {decision.valid_until && <p class="since">{t("wallet.standing.until", { when: dayAndTime(ms(decision.valid_until)) })}</p>}
      <DecisionMore decision={decision} />
    </section>
  );
}

function DecisionMore({ decision }: { decision: Decision }) {
  return (
    <details class="more">
      <summary>{t("wallet.standing.more")}</summary>
      <div class="stack">
        {decision.remedy.length > 0 && <Part title={t("wallet.notice.do")}><Lines list={decision.remedy} /></Part>}
        {decision.facts.length > 0 && <Part title={t("wallet.notice.facts")}><Facts facts={decision.facts} /></Part>}
        {decision.would_change.length > 0 && <Part title={t("wallet.standing.change")}><Lines list={decision.would_change} /></Part>}
        <RuleLine rule={decision.rule} mandate={decision.mandate_id} />
      </div>
    </details>
  );
}

/** No notice disappears without a line that says why it went. */
function Ended() {
  const list = ended(notices.value);
  if (list.length === 0) return null;
  return (
    <section class="stack">
      <h2>{t("wallet.home.ended")}</h2>
      <ul class="ended">
        {list.slice(0, 8).map((n) => {
          const last = n.history.at(-1);
          return (
            <li>
              <a href={`#/notice/${n.id}`}>{say(n.title)}</a> – {last ? say(last.what) : t("wallet.notice.no-longer")}
              {last && <span class="since"> {dayAndTime(ms(last.at))}</span>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
