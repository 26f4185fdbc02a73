"""The comparison of columns names everybody whom a new policy changes, and the job writes nobody else."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pratique.core.moment import to_ms
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange
from pratique.policy import service as policy
from pratique.policy.city import population_of
from pratique.policy.decide import decide
from pratique.policy.differing import Standing, differing
from pratique.policy.mirror import Changed
from pratique.policy.model import WORSE, RuleSet, Verdict
from pratique.policy.service import town_rules
from pratique.rollout import service, store
from pratique.rollout.redeciding import batches
from tests.rollout.making import World, draft_of, hold_without_test, milder, negative, world
from tests.rollout.test_a_preview_gives_nobody_away import NOW, PEOPLE, rules
from tests.ruling import publish

SAID = ("outcome", "reasons", "facts", "remedy", "would_change", "rule", "valid_until", "open_rules")
END = NOW + timedelta(days=20)


def other_version(document: dict[str, object]) -> None:
    """Nothing but another version of a rule."""


def numbered(raw: bytes, number: int) -> RuleSet:
    return msgspec.structs.replace(rules(raw), number=number, mandate_id="m", to_at=END)


def standing(stored: list[Verdict]) -> Standing:
    return Standing(
        np.array([WORSE[one.outcome] for one in stored], np.uint8),
        np.array([to_ms(one.valid_until) for one in stored]),
        np.array([one.policy_number for one in stored]),
        np.array([one.mandate_id == "m" for one in stored]),
    )


@pytest.mark.parametrize("change", [hold_without_test, milder, other_version])
def test_it_works(change: object) -> None:
    old, new = numbered(town_rules(), 1), numbered(draft_of(change), 2)  # type: ignore[arg-type]
    later = NOW + timedelta(hours=2)
    stored = [decide(one, NOW, old) for one in PEOPLE]
    found = differing(new, {1: old}.get, population_of(PEOPLE), standing(stored), later)

    changed = 0
    for before, evidence, named in zip(stored, PEOPLE, found, strict=True):
        now = decide(evidence, later, new)
        changed += any(getattr(before, name) != getattr(now, name) for name in SAID)
        if not named:
            assert before.outcome == now.outcome
            assert [r.code for r in before.reasons] == [r.code for r in now.reasons]
            assert now.valid_until >= before.valid_until - timedelta(minutes=1)
    assert 0 < found.sum() < len(PEOPLE)
    assert found.sum() <= changed * 1.2  # few are looked at in vain


def test_everybody_is_named_by_another_mandate_an_end_that_has_come_and_a_policy_nobody_knows() -> None:
    old, new = numbered(town_rules(), 1), numbered(town_rules(), 2)
    first = decide(PEOPLE[0], NOW, old)
    replace = msgspec.structs.replace
    stored = [
        replace(first, mandate_id="other"),
        replace(first, valid_until=NOW),
        replace(first, policy_number=7),
        replace(first, policy_number=2),  # by this very policy
        first,  # by the same rules under another number
    ]
    people = population_of([PEOPLE[0]] * len(stored))
    found = differing(new, {1: old}.get, people, standing(stored), NOW)
    assert found.tolist() == [True, True, True, False, False]


def test_batches_end_where_ids_begin_otherwise_and_the_last_is_through_with_the_part() -> None:
    ids = ["AAAA1", "AAAB1", "AAAB2", "AAAC1", "AAAD1"]
    made = list(batches(Changed("AA", 20, ids, [1, 4, 5, 9, 19]), 100, 2))
    assert [(one.subject_ids, one.place, one.done) for one in made] == [
        (ids[:3], "AAAB", 106),
        (ids[3:], "AAZZ", 120),
    ]
    assert [one.place for one in batches(Changed("", 3, [], []), 0, 2)] == ["ZZZZ"]


def test_the_job_writes_changes_alone_and_ends_where_deciding_everybody_ends(tmp_path: Path) -> None:
    with world(tmp_path, datetime(2026, 1, 5, 8, tzinfo=UTC), tested=30, untested=15) as here:
        before = here.numbers()
        here.publish(draft_of(hold_without_test))
        here.redecide(batch=3)
        with here.port.store.read() as tx:
            job = service.job(tx, 2)
        assert job is not None
        assert (job.state, job.done, job.total, job.changed, job.told) == ("done", 45, 45, 15, 15)
        numbers = here.numbers()
        assert sorted(one for one in before if numbers[one] == 2) == sorted(here.subjects[30:])
        written = here.outcomes()
        moment = here.port.moment()
        with here.port.store.read() as tx:
            live = policy.live_policy(tx, moment.now)
            assert live is not None
            for one in here.subjects:
                found = policy.evidence_of(tx, here.port.sealer, one)
                assert written[one] == decide(found, moment.now, live).outcome
        here.redecide()  # again: nothing
        assert here.numbers() == numbers


def test_evidence_that_comes_meanwhile_is_decided_by_the_new_policy(tmp_path: Path) -> None:
    with world(tmp_path, datetime(2026, 1, 5, 8, tzinfo=UTC), tested=5, untested=5) as here:
        here.publish(draft_of(hold_without_test))
        one = here.subjects[7]
        here.write(
            lambda tx, m: notices.evidence_changed(
                tx, m, here.port.house, [EvidenceChange(negative(one, m, here.town.mandate_id))]
            )
        )
        here.redecide()
        assert (here.numbers()[one], here.outcomes()[one]) == (2, "clear")
        assert sorted(here.outcomes().values()) == ["clear"] * 6 + ["hold"] * 4


def late(here: World, one: str, moment_before: object) -> None:
    """Evidence decided by the policy before, although the new one is in force: its moment was taken earlier."""
    here.port.store.write(
        lambda tx: notices.evidence_changed(
            tx,
            moment_before,  # type: ignore[arg-type]
            here.port.house,
            [EvidenceChange(negative(one, moment_before, here.town.mandate_id))],  # type: ignore[arg-type]
        )
    )


def test_who_was_decided_by_the_policy_before_while_the_job_ran_is_found_at_its_end(tmp_path: Path) -> None:
    with world(tmp_path, datetime(2026, 1, 5, 8, tzinfo=UTC), tested=3, untested=9) as here:
        before = here.port.moment()
        here.clock.go(minutes=1)
        here.publish(draft_of(hold_without_test))
        here.clock.go(minutes=1)
        port = here.port
        while (job := service.redecide(port.store, port.moment, port.house, port.mirror)) is not None:
            if job.state == "running":
                break
        one = here.subjects[0]
        late(here, one, before)
        assert here.numbers()[one] == 1
        here.redecide()
        assert here.numbers()[one] == 2
        assert sorted(here.outcomes().values()) == ["clear"] * 3 + ["hold"] * 9


def test_a_mirror_that_is_not_of_this_database_is_made_anew(tmp_path: Path) -> None:
    with world(tmp_path, datetime(2026, 1, 5, 8, tzinfo=UTC), tested=4, untested=6) as here:
        port = here.port
        while service.follow(port.store, port.moment(), port.mirror):
            pass
        shutil.rmtree(
            tmp_path / "mirror"
        )  # as after a restored backup: the database says that a mirror is kept
        here.publish(draft_of(hold_without_test))
        here.redecide()
        assert sorted(here.outcomes().values()) == ["clear"] * 4 + ["hold"] * 6
        assert port.mirror.size() == 10


def test_rules_that_read_lists_are_decided_one_by_one(tmp_path: Path) -> None:
    def nothing_known(document: dict[str, Any]) -> None:
        rule = document["rules"][2]["rule"]
        rule["Logic"] = {"!": [{"var": "subject.items.0"}]}  # no column holds this
        rule["AffectedFields"] = ["items.0"]
        document["rules"][2]["house"]["monotone"] = False
        document["tests"] = [one for one in document["tests"] if one["rule"] != rule["Identifier"]]
        for expected, items in ((True, []), (False, [{"kind": "test"}])):
            test = {"name": str(expected), "rule": rule["Identifier"], "version": rule["Version"]}
            document["tests"].append({**test, "subject": {"items": items}, "expected": expected})

    with world(tmp_path, datetime(2026, 1, 5, 8, tzinfo=UTC), tested=4, untested=6) as here:
        port, mandate_id, raw = here.port, here.town.mandate_id, draft_of(nothing_known)
        port.store.write(lambda tx: publish(tx, port.moment(), raw, mandate_id))
        port.store.write(lambda tx: store.add_job(tx, 2, mandate_id))
        here.redecide(batch=3)
        assert [here.outcomes()[one] for one in here.subjects] == ["conditions"] * 4 + ["clear"] * 6
