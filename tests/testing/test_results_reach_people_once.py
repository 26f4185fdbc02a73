"""From a laboratory's message to what each person hears: once, right, in any order, and nobody positive from a pool."""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import pytest

from pratique.core.errors import NotAllowed
from pratique.core.moment import Moment
from pratique.policy.service import EvidenceChange
from pratique.store.tx import Tx
from pratique.testing import service
from tests.testing.world import (
    NEGATIVE,
    POSITIVE,
    SINGLE_NEGATIVE,
    SINGLE_POSITIVE,
    UNCLEAR,
    Device,
    World,
    oru,
)


def test_it_works(world: World) -> None:
    subjects = world.pool("X0001")

    assert world.report("X0001", NEGATIVE) == "A"
    assert world.state("X0001") == "negative"
    assert [world.heard(s) for s in subjects] == [["not-detected"]] * 10
    assert all(c.evidence.pooled for c in world.told if c.evidence.outcome == "not-detected")


def test_a_positive_pool_asks_ten_people_for_a_single_test(world: World) -> None:
    subjects = world.pool("X0001")

    world.report("X0001", POSITIVE)
    assert world.state("X0001") == "waiting"
    world.later()

    assert world.state("X0001") == "positive"
    assert [world.heard(s) for s in subjects] == [["retest-required"]] * 10
    with world.store.read() as tx:
        kept = tx.all("SELECT reserved_for, parent_pool FROM tube WHERE state = 'reserved'")
    assert {row[0] for row in kept} == set(subjects)
    assert {row[1] for row in kept} == {"X0001"}


def test_an_indeterminate_pool_is_treated_like_a_positive_one(world: World) -> None:
    subjects = world.pool("X0001")

    world.report("X0001", UNCLEAR)
    world.later()

    assert world.state("X0001") == "indeterminate"
    assert world.heard(subjects[0]) == ["retest-required"]


def test_singles_clear_each_person_at_once_and_close_the_pool(world: World) -> None:
    subjects = world.pool("X0001", 3)
    world.report("X0001", POSITIVE, people="3")
    world.later(hours=4)
    for n, subject in enumerate(subjects):
        world.take(world.device.event(f"X100{n}", [subject]))
    world.later(hours=1)
    world.receive("X1000", "X1001", "X1002")
    world.later(hours=3)

    world.report("X1000", SINGLE_NEGATIVE, people="")
    assert world.heard(subjects[0]) == ["retest-required", "not-detected"]
    assert world.state("X0001") == "positive"
    world.report("X1001", SINGLE_POSITIVE, people="")
    world.report("X1002", SINGLE_NEGATIVE, people="")
    world.later()

    assert world.state("X0001") == "closed"
    assert world.heard(subjects[1]) == ["retest-required", "detected"]
    assert [c.evidence.pooled for c in world.told if c.evidence.outcome == "detected"] == [False]
    with world.store.read() as tx:
        assert tx.all("SELECT code FROM tube WHERE state = 'reserved'") == []
        assert {row[0] for row in tx.all("SELECT purpose FROM tube WHERE kind = 'single'")} == {"retest"}


def test_all_singles_negative_gives_the_desk_a_task(world: World) -> None:
    subject = world.pool("X0001", 2)
    world.report("X0001", POSITIVE, people="2")
    world.later(hours=4)
    for n, one in enumerate(subject):
        world.take(world.device.event(f"X100{n}", [one]))
        world.receive(f"X100{n}")
    world.later(hours=2)
    world.report("X1000", SINGLE_NEGATIVE, people="")
    world.report("X1001", SINGLE_NEGATIVE, people="")

    assert world.state("X0001") == "closed"
    with world.store.read() as tx:
        assert [t[1] for t in service.board(tx, 0).tasks] == ["no-positive-found"]


def test_another_pools_negative_does_not_settle_a_single_test(world: World) -> None:
    subjects = world.pool("X0001", 2)
    world.report("X0001", POSITIVE, people="2")
    world.later(hours=4)
    other = world.people(1)
    world.take(world.device.event("X0002", [*subjects, *other]))
    world.receive("X0002")
    world.later(hours=2)
    world.report("X0002", NEGATIVE, people="3")

    assert world.state("X0002") == "negative"
    assert world.state("X0001") == "positive"


