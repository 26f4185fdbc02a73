"""Orders: one person, a doctor, an end, food, medicine, somebody to reach, a call each day, two ways to object."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from pratique.core.errors import NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.text import Text
from pratique.mandates.model import Paths
from pratique.notices import my_data, service
from pratique.people.model import Staff
from tests.mandates.making import live
from tests.notices.town import Town

DOCTOR = Staff("STAFF-D", "Test Doctor", "duty-doctor")
LINES = {
    "food": "Test kitchen, +999 0000 0001",
    "medicine": "Test pharmacy, +999 0000 0002",
    "contact": "Test desk, day and night, +999 0000 0003",
    "daily_call": "Test district team",
    "review_path": "Test Health Commission, 1 Example Quay, within 60 days",
    "court_path": "Test District Court, 2 Example Quay",
}


def order(town: Town, staff: Staff = DOCTOR, **changes: Any) -> str:
    given: dict[str, Any] = {
        "subject_id": town.members[0], "mandate_id": town.mandate.id, "why": "测试：密切接触 planted why",
        "ends": town.now + timedelta(days=5), "lines": LINES,
    }  # fmt: skip
    return town.store.write(
        lambda tx: service.order_stay_home(tx, town.moment, town.house, staff, **(given | changes))
    )


def test_it_works(town: Town) -> None:
    notice_id = order(town)

    view = town.wallet(town.members[0])
    (copy,) = view.orders
    notice = town.notice(town.members[0], "N4")
    assert (notice.id, notice.state, notice.class_, notice.reason.code) == (
        notice_id,
        "open",
        "restriction",
        "ORDERED",
    )
    assert notice.facts[0].what.en == "测试：密切接触 planted why"
    assert copy.notice_id == notice_id
    assert copy.ends_at == notice.deadline_effective
    assert [line.who for line in copy.care] == [
        LINES[n] for n in ("food", "medicine", "contact", "daily_call")
    ]
    assert (copy.review_path, copy.court_path) == (LINES["review_path"], LINES["court_path"])
    with town.store.read() as tx:
        kept = b"".join(bytes(row[0]) for row in tx.all("SELECT sealed_why FROM care_order"))
        assert [row.notice_id for row in service.live_orders(tx, "", 10)] == [notice_id]
    assert b"planted" not in kept

    town.store.write(lambda tx: service.note(tx, town.moment, "order-ended", notice_id=notice_id))
    assert town.states(town.members[0])["N4"] == "cleared"
    assert town.wallet(town.members[0]).orders[0].state == "ended"
    with town.store.read() as tx:
        assert service.live_orders(tx, "", 10) == []


@pytest.mark.parametrize("name", LINES)
def test_without_one_line_of_care_there_is_no_order(small_town: Town, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        order(small_town, lines=LINES | {name: "  "})
    assert refused.value.field == name
    with small_town.store.read() as tx:
        assert tx.one("SELECT (SELECT COUNT(*) FROM care_order) + (SELECT COUNT(*) FROM notice)") == (0,)


def test_who_when_and_for_whom(small_town: Town) -> None:
    town = small_town
    for changes, fault in (
        ({"staff": Staff("X", "X", "case-worker")}, NotAllowed),
        ({"subject_id": "0" * 26}, NotFound),
        ({"mandate_id": "0" * 26}, NoMandate),
        ({"ends": town.now}, Refusal),
        ({"ends": town.now + timedelta(days=11)}, Refusal),
        ({"why": ""}, Refusal),
    ):
        with pytest.raises(fault):
            order(town, **changes)
    order(town)
    with pytest.raises(Refusal, match="already"):
        order(town)


def test_it_ends_at_its_date_and_an_appeal_nobody_answers_ends_it(town: Town) -> None:
    first, second = order(town), order(town, subject_id=town.members[1])
    town.store.write(
        lambda tx: service.appeal(
            tx, town.moment, town.house, subject_id=town.members[0], notice_id=first, text=""
        )
    )
    town.after(hours=24, seconds=1).sweep()
    assert town.states(town.members[0])["N4"] == "lifted"
    assert town.states(town.members[1])["N4"] == "open"
    town.after(days=4).sweep()
    assert town.states(town.members[1])["N4"] == "lifted"
    assert second != first


def test_who_ordered_never_reviews(town: Town) -> None:
    made = town.store.write(
        lambda tx: service.appeal(
            tx, town.moment, town.house, subject_id=town.members[0], notice_id=order_in(tx, town), text=""
        )
    )
    both = Staff(DOCTOR.id, DOCTOR.name, "reviewer")
    with pytest.raises(NotAllowed):
        town.store.write(lambda tx: service.read_appeal(tx, town.moment, town.house, both, made.id))


def order_in(tx: Any, town: Town) -> str:
    return service.order_stay_home(
        tx, town.moment, town.house, DOCTOR, subject_id=town.members[0], mandate_id=town.mandate.id, why="x",
        ends=town.now + timedelta(days=1), lines=LINES,
    )  # fmt: skip


@pytest.mark.parametrize("column", [*LINES, "ordered_by", "ends_at"])
def test_raw_sql_without_care_meets_the_wall(town: Town, column: str) -> None:
    order(town)
    blank = "opened_at" if column == "ends_at" else "''"
    names = [
        "subject_id", "mandate_id", "opened_at", "ends_at", "ordered_by", *LINES, "sealed_why",
    ]  # fmt: skip
    kept = ", ".join(name for name in names if name != column)
    with pytest.raises(Exception, match=r"(?i)check"):
        town.store.write(
            lambda tx: tx.run(
                f"INSERT INTO care_order (id, notice_id, {column}, {kept}) SELECT 'C', 'N', {blank}, {kept} "
                "FROM care_order"
            )
        )


def test_an_order_is_forgotten_with_its_subject(town: Town) -> None:
    order(town)
    town.store.write(lambda tx: service.forget(tx, town.moment, town.house, town.members[0]))
    with town.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM care_order") == (0,)


PATHS = Paths(
    Text("Test commission, within 60 days", "测试委员会，60日内"),
    Text("Test court, within 6 months", "测试法院，6个月内"),
)


def test_where_to_object_stands_in_the_mandate(town: Town) -> None:
    town.mandate = town.store.write(lambda tx: live(tx, town.moment, days=20, paths=PATHS))
    care = {name: LINES[name] for name in ("food", "medicine", "contact", "daily_call")}
    order(town, mandate_id=town.mandate.id, lines=care | {"court_path": "typed in vain"})
    (copy,) = town.wallet(town.members[0]).orders
    assert (copy.review_path, copy.court_path) == (PATHS.review, PATHS.court)
    with town.store.read() as tx:
        assert service.paths_of(tx, town.mandate.id)["court_path"] == PATHS.court
        (kept,) = tx.all("SELECT court_path FROM care_order")
    assert kept == ("测试法院，6个月内 / Test court, within 6 months",)
    printed = "\n".join(line for _, line in lines_of(town))
    assert "Test court" in printed
    assert "测试委员会" in printed
    with pytest.raises(Refusal) as refused:
        town.store.write(lambda tx: live(tx, town.moment, paths=Paths(PATHS.review, Text("x" * 301, "是"))))
    assert refused.value.field == "paths.court"


def lines_of(town: Town) -> list[tuple[int, str]]:
    with town.store.read() as tx:
        held = service.held(tx, town.moment, town.house, town.members[0], lambda *_: [])
    return list(my_data.lines(held, UTC))
