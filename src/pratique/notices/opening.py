"""Opening notices: the one door through which a duty or a restriction comes into being.

Nothing is stored without a live mandate, reason, facts, remedy, deadline, appeal path and texts in both languages;
the database says the same (0006_notices.sql, guards).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from pratique.core.errors import Refusal
from pratique.core.mandate import Mandate
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.notices import store
from pratique.notices.appeal import profile_for
from pratique.notices.calling import first_look
from pratique.notices.kinds import kind_of, shipped_kinds
from pratique.notices.model import House, Kind, NoticeRow, Opening, Said
from pratique.people import service as people
from pratique.store.sealing import Place
from pratique.store.tx import Tx

_encode = msgspec.json.Encoder().encode
_SAID = msgspec.json.Decoder(tuple[Said, ...])


def open_notice(tx: Tx, moment: Moment, house: House, opening: Opening) -> str:
    """Open one notice; its id. Raises NoMandate, or Refusal naming what is missing."""
    return open_many(tx, moment, house, [opening])[0]


def open_many(tx: Tx, moment: Moment, house: House, openings: Sequence[Opening]) -> list[str]:
    """Open notices, all or none; their ids in order. Raises NoMandate, or Refusal naming what is missing."""
    if not openings:
        return []
    keep_kinds(tx, moment)
    live: dict[str, Mandate] = {}
    rows = []
    for opening in openings:
        mandate = live.get(opening.mandate_id)
        if mandate is None:
            mandate = mandates.require(tx, opening.mandate_id, "restriction", moment.now)
            live[opening.mandate_id] = mandate
        rows.append(_row(moment, house, opening, mandate))
    store.add_notices(tx, rows)
    people.touch(tx, [row.subject_id for row in rows])
    return [row.id for row in rows]


def keep_kinds(tx: Tx, moment: Moment) -> None:
    """Keep the texts as they are now, so that a notice is always read with the words it was opened with."""
    store.keep_kinds(tx, [{**kind, "at": moment.now_ms} for kind in shipped_kinds()])


def refuse_incomplete(opening: Opening, kind: Kind, mandate: Mandate, now: datetime) -> timedelta:
    """How long the notice runs. Pure; raises Refusal naming the first thing that is missing or wrong."""
    if opening.reason not in kind.reasons:
        raise _missing("reason", "no reason of this kind was given", "未给出此类提示的原因")
    if not kind.remedy:
        raise _missing("remedy", "the kind says no remedy", "此类提示没有说明如何处理")
    if opening.decision is None and not opening.ground_id and not opening.facts:
        raise _missing("facts", "there are no facts behind it", "没有所依据的事实")
    texts = (kind.title, kind.reasons[opening.reason], *kind.remedy, *kind.allowed)
    if not all(text.en.strip() and text.zh_hans.strip() for text in texts):
        raise _missing("texts", "a text is missing in one language", "缺少一种语言的文本")
    if not mandate.appeal_office.en.strip() or mandate.appeal_hours < 1:
        raise _missing("appeal", "the mandate names nobody who hears appeals", "授权令未指明申诉受理方")
    runs = opening.deadline - now if opening.deadline is not None else timedelta(hours=kind.hours)
    if not timedelta(0) < runs <= timedelta(hours=kind.max_hours):
        raise _missing(
            "deadline",
            "the deadline is past, or later than this kind allows",
            "期限已过，或超过此类提示的上限",
        )
    return runs


def seal_facts(house: House, row_id: str, opening: Opening, now_ms: int) -> bytes | None:
    """The facts that stand with the notice itself, sealed; None where a decision or a ground holds them."""
    if not opening.facts:
        return None
    place = facts_place(row_id, opening.mandate_id, now_ms, opening.subject_id)
    return house.sealer.seal(place, _encode(opening.facts))


def sealed_again(
    house: House, row_id: str, row: NoticeRow, facts: tuple[Said, ...], now_ms: int
) -> bytes | None:
    """The facts of a notice sealed for the one that takes its place."""
    if not facts:
        return None
    return house.sealer.seal(facts_place(row_id, row.mandate_id, now_ms, row.subject_id), _encode(facts))


def open_facts(house: House, row: NoticeRow) -> tuple[Said, ...]:
    """The facts sealed with a notice. Raises Destroyed."""
    if row.sealed_facts is None:
        return ()
    place = facts_place(row.id, row.mandate_id, row.opened_at, row.subject_id)
    return _SAID.decode(house.sealer.open(place, row.sealed_facts))


def facts_place(notice_id: str, mandate_id: str, at: int, subject_id: str) -> Place:
    """Where the facts of a notice are sealed."""
    return Place("notice", "sealed_facts", notice_id, mandate_id, from_ms(at).date().isoformat(), subject_id)


def first_live(tx: Tx, candidates: Iterable[str], unlock: str, now: datetime) -> Mandate | None:
    """The first of these mandates that is in force and unlocks `unlock`."""
    for mandate_id in candidates:
        mandate = mandates.mandate_by_id(tx, mandate_id) if mandate_id else None
        if mandate is not None and mandate.in_force(now, unlock):
            return mandate
    return None


def _row(moment: Moment, house: House, opening: Opening, mandate: Mandate) -> NoticeRow:
    try:
        kind = kind_of(opening.kind)
    except KeyError:
        raise _missing("kind", "there is no such kind of notice", "没有此类提示") from None
    runs = refuse_incomplete(opening, kind, mandate, moment.now)
    now = moment.now_ms
    duration = int(runs / timedelta(milliseconds=1))
    ends = to_ms(mandate.ends())
    if kind.class_ == "restriction":
        ends = min(ends, now + duration)  # nothing lengthens a restriction
    notice_id = opening.notice_id or moment.new_id()
    decision = opening.decision
    rule_id, rule_version = (
        (decision.rule.id, decision.rule.version) if decision else (kind.code, str(kind.version))
    )
    return NoticeRow(
        id=notice_id,
        subject_id=opening.subject_id,
        kind=kind.code,
        kind_version=kind.version,
        class_=kind.class_,
        mandate_id=mandate.id,
        campaign_id=opening.campaign_id,
        decision_id=decision.id if decision else "",
        facts_row_id=decision.facts_row_id if decision else "",
        ground_id=opening.ground_id,
        rule_id=rule_id,
        rule_version=rule_version,
        reason_code=opening.reason,
        remedy_code=kind.code,
        appeal_path=f"/v1/notices/{notice_id}/appeals",
        clock_profile=profile_for(mandate.appeal_hours).code,
        analyte=opening.analyte,
        source_ref=opening.source_ref,
        since_at=to_ms(opening.since) if opening.since else now,
        opened_at=now,
        duration_ms=duration,
        deadline_at=now + duration,
        ends_at=ends,
        due_at=min(now + duration, ends),
        state="open",
        state_at=now,
        cause=kind.cause,
        replaces=opening.replaces,
        decider=opening.decider or f"rule:{rule_id}",
        sealed_facts=seal_facts(house, notice_id, opening, now),
        desk_at=first_look(kind, now, min(now + duration, ends)),
        reached_at=0 if kind.reach_hours else None,
    )


def _missing(field: str, en: str, zh: str) -> Refusal:
    return Refusal("NOTICE_INCOMPLETE", field, Text(f"no notice without this: {en}", f"提示不完整：{zh}"))
