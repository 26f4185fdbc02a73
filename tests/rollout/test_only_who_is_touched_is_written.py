"""The comparison of columns names everybody whom a new policy changes, and the job writes nobody else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pratique.core.moment import to_ms
from pratique.policy import service as policy
from pratique.policy.decide import decide
from pratique.policy.service import town_rules
from pratique.rollout import service
from pratique.rollout.affected import Mark, affected
from tests.rollout.making import draft_of, hold_without_test, milder, negative, world
from tests.rollout.test_a_preview_gives_nobody_away import NOW, PEOPLE, rules

SAID = ("outcome", "reasons", "facts", "remedy", "would_change", "rule", "valid_until", "open_rules")
END = NOW + timedelta(days=20)


def other_mandate_end(document: dict[str, object]) -> None:
    """Nothing but another version of a rule."""


@pytest.mark.parametrize("change", [hold_without_test, milder, other_mandate_end])
def test_it_works(change: object) -> None:
    old, new = (
        msgspec.structs.replace(one, number=number, mandate_id="m", to_at=END)
        for one, number in ((rules(town_rules()), 1), (rules(draft_of(change)), 2))  # type: ignore[arg-type]
    )
    later = NOW + timedelta(hours=2)
    ids = [str(n) for n in range(len(PEOPLE))]
    stored = {one: decide(PEOPLE[int(one)], NOW, old) for one in ids}
    marks = {one: Mark(1, "m", to_ms(stored[one].valid_until)) for one in ids}
    touched = set(affected(ids, dict(zip(ids, PEOPLE, strict=True)), marks, new, {1: old}, later))

    needless = 0
    for one in ids:
        now = decide(PEOPLE[int(one)], later, new)
        same = (stored[one].outcome, [r.code for r in stored[one].reasons]) == (
            now.outcome,
            [r.code for r in now.reasons],
        )
        if one not in touched:
            assert same, one
            assert now.valid_until >= stored[one].valid_until - timedelta(minutes=1)
        elif all(getattr(stored[one], name) == getattr(now, name) for name in SAID):
            needless += 1
    assert 0 < len(touched) < len(ids)
    assert needless == 0


def test_everybody_is_touched_by_another_mandate_and_by_an_end_that_has_come() -> None:
    old = msgspec.structs.replace(rules(town_rules()), number=1, mandate_id="m", to_at=END)
    new = msgspec.structs.replace(old, number=2)
    far = to_ms(END)
    evidence = {"a": PEOPLE[0], "b": PEOPLE[0], "c": PEOPLE[0], "d": PEOPLE[0], "e": PEOPLE[0]}
    marks = {
        "a": Mark(1, "other", far),
        "b": Mark(1, "m", to_ms(NOW)),
        "c": Mark(7, "m", far),  # by a policy nobody knows any more
        "d": Mark(2, "m", far),  # by this very policy
    }
    assert affected(list(evidence), evidence, marks, new, {1: old}, NOW) == ["a", "b", "c", "e"]


def test_the_job_writes_changes_alone_and_ends_where_deciding_everybody_ends(tmp_path: Path) -> None:
    with world(tmp_path, datetime(2026, 1, 5, 8, tzinfo=UTC), tested=30, untested=15) as here:
        before = here.numbers()
        here.publish(draft_of(hold_without_test))
        here.redecide(size=7, batch=3)
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
    from pratique.notices import service as notices
    from pratique.notices.model import EvidenceChange

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
