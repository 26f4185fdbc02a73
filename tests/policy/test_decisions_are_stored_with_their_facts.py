"""Publishing, recording, deciding again: on both databases."""

import json
from datetime import timedelta

import msgspec
import pytest

from pratique.core.canonical import canonical_json
from pratique.core.errors import Destroyed, NoMandate, Refusal
from pratique.core.moment import Moment, to_ms
from pratique.policy import service
from pratique.policy.decide import decide
from pratique.policy.model import Decision, Evidence, Mark
from pratique.store.sealing import Place, Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from tests.policy.conftest import Make
from tests.policy.making import MANDATE, NOW, OTHER_MANDATE, SUBJECT, add_mandate
from tests.ruling import publish


@pytest.fixture
def town(ruled: Store, moment: Moment) -> Store:
    ruled.write(lambda tx: publish(tx, moment, service.town_rules(), MANDATE))
    return ruled


def tell(store: Store, moment: Moment, sealer: Sealer, evidence: Evidence, supersedes: str | None = None):
    """Record one fact and decide, in one transaction."""

    def act(tx: Tx):
        service.record_evidence(tx, moment, sealer, evidence, supersedes)
        return service.redecide(tx, moment, sealer, evidence.subject_id)

    return store.write(act)


def test_it_works(town: Store, moment: Moment, sealer: Sealer, evidence: Make) -> None:
    new, before = tell(town, moment, sealer, evidence("not-detected", 5, pooled=True))

    assert (new.outcome, before) == ("clear", None)
    assert new.mandate_id == MANDATE
    with town.read() as tx:
        assert service.current_decision(tx, sealer, SUBJECT) == new


