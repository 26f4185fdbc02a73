"""Who was not reached for a day is called; whose test is open near its deadline is called; the family is told."""

from datetime import timedelta

import pytest

from pratique.desk import service
from pratique.desk.visits import package
from pratique.notices import service as notices
from pratique.notices.calling import Look, first_look, look
from pratique.notices.kinds import kind_of
from tests.desk.conftest import Desk
from tests.notices.test_an_order_brings_care import LINES

HOUR = 3_600_000


def call(desk: Desk) -> int:
    return desk.store.write(lambda tx: service.call_unasked(tx, desk.moment))


def see(desk: Desk, member: int = 0) -> None:
    """The holder's wallet asks for news."""
    desk.store.write(lambda tx: notices.catch_up(tx, desk.moment, desk.house, desk.members[member]))


def single(desk: Desk, whom: list[str]) -> None:
    desk.tell("retest-required", "R1", sampled=desk.now - timedelta(hours=1), whom=whom)


def test_it_works(desk: Desk) -> None:
    single(desk, desk.members)
    see(desk, 1)
    with desk.store.read() as tx:
        assert not notices.needs_refresh(tx, desk.moment, desk.house, desk.members[1])
        assert notices.needs_refresh(tx, desk.moment, desk.house, desk.members[2])
    assert call(desk) == 0
    assert call(desk.after(hours=23, minutes=59)) == 0
    assert call(desk.after(minutes=1)) == 2  # two of three: one looked
    first = desk.list()[0]
    assert (first.kind, first.title.en) == ("call", "Not reached for a day: call")
    assert first.due_at == desk.now + timedelta(hours=2)
    assert "no message has brought you" in desk.open(first.id).script[0].en
    assert call(desk.after(seconds=5)) == 0

    # Eleven hours and more before the deadline: whoever gave no sample is called, once, whoever has it already.
    desk.tell("sample-sealed", "S", sampled=desk.now, whom=desk.members[2:], pooled=False)
    assert call(desk.after(hours=12)) == 1
    near = next(line for line in desk.list() if line.title.en == "Test still to be taken: call")
    assert near.due_at == desk.now + timedelta(hours=9, seconds=-5)
    assert desk.open(near.id).row.subject_id == desk.members[1]


def test_whom_something_else_reached_meanwhile_is_not_called(desk: Desk) -> None:
    single(desk, desk.members[:2])
    assert call(desk.after(hours=24)) == 2
    first, second = desk.list()
    desk.open(first.id)
    for n in (0, 1):
        see(desk, n)
    assert desk.store.write(lambda tx: service.sweep(tx, desk.moment)) == 1
    (left,) = desk.list()
    assert left.id == first.id  # a worker has it in hand: nothing vanishes from under them
    lines = desk.open(second.id, desk.colleague).lines
    assert [one.what.en for one in lines] == ["Opened", "Closed by itself: the person was reached"]


@pytest.mark.parametrize(("result", "known"), [("reached", True), ("refuses", True), ("no-answer", False)])
def test_a_talk_on_the_phone_reaches_somebody(desk: Desk, result: str, known: bool) -> None:
    single(desk, desk.members[:1])
    call(desk.after(hours=24))
    (line,) = desk.list()
    desk.record(line.id, result)
    with desk.store.read() as tx:
        assert notices.needs_refresh(tx, desk.moment, desk.house, desk.members[0]) != known


def test_what_a_fault_gives_back_moves_the_call(desk: Desk) -> None:
    single(desk, desk.members[:1])
    see(desk)
    desk.after(hours=1).store.write(
        lambda tx: notices.declare_fault(tx, desk.moment, scope="all", cause="outage", by="test")
    )
    desk.after(hours=10).store.write(
        lambda tx: notices.end_fault(tx, desk.moment, scope="all", cause="outage")
    )
    assert call(desk.after(hours=34, minutes=59)) == 0
    assert call(desk.after(minutes=1)) == 1  # 48 + 10 - 12 hours after the opening


def test_who_gave_the_sample_and_what_is_over_is_left_in_peace(desk: Desk) -> None:
    single(desk, desk.members[:2])
    desk.tell("sample-sealed", "S", sampled=desk.now, whom=desk.members[:1], pooled=False)
    desk.tell("not-detected", "N", sampled=desk.now, whom=desk.members[1:2], pooled=False)
    for n in (0, 1):
        see(desk, n)
    assert call(desk.after(hours=24)) == call(desk.after(hours=23)) == 0
    desk.after(days=30).sweep()
    assert call(desk) == 0


