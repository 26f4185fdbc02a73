"""What went wrong elsewhere, replayed: everything is held or refused before anybody hears of it (testing.md 5.4)."""

import pytest

from pratique.testing import service
from tests.testing.world import NEGATIVE, POSITIVE, SINGLE_NEGATIVE, SINGLE_POSITIVE, World, oru

MANY = 30


def told_results(world: World) -> list[str]:
    return [c.evidence.outcome for c in world.told if c.evidence.outcome != "sample-sealed"]


def test_it_works(world: World) -> None:
    """Sydney, December 2021: negatives were texted to people whose swabs had not been tested."""
    for n in range(MANY):
        world.pool(f"X30{n:02d}", 2, lab=None)
        assert world.report(f"X30{n:02d}", NEGATIVE, people="2") == "A"
    world.later(minutes=1)

    assert {world.state(f"X30{n:02d}") for n in range(MANY)} == {"held"}
    assert told_results(world) == []

    # The tubes arrive; a result that comes two minutes later was not made by a PCR run either.
    world.receive(*(f"X30{n:02d}" for n in range(MANY)))
    assert {world.state(f"X30{n:02d}") for n in range(MANY)} == {"held"}
    assert told_results(world) == []


def test_old_positives_sent_again_tell_nobody_a_second_time(world: World) -> None:
    """New South Wales: 60,700 people were told that they were positive, again."""
    world.pool("X3100", 1)
    sent = oru("X3100", SINGLE_POSITIVE, world.now, control="N1", people="")
    world.send(sent)
    world.later(hours=2)
    heard = told_results(world)
    assert heard == ["detected"]

    for n in range(20):
        assert world.send(sent.replace(b"|N1|", b"|R%d|" % n)).ack.letter == "A"
    world.later(minutes=1)

    assert told_results(world) == heard
    assert world.count("result_version") == 1


def test_old_positives_with_new_dates_are_an_improbable_run(world: World) -> None:
    for n in range(MANY):
        world.pool(f"X32{n:02d}", 1)
        world.report(f"X32{n:02d}", SINGLE_NEGATIVE, people="")
    world.later(hours=3)
    told = len(told_results(world))

    for n in range(MANY):
        assert world.report(f"X32{n:02d}", SINGLE_POSITIVE, people="", status="C") == "A"
    world.later(minutes=1)

    assert len(told_results(world)) == told
    with world.store.read() as tx:
        held = service.board(tx, 0).held_runs
    assert sum(run.n for run in held) == MANY


@pytest.mark.parametrize("status", ["F", "C"])
def test_tubes_of_ten_pooled_again_are_refused(world: World, status: str) -> None:
    """Beijing, May 2022: mixed tubes were mixed once more. Table 0369 `L` with SPM-3 says so."""
    for code in ("X3301", "X3302", "X3303"):
        world.pool(code)
    raw = lab_pool(world, "P-1", ("X3301", "X3302", "X3303"), NEGATIVE, status)

    ack = world.send(raw).ack

    assert (ack.letter, ack.code, ack.field) == ("E", "103", "SPM[1]/3")
    assert told_results(world) == []
    assert world.count("result_version") == 0
    assert world.count("lab_message") == 0
    assert world.count("lab_quarantine") == 1


def lab_pool(world: World, code: str, parents: tuple[str, ...], result: str, status: str = "F") -> bytes:
    raw = oru(code, result, world.now, control=f"L-{code}", people=str(len(parents)), status=status)
    named = "~".join(f"{one}&PRATIQUE" for one in parents).encode()
    return raw.replace(
        f"SPM|1|{code}&PRATIQUE|".encode(), f"SPM|1|{code}&PRATIQUE|".encode() + named
    ).replace(b"||G||", b"||L||")


def test_a_laboratorys_own_pool_of_single_tubes_clears_each(world: World) -> None:
    people = [world.pool(code, 1)[0] for code in ("X3401", "X3402")]

    assert world.send(lab_pool(world, "P-2", ("X3401", "X3402"), NEGATIVE)).ack.letter == "A"

    assert [world.heard(one) for one in people] == [["not-detected"], ["not-detected"]]
    assert world.state("P-2") == "no-result"


def test_a_positive_laboratory_pool_makes_nobody_positive(world: World) -> None:
    one, two = (world.pool(code, 1)[0] for code in ("X3501", "X3502"))
    assert world.send(lab_pool(world, "P-3", ("X3501", "X3502"), POSITIVE)).ack.letter == "A"
    world.later(minutes=30)
    assert (world.heard(one), world.heard(two)) == (["retest-required"], ["retest-required"])

    world.report("X3501", SINGLE_NEGATIVE, people="")
    world.report("X3502", SINGLE_POSITIVE, people="")
    world.later(minutes=1)

    assert world.heard(one)[-1] == "not-detected"
    assert world.heard(two)[-1] == "detected"


def test_a_pool_of_tubes_nobody_knows_yet_waits_and_is_held_if_they_hold_several(world: World) -> None:
    assert world.send(lab_pool(world, "P-4", ("X3601", "X3602"), NEGATIVE)).ack.letter == "A"
    world.receive("X3601", "X3602")
    one = world.pool("X3601", 1, lab=None)[0]
    ten = world.pool("X3602", 10, lab=None)

    assert world.state("X3602") == "held"
    assert all(world.heard(person) == [] for person in ten)
    assert world.heard(one) == []  # received just now: sooner than a run can take


def test_every_parent_is_checked_before_anything_is_written(world: World) -> None:
    world.pool("X3701", 1)
    world.pool("X3702", 1, lab="LAB-B")
    ack = world.send(lab_pool(world, "P-5", ("X3701", "X3702"), NEGATIVE)).ack

    assert (ack.letter, ack.code) == ("E", "204")
    assert world.count("result_version") == 0
    assert told_results(world) == []