def test_a_mixed_tube_that_needs_single_tests_holds_and_a_single_negative_ends_it(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    tell(town, moment, sealer, evidence("not-detected", 30, pooled=True))
    held, before = tell(town, moment, sealer, evidence("retest-required", 5, pooled=True))

    assert before is not None
    assert before.outcome == "clear"
    assert (held.outcome, [reason.code for reason in held.reasons]) == ("hold", ["SINGLE_TEST_NEEDED"])

    freed, before = tell(town, moment, sealer, evidence("not-detected", 4))

    assert isinstance(before, Mark)
    assert (before.outcome, before.valid_until) == ("hold", to_ms(held.valid_until))
    assert freed.outcome == "clear"


def test_an_unusable_tube_makes_nobody_worse_off(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    first, _ = tell(town, moment, sealer, evidence("not-detected", 30, pooled=True))
    after, before = tell(town, moment, sealer, evidence("recollect", 5, pooled=True))

    assert after is before
    assert after == first


def test_the_same_outcome_on_the_same_facts_keeps_its_row(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    first, _ = tell(town, moment, sealer, evidence("not-detected", 5))
    later = moment._replace(now=NOW + timedelta(hours=1))
    again, before = town.write(lambda tx: service.redecide(tx, later, sealer, SUBJECT))

    assert again is before
    assert again.id == first.id
    with town.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM decision") == (1,)


def test_a_correction_withdraws_what_it_supersedes(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    tell(town, moment, sealer, evidence("not-detected", 5, pooled=True, ref="version-1"))
    corrected = evidence("retest-required", 5, pooled=True, ref="version-2")
    held, before = tell(town, moment, sealer, corrected, supersedes="version-1")

    assert before is not None
    assert (before.outcome, held.outcome) == ("clear", "hold")
    with town.read() as tx:
        assert [one.ref for one in service.evidence_of(tx, sealer, SUBJECT)] == ["version-2"]


def test_a_correction_of_one_member_leaves_the_others_alone(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    other = "0" * 25 + "T"
    tell(town, moment, sealer, evidence("not-detected", 5, pooled=True, ref="v1"))
    tell(town, moment, sealer, evidence("not-detected", 5, pooled=True, ref="v1", subject_id=other))
    tell(town, moment, sealer, evidence("retest-required", 5, pooled=True, ref="v2"), supersedes="v1")

    with town.read() as tx:
        assert [one.ref for one in service.evidence_of(tx, sealer, other)] == ["v1"]


def test_the_facts_row_is_canonical_and_reads_as_it_was_written(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    held, _ = tell(town, moment, sealer, evidence("retest-required", 5, pooled=True))
    tell(town, moment, sealer, evidence("not-detected", 4))

    with town.read() as tx:
        assert service.facts_of(tx, sealer, held.facts_row_id) == held
    raw = msgspec.json.encode(held, order="sorted")
    assert raw == canonical_json(json.loads(raw))


def test_a_facts_row_can_neither_be_changed_nor_swapped(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    held, _ = tell(town, moment, sealer, evidence("retest-required", 5, pooled=True))

    with pytest.raises(Exception, match="APPEND_ONLY"):
        town.write(lambda tx: tx.run("UPDATE facts_row SET hash = ''"))
    with town.read() as tx:
        assert service.facts_of(tx, sealer, held.facts_row_id) == held


def test_nothing_about_health_stands_in_the_open(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    tell(town, moment, sealer, evidence("detected", 5))

    with town.read() as tx:
        rows = repr(tx.all("SELECT * FROM evidence") + tx.all("SELECT * FROM facts_row"))
        rows += repr(tx.all("SELECT * FROM decision"))
    for word in ("detected", "ISOLATE", "Example Laboratory", "single"):
        assert word not in rows


def test_time_alone_ends_a_decision_and_the_sweep_makes_the_next(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    clear, _ = tell(town, moment, sealer, evidence("not-detected", 5))
    assert clear.valid_until == NOW + timedelta(hours=67, milliseconds=1)

    early = moment._replace(now=clear.valid_until - timedelta(milliseconds=1))
    assert town.write(lambda tx: service.sweep_due(tx, early, sealer)) == []
    due = moment._replace(now=clear.valid_until)
    ((new, before),) = town.write(lambda tx: service.sweep_due(tx, due, sealer))

    assert before == Mark("clear", clear.policy_number, clear.mandate_id, to_ms(clear.valid_until))
    assert (new.outcome, new.reasons[0].code) == ("conditions", "TEST_DUE")


def test_no_decision_outlives_its_mandate(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    due, _ = tell(town, moment, sealer, evidence("recollect", 5))
    assert due.valid_until == NOW + timedelta(days=30)

    ended = moment._replace(now=NOW + timedelta(days=30))
    assert town.write(lambda tx: service.sweep_due(tx, ended, sealer)) == []
    with town.read() as tx:
        assert service.live_policy(tx, ended.now) is None
        assert service.current_decision(tx, sealer, SUBJECT) is None
    with pytest.raises(NoMandate):
        town.write(lambda tx: service.redecide(tx, ended, sealer, SUBJECT))


def test_a_mandate_ended_early_ends_its_policy(town: Store, moment: Moment, sealer: Sealer) -> None:
    stop = NOW + timedelta(hours=2)
    town.write(
        lambda tx: tx.run("UPDATE mandate SET ends_at = :at WHERE id = :id", at=to_ms(stop), id=MANDATE)
    )

    with town.read() as tx:
        ruleset = service.live_policy(tx, NOW)
        assert ruleset is not None
        assert ruleset.to_at == stop
        assert service.live_policy(tx, stop) is None


def test_without_a_live_mandate_nothing_can_be_published_or_stored(ruled: Store, moment: Moment) -> None:
    ruled.write(lambda tx: add_mandate(tx, OTHER_MANDATE, NOW, NOW + timedelta(days=9), unlock="campaign"))
    for mandate_id in ("0" * 26, OTHER_MANDATE):
        with pytest.raises(NoMandate):
            ruled.write(
                lambda tx, mandate_id=mandate_id: publish(tx, moment, service.town_rules(), mandate_id)
            )
    with pytest.raises(NoMandate):  # raw SQL meets the guard of the database
        ruled.write(
            lambda tx: tx.run(
                "INSERT INTO policy (number, mandate_id, published_at, from_at, to_at, engine_version, hash, body) "
                "VALUES (1, :mandate_id, :now, :now, :now, '1.3.3', '', :body)",
                mandate_id=OTHER_MANDATE,
                now=moment.now_ms,
                body=b"{}",
            )
        )


def test_a_published_version_of_a_rule_is_never_another(town: Store, moment: Moment) -> None:
    document = json.loads(service.town_rules())
    again = town.write(lambda tx: publish(tx, moment, service.town_rules(), MANDATE))
    assert again.number == 2

    document["rules"][2]["house"]["on_false"] = "hold"
    with pytest.raises(Refusal) as refused:
        town.write(lambda tx: publish(tx, moment, json.dumps(document).encode(), MANDATE))
    assert (refused.value.code, refused.value.field) == ("INVALID_VERSION", "TR-ZZ-0003.Version")

    document["rules"][2]["rule"]["Version"] = "1.0.1"
    for test in document["tests"]:
        test["version"] = ""
    town.write(lambda tx: publish(tx, moment, json.dumps(document).encode(), MANDATE))
    with town.read() as tx:
        live = service.live_policy(tx, NOW)
        assert live is not None
        assert (live.number, live.rules[2].version) == (3, "1.0.1")


def test_many_are_decided_as_each_alone(town: Store, moment: Moment, sealer: Sealer, evidence: Make) -> None:
    """The short cut for people with the same evidence changes nothing but the ids."""
    people = [f"{i:026d}" for i in range(30)]
    changes = []
    for i, person in enumerate(people):
        if i % 3:
            changes.append(
                service.EvidenceChange(evidence("not-detected", 5, subject_id=person, pooled=bool(i % 2)))
            )
        if i % 5 == 0:
            changes.append(
                service.EvidenceChange(evidence("retest-required", 3, subject_id=person, pooled=True))
            )
    town.write(lambda tx: service.record_all(tx, moment, sealer, changes))
    results = town.write(lambda tx: service.redecide_many(tx, moment, sealer, people))

    with town.read() as tx:
        ruleset = service.live_policy(tx, NOW)
        assert ruleset is not None
        for person, (decision, _) in zip(people, results, strict=True):
            alone = decide(service.evidence_of(tx, sealer, person), NOW, ruleset)
            assert (decision.subject_id, decision.facts) == (person, alone.facts)
            assert (decision.outcome, decision.reasons) == (alone.outcome, alone.reasons)
            assert service.current_decision(tx, sealer, person) == decision


class Opening(Sealer):
    """Says of which tables it opened values."""

    def __init__(self, sealer: Sealer) -> None:
        super().__init__(sealer._secrets, sealer._random)
        self.opened: list[str] = []

    def open(self, place: Place, sealed: bytes) -> bytes:
        self.opened.append(place.table)
        return super().open(place, sealed)


def test_a_release_opens_no_more_than_it_must(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    tell(town, moment, sealer, evidence("sample-sealed", 5))
    counting, result = Opening(sealer), evidence("not-detected", 5)

    def release(tx: Tx) -> list[tuple[Decision, object]]:
        service.record_all(tx, moment, sealer, [service.EvidenceChange(result)])
        return list(service.redecide_many(tx, moment, counting, [SUBJECT], [result]))

    ((new, before),) = town.write(release)
    # The sample recorded before is opened; the result in the caller's hand, and what plainly changes, are not.
    assert counting.opened == ["evidence"]
    assert isinstance(before, Mark)
    assert (before.outcome, new.outcome) == ("conditions", "clear")
    with town.read() as tx:
        assert {fact.evidence_id for fact in new.facts} <= {
            one.id for one in service.evidence_of(tx, sealer, SUBJECT)
        }
        assert service.current_decision(tx, sealer, SUBJECT) == new


def test_a_forgotten_person_is_not_decided_about(
    town: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    tell(town, moment, sealer, evidence("not-detected", 5))
    kept = sealer._secrets.kept  # type: ignore[attr-defined]
    for name in [name for name in kept if name[0] == "subject"]:
        del kept[name]

    with town.read() as tx:
        assert service.evidence_of(tx, sealer, SUBJECT) == []
        assert service.current_decision(tx, sealer, SUBJECT) is None
        (held,) = tx.all("SELECT facts_row_id FROM decision")
        with pytest.raises(Destroyed):
            service.facts_of(tx, sealer, held[0])
