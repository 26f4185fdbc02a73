"""A policy over everybody as one statement, for PostgreSQL and Spark, over a table with the columns of `parts.py`.

Promise: row for row the `outcome`, `failing`, `open` and `until` that `city.decide_city` finds. Rules that SQL cannot
hold are refused by name; then the embedded engine decides. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from pratique.core.moment import to_ms
from pratique.policy.certlogic import Instant, evaluate
from pratique.policy.city import last_moment, rules_of_city
from pratique.policy.civil import offsets
from pratique.policy.context import CLOCK, VALUE_SETS, clock_text
from pratique.policy.dates import DAY_MS, days_from_civil, read_date
from pratique.policy.model import HouseRule, Rule, RuleSet
from pratique.policy.parts import Unreadable, column_name, is_date, time_of
from pratique.policy.ruleset import is_supported
from pratique.policy.sql import Constant, Moments, SqlWriter, Stored, There, Typed
from pratique.policy.sql_forms import (
    Sql,
    choose,
    divide,
    equal,
    for_spark,
    less,
    null_big,
    number,
    plus_number,
    smallest,
    sum_of,
    times,
)
from pratique.policy.tree import VAR, tree_of
from pratique.policy.turns import (
    MINUTE,
    NEVER_MINUTE,
    UNIT_MS,
    Comparison,
    clock_comparisons,
    crossing_of,
    midnights_of,
)

AHEAD_MONTHS = 36  # how far ahead of the clock moments may lie for months to be told
FIRST_DAY, LAST_DAY = 1, 47_482  # 1970 to 2099: the civil days that a statement speaks of


class Statement(NamedTuple):
    """`text` selects `key`, outcome, failing, open and until from `table`."""

    text: str
    rules: list[Rule]


def city_statement(
    ruleset: RuleSet,
    now: datetime,
    types: Mapping[str, Any],
    *,
    table: str,
    key: Sequence[str],
    dialect: str,
) -> Statement:
    """`types`: by column name of the table, its type as `parts.py` names it ("Int32", "String", …). `key`: what else is
    selected, in the dialect's own words. Raises NotInSql, Unreadable, ValueError."""
    rules = rules_of_city(ruleset, now)
    last = last_moment(ruleset, now)
    inner, ends = [], []
    for i, rule in enumerate(rules):
        judged: Sql = number(2)
        if is_supported(rule):
            view = _View(rule, ruleset, now, types)
            judged = view.writer.truth(tree_of(rule.logic))
            for comparison in clock_comparisons(tree_of(rule.logic)):
                end = view.turn(comparison, last)
                if isinstance(end, int):
                    last = min(last, end)
                else:
                    ends.append(end)
        judged = for_spark(judged) if dialect == "spark" else judged
        inner.append(f"{judged.sql(dialect=dialect)} AS r{i}")
    last_minute = min(last // MINUTE, NEVER_MINUTE)
    earliest = smallest([number(last_minute), *ends])
    until = (for_spark(earliest) if dialect == "spark" else earliest).sql(dialect=dialect)
    inner.append(f"CAST({until} AS INT) AS until")
    bits = [
        " + ".join(f"CASE r{i} WHEN {wanted} THEN {1 << i} ELSE 0 END" for i in range(len(rules))) or "0"
        for wanted in (0, 2)
    ]
    holding = [f"r{i} = 0" for i, rule in enumerate(rules) if rule.house and rule.house.on_false == "hold"]
    others = [f"r{i} <> 1" for i in range(len(rules))]
    outcome = "CASE " + (f"WHEN {' OR '.join(holding)} THEN 2 " if holding else "")
    outcome += (f"WHEN {' OR '.join(others)} THEN 1 " if others else "WHEN 1 = 0 THEN 1 ") + "ELSE 0 END"
    chosen = [f"k{i}" for i in range(len(key))]
    named = [f"{one} AS {name}" for one, name in zip(key, chosen, strict=True)]
    text = (
        f"SELECT {', '.join([*chosen, f'{outcome} AS outcome'])}, {bits[0]} AS failing, {bits[1]} AS open, until "
        f"FROM (SELECT {', '.join([*named, *inner])} FROM {table}) AS judged"
    )
    return Statement(text, rules)


class _View:
    """What one rule sees of the table."""

    def __init__(self, rule: Rule, ruleset: RuleSet, now: datetime, types: Mapping[str, Any]) -> None:
        if rule.house is None:
            raise ValueError(f"{rule.id} has no house block")
        self.house: HouseRule = rule.house
        self.now, self.types, self.value_sets = now, types, ruleset.value_sets
        self.clock = clock_text(now, self.house.zone, self.house.grain)
        self.writer = SqlWriter(self.layout)

    def layout(self, path: str) -> Stored | None:
        if path == CLOCK:
            return Constant(self.clock)
        if path.startswith(VALUE_SETS + "."):
            return Constant(self.value_sets.get(path.removeprefix(VALUE_SETS + ".")))
        name, time = (column_name(self.house.analyte, one) for one in (path, time_of(path)))
        kind = self.types.get(name)
        if kind is None:
            if time not in self.types:
                return Constant(0 if path == "subject.doses" else None)
            if time_of(path) != f"{path}.sampled":
                raise Unreadable(f"{name} is missing beside {time}")
            return There(time)
        if is_date(path):
            step = {"Int32": 60_000, "UInt32": 1000, "Int64": 1}.get(kind)
            if step is None:
                raise Unreadable(f"{name} is {kind}; times are numbers, 0 where nothing is there")
            return Moments(name, step, self._civil if self.house.grain == "day" else None)
        typed = {"UInt8": "integer", "Boolean": "flag", "String": "word"}.get(kind)
        if typed is None:
            raise Unreadable(f"{name} is {kind}; see the types a part may have")
        return Typed(name, typed)

    def turn(self, one: Comparison, last: int) -> int | Sql:
        """When time alone turns a comparison: milliseconds for everybody, or minutes by row (NULL: never)."""
        day = self.house.grain == "day"
        clock = read_date(self.clock) if day else to_ms(self.now)
        constant = self._constant_date(one)
        if constant is not None:
            return self._turn_of_constant(one, constant, clock, last)
        if one.unit not in UNIT_MS:
            midnight = clock - clock % DAY_MS + DAY_MS
            there = self.writer.date(one.other)
            return choose([(equal(there, there), self._minutes(number(midnight), last))], None)
        ms = self._date_ahead(one, clock)
        at = plus_number(ms, one.beyond - one.amount * UNIT_MS[one.unit])
        return choose([(less(number(clock), at), self._minutes(at, last))], None)

    def _constant_date(self, one: Comparison) -> Any:
        """The other date where it is the same for everybody (a Fault where it is none); None where it is not."""
        for node in one.other.walk():
            if node.op == VAR and not isinstance(self.layout(node.value), Constant):
                return None
        external = {"validationClock": self.clock, "valueSets": self.value_sets}
        return evaluate(one.other.source, {"external": external})

    def _turn_of_constant(self, one: Comparison, value: Any, clock: int, last: int) -> int:
        at = crossing_of(value.ms, one, clock) if isinstance(value, Instant) else None
        if at is None:
            return last
        if self.house.grain == "instant":
            return at
        found = midnights_of(self.house, self.now, last)
        return int(found[min(max(-(-at // DAY_MS) - clock // DAY_MS, 0), len(found) - 1)]) * MINUTE

    def _date_ahead(self, one: Comparison, clock: int) -> Sql:
        """The other date. Months later than a moment: what is added is the same for all moments of a calendar month,
        and only months whose sum is still ahead matter."""
        other = one.other
        path = other.args[0].value if other.op == "plusTime" and other.args[0].op == VAR else None
        stored = self.layout(path) if path is not None else None
        if not isinstance(stored, Moments) or other.value[1] in UNIT_MS:
            return self.writer.date(other)
        amount, unit = other.value
        ms = self.writer.date(tree_of({"plusTime": [{"var": path}, 0, "day"]}))
        months = amount * (12 if unit == "year" else 1)
        ahead_of = clock + one.amount * UNIT_MS[one.unit]
        first = max(0, ahead_of // DAY_MS * 12 // 366 - months - 2)  # earlier ones are behind
        options = [(less(ms, number(_month(first))), null_big())]
        for month in range(first, first + abs(months) + AHEAD_MONTHS):
            shifted = plus_number(ms, _month(month + months) - _month(month))
            options.append((less(ms, number(_month(month + 1))), shifted))
        return choose(options, None)

    def _minutes(self, at: Sql, last: int) -> Sql:
        """From the rule's clock to whole minutes of real time."""
        if self.house.grain == "instant":
            return divide(at, MINUTE)
        today = read_date(self.clock) // DAY_MS
        found = midnights_of(self.house, self.now, last)
        days = plus_number(divide(plus_number(at, DAY_MS - 1), DAY_MS), -today)
        options: list[tuple[Sql, Sql]] = []
        start = 0
        for i in range(1, len(found) + 1):
            if i == len(found) or found[i] - found[i - 1] != 1440:
                value = plus_number(times(plus_number(days, -start), 1440), int(found[start]))
                options.append((less(days, number(i)), value))
                start = i
        return choose(options, number(int(found[-1])))

    def _civil(self, ms: Sql) -> Sql:
        """The civil day of each moment, in milliseconds."""
        table = offsets(self.house.zone, FIRST_DAY, LAST_DAY)
        before = [(less(ms, number(start)), number(offset)) for (_, offset), (start, _) in pairwise(table)]
        shift = choose(before, number(table[-1][1])) if before else number(table[-1][1])
        return times(divide(sum_of(ms, shift), DAY_MS), DAY_MS)


def _month(month: int) -> int:
    """Milliseconds of the first of a month; month 0 is January 1970."""
    return days_from_civil(1970 + month // 12, month % 12 + 1, 1) * DAY_MS
