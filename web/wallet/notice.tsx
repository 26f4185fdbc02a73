/** One notice: what, why, what to do, by when, what stays allowed, and an appeal in one tap. */

import { useEffect, useState } from "preact/hooks";

import { Screen } from "../shared/shell.tsx";
import { dayAndTime, ms } from "../shared/time.ts";
import { say, t } from "../shared/words.ts";
import { CallMe, OrderPart } from "./care.tsx";
import { isOpen, type Appeal, type Notice } from "./model.ts";
import { Empty, FactLine, Facts, Freshness, Lines, Part, RuleLine, Until, word } from "./parts.tsx";
import { appeal, attach, busy, markRead, notices, refusals, view, waiting } from "./state.ts";

export function NoticeScreen({ id }: { id: string }) {
  const notice = notices.value.find((n) => n.id === id);
  useEffect(() => {
    if (notice && isOpen(notice) && notice.class === "information") void markRead(notice);
  }, [notice?.id]);
  return (
    <Screen title={notice ? say(notice.title) : t("wallet.notice.title")} back>
      <Freshness />
      {notice ? <NoticeBody notice={notice} /> : <Empty>{t("wallet.notice.unknown")}</Empty>}
    </Screen>
  );
}

/** A shape and a word for what a notice asks: it holds, it asks, it tells, or it is over. */
export function KindBadge({ notice }: { notice: Notice }) {
  if (!isOpen(notice) || notice.state === "waiting") {
    const over = !isOpen(notice);
    return <span class={`badge ${over ? "clear" : ""}`}><span class={`shape ${over ? "ok" : "off"}`} />{word("state", notice.state)}</span>;
  }
  const [tone, shape] = { restriction: ["hold", "stop"], duty: ["conditions", "bar"], information: ["", "off"] }[notice.class] as [string, string];
  return <span class={`badge ${tone}`}><span class={`shape ${shape}`} />{t(`wallet.class.${notice.class}`)}</span>;
}

export function NoticeBody({ notice, brief }: { notice: Notice; brief?: boolean }) {
  const open = isOpen(notice);
  const level = brief ? "h3" : "h2";
  return (
    <div class="stack wide">
      <div class="row"><KindBadge notice={notice} /></div>
      {!open && <p class="note clear">{t("wallet.notice.over", { why: say(notice.history.at(-1)?.what ?? notice.title) })}</p>}
      <Part title={t("wallet.notice.why")} level={level}><p>{say(notice.reason.text)}</p></Part>
      {open && notice.remedy.length > 0 && <Part title={t("wallet.notice.do")} level={level}><Lines list={notice.remedy} /></Part>}
      {open && notice.class !== "information" && (
        <Part title={t("wallet.notice.when")} level={level}>
          <Until at={notice.deadline_effective} sentence="wallet.notice.by" />
          {notice.extended_because.length > 0 && <p class="note quiet small">{t("wallet.notice.extended", { why: notice.extended_because.map(say).join(" · ") })}</p>}
        </Part>
      )}
      {open && notice.allowed.length > 0 && <Part title={t("wallet.notice.allowed")} level={level}><Lines list={notice.allowed} /></Part>}
      {brief
        ? <div class="buttons">
            <a class="button second" href={`#/notice/${notice.id}`}>{t("wallet.notice.facts-link")}</a>
            <a class="button quiet" href={`#/notice/${notice.id}`}>{t("wallet.appeal.link")}</a>
          </div>
        : <>
            <OrderPart notice={notice} />
            <CallMe notice={notice} />
            <AppealPart notice={notice} />
            <details class="more"><summary>{t("wallet.notice.rule")}</summary><RuleLine rule={notice.rule} mandate={notice.mandate_id} /></details>
            <History notice={notice} />
          </>}
    </div>
  );
}

function History({ notice }: { notice: Notice }) {
  return (
    <details class="more">
      <summary>{t("wallet.notice.history")}</summary>
      <ul>
        <li>{t("wallet.notice.opened")} <span class="since">{dayAndTime(ms(notice.opened_at))}</span></li>
        {notice.history.map((h) => <li>{say(h.what)} <span class="since">{dayAndTime(ms(h.at))}</span></li>)}
      </ul>
    </details>
  );
}

