"""Appeals: opened with one tap, read on the same facts, answered by somebody else, lifted by silence.

The clock is in the database. No fault of the system stops it, and nothing the office does lengthens it.
"""

from contextlib import suppress

from pratique.core.errors import Conflict, Destroyed, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.core.text import Text
from pratique.notices import appeal_store, store
from pratique.notices.appeal import (
    HOUR,
    MAX_TEXT,
    REASONS,
    may_review,
    next_step,
    profile,
    second_due,
)
from pratique.notices.change import decide_again, ends_by_rule, finish
from pratique.notices.closing import end_notices
from pratique.notices.facts import facts_behind, facts_hash
from pratique.notices.kinds import fact_text, kind_of, read_kind
from pratique.notices.model import (
    OPEN_STATES,
    AppealFile,
    AppealLine,
    AppealRow,
    AttachmentView,
    House,
    NoticeRow,
    ReasonView,
    RuleView,
)
from pratique.notices.store import Ended
from pratique.people import service as people
from pratique.people.model import Reader, Staff
from pratique.policy import service as policy
from pratique.policy.model import Evidence
from pratique.store.sealing import Place
from pratique.store.tx import Tx

LET_GO = 2  # the second escalation, at four fifths of the clock
LIFTS = {"changed": "lifted", "withdrawn": "withdrawn"}


def open_appeal(
    tx: Tx, moment: Moment, house: House, *, subject_id: str, notice_id: str, text: str
) -> AppealRow:
    """Appeal against one's own open notice; the text may be empty and in any language.

    The same text about the same facts gives the appeal there already is, with its answer. Raises NotFound for a
    notice of somebody else, Conflict where it is over or another appeal about it runs, Refusal for a text too long.
    """
    if len(text) > MAX_TEXT:
        raise Refusal(
            "TOO_LONG",
            "text",
            Text(f"write at most {MAX_TEXT} characters", f"最多填写 {MAX_TEXT} 个字符"),
        )
    notice = store.notice(tx, notice_id)
    if notice is None or notice.subject_id != subject_id:
        raise _not_found("notice_id")
    digest = house.sealer.blind_index(notice.mandate_id, "appeal", text)
    for earlier in appeal_store.about(tx, notice_id):
        if earlier.text_digest == digest:
            return earlier
        if earlier.state == "open":
            raise Conflict(
                "APPEAL_RUNS",
                "notice_id",
                Text("an appeal about this is being decided already", "关于此提示的申诉正在处理中"),
            )
    if notice.state not in OPEN_STATES:
        raise Conflict("NOTICE_OVER", "notice_id", Text("this notice is over already", "此提示已经结束"))
    row = _new(moment, house, tx, notice, text, digest)
    appeal_store.add(tx, row)
    appeal_store.add_event(tx, row.id, moment.now_ms, "opened", "person")
    store.add_line(tx, notice.id, moment.now_ms, "appeal-opened", "person", reference=row.id)
    people.touch(tx, [subject_id])
    return row


def appeals_by_due(tx: Tx, state: str = "open", limit: int = 200) -> list[AppealLine]:
    """Appeals in the order in which they are due. No name, no subject."""
    return [line_of(tx, row) for row in appeal_store.by_due(tx, state, limit)]


def read_appeal(tx: Tx, moment: Moment, house: House, staff: Staff, appeal_id: str) -> AppealFile:
    """Take an appeal and read it: the facts as they were stored, and the person's text. The look is logged.

    Raises NotFound, NotAllowed for who decided or answered before, or where another reviewer has it.
    """
    row, notice = _with_notice(tx, appeal_id)
    _may(row, staff)
    if row.state == "open" and not row.reviewer:
        row = row._replace(reviewer=staff.id)
        appeal_store.save(tx, row)
        appeal_store.add_event(tx, row.id, moment.now_ms, "taken", "person", reference=staff.id)
    shown = facts_behind(tx, house, notice)
    if facts_hash(shown) != row.facts_hash:
        raise ValueError("the facts shown are not those the decision was made with")
    reader = Reader(staff.id, staff.role, from_ms(row.due_at))
    seen = people.Looked(row.subject_id, row.mandate_id, ("reason", "facts_row"))
    people.log_looks(tx, moment, house.sealer, reader, [seen], purpose="appeal", action="appeal")
    bodies = store.kind_bodies(tx)
    kind = read_kind(bodies[notice.kind, notice.kind_version])
    return AppealFile(
        line=line_of(tx, row),
        facts=shown,
        facts_hash=row.facts_hash,
        rule=RuleView(notice.rule_id, notice.rule_version),
        reason=ReasonView(notice.reason_code, kind.reasons[notice.reason_code]),
        text=house.sealer.open(_text_place(row), row.sealed_text).decode(),
        attachments=tuple(
            AttachmentView(one[0], one[1], int(one[2]), rfc3339(from_ms(one[3])))
            for one in appeal_store.attachments(tx, row.id)
        ),
    )