def test_a_correction_withdraws_and_tells(world: World) -> None:
    subjects = world.pool("X0001")
    world.report("X0001", NEGATIVE)
    first = next(c.evidence.ref for c in world.told if c.evidence.outcome == "not-detected")
    world.later(hours=3)

    world.report("X0001", POSITIVE, status="C")
    world.later()

    assert world.heard(subjects[0]) == ["not-detected", "retest-required"]
    assert {c.supersedes for c in world.told if c.evidence.outcome == "retest-required"} == {first}


def test_a_correction_that_changes_nothing_tells_nobody(world: World) -> None:
    subjects = world.pool("X0001")
    world.report("X0001", NEGATIVE)
    world.later(hours=1)
    world.report("X0001", NEGATIVE, status="C")

    assert world.count("result_version") == 2
    assert world.heard(subjects[0]) == ["not-detected"]


def test_a_withdrawn_result_takes_everybody_back_to_waiting(world: World) -> None:
    subjects = world.pool("X0001")
    world.report("X0001", NEGATIVE)
    world.later(hours=1)
    world.report("X0001", NEGATIVE, status="W")

    assert world.state("X0001") == "no-result"
    last = [c for c in world.told if c.evidence.subject_id == subjects[0]][-1]
    assert last.evidence.outcome == "sample-sealed"
    assert last.supersedes is not None


def test_nothing_is_released_on_preliminary(world: World) -> None:
    subjects = world.pool("X0001")

    assert world.report("X0001", NEGATIVE, status="P") == "A"
    assert world.state("X0001") == "no-result"
    assert world.heard(subjects[0]) == []


def test_a_rejected_specimen_asks_for_a_new_one(world: World) -> None:
    subjects = world.pool("X0001")

    world.report("X0001", "419984006", status="X")

    assert world.state("X0001") == "unusable"
    assert world.heard(subjects[0]) == ["recollect"]


def test_the_order_of_arrival_never_matters(lite: World) -> None:
    """Negative, an older negative, a correction, a preliminary: any order ends alike, and nobody hears an older one."""
    ends = set()
    stamps = [
        ("F", NEGATIVE, "20260104231500"), ("F", NEGATIVE, "20260104230100"),
        ("C", POSITIVE, "20260104230500"), ("P", POSITIVE, "20260104234000"),
    ]  # fmt: skip
    for n, order in enumerate(permutations(stamps)):
        code = f"X9{n:03d}"
        subjects = lite.pool(code, 2)
        for status, result, reported in order:
            lite.report(code, result, status=status, reported=reported + "+0000", people="2")
            lite.later()
        with lite.store.read() as tx:
            stands = tx.one(
                "SELECT v.status, v.outcome, v.reported_at FROM tube_state s JOIN result_version v"
                " ON v.id = s.version_id WHERE s.code = :code",
                code=code,
            )
        heard = lite.heard(subjects[0])
        assert heard[-1] == "retest-required"
        assert "not-detected" not in heard[heard.index("retest-required") :]
        ends.add(stands)
        lite.later(hours=1)
    assert len(ends) == 1


def test_two_results_of_one_moment_wait_for_a_person(world: World) -> None:
    subjects = world.pool("X0001")
    stamp = "20260105000000+0000"
    world.report("X0001", UNCLEAR, reported=stamp)
    world.report("X0001", NEGATIVE, reported=stamp)
    world.later()

    assert world.state("X0001") == "held"
    assert world.heard(subjects[0]) == []


def test_resends_and_reused_keys(world: World) -> None:
    subjects = world.pool("X0001")
    other = world.pool("X0002")
    raw = oru("X0001", NEGATIVE, world.now, control="C1")

    assert world.send(raw).ack.letter == "A"
    assert world.send(raw).ack.letter == "A"
    assert world.send(oru("X0001", NEGATIVE, world.now, control="C9")).ack.letter == "A"
    reused = world.send(oru("X0002", POSITIVE, world.now, control="C1")).ack

    assert (reused.letter, reused.code, reused.field) == ("E", "205", "MSH/10")
    assert world.count("result_version") == 1
    assert world.heard(subjects[0]) == ["not-detected"]
    assert world.heard(other[0]) == []
    assert world.count("lab_quarantine") == 1


