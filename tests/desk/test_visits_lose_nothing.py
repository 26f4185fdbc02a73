"""The day's own visits go along; results come back whenever there is a network, and none is lost."""

from pratique.desk import visits
from pratique.desk.model import VisitResult
from tests.desk.conftest import Desk


def take(desk: Desk, case_id: str, result: str, key: str, staff: object = None) -> str:
    told = VisitResult(case_id=case_id, result=result, at="2026-01-05T10:00:00Z", key=key)  # type: ignore[arg-type]
    who = desk.fresh(staff or desk.worker)  # type: ignore[arg-type]
    return desk.store.write(lambda tx: visits.take_result(tx, desk.moment, desk.house, who, told)).what


def visit(desk: Desk) -> str:
    """A case that became a visit and was taken by the worker."""
    desk.call_me()
    desk.record(desk.list()[0].id, "wrong-number")
    (line,) = desk.list()
    desk.open(line.id)
    return line.id


def test_it_works(desk: Desk) -> None:
    case_id = visit(desk)
    package = desk.store.write(
        lambda tx: visits.package(tx, desk.moment, desk.house, desk.fresh(desk.worker))
    )
    (one,) = package.visits
    assert (one.case_id, one.card["name"]) == (case_id, "Test Person 0")
    assert take(desk, case_id, "reached", "K1") == "stored"
    assert take(desk, case_id, "reached", "K1") == "known"
    assert desk.list() == []
    other = desk.store.write(
        lambda tx: visits.package(tx, desk.moment, desk.house, desk.fresh(desk.colleague))
    )
    assert other.visits == ()


def test_a_result_for_a_case_that_is_done_is_kept_beside_the_first(desk: Desk) -> None:
    case_id = visit(desk)
    desk.record(case_id, "refuses")
    assert take(desk, case_id, "reached", "K2") == "conflict"
    with desk.store.read() as tx:
        said = [
            row[0]
            for row in tx.all("SELECT what FROM desk_event WHERE case_id = :id ORDER BY seq", id=case_id)
        ]
    assert said[-3:] == ["refuses", "reached", "conflict"]


def test_somebody_elses_visit_is_nobodys(desk: Desk) -> None:
    case_id = visit(desk)
    assert take(desk, case_id, "reached", "K3", desk.colleague) == "not-yours"
    assert take(desk, "0" * 26, "reached", "K4") == "not-yours"
