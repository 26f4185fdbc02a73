"""Columns over everybody: the outcome and reasons of each person alone; previews count what would change."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.moment import Moment, to_ms
from pratique.policy import service
from pratique.policy.city import NEVER_MINUTE, OUTCOMES, decide_city, population_of
from pratique.policy.decide import decide
from pratique.policy.drafts import preview_draft
from pratique.policy.model import Evidence, RuleSet
from pratique.policy.preview import _guarded, hidden, preview
from pratique.policy.ruleset import read_rule_set, rule_set_of
from pratique.policy.service import town_rules
from pratique.policy.synthetic import made_up_city
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.policy.conftest import Make
from tests.policy.making import MANDATE, NOW
from tests.policy.test_decisions_explain_themselves import EVIDENCE, TOWN, day_rules
from tests.ruling import publish


def agrees(people: list[list[Evidence]], rules: RuleSet, now: datetime) -> None:
    """Row by row, against `decide`."""
    decided = decide_city(rules, population_of(people), now)
    assert decided.until is not None
    for i, evidence in enumerate(people):
        alone = decide(evidence, now, rules)
        codes = {
            rule.house.reason
            for bit, rule in enumerate(decided.rules)
            if decided.failing[i] >> bit & 1 and rule.house
        }
        assert OUTCOMES[decided.outcome[i]] == alone.outcome
        assert {reason.code for reason in alone.reasons} - {"CANNOT_BE_JUDGED"} <= codes
        assert bool(decided.open[i]) == bool(alone.open_rules)
        until = int(decided.until[i])
        assert until == NEVER_MINUTE or until <= to_ms(alone.valid_until) // 60_000
        assert until >= to_ms(now) // 60_000


def test_it_works() -> None:
    decided = decide_city(TOWN, population_of([[], []]), NOW)

    assert decided.outcome.tolist() == [1, 1]
    assert decided.failing.tolist() == [4, 4]
    assert decided.by_rows == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(EVIDENCE, min_size=1, max_size=30))
def test_everybody_is_decided_as_alone(people: list[list[Evidence]]) -> None:
    agrees(people, TOWN, NOW)


@settings(max_examples=10, deadline=None)
@given(st.lists(EVIDENCE, min_size=1, max_size=10))
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu"])
def test_civil_days_too(zone: str, people: list[list[Evidence]]) -> None:
    agrees(people, day_rules(zone), NOW)


@settings(max_examples=15, deadline=None)
@given(st.lists(EVIDENCE, min_size=1, max_size=10))
def test_rules_that_cannot_be_judged_and_rules_beyond_columns(people: list[list[Evidence]]) -> None:
    document = json.loads(town_rules())
    document["rules"][0]["rule"]["EngineVersion"] = "9.9.9"
    tests_given = {"reduce": [{"var": "subject.items"}, {"+": [{"var": "accumulator"}, 1]}, 0]}
    document["rules"][1]["rule"]["Logic"] = {"<": [tests_given, 3]}
    rules = msgspec.structs.replace(rule_set_of(document), mandate_id=MANDATE, to_at=TOWN.to_at)

    agrees(people, rules, NOW)
    assert decide_city(rules, population_of(people), NOW).by_rows == 1


def test_a_made_up_city_is_the_same_by_columns_and_by_rows() -> None:
    """What the columns of the made-up city say is what its rows say."""
    population = made_up_city(3000, NOW)
    decided = decide_city(TOWN, population, NOW)
    house = TOWN.rules[0].house
    assert house is not None
    for i in range(0, 3000, 7):
        context = population.row(house, i) | {
            "external": {"validationClock": "2026-01-05T00:00:00.000Z", "valueSets": {}}
        }
        from pratique.policy.certlogic import evaluate

        failing = [evaluate(rule.logic, context) is False for rule in TOWN.rules]
        assert [bool(decided.failing[i] >> bit & 1) for bit in range(3)] == failing
    assert np.array_equal(decided.outcome, decide_city(TOWN, made_up_city(3000, NOW), NOW).outcome)
    assert set(np.unique(decided.outcome)) == {0, 1, 2}


def stricter(hours: int) -> RuleSet:
    """The town's rules with another span for a negative test."""
    document = copy.deepcopy(json.loads(town_rules()))
    document["rules"][2]["rule"]["Logic"]["if"][1]["not-after"][1]["plusTime"][1] = hours
    return msgspec.structs.replace(rule_set_of(document), mandate_id=MANDATE, to_at=TOWN.to_at)


