"""One in a hundred, one in ten, all; stopped by alarms and by holds the preview did not foretell; never by silence."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.errors import Conflict
from pratique.credentials.cbor import read_exact
from pratique.credentials.trust import open_bundle, read_body
from pratique.fleet import service as fleet
from pratique.fleet.model import SLOT_SECONDS
from pratique.rollout import service
from pratique.rollout.watch import DWELL, FEWEST, Band, Seen, band, is_last, judge, stage_of
from tests.rollout.making import World, draft_of, hold_without_test, world

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
GATES = 30


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, NOW, tested=20, untested=20) as made:
        made.write(lambda tx, m: [_gate(tx, made, n) for n in range(GATES)])
        yield made


def _gate(tx: Any, here: World, n: int) -> None:
    tx.run(
        "INSERT INTO gate (id, mandate_id, place_en, place_zh, public_key, state, enrolled_at, confirmed_at) "
        "VALUES (:id, :mandate_id, 'gate', '哨位', :key, 'up', :now, :now)",
        id=f"{n:026}",
        mandate_id=here.town.mandate_id,
        key=f"{n:032}".encode(),
        now=here.port.moment().now_ms,
    )


def carry(here: World) -> Any:
    signers = here.port.signing_roots
    return here.write(
        lambda tx, m: service.carry(tx, m, lambda tx, m: fleet.publish_snapshot(tx, m, signers))
    )


def counted(here: World, gate_id: str, outcome: str, reason: str, n: int, number: int) -> None:
    slot = int(here.clock().timestamp()) // SLOT_SECONDS
    here.write(
        lambda tx, m: tx.run(
            "INSERT INTO slot_count (gate_id, slot15, outcome, reason, policy, n) VALUES (:g, :s, :o, :r, :p, :n)",
            g=gate_id, s=slot, o=outcome, r=reason, p=number, n=n,
        )
    )  # fmt: skip


def heard(here: World, gate_id: str) -> None:
    """The gate says that it decides by the snapshot it is given now."""

    def act(tx: Any, _: Any) -> None:
        newest = fleet.newest_snapshot(tx, gate_id)
        assert newest is not None
        tx.run("UPDATE gate SET snapshot = :number WHERE id = :id", number=newest[0], id=gate_id)

    here.write(act)


def served(here: World, gate_id: str) -> int:
    """The policy in the snapshot that this gate is given."""
    with here.port.store.read() as tx:
        newest = fleet.newest_snapshot(tx, gate_id)
        assert newest is not None
        raw = fleet.snapshot_body(tx, newest[0])
    held = read_body(open_bundle(raw)[0]).policy
    assert held is not None
    number: int = read_exact(held)["number"]
    return number


def ids() -> list[str]:
    return [f"{n:026}" for n in range(GATES)]


def test_it_works(here: World) -> None:
    here.publish(draft_of(hold_without_test))
    assert {served(here, one) for one in ids()} == {1}  # not before it was carried to anybody
    for stage, size in ((0, 1), (1, 3)):
        assert carry(here).stage == stage
        assert carry(here) is None  # it waits for its time
        first = stage_of(ids(), 2, stage)
        assert len(first) == size
        assert {one for one in ids() if served(here, one) == 2} == set(first)
        here.clock.go(minutes=31)
        assert carry(here) is None  # silence is not success
        heard(here, first[0])
    assert carry(here).stage == 2
    assert {served(here, one) for one in ids()} == {2}
    here.clock.go(minutes=31)
    heard(here, ids()[0])
    assert carry(here).state == "done"
    assert carry(here) is None


def test_a_gate_is_never_offered_an_older_snapshot_than_it_has(here: World) -> None:
    had = dict.fromkeys(ids(), 0)

    def look() -> None:
        with here.port.store.read() as tx:
            for one in ids():
                newest = fleet.newest_snapshot(tx, one)
                assert newest is not None
                assert newest[0] >= had[one]
                had[one] = newest[0]

    here.publish(draft_of(hold_without_test))
    look()
    for _ in range(4):
        carry(here)
        look()
        here.clock.go(hours=7)  # snapshots are renewed meanwhile
        here.write(lambda tx, m: fleet.refresh_snapshot(tx, m, here.port.signing_roots))
        look()
        for one in ids():
            heard(here, one)
    here.write(lambda tx, m: service.go_back(tx, m, 2, "officer"))
    here.write(lambda tx, m: fleet.refresh_snapshot(tx, m, here.port.signing_roots))
    look()
    assert {served(here, one) for one in ids()} == {3}


def test_it_stops_by_itself_when_more_is_held_than_was_foretold(here: World) -> None:
    here.publish(draft_of(hold_without_test))
    carry(here)
    (first,) = stage_of(ids(), 2, 0)
    counted(here, first, "hold", "policy", 95, 2)
    counted(here, first, "clear", "pass", 5, 2)
    stopped = carry(here)
    assert (stopped.state, stopped.why) == ("stopped", "more-holds")
    with here.port.store.read() as tx:
        job = service.job(tx, 2)
    assert job is not None
    assert job.state == "halted"
    here.redecide()
    assert set(here.numbers().values()) == {1}  # nobody is decided by a policy that stopped
    assert {one for one in ids() if served(here, one) == 2} == {first}
    here.write(lambda tx, m: service.go_on(tx, m, 2, "officer"))
    here.redecide()
    assert 2 in here.numbers().values()
    with pytest.raises(Conflict):
        here.write(lambda tx, m: service.go_on(tx, m, 2, "officer"))


def test_it_stops_by_itself_on_alarms_that_are_new(here: World) -> None:
    here.publish(draft_of(hold_without_test))
    (first,) = stage_of(ids(), 2, 0)
    alarm = "INSERT INTO gate_alarm (gate_id, kind, first_slot) VALUES (:g, :k, :s)"
    slot = int(here.clock().timestamp()) // SLOT_SECONDS
    here.write(lambda tx, m: tx.run(alarm, g=first, k="clock", s=slot))
    carry(here)
    assert carry(here) is None  # it had that one before
    here.clock.go(minutes=16)
    other = next(one for one in ids() if one != first)
    here.write(lambda tx, m: tx.run(alarm, g=other, k="storage", s=slot + 1))
    assert carry(here) is None  # a gate that does not have the policy
    here.write(lambda tx, m: service.halt(tx, m, 2, "officer"))
    here.write(lambda tx, m: tx.run("DELETE FROM gate_alarm"))
    here.write(lambda tx, m: service.go_on(tx, m, 2, "officer"))
    here.clock.go(minutes=16)
    here.write(lambda tx, m: tx.run(alarm, g=first, k="snapshot_refused", s=slot + 2))
    assert carry(here).why == "alarms"


@given(st.integers(0, 300), st.integers(0, 5), st.integers(1, 50))
def test_stages_grow_and_hold_at_least_one(count: int, stage: int, number: int) -> None:
    gates = [str(n) for n in range(count)]
    stages = [stage_of(gates, number, i) for i in range(3)]
    assert [len(one) for one in stages] == [
        0 if not count else max(1, -(-count // 100)),
        0 if not count else max(1, -(-count // 10)),
        count,
    ]
    for small, large in pairwise(stages):
        assert large[: len(small)] == small
    assert is_last(gates, number, 2)


def test_what_is_judged() -> None:
    expected = Band(100, 80, 300)
    since, later = NOW, NOW + DWELL
    quiet = Seen(0, 0, 0, 1, 10)
    assert judge(expected, quiet, since, NOW) == ("wait", "time")
    assert judge(expected, quiet, since, later) == ("advance", "")
    assert judge(expected, quiet._replace(heard=0), since, later) == ("wait", "silence")
    assert judge(expected, quiet._replace(alarmed=1), since, NOW) == ("stop", "alarms")
    assert judge(expected, quiet._replace(gates=200, alarmed=4), since, later) == ("advance", "")
    assert judge(expected, Seen(FEWEST - 1, FEWEST - 1, 0, 1, 10), since, later) == (
        "advance",
        "",
    )  # too few to say
    assert judge(expected, Seen(1000, 200, 0, 1, 10), since, later) == ("advance", "")
    assert judge(expected, Seen(1000, 400, 0, 1, 10), since, NOW) == ("stop", "more-holds")
    assert judge(expected, Seen(1000, 20, 0, 1, 10), since, NOW) == ("stop", "fewer-holds")
    assert band(100, None) == Band(100, 80, 120)
    assert timedelta(0) < DWELL