/** Shows the facts as they were stored, lets each be called wrong, and takes the appeal; words are welcome, not needed. */
function AppealPart({ notice }: { notice: Notice }) {
  const [wrong, setWrong] = useState<ReadonlySet<number>>(new Set());
  const [text, setText] = useState("");
  const queued = waiting.value.find((w) => w.notice_id === notice.id);
  const made = view.value?.appeals.filter((a) => a.notice_id === notice.id).at(-1);

  if (queued) return <Part title={t("wallet.notice.facts")} level="h2"><Facts facts={notice.facts} /><p class="note flag" role="status">{t("wallet.appeal.waits")}</p></Part>;
  if (made) return <Part title={t("wallet.notice.facts")} level="h2"><Facts facts={notice.facts} /><AppealCard appeal={made} /></Part>;
  if (!isOpen(notice)) return <Part title={t("wallet.notice.facts")} level="h2"><Facts facts={notice.facts} /></Part>;

  const toggle = (i: number) => setWrong((was) => new Set(was.has(i) ? [...was].filter((n) => n !== i) : [...was, i]));
  const send = (event: Event) => {
    event.preventDefault();
    const named = [...wrong].map((i) => t("wallet.appeal.wrong-line", { fact: say(notice.facts[i]!.what) }));
    void appeal(notice, [...named, text.trim()].filter(Boolean).join("\n"));
  };
  return (
    <form class="appeal stack" onSubmit={send}>
      <h2>{t("wallet.appeal.title")}</h2>
      <p>{t("wallet.appeal.promise", { hours: notice.appeal.clock_hours })}</p>
      <fieldset>
        <legend>{t("wallet.appeal.facts")}</legend>
        {notice.facts.map((fact, i) => (
          <label class="choice fact-choice">
            <FactLine fact={fact} />
            <span class="wrong"><input type="checkbox" checked={wrong.has(i)} onChange={() => toggle(i)} />{t("wallet.appeal.wrong")}</span>
          </label>
        ))}
      </fieldset>
      <div class="field">
        <label for="appeal-text">{t("wallet.appeal.text")}</label>
        <textarea id="appeal-text" maxLength={4000} value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <span class="hint">{t("wallet.appeal.hint")}</span>
      </div>
      {refusals.value.has(notice.id) && <p class="note hold" role="alert">{say(refusals.value.get(notice.id)!)}</p>}
      <button class="button big" type="submit">{t("wallet.appeal.send")}</button>
    </form>
  );
}

/** Pictures and PDF that go with an open appeal: at most three, sealed, without what a picture hides. */
function Attachments({ appeal: one }: { appeal: Appeal }) {
  const list = one.attachments ?? [];
  const refused = refusals.value.get(one.id);
  if (one.state !== "open" && list.length === 0) return null;
  return (
    <div class="stack">
      {list.map((file, n) => <p class="small">{t("wallet.attach.file", { n: n + 1, kind: file.media.split("/")[1]!.toUpperCase(), size: Math.ceil(file.size / 1000) })}</p>)}
      {one.state === "open" && list.length < 3 && (
        <div class="field">
          <label for={`attach-${one.id}`}>{t("wallet.attach.add")}</label>
          <input id={`attach-${one.id}`} type="file" accept="image/jpeg,image/png,application/pdf" disabled={busy.value}
            onChange={(e) => { const file = e.currentTarget.files?.[0]; if (file) void attach(one, file); e.currentTarget.value = ""; }} />
          <span class="hint">{t("wallet.attach.hint")}</span>
        </div>
      )}
      {refused && <p class="note hold" role="alert">{say(refused)}</p>}
    </div>
  );
}

export function AppealCard({ appeal: one }: { appeal: Appeal }) {
  const about = notices.value.find((n) => n.id === one.notice_id);
  return (
    <div class="card">
      <div class="row apart">
        <h3>{about ? say(about.title) : t("wallet.notice.title")}</h3>
        <span class="badge"><span class={`shape ${one.state === "open" ? "off" : "ok"}`} />{word("state", one.state)}</span>
      </div>
      <p class="since">{t("wallet.appeal.sent", { when: dayAndTime(ms(one.opened_at)) })}</p>
      {one.state === "open" ? <Until at={one.due_at} sentence="wallet.appeal.due" /> : <p><strong>{word("outcome", one.outcome || one.state)}</strong> {one.reason && say(one.reason)}</p>}
      {one.answer && <blockquote>{one.answer}</blockquote>}
      <Attachments appeal={one} />
    </div>
  );
}
