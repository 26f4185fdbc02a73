"""A preview says what deciding everybody would say, in tens; no hidden count can be had from what stands beside it."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.text import Text
from pratique.policy.city import population_of
from pratique.policy.decide import decide
from pratique.policy.drafts import clocks
from pratique.policy.model import WORSE, Evidence, RuleSet
from pratique.policy.ruleset import read_rule_set
from pratique.policy.service import town_rules
from pratique.rollout import service
from pratique.rollout.impact import impact, made_up_groups, tens, total
from pratique.rollout.model import Laboratory
from pratique.rollout.words import headline
from tests.rollout.making import draft_of, hold_without_test, milder, world

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
CHANCE = np.random.default_rng(7)


def evidence(kind: str, outcome: str, hours: float, *, pooled: bool = False) -> Evidence:
    return Evidence(
        id=f"{kind}{outcome}{hours}", subject_id="s", kind=kind, outcome=outcome, pooled=pooled,  # type: ignore[arg-type]
        sampled_at=NOW - timedelta(hours=hours), known_at=NOW - timedelta(hours=max(0.0, hours - 6)),
        source="made up", ref="r", mandate_id="m",
    )  # fmt: skip


def somebody() -> list[Evidence]:
    found = []
    if CHANCE.random() < 0.7:
        found.append(
            evidence("test", "not-detected", float(CHANCE.integers(1, 200)), pooled=CHANCE.random() < 0.5)
        )
    if CHANCE.random() < 0.1:
        found.append(evidence("test", "retest-required", float(CHANCE.integers(1, 60)), pooled=True))
    if CHANCE.random() < 0.1:
        found.append(evidence("test", "detected", float(CHANCE.integers(1, 200))))
    if CHANCE.random() < 0.1:
        found.append(evidence("recovery", "", float(CHANCE.integers(1, 200))))
    return found


PEOPLE = [somebody() for _ in range(400)]


def rules(raw: bytes, number: int = 0) -> RuleSet:
    import msgspec

    return msgspec.structs.replace(read_rule_set(raw), number=number)


OLD = rules(town_rules(), 1)


def seen(new: RuleSet, people: list[list[Evidence]] = PEOPLE, **options: Any) -> Any:
    return impact(
        OLD,
        new,
        population_of(people),
        clocks(NOW, new, options.pop("days", 3)),
        laboratory=options.pop("laboratory", Laboratory()),
        draft="x",
        **options,
    )


def test_it_works() -> None:
    new = rules(draft_of(hold_without_test))
    pairs = Counter(
        (WORSE[decide(one, NOW, OLD).outcome], WORSE[decide(one, NOW, new).outcome]) for one in PEOPLE
    )
    found = seen(new)

    assert found.days[0].matrix == tuple(
        tuple(tens(pairs[row, column]) for column in range(3)) for row in range(3)
    )
    assert found.worse == total([found.days[0].matrix[i][j] for i in range(3) for j in range(i + 1, 3)])
    assert found.harms
    assert found.causes[0].rule == "TR-ZZ-0003"
    assert found.no_remedy == 0  # a test of today helps everybody
    assert "worse off" in headline(found).en


def test_people_seen_part_by_part_are_the_people_seen_at_once() -> None:
    new, tubes = rules(draft_of(hold_without_test)), Laboratory(tubes_a_day=20)
    parts = [population_of(PEOPLE[start : start + 150]) for start in range(0, len(PEOPLE), 150)]
    assert seen(new, laboratory=tubes) == impact(
        OLD, new, iter(parts), clocks(NOW, new, 3), laboratory=tubes, draft="x"
    )


@pytest.mark.parametrize("change", [hold_without_test, milder])
def test_a_preview_over_the_mirror_says_what_one_from_the_rows_says(tmp_path: Path, change: Any) -> None:
    with world(tmp_path, NOW, tested=31, untested=12) as here:
        raw, port = draft_of(change), here.port
        with port.store.read() as tx:
            by_rows = service.look(tx, port.moment(), port.sealer, raw, Laboratory())
        assert by_rows.people == 43
        assert service.look_over(port.store, port.moment(), port.mirror, raw, Laboratory()) == by_rows
        assert len(list(port.mirror.populations([rules(raw)], [NOW], at_once=10))) > 0


def test_rules_that_read_lists_are_looked_at_row_by_row(tmp_path: Path) -> None:
    def first_of_all(document: dict[str, Any]) -> None:
        document["rules"][2]["rule"]["Logic"] = {"if": [{"var": "subject.items.0"}, True, False]}

    with world(tmp_path, NOW, tested=31, untested=12) as here:
        raw, port = draft_of(hold_without_test, first_of_all), here.port
        found = service.look_over(port.store, port.moment(), port.mirror, raw, Laboratory())
        assert (found.people, found.impact.worse) == (43, 10)


def test_who_has_no_remedy_is_counted() -> None:
    def recovered_only(document: dict[str, Any]) -> None:
        rule = document["rules"][2]["rule"]
        rule["Logic"] = {"if": [{"var": "subject.last_recovery"}, True, False]}
        document["rules"][2]["house"]["on_false"] = "hold"

    found = seen(rules(draft_of(recovered_only)))
    assert found.worse > 100
    assert found.no_remedy >= found.worse - 20
    assert found.causes[0].no_remedy == found.causes[0].people


def test_who_can_only_gain_is_told_so() -> None:
    found = seen(rules(draft_of(milder)))
    assert not found.harms
    assert found.worse == 0
    assert found.better is not None
    assert found.better > 0


def test_tests_are_counted_beside_what_laboratories_can_do() -> None:
    people = [[] for _ in range(100)]
    found = seen(rules(draft_of(hold_without_test)), people, days=8, laboratory=Laboratory(tubes_a_day=5))
    tubes = [day.tubes_after for day in found.days]
    # Everybody today, and again whenever three days are over: ten tubes of ten.
    assert tubes[0] == 10
    assert tubes.count(10) == len(tubes[::4]) or tubes.count(10) == len(tubes[::3])
    assert found.days_over_capacity == tubes.count(10)
    assert found.restricted_per_infection is None or found.infections_found > 0


def test_infections_found_follow_from_what_was_stated() -> None:
    def twice_a_week(document: dict[str, Any]) -> None:
        rule = document["rules"][2]["rule"]
        rule["Logic"]["if"][1]["not-after"][1]["plusTime"][1] = 24

    people = [[] for _ in range(2000)]
    found = seen(
        rules(draft_of(twice_a_week)), people, days=9, laboratory=Laboratory(None, 10, infected_per_mille=100)
    )
    assert found.infections_found > 0
    assert found.restricted_per_infection == (found.worse or 0) // found.infections_found
    none = seen(rules(town_rules()), people, days=9)
    assert (none.infections_found, none.restricted_per_infection) == (0, None)


@given(st.integers(0, 10_000))
def test_tens(count: int) -> None:
    shown = tens(count)
    assert shown is None if 0 < count < 10 else shown == count // 10 * 10


def test_no_hidden_cell_can_be_had_from_the_others() -> None:
    """Every row of three cells of up to 39 people with its sum. Where the other cells are at most “20 to 29”, what is
    shown fits at least seven values of each cell that is hidden."""
    fits: dict[tuple[Any, ...], list[set[int]]] = defaultdict(lambda: [set(), set(), set()])
    shown = [tens(n) for n in range(3 * 40)]
    for a in range(40):
        for b in range(40):
            for c in range(40):
                row = fits[shown[a], shown[b], shown[c], shown[a + b + c]]
                for i, value in enumerate((a, b, c)):
                    row[i].add(value)
    hidden = 0
    for row, values in fits.items():
        for i in range(3):
            if (
                row[i] is None
                and max(one or 0 for one in row[:3]) <= 20
                and row[3] is not None
                and row[3] >= 20
            ):
                hidden += 1
                assert len(values[i]) >= 7, (row, values[i])
    assert hidden > 20


def test_groups_stand_in_their_order_and_hide_small_cells() -> None:
    codes = np.array([0] * 300 + [1] * 95 + [2] * 5)
    names = (Text("first", "一"), Text("second", "二"), Text("third", "三"))
    found = seen(rules(draft_of(hold_without_test)), groups={"area": (codes, names)})
    rows = found.groups["area"]
    assert [row.name.en for row in rows] == ["first", "second", "third"]
    for value in (rows[2].worse, rows[2].better, rows[2].same):
        assert value in (0, None)


def test_a_made_up_city_has_districts_and_ages() -> None:
    groups = made_up_groups(10_000, 3)
    for codes, names in groups.values():
        assert codes.max() < len(names)
    assert (made_up_groups(10_000, 3)["age"][0] == groups["age"][0]).all()
    assert json.dumps([name.en for name in groups["area"][1]])


@pytest.mark.parametrize(
    "wrong", [(-1, 10, 2, 900), (5, 0, 2, 900), (5, 21, 2, 900), (5, 10, 1001, 900), (5, 10, 2, 0)]
)
def test_what_is_stated_of_laboratories_has_bounds(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="_"):
        Laboratory(*wrong)