def may_read(tx: Tx, staff: Staff, appeal_id: str) -> AppealRow:
    """The appeal, for a reviewer who may have it. Raises NotFound, NotAllowed."""
    row, _ = _with_notice(tx, appeal_id)
    _may(row, staff)
    return row


def decide_appeal(
    tx: Tx,
    moment: Moment,
    house: House,
    staff: Staff,
    appeal_id: str,
    *,
    outcome: str,
    reason: str,
    answer: str,
) -> AppealRow:
    """Answer an appeal in writing. `changed` lifts and `withdrawn` withdraws the notice in this transaction.

    An `upheld` that a higher body must confirm, and a `referred`, go to the next stage; the clock runs on. Raises
    NotAllowed for who decided before, Conflict where it is answered or its time is over, Refusal by field.
    """
    row, notice = _with_notice(tx, appeal_id)
    _may(row, staff)
    if row.state != "open" or moment.now_ms >= row.due_at:
        raise Conflict("APPEAL_OVER", "appeal_id", Text("this appeal is over", "此申诉已结束"))
    if reason not in REASONS.get(outcome, ()):
        raise Refusal(
            "BAD_REASON", "reason", Text("choose a reason that fits the outcome", "请选择与结果相符的理由")
        )
    if not answer.strip() or len(answer) > MAX_TEXT:
        raise Refusal("BAD_ANSWER", "answer", Text("write why, for the person", "请向当事人书面说明理由"))
    row = row._replace(
        reviewer=staff.id,
        reason_code=reason,
        sealed_answer=house.sealer.seal(_answer_place(row, moment.now_ms), answer.encode()),
        answered_at=moment.now_ms,
    )
    appeal_store.add_event(tx, row.id, moment.now_ms, outcome, "person", reference=staff.id)
    confirm = (
        second_due(profile(row.profile), row.opened_at) if outcome == "upheld" and row.stage == 1 else None
    )
    if outcome == "referred" or confirm is not None:
        due = confirm if confirm is not None else row.due_at
        row = row._replace(
            stage=row.stage + 1,
            stage_at=moment.now_ms,
            due_at=due,
            escalated=0,
            next_at=next_step(moment.now_ms, due, 0).at,
            first_reviewer=staff.id,
            reviewer="",
        )
        appeal_store.save(tx, row)
    else:
        row = row._replace(state="closed", outcome=outcome, closed_at=moment.now_ms)
        appeal_store.save(tx, row)
        if outcome in LIFTS:
            ended = Ended(notice.id, LIFTS[outcome], moment.now_ms, f"appeal-{outcome}", "person", row.id)
            lift(tx, moment, house, notice, ended, withdraw=outcome == "withdrawn")
        else:
            store.add_line(tx, notice.id, moment.now_ms, "appeal-upheld", "person", reference=row.id)
    people.touch(tx, [row.subject_id])
    return row


def run_clock(tx: Tx, moment: Moment, house: House, row: AppealRow) -> None:
    """What the clock does to an appeal whose next step is due: escalate, or at zero lift, with the time it was due."""
    step = next_step(row.stage_at, row.due_at, row.escalated)
    while row.state == "open" and step.at <= moment.now_ms:
        if step.what == "silence":
            appeal_store.save(
                tx,
                row._replace(
                    state="closed", outcome="lifted-by-silence", reason_code="NO_ANSWER", closed_at=row.due_at
                ),
            )
            appeal_store.add_event(tx, row.id, row.due_at, "lifted-by-silence", "clock")
            notice = store.notice(tx, row.notice_id)
            if notice is not None and notice.state in OPEN_STATES:
                ended = Ended(notice.id, "lifted", row.due_at, "appeal-silence", "clock", row.id)
                lift(tx, moment, house, notice, ended, withdraw=False)
            people.touch(tx, [row.subject_id])
            return
        appeal_store.add_event(tx, row.id, step.at, step.what, "clock")
        escalated = row.escalated + 1
        if escalated == LET_GO and row.reviewer:  # whoever took it and did not answer no longer holds it up
            appeal_store.add_event(tx, row.id, step.at, "let-go", "clock", reference=row.reviewer)
            row = row._replace(reviewer="")
        step = next_step(row.stage_at, row.due_at, escalated)
        row = row._replace(escalated=escalated, next_at=step.at)
    appeal_store.save(tx, row)


