"""A rule set over everybody at once: outcome, which rules fail, which are open, and when time may change it.

Promise: for each person the outcome and the failing rules that `decide.decide` finds (tests compare them). `until` is
never later than the moment time alone changes a rule, and may be earlier: then a look again finds nothing new.
Nobody has a name here; a row is a row. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pratique.core.moment import to_ms
from pratique.policy.columns import CHUNK, Plan
from pratique.policy.context import CLOCK, VALUE_SETS, clock_text, subject_context
from pratique.policy.model import WORSE, Evidence, HouseRule, Rule, RuleSet
from pratique.policy.ruleset import in_force, is_supported
from pratique.policy.statics import paths_of
from pratique.policy.table import Column, Ground, Table, table_of
from pratique.policy.turns import NEVER_MINUTE, turns_of

MAX_RULES = 64
OUTCOMES = tuple(sorted(WORSE, key=WORSE.__getitem__))


class Population(NamedTuple):
    """So many people and their evidence: `column(house, path)` for rules of this analyte, zone and grain, and
    `row(house, i)`, the context of person i without the clock, for what columns cannot hold."""

    length: int
    column: Callable[[HouseRule, str], Column]
    row: Callable[[HouseRule, int], dict[str, Any]]


class Decided(NamedTuple):
    """By person: `outcome` (index into OUTCOMES), `failing` and `open` (bit i: rule i of `rules`), `until` (whole
    minutes since 1970, rounded down; NEVER_MINUTE where time alone changes nothing)."""

    rules: list[Rule]
    outcome: NDArray[np.uint8]
    failing: NDArray[Any]
    open: NDArray[Any]
    until: NDArray[np.int32] | None
    by_rows: int


def population_of(people: Sequence[Sequence[Evidence]]) -> Population:
    """Real evidence as a population."""
    contexts: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    columns: dict[tuple[str, str, str, str], Column] = {}

    def rows(house: HouseRule) -> list[dict[str, Any]]:
        key = (house.analyte, house.zone, house.grain)
        if key not in contexts:
            contexts[key] = [subject_context(evidence, *key).data for evidence in people]
        return contexts[key]

    def column(house: HouseRule, path: str) -> Column:
        key = (house.analyte, house.zone, house.grain, path)
        if key not in columns:
            columns[key] = table_of(rows(house), {path}).columns[path]
        return columns[key]

    return Population(len(people), column, lambda house, i: rows(house)[i])


def decide_city(ruleset: RuleSet, population: Population, now: datetime, *, until: bool = True) -> Decided:
    """Decide about everybody at `now`. Raises ValueError for item rules (they look at one piece of evidence, not at a
    person) and for more than 64 rules."""
    rules = rules_of_city(ruleset, now)
    judges = Judges(rules, population, now, ruleset.value_sets)
    length, masks = population.length, masks_of(rules)
    outcome = np.empty(length, np.uint8)
    failing, is_open = np.empty(length, judges.kind), np.zeros(length, judges.kind)
    ends = np.empty(length, np.int32) if until else None
    turns = turns_of(rules, judges.plans, now, last_moment(ruleset, now)) if until else None
    for rows in judges.ranges():
        failing[rows], opened = judges.bits(rows)
        if np.ndim(opened):
            is_open[rows] = opened
        outcome[rows] = outcome_of(failing[rows], opened, masks)
        if ends is not None and turns is not None:
            ends[rows] = turns.soonest(rows)
    return Decided(rules, outcome, failing, is_open, ends, judges.by_rows)


class Judges:
    """Rules ready for a population: which fail and which are open, a range of rows at a time."""

    def __init__(
        self, rules: Sequence[Rule], population: Population, now: datetime, value_sets: dict[str, Any]
    ) -> None:
        self.length = population.length
        self.plans = _plans(list(rules), population, now, value_sets)
        self.by_rows = sum(plan.by_rows for plan in self.plans if plan)
        self.kind = kind_of_bits(len(self.plans))

    def ranges(self) -> Iterator[slice]:
        """All rows, in ranges that stay in the cache."""
        for start in range(0, self.length, CHUNK):
            yield slice(start, min(start + CHUNK, self.length))

    def bits(self, rows: slice) -> tuple[Any, Any]:
        """(failing, open): bit i is rule i."""
        size = rows.stop - rows.start
        fails: Any = None
        opens: Any = 0
        for start in range(0, max(1, len(self.plans)), 8):
            plans = self.plans[start : start + 8]
            passes, wrong = np.zeros(size, np.uint8), None
            for i, plan in enumerate(plans):
                true, error = (np.bool_(False), np.bool_(True)) if plan is None else plan.run(rows)
                passes |= _bit(true if error is None else true | error, i)
                if error is not None:
                    wrong = (np.zeros(size, np.uint8) if wrong is None else wrong) | _bit(error, i)
            passes ^= np.uint8((1 << len(plans)) - 1)
            fails = self._byte(passes, start) if fails is None else fails | self._byte(passes, start)
            if wrong is not None:
                opens = opens | self._byte(wrong, start)
        return fails, opens

    def _byte(self, bits: Any, start: int) -> Any:
        """Eight rules' bits at their place."""
        return bits.astype(self.kind) * self.kind.type(1 << start)


