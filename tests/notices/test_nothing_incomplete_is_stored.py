"""A notice without live mandate, reason, facts, remedy, deadline, appeal path or texts does not come into being."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pratique.core.errors import NoMandate, Refusal
from pratique.core.text import Text
from pratique.notices import service
from pratique.notices.kinds import kind_of
from pratique.notices.model import Opening, Said
from pratique.notices.opening import refuse_incomplete
from pratique.store.tx import Tx
from tests.mandates.making import live
from tests.notices.town import Town

FACT = (Said(Text("a fact", "事实"), "", None),)


def opening(town: Town, **changes: Any) -> Opening:
    whole = Opening(town.members[0], "N5", town.mandate.id, "CONTACT_WANTED", facts=FACT)
    return whole._replace(**changes)


def open_one(town: Town, **changes: Any) -> str:
    return town.store.write(
        lambda tx: service.open_notice(tx, town.moment, town.house, opening(town, **changes))
    )


def test_it_works(town: Town) -> None:
    open_one(town)
    notice = town.notice(town.members[0], "N5")
    assert notice.state == "open"
    assert notice.facts == FACT
    assert notice.appeal.path == f"/v1/notices/{notice.id}/appeals"
    assert notice.appeal.clock_hours == 24
    assert notice.deadline == "2026-01-06T00:00:00Z"
    assert notice.history[0].what.en == "This notice began."


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "BECAUSE"}, "reason"),
        ({"facts": ()}, "facts"),
        ({"kind": "N9"}, "kind"),
        ({"deadline": "past"}, "deadline"),
        ({"deadline": "too far"}, "deadline"),
        ({"mandate_id": ""}, "mandate_id"),
        ({"mandate_id": "0" * 26}, "mandate_id"),
    ],
)
def test_each_omission_is_refused_by_name(small_town: Town, changes: dict[str, Any], field: str) -> None:
    times = {"past": small_town.now, "too far": small_town.now + timedelta(days=4)}
    changes = {name: times.get(value, value) for name, value in changes.items()}
    with pytest.raises(Refusal) as refused:
        open_one(small_town, **changes)
    assert refused.value.field == field
    with small_town.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM notice") == (0,)


def test_a_kind_without_remedy_or_texts_is_refused(small_town: Town) -> None:
    kind = kind_of("N5")
    for broken, field in (
        (msgspec.structs.replace(kind, remedy=()), "remedy"),
        (msgspec.structs.replace(kind, title=Text("x", "")), "texts"),
    ):
        with pytest.raises(Refusal) as refused:
            refuse_incomplete(opening(small_town), broken, small_town.mandate, small_town.now)
        assert refused.value.field == field
    deaf = msgspec.structs.replace(small_town.mandate, appeal_office=Text("", ""))
    with pytest.raises(Refusal) as refused:
        refuse_incomplete(opening(small_town), kind, deaf, small_town.now)
    assert refused.value.field == "appeal"


def test_a_mandate_that_does_not_allow_it_is_refused(small_town: Town) -> None:
    town = small_town
    other = town.store.write(lambda tx: live(tx, town.moment, unlocks=("campaign", "gate")))
    with pytest.raises(NoMandate):
        open_one(town, mandate_id=other.id)
    town.after(days=31)
    with pytest.raises(NoMandate):
        open_one(town)


BLANKS = {
    "mandate_id": "''", "reason_code": "''", "remedy_code": "''", "appeal_path": "''", "clock_profile": "''",
    "rule_id": "''", "decider": "''", "duration_ms": "0", "deadline_at": "opened_at", "ends_at": "opened_at",
    "state": "'forever'", "class": "'score'", "cause": "'karma'", "kind": "'N99'", "kind_version": "99",
}  # fmt: skip


@pytest.mark.parametrize("column", BLANKS)
def test_raw_sql_meets_the_same_wall(town: Town, column: str) -> None:
    notice_id = open_one(town)
    with pytest.raises(Exception, match=r"(?i)check|mandate|incomplete"):
        town.store.write(lambda tx: tx.run(_copy(tx, notice_id, **{column: BLANKS[column]})))


def test_a_copy_that_is_whole_passes_the_wall(town: Town) -> None:
    """Or the test above could not fail."""
    notice_id = open_one(town)
    town.store.write(lambda tx: tx.run(_copy(tx, notice_id)))


def test_raw_sql_cannot_send_an_appeal_elsewhere_nor_outlive_the_mandate(town: Town) -> None:
    notice_id = open_one(town)
    for changes in (
        {"appeal_path": "'/v1/notices/OTHER/appeals'"},
        {"ends_at": "ends_at + 1"},
        {"reason_code": "'ORDERED'"},  # an order without its duties of care
    ):
        with pytest.raises(Exception, match="NOTICE_INCOMPLETE"):
            town.store.write(lambda tx, changes=changes: tx.run(_copy(tx, notice_id, **changes)))
    for change in ("ends_at = ends_at + 1", "mandate_id = 'OTHER'", "class = 'restriction'"):
        with pytest.raises(Exception, match=r"NOTICE_FIXED|no mandate"):
            town.store.write(lambda tx, change=change: tx.run(f"UPDATE notice SET {change}"))


def _copy(tx: Tx, notice_id: str, **changes: str) -> str:
    """SQL that copies a notice with these columns changed."""
    given = {"id": "'COPY'", "appeal_path": "'/v1/notices/COPY/appeals'"} | changes
    kept = [name for name in _columns(tx) if name not in given]
    return (
        f"INSERT INTO notice ({', '.join([*given, *kept])}) SELECT {', '.join([*given.values(), *kept])} "
        f"FROM notice WHERE id = '{notice_id}'"
    )


def test_raw_sql_without_facts_meets_the_wall(town: Town) -> None:
    notice_id = open_one(town)
    with pytest.raises(Exception, match=r"(?i)check"):
        town.store.write(
            lambda tx: tx.run("UPDATE notice SET sealed_facts = NULL WHERE id = :id", id=notice_id)
        )


def test_history_is_never_rewritten(town: Town) -> None:
    open_one(town)
    with pytest.raises(Exception, match="APPEND_ONLY"):
        town.store.write(lambda tx: tx.run("UPDATE notice_event SET what = 'nothing'"))


def test_a_closed_notice_stays_closed(town: Town) -> None:
    from pratique.notices import store
    from pratique.notices.store import Ended

    notice_id = open_one(town)
    at = town.moment.now_ms
    town.store.write(
        lambda tx: service.note(tx, town.moment, "contact", notice_id=notice_id, subject_id=town.members[0])
    )
    for state in ("waiting", "lifted", "withdrawn", "cleared"):
        town.store.write(lambda tx, s=state: store.set_states(tx, [Ended(notice_id, s, at, "time", "clock")]))
    notice = town.notice(town.members[0], "N5")
    assert notice.state == "cleared"
    assert len(notice.history) == 2


def test_facts_of_a_notice_are_sealed(town: Town) -> None:
    open_one(town, facts=(Said(Text("canary wren", "金丝雀"), "", None),))
    with town.store.read() as tx:
        kept = b"".join(bytes(row[0]) for row in tx.all("SELECT sealed_facts FROM notice"))
    assert b"canary" not in kept
    assert "金丝雀".encode() not in kept


def test_information_ends_when_read(town: Town) -> None:
    town.tell("not-detected", "R1", sampled=town.now)
    town.after(hours=1).tell("retest-required", "R2", sampled=town.now - timedelta(hours=1), supersedes="R1")
    one = town.members[0]
    told = town.notice(one, "N6")
    town.store.write(lambda tx: service.note(tx, town.moment, "read", notice_id=told.id, subject_id=one))
    assert town.states(one)["N6"] == "cleared"
    other = town.members[1]
    with pytest.raises(Refusal):  # another person's notice is not there
        town.store.write(
            lambda tx: service.note(tx, town.moment, "read", notice_id=told.id, subject_id=other)
        )
    duty = town.notice(one, "N2")
    with pytest.raises(Refusal):  # a duty does not end by being read
        town.store.write(lambda tx: service.note(tx, town.moment, "read", notice_id=duty.id, subject_id=one))
    town.after(days=14)
    town.sweep()
    assert town.states(other)["N6"] == "cleared"


def _columns(tx: Any) -> list[str]:
    from pratique.notices.store import NOTICE

    return NOTICE.split(", ")