def test_a_preview_counts_who_changes_and_why() -> None:
    population = made_up_city(20_000, NOW)
    clocks = [NOW + timedelta(days=i) for i in range(3)]
    seen = preview(TOWN, stricter(48), population, clocks)
    before, after = (decide_city(rules, population, NOW).outcome for rules in (TOWN, stricter(48)))

    assert seen.people == 20_000
    assert seen.worse == int(np.count_nonzero(after > before))
    assert seen.better == 0
    assert seen.causes[0].reason.code == "TEST_DUE"
    assert seen.causes[0].people == seen.worse
    assert seen.cannot_be_judged == 0
    assert [day.at for day in seen.days] == clocks
    assert seen.days[0].matrix[0][1] == seen.worse
    assert [change.rule for change in seen.rules if change.newly_failing] == ["TR-ZZ-0003"]
    assert (seen.days[0].needing["TAKE_TEST"] or 0) > seen.worse
    assert preview(TOWN, TOWN, population, clocks[:1]).worse == 0
    assert preview(stricter(48), TOWN, population, clocks[:1]).better == seen.worse
    assert preview(None, TOWN, population, clocks[:1]).better == 0


def test_a_preview_has_no_names_in_it_and_hides_small_counts() -> None:
    population = made_up_city(500, NOW)
    areas = np.arange(500) % 40
    seen = preview(TOWN, stricter(48), population, [NOW], {"area": (areas, [f"area {i}" for i in range(40)])})

    assert [group.name for group in seen.groups["area"]] == [f"area {i}" for i in range(40)]
    for group in seen.groups["area"]:
        for count in (group.worse, group.better, group.same):
            assert count is None or count == 0 or count >= 10
    assert "id" not in msgspec.json.encode(seen).decode().lower().split('"')


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, None), (9, None), (10, 10)])
def test_fewer_than_ten_are_not_shown(count: int, shown: int | None) -> None:
    assert hidden(count) == shown


@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=6))
def test_no_hidden_count_can_be_had_from_a_sum(table: list[list[int]]) -> None:
    shown = _guarded(table)

    for line, real in [
        *zip(shown, table, strict=True),
        *zip(zip(*shown, strict=True), zip(*table, strict=True), strict=True),
    ]:
        out = [i for i, cell in enumerate(line) if cell is None]
        assert len(out) != 1 or not any(count for i, count in enumerate(real) if i not in out)
        for i, cell in enumerate(line):
            assert cell is None or (cell == real[i] and (cell == 0 or cell >= 10))


def test_item_rules_are_not_decided_as_a_city() -> None:
    document: Any = json.loads(town_rules())
    document["rules"][0]["house"]["scope"] = "item"
    rules = read_rule_set(json.dumps(document).encode())

    with pytest.raises(ValueError, match="subject rules"):
        decide_city(rules, population_of([[]]), datetime(2026, 1, 5, tzinfo=UTC))


def test_a_draft_is_tried_on_who_is_really_there(
    ruled: Store, moment: Moment, sealer: Sealer, evidence: Make
) -> None:
    people = [f"{i:026d}" for i in range(40)]
    changes = [
        service.EvidenceChange(evidence("not-detected", 60 if i < 25 else 5, subject_id=one))
        for i, one in enumerate(people)
    ]
    draft = json.loads(town_rules())
    draft["rules"][2]["rule"]["Logic"]["if"][1]["not-after"][1]["plusTime"][1] = 48
    ruled.write(lambda tx: publish(tx, moment, town_rules(), MANDATE))
    ruled.write(lambda tx: service.record_all(tx, moment, sealer, changes))
    with ruled.read() as tx:
        seen = preview_draft(tx, moment, sealer, json.dumps(draft).encode(), days=3)

    assert (seen.people, seen.worse, seen.better) == (40, 25, 0)
    assert seen.days[0].matrix[0] == (15, 25, 0)
    assert [day.at.astimezone(ZoneInfo("Asia/Shanghai")).hour for day in seen.days] == [8, 0, 0, 0]