def test_a_result_before_its_registration_waits_and_matches_itself(world: World) -> None:
    subjects = world.people(10)
    world.receive("X0001", at=world.now - timedelta(hours=2))
    assert world.report("X0001", NEGATIVE) == "A"
    assert world.state("X0001") == "no-result"

    world.take(world.device.event("X0001", subjects, at=world.now - timedelta(hours=3)))

    assert world.state("X0001") == "negative"
    assert world.heard(subjects[3]) == ["not-detected"]


def test_a_laboratory_that_never_had_the_tube_is_refused(world: World) -> None:
    subjects = world.pool("X0001")
    world.report("X0001", NEGATIVE)

    assert world.report("X0001", POSITIVE, lab="LAB-B") == "E 204 SPM[1]/2"
    world.later()
    assert world.state("X0001") == "negative"
    assert world.heard(subjects[0]) == ["not-detected"]


def test_a_missing_tenth_holds_until_the_site_syncs_it(world: World) -> None:
    subjects = world.pool("X0001", 9)
    world.report("X0001", NEGATIVE)
    assert world.state("X0001") == "held"

    tenth = world.people(1)
    world.take(world.device.event("X0001", [*subjects, *tenth]))

    assert world.state("X0001") == "negative"
    assert [world.heard(s) for s in [*subjects, *tenth]] == [["not-detected"]] * 10


def test_somebody_added_after_the_result_hears_it_too(world: World) -> None:
    subjects = world.pool("X0001", 9)
    world.report("X0001", NEGATIVE, people="")
    late = world.people(1)

    world.take(world.device.event("X0001", [*subjects, *late]))

    assert world.heard(late[0]) == ["not-detected"]
    assert world.heard(subjects[0]) == ["not-detected"]


def test_a_person_resolves_a_held_tube(world: World) -> None:
    subjects = world.pool("X0001", 9)
    world.report("X0001", NEGATIVE)

    world.store.write(
        lambda tx: service.resolve_hold(
            tx, world.moment(), "X0001", "94500-6", "desk", world.tell, let_out=True
        )
    )

    assert world.state("X0001") == "negative"
    assert world.heard(subjects[0]) == ["not-detected"]


def test_a_rejected_hold_asks_for_new_samples(world: World) -> None:
    subjects = world.pool("X0001", 9)
    world.report("X0001", POSITIVE)

    world.store.write(
        lambda tx: service.resolve_hold(
            tx, world.moment(), "X0001", "94500-6", "desk", world.tell, let_out=False
        )
    )

    assert world.state("X0001") == "unusable"
    assert world.heard(subjects[0]) == ["recollect"]


def test_an_impossible_run_is_held_and_a_second_person_lets_it_out(world: World) -> None:
    pools = {f"X{n:04d}": world.pool(f"X{n:04d}", 2) for n in range(8)}
    for n, code in enumerate(pools):
        world.report(code, POSITIVE if n < 6 else NEGATIVE, people="2")
    world.later()

    assert {world.state(code) for code in pools} == {"held"}
    assert not any(world.heard(s) for subjects in pools.values() for s in subjects)
    with world.store.read() as tx:
        held = service.board(tx, 0).held_runs[0]
    assert (held.n, held.positives, held.lab) == (8, 6, "LAB-A")
    assert held.tail < 1e-6
    with pytest.raises(NotAllowed):
        world.store.write(
            lambda tx: service.review_run(
                tx, world.moment(), held.id, held.uploader, world.tell, let_out=True
            )
        )
    world.store.write(
        lambda tx: service.review_run(tx, world.moment(), held.id, "second", world.tell, let_out=True)
    )

    assert sorted(world.state(code) for code in pools) == ["negative"] * 2 + ["positive"] * 6
    assert all(len(world.heard(s)) == 1 for subjects in pools.values() for s in subjects)