def _bit(truth: Any, i: int) -> Any:
    # A product: numpy has no fast shift of bytes.
    return np.asarray(truth).view(np.uint8) * np.uint8(1 << i)


def masks_of(rules: Sequence[Rule]) -> tuple[int, int]:
    """The bits of the rules that hold, and of all."""
    holding = sum(1 << i for i, rule in enumerate(rules) if _house(rule).on_false == "hold")
    return holding, (1 << len(rules)) - 1


def outcome_of(failing: Any, is_open: Any, masks: tuple[int, int]) -> Any:
    """Index into OUTCOMES: a rule that holds and fails, else any that fails or is open, else none. `masks` may leave
    rules out."""
    holding, everyone = (failing.dtype.type(mask) for mask in masks)
    some = (failing & everyone) != 0 if np.ndim(is_open) == 0 else ((failing | is_open) & everyone) != 0
    return np.maximum(some.view(np.uint8), ((failing & holding) != 0).view(np.uint8) * np.uint8(2))


def rules_of_city(ruleset: RuleSet, now: datetime) -> list[Rule]:
    """The rules that decide at `now`. Raises ValueError where they cannot be decided as columns."""
    rules = [rule for rule in in_force(ruleset.rules, now) if rule.house is not None]
    if len(rules) > MAX_RULES or any(_house(rule).scope == "item" for rule in rules):
        raise ValueError(f"a city is decided by at most {MAX_RULES} subject rules")
    return rules


def last_moment(ruleset: RuleSet, now: datetime) -> int:
    """Milliseconds: the end of the policy, or the next moment at which another of its rules begins or ends."""
    edges = [edge for rule in ruleset.rules for edge in (rule.valid_from, rule.valid_to) if edge > now]
    return to_ms(min([ruleset.to_at, *edges]))


def kind_of_bits(rules: int) -> Any:
    """The smallest unsigned integer with a bit for each rule."""
    return np.dtype(f"u{next(size for size in (1, 2, 4, 8) if rules <= size * 8)}")


def _plans(
    rules: list[Rule], population: Population, now: datetime, value_sets: dict[str, Any]
) -> list[Plan | None]:
    """A plan for each rule; None for a rule that this engine cannot judge. Rules that see the same share the ground."""
    grounds: dict[tuple[str, str, str], Ground] = {}
    plans: list[Plan | None] = []
    for rule in rules:
        house = _house(rule)
        key = (house.analyte, house.zone, house.grain)
        if key not in grounds:
            alike = [one for one in rules if _sees(one) == key]
            grounds[key] = Ground(_table(alike, population, now, value_sets))
        plans.append(Plan(rule.logic, grounds[key]) if is_supported(rule) else None)
    return plans


def _sees(rule: Rule) -> tuple[str, str, str]:
    house = _house(rule)
    return house.analyte, house.zone, house.grain


def _table(rules: list[Rule], population: Population, now: datetime, value_sets: dict[str, Any]) -> Table:
    house = _house(rules[0])
    clock = clock_text(now, house.zone, house.grain)
    same = np.broadcast_to(np.uint8(0), population.length)
    columns = {}
    for path in sorted(set().union(*(paths_of(rule.logic) for rule in rules))):
        if path == CLOCK:
            columns[path] = Column(same, [clock])
        elif path.startswith(VALUE_SETS + "."):
            columns[path] = Column(same, [value_sets.get(path.removeprefix(VALUE_SETS + "."))])
        else:
            columns[path] = population.column(house, path)
    return Table(
        population.length,
        columns,
        lambda i: {
            **population.row(house, i),
            "external": {"validationClock": clock, "valueSets": value_sets},
        },
    )


def _house(rule: Rule) -> HouseRule:
    if rule.house is None:
        raise ValueError(f"{rule.id} has no house block")
    return rule.house


__all__ = [
    "NEVER_MINUTE",
    "OUTCOMES",
    "Decided",
    "Judges",
    "Population",
    "decide_city",
    "last_moment",
    "masks_of",
    "outcome_of",
    "population_of",
    "rules_of_city",
]
