"""What a wallet reads: everything that is known of its holder and nothing else, with the reasons."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.credentials import service as credentials
from pratique.mandates import service as mandates
from pratique.notices import appeal_store, store
from pratique.notices.answering import answer_of
from pratique.notices.appeal import profile
from pratique.notices.attaching import view_of
from pratique.notices.campaigns import missing_campaigns
from pratique.notices.clock import Stop, counted
from pratique.notices.facts import facts_behind, said_of_decision
from pratique.notices.kinds import answer_text, cause_text, event_text, read_kind
from pratique.notices.model import (
    OPEN_STATES,
    AppealPath,
    AppealRow,
    AppealView,
    DecisionView,
    EventView,
    House,
    LookView,
    MandateView,
    NoticeRow,
    NoticeView,
    PassView,
    ReasonView,
    Results,
    RuleView,
    WalletView,
)
from pratique.notices.ordering import orders_of
from pratique.notices.passes import is_refresh_due
from pratique.notices.sweep import deadline_of
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.model import Decision
from pratique.store.tx import Row, Tx

ETAG_HOLDS_MS = 3_600_000


def wallet_tag(tx: Tx, moment: Moment, subject_id: str) -> str:
    """The ETag of a wallet: new with each change, each fault, each deadline, each hour. One small statement.

    Raises NotFound for an unknown or forgotten subject.
    """
    version, fault, overdue = store.wallet_stamps(tx, subject_id, moment.now_ms) or (None, 0, 0)
    if version is None:
        raise people.nobody()
    parts = f"{subject_id} {version} {fault} {overdue} {moment.now_ms // ETAG_HOLDS_MS}"
    return f'"{sha256(parts.encode()).hexdigest()[:32]}"'


def wallet_view(
    tx: Tx, moment: Moment, house: House, subject_id: str, results: Results, skew_s: int
) -> WalletView:
    """The whole wallet. `results` is asked for the holder's results. Raises NotFound."""
    people.wallet_version(tx, subject_id)
    decision = policy.current_decision(tx, house.sealer, subject_id)
    if decision is not None and moment.now >= decision.valid_until:
        decision = None
    rows = store.notices_of(tx, subject_id)
    notices = notice_views(tx, moment, house, rows)
    held = credentials.passes_of(tx, subject_id, moment.now)
    looks = people.looks_at(tx, house.sealer, subject_id)
    return WalletView(
        now=rfc3339(moment.now),
        subject_id=subject_id,
        mandate=_mandate(tx, moment, decision, rows),
        decision=decision_view(decision) if decision else None,
        notices=tuple(notices),
        passes=tuple(PassView(_b64(one.credential), rfc3339(one.expires)) for one in held),
        results=tuple(results(tx, subject_id)),
        looks=tuple(LookView(rfc3339(look.at), look.role, look.purpose, look.fields) for look in looks),
        appeals=tuple(appeal_view(tx, house, row) for row in appeal_store.of_subject(tx, subject_id)),
        skew_s=skew_s,
        orders=orders_of(tx, house, subject_id),
    )


def needs_refresh(tx: Tx, moment: Moment, house: House, subject_id: str) -> bool:
    """True where a poll should first bring things up to date (`service.catch_up`). Reads only."""
    if store.overdue(tx, subject_id, moment.now_ms) or missing_campaigns(tx, moment, subject_id):
        return True
    if store.unreached(tx, subject_id):
        return True
    decision = policy.current_decision(tx, house.sealer, subject_id)
    return is_refresh_due(tx, moment.now, decision, subject_id)


def notice_views(tx: Tx, moment: Moment, house: House, rows: Sequence[NoticeRow]) -> list[NoticeView]:
    """Notices as their holder sees them: open ones first, each with its history."""
    if not rows:
        return []
    bodies, stops = store.kind_bodies(tx), store.faults_of(tx, rows)
    history = store.events(tx, [row.id for row in rows])
    ordered = sorted(rows, key=lambda row: (row.state not in OPEN_STATES, -row.opened_at, row.kind, row.id))
    return [
        _notice_view(
            tx, moment, house, row, bodies[row.kind, row.kind_version], stops[row.id], history.get(row.id, [])
        )
        for row in ordered
    ]


def decision_view(decision: Decision) -> DecisionView:
    """A decision as its holder sees it."""
    return DecisionView(
        outcome=decision.outcome,
        reasons=tuple(ReasonView(reason.code, reason.text) for reason in decision.reasons),
        remedy=decision.remedy,
        rule=RuleView(decision.rule.id, decision.rule.version),
        facts=said_of_decision(decision),
        mandate_id=decision.mandate_id,
        valid_until=rfc3339(decision.valid_until),
        would_change=decision.would_change,
    )


def appeal_view(tx: Tx, house: House, row: AppealRow) -> AppealView:
    """An appeal as its holder sees it."""
    try:
        answer = answer_of(house, row)
    except Destroyed:
        answer = ""
    return AppealView(
        id=row.id,
        notice_id=row.notice_id,
        opened_at=rfc3339(from_ms(row.opened_at)),
        due_at=rfc3339(from_ms(row.due_at)),
        state=row.state,
        outcome=row.outcome,
        reason=answer_text(row.reason_code) if row.reason_code else None,
        answer=answer,
        attachments=tuple(view_of(one) for one in appeal_store.attachments(tx, row.id)),
    )


def _notice_view(
    tx: Tx,
    moment: Moment,
    house: House,
    row: NoticeRow,
    body: str,
    stops: list[Stop],
    events: Sequence[Row],
) -> NoticeView:
    kind = read_kind(body)
    until = moment.now_ms if row.state in OPEN_STATES else row.state_at
    moved = counted(stops, row.opened_at, row.duration_ms, until) if row.class_ == "duty" else []
    return NoticeView(
        id=row.id,
        kind=kind.code,
        class_=kind.class_,
        cause="system" if row.cause == "system" else "person",
        title=kind.title,
        reason=ReasonView(row.reason_code, kind.reasons[row.reason_code]),
        facts=facts_behind(tx, house, row),
        rule=RuleView(row.rule_id, row.rule_version),
        mandate_id=row.mandate_id,
        remedy=kind.remedy,
        allowed=kind.allowed,
        opened_at=rfc3339(from_ms(row.opened_at)),
        deadline=rfc3339(from_ms(min(row.deadline_at, row.ends_at))),
        deadline_effective=rfc3339(from_ms(deadline_of(row, stops, until))),
        extended_because=tuple(cause_text(cause) for cause in dict.fromkeys(stop.cause for stop in moved)),
        state=row.state,
        replaces=row.replaces,
        appeal=AppealPath(row.appeal_path, profile(row.clock_profile).first),
        history=tuple(EventView(rfc3339(from_ms(at)), event_text(what)) for at, what, _, _ in events),
    )


def _mandate(
    tx: Tx, moment: Moment, decision: Decision | None, rows: Sequence[NoticeRow]
) -> MandateView | None:
    """The mandate behind what is shown: of the decision, else of the newest open notice, else the one in force."""
    named = [decision.mandate_id] if decision else []
    named += [row.mandate_id for row in rows if row.state in OPEN_STATES]
    found = mandates.mandate_by_id(tx, named[0]) if named else None
    if found is None:
        found = next(iter(mandates.live_mandates(tx, moment.now)), None)
    if found is None:
        return None
    return MandateView(
        id=found.id,
        purpose=found.purpose,
        issuer=found.issuer,
        appeal_office=found.appeal_office,
        start=rfc3339(found.start),
        end=rfc3339(found.ends()),
    )


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