def test_positives_first_are_delayed_by_seconds_not_held(world: World) -> None:
    """Four positives of four look impossible; four of forty do not. The tail over all of the run decides."""
    for n in range(40):
        world.pool(f"X{n:04d}", 1 + n % 2)
    for n in range(40):
        world.report(f"X{n:04d}", POSITIVE if n < 4 and n % 2 else SINGLE_NEGATIVE if n >= 4 else SINGLE_POSITIVE,
                     people="")  # fmt: skip
    world.later()

    assert {world.state(f"X{n:04d}") for n in range(40)} == {"positive", "negative"}


def test_a_rejected_run_asks_everybody_again(world: World) -> None:
    pools = {f"X{n:04d}": world.pool(f"X{n:04d}", 1) for n in range(5)}
    for code in pools:
        world.report(code, SINGLE_POSITIVE, people="")
    world.later()
    with world.store.read() as tx:
        run = service.board(tx, 0).held_runs[0].id

    world.store.write(
        lambda tx: service.review_run(tx, world.moment(), run, "second", world.tell, let_out=False)
    )

    assert [world.heard(s) for subjects in pools.values() for s in subjects] == [["recollect"]] * 5


@pytest.mark.parametrize(
    ("fields", "because"),
    [
        ({"reported": "20270105000000+0000"}, "future"),
        ({"people": "9"}, "count"),
    ],
)
def test_what_cannot_be_is_held(world: World, fields: dict[str, str], because: str) -> None:
    subjects = world.pool("X0001")

    assert world.report("X0001", NEGATIVE, **fields) == "A"
    assert world.state("X0001") == "held"
    with world.store.read() as tx:
        assert [held.because for held in service.board(tx, 0).held_tubes] == [because]
    assert world.heard(subjects[0]) == []


def test_a_result_before_custody_or_too_soon_after_it_is_held(world: World) -> None:
    """Sydney, Christmas 2021: negatives went out for people whose samples had not been tested."""
    early = world.pool("X0001", lab=None)
    world.report("X0001", NEGATIVE)
    assert world.state("X0001") == "held"

    world.receive("X0001")
    assert world.state("X0001") == "held"  # sooner than a run can take
    world.pool("X0002", lab=None)
    world.receive("X0002", at=world.now - timedelta(minutes=59))
    world.report("X0002", NEGATIVE)
    assert world.state("X0002") == "held"
    assert world.heard(early[0]) == []


def test_a_pooled_positive_on_a_tube_of_one_is_held(world: World) -> None:
    subjects = world.pool("X0001", 1)

    world.report("X0001", POSITIVE, people="")
    world.later()

    assert world.state("X0001") == "held"
    assert world.heard(subjects[0]) == []


def test_names_are_blanked_before_anything_is_kept(world: World) -> None:
    world.pool("X0001")

    judged = world.send(
        oru("X0001", NEGATIVE, world.now, name="CANARY^PERSON", extra="NTE|1||CANARY in a note\rZZZ|CANARY")
    )

    assert judged.ack.letter == "A"
    with world.store.read() as tx:
        kept, named = tx.one("SELECT kept, named FROM lab_message") or (b"", 0)
        assert [t[1] for t in service.board(tx, 0).tasks] == ["names"]
    assert b"CANARY" not in bytes(kept)
    assert b"X0001" in bytes(kept)
    assert named == 1


def test_placeholders_are_not_names(world: World) -> None:
    world.pool("X0001")
    world.send(oru("X0001", NEGATIVE, world.now, name="混采管^一", charset="GB 18030-2000"))

    with world.store.read() as tx:
        assert tx.one("SELECT named FROM lab_message") == (0,)
    assert world.state("X0001") == "negative"


