"""The mirror: fed by the transactions themselves, level after `catch_up`; who stays the same is not written back."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment
from pratique.policy import mirror_store, service
from pratique.policy.decide import decide
from pratique.policy.mirror import Mirror
from pratique.policy.model import Evidence, RuleSet
from pratique.policy.parts import columns_read
from pratique.policy.ruleset import read_rule_set
from pratique.policy.service import town_rules
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.conftest import SecretsInMemory
from tests.policy.making import MANDATE, NOW, OTHER_MANDATE, add_mandate
from tests.ruling import publish

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def some_evidence(chance: Random, subject_id: str, number: int) -> Evidence:
    kind = chance.choice(["test", "test", "test", "vaccination", "recovery", "exemption"])
    outcome = chance.choice(["not-detected", "detected", "retest-required", "sample-sealed"])
    at = NOW - timedelta(milliseconds=chance.randrange(12 * 86_400_000))
    return Evidence(
        id=f"{number:026d}",
        subject_id=subject_id,
        kind=kind,  # type: ignore[arg-type]
        outcome=outcome if kind == "test" else "",  # type: ignore[arg-type]
        pooled=kind == "test" and outcome != "detected" and chance.random() < 0.5,
        analyte=chance.choice(["", "", "made-up-analyte"]),
        sampled_at=at,
        known_at=min(NOW, at + timedelta(hours=2)),
        source="Example Laboratory",
        ref=f"{number}",
        mandate_id=MANDATE,
    )


def subjects(chance: Random, count: int) -> list[str]:
    return [
        "".join(chance.choice(ALPHABET[:3] if i < 2 else ALPHABET) for i in range(26)) for _ in range(count)
    ]


@pytest.fixture
def mirror(ruled: Store, sealer: Sealer, tmp_path: Path, moment: Moment) -> Mirror:
    ruled.write(lambda tx: publish(tx, moment, town_rules(), MANDATE))
    return Mirror(tmp_path / "mirror", ruled, sealer)


def town(mirror: Mirror) -> RuleSet:
    with mirror.database.read() as tx:
        ruleset = service.live_policy(tx, NOW)
    assert ruleset is not None
    return ruleset


def level(mirror: Mirror, moment: Moment) -> None:
    while mirror.catch_up(moment, limit=7):
        pass


def record(mirror: Mirror, moment: Moment, evidence: list[Evidence]) -> None:
    changes = [service.EvidenceChange(one) for one in evidence]
    mirror.database.write(lambda tx: service.record_all(tx, moment, mirror.sealer, changes))


def named(mirror: Mirror, ruleset: RuleSet, now: datetime, before: RuleSet | None = None) -> set[str]:
    known = {before.number: before} if before is not None else {}
    return {one for found in mirror.changed(ruleset, now, known.get) for one in found.subject_ids}


def test_it_works(mirror: Mirror, moment: Moment) -> None:
    chance, ruleset = Random(1), town(mirror)
    people = subjects(chance, 60)
    record(mirror, moment, [some_evidence(chance, chance.choice(people), i) for i in range(60)])
    mirror.begin(moment, width=2)
    record(mirror, moment, [some_evidence(chance, chance.choice(people), i) for i in range(60, 160)])
    level(mirror, moment)
    known = sorted(
        {one for part in mirror.parts() for one in mirror.people(part, [ruleset], NOW).subject_ids}
    )

    with mirror.database.read() as tx:
        assert known == sorted(one for one in people if service.evidence_of(tx, mirror.sealer, one))
    assert named(mirror, ruleset, NOW) == set(known)  # nobody was decided about
    for found in mirror.changed(ruleset, NOW):
        mirror.database.write(
            lambda tx, found=found: service.redecide_many(tx, moment, mirror.sealer, found.subject_ids)
        )
    level(mirror, moment)
    assert named(mirror, ruleset, NOW) == set()
    record(mirror, moment, [some_evidence(chance, known[0], 900)])
    later = moment._replace(now=NOW + timedelta(hours=30))
    level(mirror, later)
    with mirror.database.read() as tx:
        wanted = {one for one in known if _is_decided_otherwise(tx, mirror, ruleset, one, later.now)}
    found_now = named(mirror, ruleset, later.now)
    assert wanted <= found_now
    assert len(found_now) < len(known)  # and most stay as they are


def _is_decided_otherwise(tx: object, mirror: Mirror, ruleset: RuleSet, one: str, now: datetime) -> bool:
    held = service.current_decision(tx, mirror.sealer, one)  # type: ignore[arg-type]
    verdict = decide(service.evidence_of(tx, mirror.sealer, one), now, ruleset)  # type: ignore[arg-type]
    assert held is not None
    same_reasons = [r.code for r in held.reasons] == [r.code for r in verdict.reasons]
    return held.valid_until <= now or held.outcome != verdict.outcome or not same_reasons


def test_only_those_whose_reasons_change_under_another_policy_are_named(
    mirror: Mirror, moment: Moment
) -> None:
    chance, before = Random(2), town(mirror)
    people = subjects(chance, 40)
    mirror.begin(moment, width=2)
    record(mirror, moment, [some_evidence(chance, chance.choice(people), i) for i in range(120)])
    level(mirror, moment)
    for found in mirror.changed(before, NOW):
        mirror.database.write(
            lambda tx, found=found: service.redecide_many(tx, moment, mirror.sealer, found.subject_ids)
        )
    level(mirror, moment)
    rules = tuple(
        msgspec.structs.replace(rule, version="1.1.0") if rule.id == "TR-ZZ-0003" else rule
        for rule in before.rules
    )
    after = msgspec.structs.replace(before, rules=rules, number=before.number + 1)
    # The third rule is another one now: who fails it has another reason.
    failing = set()
    with mirror.database.read() as tx:
        for one in {one for found in mirror.changed(after, NOW) for one in found.subject_ids}:
            verdict = decide(service.evidence_of(tx, mirror.sealer, one), NOW, after)
            if any(look.rule == "TR-ZZ-0003" for look in verdict.looks) and verdict.outcome != "clear":
                failing.add(one)
    found_now = named(mirror, after, NOW, before)

    assert named(mirror, after, NOW) == set(_everybody(mirror, after))  # without the policy before: all
    assert found_now <= failing
    assert found_now < set(_everybody(mirror, after))
    assert (
        named(mirror, msgspec.structs.replace(before, number=9), NOW, before) == set()
    )  # nothing but the number


def _everybody(mirror: Mirror, ruleset: RuleSet) -> list[str]:
    return [one for part in mirror.parts() for one in mirror.people(part, [ruleset], NOW).subject_ids]


def test_what_changes_while_the_mirror_looks_stays_queued(mirror: Mirror, moment: Moment) -> None:
    mirror.begin(moment, width=2)
    chance = Random(3)
    record(mirror, moment, [some_evidence(chance, "00" + "A" * 24, 1)])
    with mirror.database.read() as tx:
        seen = mirror_store.queued(tx, 10)
    record(mirror, moment, [some_evidence(chance, "00" + "A" * 24, 2)])
    mirror.database.write(lambda tx: mirror_store.done(tx, seen, [], 1))

    with mirror.database.read() as tx:
        assert mirror_store.queued(tx, 10) == [("00" + "A" * 24, 2, 1)]


def test_a_part_dies_with_a_mandate_and_is_made_anew_from_what_stands(
    ruled: Store, tmp_path: Path, moment: Moment
) -> None:
    kept = SecretsInMemory()
    sealer = Sealer(kept, secrets.token_bytes)
    ruled.write(lambda tx: publish(tx, moment, town_rules(), MANDATE))
    ruled.write(lambda tx: add_mandate(tx, OTHER_MANDATE, NOW - timedelta(days=1), NOW + timedelta(days=9)))
    mirror = Mirror(tmp_path / "mirror", ruled, sealer)
    mirror.begin(moment, width=2)
    chance, ruleset = Random(4), read_rule_set(town_rules())
    mine, theirs = "00" + "B" * 24, "00" + "C" * 24
    other = msgspec.structs.replace(some_evidence(chance, theirs, 2), mandate_id=OTHER_MANDATE)
    record(mirror, moment, [some_evidence(chance, mine, 1), other])
    level(mirror, moment)
    assert _everybody(mirror, ruleset) == [mine, theirs]

    ruled.write(lambda tx: service.erase_mandate(tx, OTHER_MANDATE))
    for name in [name for name in kept.kept if OTHER_MANDATE in name]:
        del kept.kept[name]
    with pytest.raises(Destroyed):
        _everybody(mirror, ruleset)
    level(mirror, moment)
    assert _everybody(mirror, ruleset) == [mine]
    raw = b"".join(path.read_bytes() for path in (tmp_path / "mirror").iterdir())
    assert mine.encode() not in raw


def test_who_is_forgotten_leaves_the_mirror(mirror: Mirror, moment: Moment) -> None:
    mirror.begin(moment, width=2)
    chance = Random(5)
    one, other = "00" + "D" * 24, "00" + "E" * 24
    record(mirror, moment, [some_evidence(chance, one, 1), some_evidence(chance, other, 2)])
    level(mirror, moment)
    record(mirror, moment, [some_evidence(chance, one, 3)])
    mirror.database.write(lambda tx: service.forget_subject(tx, one))
    with mirror.database.read() as tx:
        assert mirror_store.queued(tx, 10) == []  # no id of theirs is left in the queue
    level(mirror, moment)

    assert _everybody(mirror, town(mirror)) == [other]
    mirror.discard()
    assert mirror.parts() == []
    record(mirror, moment, [some_evidence(chance, other, 4)])
    with mirror.database.read() as tx:
        assert mirror_store.queued(tx, 10) == []  # nothing is queued for nobody


def test_a_mirror_killed_while_it_is_made_anew_is_made_anew_again(
    mirror: Mirror, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(mirror, moment, [some_evidence(Random(9), "00" + "H" * 24, 1)])
    mirror.begin(moment)
    level(mirror, moment)
    assert mirror.size() == 1

    def killed(act: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(mirror.database, "write", killed)
        with pytest.raises(RuntimeError, match="killed"):
            mirror._anew(moment, None)
    assert mirror.parts() == []
    level(mirror, moment)
    assert mirror.size() == 1


def test_a_changed_file_is_refused(mirror: Mirror, moment: Moment) -> None:
    mirror.begin(moment, width=2)
    record(mirror, moment, [some_evidence(Random(6), "00" + "F" * 24, 1)])
    level(mirror, moment)
    path = next(mirror.files.folder.glob("*.part"))
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))

    with pytest.raises(ValueError, match=r"00\.part is not what was written"):
        _everybody(mirror, town(mirror))


def test_rules_of_one_analyte_see_what_the_interpreter_sees(mirror: Mirror, moment: Moment) -> None:
    chance, ruleset = Random(7), town(mirror)
    rules = tuple(
        msgspec.structs.replace(rule, house=msgspec.structs.replace(rule.house, analyte="made-up-analyte"))
        for rule in ruleset.rules
        if rule.house is not None
    )
    narrow = msgspec.structs.replace(ruleset, rules=rules, number=0)
    assert {name.split("|")[0] for name in columns_read(narrow, NOW)} == {"made-up-analyte", "doses"} - {
        "doses"
    }
    mirror.begin(moment, width=2)
    people = subjects(chance, 30)
    record(mirror, moment, [some_evidence(chance, chance.choice(people), i) for i in range(90)])
    while mirror.catch_up(moment, ["made-up-analyte"]):
        pass
    outcomes = {}
    from pratique.policy.city import OUTCOMES, decide_city

    for part in mirror.parts():
        people_of = mirror.people(part, [narrow], NOW)
        decided = decide_city(narrow, people_of.population, NOW)
        outcomes |= dict(zip(people_of.subject_ids, (OUTCOMES[i] for i in decided.outcome), strict=True))

    with mirror.database.read() as tx:
        for one, outcome in outcomes.items():
            assert decide(service.evidence_of(tx, mirror.sealer, one), NOW, narrow).outcome == outcome
    assert len(set(outcomes.values())) > 1


def test_times_of_any_grain_are_kept_exactly(mirror: Mirror, moment: Moment) -> None:
    mirror.begin(moment, width=2)
    base = some_evidence(Random(8), "00" + "G" * 24, 1)
    at = datetime(2026, 1, 4, 12, 0, 0, tzinfo=UTC)
    grains = [at, at + timedelta(seconds=7), at + timedelta(milliseconds=1)]
    for i, when in enumerate(grains):  # each finer than what the part held before
        one = msgspec.structs.replace(
            base, id=f"{i:026d}", ref=str(i), subject_id=f"00{i:024d}", kind="vaccination", outcome="",
            pooled=False, sampled_at=when, known_at=when,
        )  # fmt: skip
        record(mirror, moment, [one])
        level(mirror, moment)
    frame = mirror.files.read("00")

    assert [int(ms) for ms in frame["last_dose.sampled"]] == [
        round(when.timestamp() * 1000) for when in grains
    ]