def test_nobody_is_called_without_a_mandate(desk: Desk) -> None:
    single(desk, desk.members[:1])
    desk.after(days=31)  # no sweep ran: the notice stands open under a mandate that is over
    assert call(desk) == 0
    with desk.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM notice WHERE desk_at IS NOT NULL") == (0,)


def test_a_campaign_calls_nobody() -> None:
    assert first_look(kind_of("N1"), 0, 72 * HOUR) is None
    assert first_look(kind_of("N2"), 0, 48 * HOUR) == 24 * HOUR
    assert first_look(kind_of("N2"), 0, 6 * HOUR) == -6 * HOUR
    assert first_look(kind_of("N4"), 0, 240 * HOUR) == 24 * HOUR


@pytest.mark.parametrize(
    ("kind", "state", "reached", "hours", "seen"),
    [
        ("N2", "open", 0, 24, Look("unreached", 36 * HOUR)),
        ("N2", "open", 5, 24, Look("", 36 * HOUR)),
        ("N2", "waiting", 0, 24, Look("unreached", 36 * HOUR)),
        ("N2", "open", 0, 10, Look("", 24 * HOUR)),
        ("N2", "open", 0, 36, Look("near", None)),
        ("N2", "waiting", 0, 36, Look("", None)),
        ("N2", "cleared", 0, 24, Look("", None)),
        ("N2", "open", 0, 48, Look("", None)),
        ("N4", "open", 0, 24, Look("unreached", None)),
        ("N4", "open", 1, 24, Look("", None)),
    ],
)
def test_what_a_look_says(kind: str, state: str, reached: int, hours: int, seen: Look) -> None:
    from pratique.notices.model import NoticeRow

    row = NoticeRow(*[""] * 30)._replace(state=state, reached_at=reached, opened_at=0)  # type: ignore[arg-type]
    assert look(kind_of(kind), row, 48 * HOUR, hours * HOUR) == seen


def order(desk: Desk) -> str:
    return desk.store.write(
        lambda tx: service.give_order(
            tx, desk.moment, desk.house, desk.doctor, subject_id=desk.members[0], mandate_id=desk.mandate.id,
            why="test", ends=desk.now + timedelta(days=5), lines=LINES,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "kept", "line"),
    [("reached", "told", "Family told"), ("refuses", "not-wished", "The person wants nobody told")],
)
def test_the_family_is_told_within_a_day(desk: Desk, result: str, kept: str, line: str) -> None:
    order(desk)
    (copy,) = desk.wallet(desk.members[0]).orders
    assert (copy.family, copy.family_at) == ("", None)
    case = next(one for one in desk.list() if one.kind == "call")
    assert case.title.en == "Order: tell the family"
    assert case.due_at == desk.now + timedelta(hours=24)
    desk.after(hours=1)
    assert desk.record(case.id, result) == ""
    (copy,) = desk.wallet(desk.members[0]).orders
    assert copy.family == kept
    assert copy.family_at is not None
    assert line in [one.what.en for one in desk.open(case.id).lines]
    assert [one.kind for one in desk.list()] == ["daily-call"]


def test_help_comes_first_and_the_family_is_still_told(desk: Desk) -> None:
    order(desk)
    case = next(one for one in desk.list() if one.kind == "call")
    assert desk.record(case.id, "needs-help") == "help"
    assert {one.kind for one in desk.list()} == {"daily-call", "call", "help"}
    for _ in range(2):
        opened = desk.record(case.id, "no-answer")
    assert opened == "visit"
    visit = next(one for one in desk.list() if one.kind == "visit")
    assert visit.title.en == "Order: tell the family"
    desk.open(visit.id)
    day = desk.store.write(lambda tx: package(tx, desk.moment, desk.house, desk.fresh(desk.worker)))
    assert day.visits[0].answers["refuses"].en == "Wants nobody told"
    desk.record(visit.id, "reached")
    assert desk.wallet(desk.members[0]).orders[0].family == "told"


def test_the_call_to_the_family_ends_with_the_order(desk: Desk) -> None:
    notice_id = order(desk)
    desk.store.write(lambda tx: service.end_order(tx, desk.moment, desk.doctor, notice_id))
    assert desk.list() == []


def test_whoever_has_an_order_is_not_called_twice_for_it(desk: Desk) -> None:
    order(desk)
    assert call(desk.after(hours=24)) == 0