def test_a_wallet_reads_its_own_results_without_a_place(world: World) -> None:
    subjects = world.pool("X0001")
    with world.store.read() as tx:
        assert [r.outcome for r in service.results_of(tx, world.sealer, subjects[0])] == ["sample-sealed"]
    world.report("X0001", NEGATIVE)
    with world.store.read() as tx:
        (mine,) = service.results_of(tx, world.sealer, subjects[0])

    assert (mine.outcome, mine.tube_kind, mine.analyte) == ("not-detected", "mixed", "94500-6")
    assert not {"site", "code", "lane"} & set(mine.__struct_fields__)


def test_a_held_result_is_not_shown_in_the_wallet(world: World) -> None:
    subjects = world.pool("X0001", 9)
    world.report("X0001", POSITIVE)
    with world.store.read() as tx:
        assert [r.outcome for r in service.results_of(tx, world.sealer, subjects[0])] == ["sample-sealed"]


def test_two_devices_one_tube_is_a_conflict_and_holds(world: World) -> None:
    first = world.pool("X0001", 3)
    second = world.people(2)
    other = Device(world)
    assert [r.code for r in world.take(other.event("X0001", second))] == ["TUBE_TAKEN"]

    world.report("X0001", NEGATIVE, people="3")
    assert world.state("X0001") == "held"
    with world.store.read() as tx:
        conflict = tx.one("SELECT id FROM tube_conflict")
    assert conflict is not None
    world.store.write(
        lambda tx: service.resolve_conflict(tx, world.moment(), conflict[0], "first", "desk", world.tell)
    )

    assert world.state("X0001") == "negative"
    assert world.heard(first[0]) == ["not-detected"]
    assert world.heard(second[0]) == ["recollect"]


def test_a_conflict_nobody_can_untangle_asks_everybody_again(world: World) -> None:
    first = world.pool("X0001", 3)
    second = world.people(2)
    world.take(Device(world).event("X0001", second))
    with world.store.read() as tx:
        conflict = tx.one("SELECT id FROM tube_conflict")
    assert conflict is not None
    world.store.write(
        lambda tx: service.resolve_conflict(tx, world.moment(), conflict[0], "recollect", "desk", world.tell)
    )
    world.report("X0001", NEGATIVE, people="3")

    assert [world.heard(s) for s in [*first, *second]] == [["recollect"]] * 5


def test_nothing_is_released_after_the_mandates_end(world: World) -> None:
    subjects = world.pool("X0001")
    world.report("X0001", POSITIVE)
    world.now += timedelta(days=61)
    world.settle()

    assert world.state("X0001") == "held"
    assert world.heard(subjects[0]) == []
    assert world.report("X0001", NEGATIVE, status="C") == "E 207 SPM[1]/2"


def test_nobody_is_added_to_a_single_tube_whose_result_is_out(world: World) -> None:
    """One person was told "detected"; a second name would make it a pool after the fact."""
    (first,) = world.pool("X0001", 1)
    world.report("X0001", SINGLE_POSITIVE, people="")
    world.later()
    assert world.heard(first) == ["detected"]

    (second,) = world.people(1)
    (result,) = world.take(world.device.event("X0001", [first, second]))

    assert (result.outcome, result.code) == ("conflict", "TUBE_TAKEN")
    assert world.count("tube_member") == 1


def test_a_run_that_fails_does_not_hold_up_the_others(lite: World) -> None:
    subjects = lite.pool("X0001", 2), lite.pool("X0002", 2)
    lite.report("X0001", POSITIVE, people="2", instrument="ONE")
    lite.report("X0002", POSITIVE, people="2", instrument="TWO")
    lite.now += timedelta(seconds=5)
    with lite.store.read() as tx:
        runs = service.due(tx, lite.moment())

    def broken(tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        if changes[0].evidence.subject_id in subjects[0]:
            raise RuntimeError("a fault behind the port")
        lite.tell(tx, moment, changes)

    assert len(runs) == 2
    for run in runs:
        with contextlib.suppress(RuntimeError):
            lite.store.write(lambda tx, run=run: service.settle_run(tx, lite.moment(), run, broken))

    assert (lite.state("X0001"), lite.state("X0002")) == ("waiting", "positive")
    assert lite.heard(subjects[1][0]) == ["retest-required"]
