"""A rule set over everybody at once: outcome, which rules fail, which are open, and when time may change it.

Promise: for each person the outcome and the failing rules that `decide.decide` finds (tests compare them). `until` is
never later than the moment time alone changes a rule, and may be earlier: then a look again finds nothing new.
Nobody has a name here; a row is a row. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pratique.core.moment import to_ms
from pratique.policy.certlogic import DATE_COMPARISONS, integer
from pratique.policy.columns import CHUNK, Column, Ground, Plan, Small, Table, table_of
from pratique.policy.context import CLOCK, VALUE_SETS, clock_text, subject_context
from pratique.policy.dates import DAY_MS, read_date
from pratique.policy.decide import instant_of
from pratique.policy.explain import crossings
from pratique.policy.model import WORSE, Evidence, HouseRule, Rule, RuleSet
from pratique.policy.ruleset import in_force, is_supported
from pratique.policy.statics import paths_of

NEVER = np.iinfo(np.int64).max
NEVER_MINUTE = np.iinfo(np.int32).max
SPARSE = 16  # a column that fewer than one in so many people have is looked at only where it is there
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
    rules = [rule for rule in in_force(ruleset.rules, now) if rule.house is not None]
    if len(rules) > MAX_RULES or any(_house(rule).scope == "item" for rule in rules):
        raise ValueError(f"a city is decided by at most {MAX_RULES} subject rules")
    length = population.length
    kind = np.dtype(f"u{next(size for size in (1, 2, 4, 8) if len(rules) <= size * 8)}")
    plans = _plans(rules, population, now, ruleset.value_sets)
    outcome, failing, is_open = np.zeros(length, np.uint8), np.zeros(length, kind), np.zeros(length, kind)
    ends = np.empty(length, np.int32) if until else None
    turns = _turns(rules, plans, now) if until else {}
    edges = [edge for rule in ruleset.rules for edge in (rule.valid_from, rule.valid_to) if edge > now]
    last = _minutes(min(to_ms(min([ruleset.to_at, *edges])), int(turns.pop(None, NEVER))))
    columns = [
        (codes, _minutes(table), np.count_nonzero(codes) * SPARSE < length) for codes, table in turns.values()
    ]
    for start in range(0, length, CHUNK):
        rows = slice(start, min(start + CHUNK, length))
        size = rows.stop - start
        fails, opens = np.zeros(size, kind), np.zeros(size, kind)
        holds, conditions = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
        for i, (rule, plan) in enumerate(zip(rules, plans, strict=True)):
            if plan is None:
                opens |= kind.type(1 << i)
                conditions[:] = True
                continue
            true, error = plan.run(rows)
            failed = ~true
            if error is not None:
                failed &= ~error
                opens |= np.multiply(error, kind.type(1 << i), dtype=kind)
                conditions |= error
            fails |= np.multiply(failed, kind.type(1 << i), dtype=kind)
            if _house(rule).on_false == "hold":
                holds |= failed
            else:
                conditions |= failed
        np.maximum(conditions.view(np.uint8), holds.view(np.uint8) * np.uint8(2), out=outcome[rows])
        failing[rows], is_open[rows] = fails, opens
        if ends is not None:
            soonest = np.full(size, last, np.int32)
            for codes, table, sparse in columns:
                here = codes[rows]
                if sparse and table[0] == NEVER_MINUTE:
                    few = np.flatnonzero(here != 0)
                    soonest[few] = np.minimum(soonest[few], table[here[few]])
                else:
                    np.minimum(soonest, np.take(table, here), out=soonest)
            ends[rows] = soonest
    return Decided(rules, outcome, failing, is_open, ends, sum(plan.by_rows for plan in plans if plan))


def _minutes(ms: Any) -> Any:
    return np.minimum(np.asarray(ms) // 60_000, NEVER_MINUTE).astype(np.int32)


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


def _turns(rules: list[Rule], plans: list[Plan | None], now: datetime) -> dict[Any, Any]:
    """By column, the earliest moment after `now` at which a date of it can turn a rule: (codes, moment by code).
    None: such a moment for everybody."""
    found: dict[Any, Any] = {None: np.int64(NEVER)}
    for rule, plan in zip(rules, plans, strict=True):
        if plan is None:
            continue
        house = _house(rule)
        clock = to_ms(now) if house.grain == "instant" else _civil_ms(now, house)
        for amount, unit, other, beyond in clock_comparisons(rule.logic):
            part = plan.part_of(other)
            if not isinstance(part, Small):
                midnight = np.int64(clock - clock % DAY_MS + DAY_MS)  # not known by column: look again then
                found[None] = min(found[None], _real(midnight, house))
                continue
            dates, bad = np.atleast_1d(part.cells.number), part.cells.error
            table = _crossing(dates, amount, unit, clock, beyond)
            if bad is not None:
                table = np.where(bad, NEVER, table)
            table = _real(table, house)
            if part.column is None:
                found[None] = min(found[None], np.int64(table[0]))
            elif (part.column, house.zone, house.grain, house.analyte) in found:
                codes, before = found[part.column, house.zone, house.grain, house.analyte]
                found[part.column, house.zone, house.grain, house.analyte] = codes, np.minimum(before, table)
            else:
                codes = np.asarray(plan.table.columns[part.column].codes)
                found[part.column, house.zone, house.grain, house.analyte] = codes, table
    return found


def clock_comparisons(expression: Any) -> Iterator[tuple[int, str, Any, int]]:
    """(amount, unit, other operand, beyond) of every comparison of the clock plus something with its neighbour;
    `beyond` is 1 where it turns when the clock passes the other, 0 where it turns when the clock reaches it."""
    if isinstance(expression, list):
        for one in expression:
            yield from clock_comparisons(one)
    elif isinstance(expression, dict):
        for name, operands in expression.items():
            if name == "var" or not isinstance(operands, list):
                continue
            if name in DATE_COMPARISONS:
                for a, b in pairwise(operands):
                    for one, other, passing in (
                        (a, b, ("after", "not-after")),
                        (b, a, ("before", "not-before")),
                    ):
                        if _is_clock(one) and not _is_clock(other):
                            _, amount, unit = one["plusTime"]
                            yield integer(amount) or 0, unit, other, int(name in passing)
            yield from clock_comparisons(operands)


def _is_clock(operand: Any) -> bool:
    return isinstance(operand, dict) and operand.get("plusTime", [None])[0] == {"var": CLOCK}


def _crossing(dates: Any, amount: int, unit: str, clock: int, beyond: int) -> Any:
    """For each date the earliest moment after `clock` at which `clock + amount` reaches or passes it."""
    if unit in ("hour", "day"):
        at = dates - amount * (3_600_000 if unit == "hour" else DAY_MS) + beyond
        return np.where(at > clock, at, NEVER)
    return np.array(
        [
            min((c for c in crossings((amount, unit), int(date)) if c > clock), default=NEVER)
            for date in dates
        ],
        dtype=np.int64,
    )


def _civil_ms(now: datetime, house: HouseRule) -> int:
    return read_date(clock_text(now, house.zone, house.grain))


def _real(moments: Any, house: HouseRule) -> Any:
    """From the rule's clock to real time."""
    if house.grain == "instant":
        return moments
    flat = np.atleast_1d(moments)
    known = {
        int(one): NEVER if one == NEVER else to_ms(instant_of(int(one), house)) for one in np.unique(flat)
    }
    real = np.array([known[int(one)] for one in flat], dtype=np.int64)
    return real if np.ndim(moments) else real[0]


def _house(rule: Rule) -> HouseRule:
    if rule.house is None:
        raise ValueError(f"{rule.id} has no house block")
    return rule.house