def lift(tx: Tx, moment: Moment, house: House, notice: NoticeRow, ended: Ended, *, withdraw: bool) -> None:
    """End a notice by appeal, and let the rules see it: an exemption as of the sample the notice was about.

    Nothing later is exempted. With `withdraw` the evidence itself is taken back.
    """
    end_notices(tx, moment, [ended], answered=ended.reference)
    if not notice.decision_id or policy.live_policy(tx, moment.now) is None:
        return
    exemption = Evidence(
        id=moment.new_id(),
        subject_id=notice.subject_id,
        kind="exemption",
        analyte=notice.analyte,
        sampled_at=from_ms(notice.since_at),
        known_at=moment.now,
        source=fact_text("appeal"),
        ref=ended.reference,
        mandate_id=notice.mandate_id,
    )
    policy.record_evidence(
        tx, moment, house.sealer, exemption, notice.source_ref if withdraw and notice.source_ref else None
    )
    decided, rules = decide_again(tx, moment, house, [notice.subject_id])
    finish(tx, moment, house, ends_by_rule(tx, moment, decided, rules), [], decided)


def answer_of(house: House, row: AppealRow) -> str:
    """The written answer. Raises Destroyed."""
    if row.sealed_answer is None or row.answered_at is None:
        return ""
    return house.sealer.open(_answer_place(row, row.answered_at), row.sealed_answer).decode()


def words_of(tx: Tx, house: House, subject_id: str) -> dict[str, str]:
    """What a person wrote in each appeal, for that person. Nothing where the key was destroyed."""
    found = {}
    for row in appeal_store.of_subject(tx, subject_id):
        with suppress(Destroyed):
            found[row.id] = house.sealer.open(_text_place(row), row.sealed_text).decode()
    return found


def line_of(tx: Tx, row: AppealRow) -> AppealLine:
    """An appeal as a line of a list."""
    notice = store.notice(tx, row.notice_id)
    code = notice.kind if notice else ""
    return AppealLine(
        id=row.id,
        notice_id=row.notice_id,
        kind=code,
        title=kind_of(code).title if code else Text("–", "–"),
        opened_at=from_ms(row.opened_at),
        due_at=from_ms(row.due_at),
        state=row.state,
        stage=row.stage,
        level=row.escalated,
        decider=row.decider,
        reviewer=row.reviewer,
        outcome=row.outcome,
    )


def _new(moment: Moment, house: House, tx: Tx, notice: NoticeRow, text: str, digest: bytes) -> AppealRow:
    due = moment.now_ms + profile(notice.clock_profile).first * HOUR
    row = AppealRow(
        id=moment.new_id(),
        notice_id=notice.id,
        subject_id=notice.subject_id,
        mandate_id=notice.mandate_id,
        facts_row_id=notice.facts_row_id,
        ground_id=notice.ground_id,
        facts_hash=facts_hash(facts_behind(tx, house, notice)),
        opened_at=moment.now_ms,
        profile=notice.clock_profile,
        stage=1,
        stage_at=moment.now_ms,
        due_at=due,
        next_at=next_step(moment.now_ms, due, 0).at,
        escalated=0,
        state="open",
        decider=notice.decider,
        reviewer="",
        first_reviewer="",
        outcome="",
        reason_code="",
        closed_at=None,
        sealed_text=b"",
        text_digest=digest,
        sealed_answer=None,
        answered_at=None,
    )
    return row._replace(sealed_text=house.sealer.seal(_text_place(row), text.encode()))


def _with_notice(tx: Tx, appeal_id: str) -> tuple[AppealRow, NoticeRow]:
    row = appeal_store.by_id(tx, appeal_id)
    notice = store.notice(tx, row.notice_id) if row else None
    if row is None or notice is None:
        raise _not_found("appeal_id")
    return row, notice


def _may(row: AppealRow, staff: Staff) -> None:
    if staff.role != "reviewer":
        raise NotAllowed(
            "NOT_A_REVIEWER", "role", Text("your role does not decide appeals", "您的角色不处理申诉")
        )
    if not may_review(staff.id, row.decider, row.first_reviewer):
        raise NotAllowed(
            "DECIDED_BEFORE",
            "reviewer",
            Text(
                "you decided this before; another person has to review it", "此事由您作出过决定，须由他人复核"
            ),
        )
    if row.reviewer not in ("", staff.id) and row.state == "open":
        raise NotAllowed(
            "TAKEN", "reviewer", Text("another reviewer has this appeal", "此申诉已由其他复核员处理")
        )


def _not_found(field: str) -> NotFound:
    return NotFound("NO_SUCH_THING", field, Text("there is nothing here by that id", "没有此项"))


def _text_place(row: AppealRow) -> Place:
    day = from_ms(row.opened_at).date().isoformat()
    return Place("appeal", "sealed_text", row.id, row.mandate_id, day, row.subject_id)


def _answer_place(row: AppealRow, at: int) -> Place:
    day = from_ms(at).date().isoformat()
    return Place("appeal", "sealed_answer", row.id, row.mandate_id, day, row.subject_id)
