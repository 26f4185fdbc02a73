"""One action on many cases: in parts, with one line of history each, undone for ten minutes, never over a colleague."""

from datetime import timedelta

import pytest

from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.desk import service
from pratique.desk.model import Bulk, Chosen
from tests.desk.conftest import Desk


def begin(desk: Desk, action: str, target: str = "", **chosen: object) -> str:
    return desk.store.write(
        lambda tx: service.begin_bulk(
            tx,
            desk.moment,
            desk.worker,
            action=action,
            target=target,
            chosen=Chosen(**chosen),  # type: ignore[arg-type]
        )
    )


def run(desk: Desk, part: int = 2) -> int:
    n = 0
    while done := desk.store.write(lambda tx: service.go_on(tx, desk.moment, part)):
        n += done
    return n


def job(desk: Desk, bulk_id: str) -> Bulk:
    with desk.store.read() as tx:
        return service.bulk(tx, desk.worker, bulk_id)


def filled(desk: Desk) -> None:
    """Five cases: three of the worker's own, two in the pool."""
    for n in range(3):
        desk.ask(n)
    for n in range(2):
        desk.call_me(n)


def test_it_works(desk: Desk) -> None:
    filled(desk)
    bulk_id = begin(desk, "give", desk.colleague.id, whose="both")
    assert (job(desk, bulk_id).total, job(desk, bulk_id).done) == (5, 0)
    assert desk.store.write(lambda tx: service.go_on(tx, desk.moment, 2)) == 2
    assert job(desk, bulk_id).done == 2  # progress
    assert run(desk) == 3
    assert job(desk, bulk_id).state == "done"
    assert [line.mine for line in desk.list(desk.colleague)] == [True] * 5
    with desk.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM desk_event WHERE what = 'given'") == (5,)

    desk.after(minutes=9)
    desk.store.write(lambda tx: service.undo_bulk(tx, desk.moment, desk.worker, bulk_id))
    assert run(desk) == 5
    assert job(desk, bulk_id).state == "undone"
    assert desk.list(desk.colleague) == [line for line in desk.list(desk.colleague) if not line.mine]
    assert sorted(line.mine for line in desk.list()) == [False, False, True, True, True]


def test_what_a_colleague_touched_stays_as_the_colleague_left_it(desk: Desk) -> None:
    filled(desk)
    bulk_id = begin(desk, "close")
    first = desk.list()[0].id
    own = [line.id for line in desk.list() if line.mine]
    desk.record(own[0], "no-answer")  # between choosing and doing
    run(desk)
    assert own[0] in [line.id for line in desk.list()]
    assert len(desk.list()) == 3
    desk.store.write(lambda tx: service.undo_bulk(tx, desk.moment, desk.worker, bulk_id))
    run(desk)
    assert len(desk.list()) == 5
    assert first in [line.id for line in desk.list()]


def test_putting_off_and_taking_back(desk: Desk) -> None:
    filled(desk)
    before = {line.id: line.due_at for line in desk.list()}
    bulk_id = begin(desk, "later", "3", kinds=("call",))
    run(desk)
    moved = {line.id: line.due_at - before[line.id] for line in desk.list()}
    assert sorted(moved.values()) == [timedelta(0)] * 2 + [timedelta(hours=3)] * 3
    desk.store.write(lambda tx: service.undo_bulk(tx, desk.moment, desk.worker, bulk_id))
    run(desk)
    assert {line.id: line.due_at for line in desk.list()} == before


def test_after_ten_minutes_it_stands_and_another_cannot_undo_it(desk: Desk) -> None:
    filled(desk)
    bulk_id = begin(desk, "close")
    run(desk)
    with pytest.raises(NotFound):
        desk.store.write(lambda tx: service.undo_bulk(tx, desk.moment, desk.colleague, bulk_id))
    desk.after(minutes=11)
    with pytest.raises(Conflict):
        desk.store.write(lambda tx: service.undo_bulk(tx, desk.moment, desk.worker, bulk_id))


def test_only_within_reach_and_only_from_the_list(desk: Desk) -> None:
    filled(desk)
    stranger = desk.store.write(
        lambda tx: service.begin_bulk(
            tx, desk.moment, desk.stranger, action="close", chosen=Chosen(whose="both")
        )
    )
    with desk.store.read() as tx:
        assert service.bulk(tx, desk.stranger, stranger).total == 0
    for action, target, kinds in (
        ("erase", "", ()),
        ("later", "25", ()),
        ("later", "x", ()),
        ("close", "", ("all",)),
    ):
        with pytest.raises(Refusal):
            begin(desk, action, target, kinds=kinds)
    with pytest.raises(NotFound):
        begin(desk, "give", "0" * 26)


def test_what_is_due_soon_alone(desk: Desk) -> None:
    filled(desk)
    bulk_id = begin(desk, "close", whose="both", due_before=desk.now + timedelta(hours=3))
    assert job(desk, bulk_id).total == 2
