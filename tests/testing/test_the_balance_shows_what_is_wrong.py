"""Received = run = reported + rejected + pending, and the historic ways in which it was not (testing.md 5.5)."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.testing import service
from pratique.testing.balance import Day, alarms, lower_bound
from pratique.testing.laboratories import Manifest
from tests.testing.world import NEGATIVE, POSITIVE, World


def add_up(world: World) -> dict[tuple[str, str], Day]:
    with world.store.read() as tx:
        counted = service.add_up(tx, world.moment())
    world.store.write(lambda tx: service.keep_balance(tx, world.moment(), counted))
    with world.store.read() as tx:
        return {(b.lab, b.day): b.sums for b in service.balances(tx, world.moment())}


def tasks(world: World) -> set[str]:
    with world.store.read() as tx:
        return {row[0] for row in tx.all("SELECT kind FROM testing_task WHERE closed_at IS NULL")}


def test_it_works(world: World) -> None:
    for n in range(4):
        world.pool(f"X20{n:02d}", 2)
    world.report("X2000", NEGATIVE, people="2")
    world.report("X2001", "455371000124106", status="X", people="2")
    world.later(minutes=1)

    day = add_up(world)["LAB-A", "2026-01-05"]

    assert (day.received, day.reported, day.rejected, day.pending) == (4, 1, 1, 2)
    assert day.received == day.reported + day.rejected + day.pending


@given(st.integers(0, 400), st.integers(1, 400))
def test_the_lower_bound_is_below_what_was_seen(found: int, n: int) -> None:
    found = min(found, n)
    assert 0.0 <= lower_bound(found, n) <= found / n


def test_the_bound_is_the_published_one() -> None:
    # Clopper-Pearson, one-sided 97.5 %: 5 of 50 gives 3.33 % (Newcombe 1998, and every table since)
    assert lower_bound(5, 50, 0.975) == pytest.approx(0.0333, abs=1e-4)
    assert lower_bound(10, 10, 0.95) == pytest.approx(0.05**0.1, abs=1e-6)


def test_results_that_never_come_ring_within_a_day(world: World) -> None:
    for n in range(60):
        world.pool(f"X21{n:02d}", 1)
    for n in range(50):
        world.report(f"X21{n:02d}", "260415000", people="")
    world.now += timedelta(hours=22)
    add_up(world)
    assert "balance-missing" not in tasks(world)

    world.now += timedelta(hours=2)
    add_up(world)
    assert "balance-missing" in tasks(world)

    for n in range(50, 60):
        world.report(f"X21{n:02d}", "260415000", people="")
    world.now += timedelta(minutes=20)
    add_up(world)
    assert "balance-missing" not in tasks(world)  # it was only late


def test_a_normal_laboratory_hears_nothing() -> None:
    chance = random.Random(7)
    rung = 0
    for _ in range(600):  # twenty laboratories, thirty days
        n = chance.randint(40, 900)
        found = sum(chance.random() < 0.01 for _ in range(n))
        late = sum(chance.random() < 0.008 for _ in range(n))
        day = Day(n, n, n, n - late, 0, late, late, n, found, 0, 0)
        others = [Day(2000, 2000, 2000, 2000, 0, 0, 0, 2000, 20, 0, 0)]
        rung += bool(alarms(day, others, 1000))
    assert rung <= 20  # at most one a laboratory and month


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        # three laboratories of May 2022: raw data far fewer than samples; tubes pooled again; files that do not fit
        (Day(received=1000, run=300, wells=300, reported=1000, due=1000), "not-run"),
        (Day(received=1000, run=1000, wells=200, reported=1000, due=1000), "wells"),
        (Day(received=1000, run=1000, wells=1000, reported=1000, same_ct=400, due=1000), "same-ct"),
        (Day(received=3000, run=3000, wells=3000, reported=3000, due=3000), "capacity"),
        # a positive of twenty that was hidden: a signal without a call
        (Day(received=200, run=200, wells=200, reported=200, ct_without_call=12, due=200), "uncalled"),
        (Day(received=500, run=500, wells=500, reported=500, positives=60, due=500), "share"),
        (Day(received=3000, run=3000, wells=3000, reported=3000, positives=0, due=3000), "share"),
    ],
)
def test_historic_frauds_ring(day: Day, kind: str) -> None:
    others = [Day(2000, 2000, 2000, 2000, 0, 0, 0, 2000, 20, 0, 0) for _ in range(3)]

    assert kind in alarms(day, others, 2000)


def test_a_hidden_positive_shows_by_its_signal(world: World) -> None:
    world.pool("X2200", 2)
    low = "OBX|2|NM|94510-5^Ct N^LN||24.1|||N|||F"
    high = "OBX|2|NM|94510-5^Ct N^LN||38.9|||N|||F"
    world.report("X2200", NEGATIVE, people="2", extra=low)
    world.pool("X2201", 2)
    world.report("X2201", NEGATIVE, people="2", extra=high)
    world.pool("X2202", 2)
    world.report("X2202", POSITIVE, people="2", extra=low)

    assert add_up(world)["LAB-A", "2026-01-05"].ct_without_call == 1


def test_controls_hold_a_run_until_the_laboratory_said_they_were_right(world: World) -> None:
    moment = world.moment()
    world.store.write(lambda tx: service.add_lab(tx, moment, "LAB-C", sends_controls=True))
    world.pool("X2300", 2, lab="LAB-C")
    world.report("X2300", NEGATIVE, people="2", lab="LAB-C", instrument="PCR-7")
    assert world.state("X2300") == "held"

    def say(*, passed: bool) -> int:
        said = Manifest("2026-01-05", "PCR-7", 1, 1, passed)
        return world.store.write(
            lambda tx: service.take_manifest(tx, moment, "LAB-C", said, "http:LAB-C", world.tell)
        )

    assert say(passed=False) == 0
    assert world.state("X2300") == "held"
    assert say(passed=True) == 1
    assert world.state("X2300") == "negative"
