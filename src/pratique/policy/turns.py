"""When time alone may turn a rule, for everybody at once: the earliest moment after the clock.

Promise: never later than the moment a comparison with the clock turns; it may be earlier, then a look again finds
nothing new. Pure.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pratique.core.moment import to_ms
from pratique.policy.certlogic import DATE_COMPARISONS
from pratique.policy.columns import MOST_SHIFT, Plan
from pratique.policy.context import CLOCK, clock_text
from pratique.policy.dates import DAY_MS, read_date
from pratique.policy.decide import instant_of
from pratique.policy.explain import crossings
from pratique.policy.model import HouseRule, Rule
from pratique.policy.table import Small, Ticks
from pratique.policy.tree import VAR, Node, path_of, tree_of

NEVER = np.iinfo(np.int64).max
NEVER_MINUTE = np.iinfo(np.int32).max
MINUTE = 60_000
UNIT_MS = {"hour": 3_600_000, "day": DAY_MS}
SPARSE = 16  # a column that fewer than one in so many people have is looked at only where it is there
SAMPLE = 20_000  # people looked at to see whether a column is sparse
MOST_DAYS = 3660  # how far ahead midnights are known; nobody is promised more
Minutes = Callable[[Any], Any]  # from the rule's clock (milliseconds, NEVER) to whole minutes, rounded down


class Comparison(NamedTuple):
    """The clock plus `amount` of `unit` beside `other`; `beyond` is 1 where it turns when the clock passes the other, 0
    where it turns when the clock reaches it."""

    amount: int
    unit: str
    other: Node
    beyond: int


class Turn(NamedTuple):
    """`minutes(rows)`: whole minutes since 1970 of the first moment by person, NEVER_MINUTE where there is none.
    `codes` if nearly everybody has code 0, and code 0 never turns."""

    minutes: Callable[[Any], Any]
    codes: Any = None


class Ahead(NamedTuple):
    """A column of whole minutes, and the codes from which it turns with each of its comparisons. Codes below wrap
    around to what is far ahead, so that subtracting and taking the smaller is all there is to do."""

    codes: Any
    limits: tuple[Any, ...]
    sparse: bool


class Turns(NamedTuple):
    """The turns of a rule set over a population; `last` is a minute that nobody's end is beyond. `ahead`: by the
    minute that code - limit counts from."""

    last: int
    turns: list[Turn]
    ahead: dict[int, list[Ahead]]

    def soonest(self, rows: slice) -> Any:
        """Minutes by person."""
        found = np.full(rows.stop - rows.start, self.last, np.int32)
        for base, columns in self.ahead.items():
            counted = np.full(len(found), max(self.last - base, 0), np.uint32)
            for one in columns:
                _take_smaller(counted, one, rows)
            np.minimum(found, counted.view(np.int32) + np.int32(base), out=found)
        for turn in self.turns:
            if turn.codes is None:
                np.minimum(found, turn.minutes(rows), out=found)
                continue
            few = np.flatnonzero(turn.codes[rows] != 0)
            if len(few):
                found[few] = np.minimum(found[few], turn.minutes(few + rows.start))
        return found


def _take_smaller(counted: Any, one: Ahead, rows: slice) -> None:
    here = one.codes[rows]
    few = np.flatnonzero(here != 0) if one.sparse else None
    codes = (here if few is None else here[few]).astype(np.uint32)
    into = counted if few is None else counted[few]
    spare = np.empty_like(codes)
    for limit in one.limits:
        np.subtract(codes, limit, out=spare)
        np.minimum(into, spare, out=into)
    if few is not None:
        counted[few] = into


def turns_of(rules: Sequence[Rule], plans: Sequence[Plan | None], now: datetime, last_ms: int) -> Turns:
    """`last_ms`: the moment that no decision holds beyond."""
    last, turns = last_ms, []
    shifts: dict[Any, tuple[Plan, HouseRule, set[int]]] = {}
    tables: dict[Any, tuple[Any, Any]] = {}
    for rule, plan in zip(rules, plans, strict=True):
        house = rule.house
        if plan is None or house is None:
            continue
        clock = to_ms(now) if house.grain == "instant" else read_date(clock_text(now, house.zone, "day"))
        real = _real(house, now, last_ms)
        for one in clock_comparisons(tree_of(rule.logic)):
            path = _shifted_path(plan, one)
            if path is not None:
                shift = one.other.value[0] * UNIT_MS[one.other.value[1]] - one.amount * UNIT_MS[one.unit]
                key = (path, house.analyte, house.zone, house.grain)
                shifts.setdefault(key, (plan, house, set()))[2].add(shift + one.beyond)
                continue
            part = plan.part_of(one.other.source)
            if not isinstance(part, Small) or part.bounds is not None:
                turns.append(_by_rows(plan, one, clock, real))
                continue
            moments = real(_crossing(part, one, clock))
            if part.column is None:
                last = min(last, int(moments[0]) * MINUTE)
                continue
            key = (part.column, house.analyte, house.zone, house.grain)
            codes, before = tables.get(key, (np.asarray(plan.table.columns[part.column].codes), moments))
            tables[key] = codes, np.minimum(before, moments)
    ahead: dict[int, list[Ahead]] = {}
    for (path, *_), (plan, house, found) in shifts.items():
        codes, ticks = np.asarray(plan.table.columns[path].codes), plan.ground.ticks(path)
        limited = _limits(ticks, found, to_ms(now)) if house.grain == "instant" and ticks else None
        if limited is not None:
            for base, limits in limited.items():
                ahead.setdefault(base, []).append(Ahead(codes, limits, _sparse(codes) is not None))
        else:
            turns.append(_by_ticks(plan, path, found, now, _real(house, now, last_ms), house))
    turns += [_by_table(codes, table) for codes, table in tables.values()]
    return Turns(int(_minutes(last)), turns, ahead)


def _limits(ticks: Ticks, shifts: set[int], clock: int) -> dict[int, tuple[Any, ...]] | None:
    """By the minute that is counted from, the first codes whose turn is still ahead. None where this cannot be said
    in whole minutes, or code 0 would count."""
    found: dict[int, tuple[Any, ...]] = {}
    for shift in sorted(shifts):
        limit = ticks.code_from(clock - shift + 1)
        if ticks.step != MINUTE or limit <= 0 or shift % MINUTE > 1:
            return None
        base = limit + ticks.origin + shift // MINUTE
        found[base] = (*found.get(base, ()), np.uint32(limit))
    return found


def clock_comparisons(node: Node) -> Iterator[Comparison]:
    """Every comparison of the clock plus something with its neighbour."""
    if node.op in DATE_COMPARISONS:
        for a, b in pairwise(node.args):
            for one, other, passing in ((a, b, ("after", "not-after")), (b, a, ("before", "not-before"))):
                if is_clock(one) and not is_clock(other):
                    amount, unit = one.value
                    yield Comparison(amount, unit, other, int(node.op in passing))
    for inner in node.args:
        yield from clock_comparisons(inner)


def is_clock(node: Node) -> bool:
    """True for the clock plus something."""
    return node.op == "plusTime" and node.args[0].op == VAR and node.args[0].value == CLOCK


def _shifted_path(plan: Plan, one: Comparison) -> str | None:
    """The column of ticks that the other side is a shift of, if hours and days are all there is."""
    other = one.other
    if other.op != "plusTime" or other.value[1] not in UNIT_MS or one.unit not in UNIT_MS:
        return None
    path = path_of(other.args[0])
    small = abs(other.value[0]) <= MOST_SHIFT and abs(one.amount) <= MOST_SHIFT
    return path if small and plan.ground.ticks(path) is not None else None


def _by_ticks(
    plan: Plan, path: str, shifts: set[int], now: datetime, real: Minutes, house: HouseRule
) -> Turn:
    """`shifts`: milliseconds from a tick to where it turns. The smallest one that is still ahead counts; what is
    behind wraps around, as with whole minutes."""
    codes = np.asarray(plan.table.columns[path].codes)
    ticks = plan.ground.ticks(path) or Ticks(MINUTE)
    clock = read_date(clock_text(now, house.zone, "day")) if house.grain == "day" else to_ms(now)
    limits = [np.int64(clock - shift + 1) for shift in sorted(shifts)]

    def minutes(rows: Any) -> Any:
        here = codes[rows]
        ms = (here.astype(np.int64) + ticks.origin) * ticks.step
        soonest = np.full(here.shape, NEVER, np.uint64)
        for limit in limits:
            np.minimum(soonest, (ms - limit).view(np.uint64), out=soonest)
        never = (here == 0) | (soonest >= NEVER)
        return real(np.where(never, NEVER, soonest.view(np.int64) + clock + 1))

    return Turn(minutes, _sparse(codes))


def _by_table(codes: Any, table: Any) -> Turn:
    def minutes(rows: Any) -> Any:
        return np.take(table, codes[rows])

    return Turn(minutes, _sparse(codes) if table[0] == NEVER_MINUTE else None)


def _sparse(codes: Any) -> Any:
    """The codes where nearly everybody seems to have none; a guess of how to compute, not of what."""
    sample = codes[:: 1 + len(codes) // SAMPLE]
    return codes if np.count_nonzero(sample) * SPARSE < len(sample) else None


def _by_rows(plan: Plan, one: Comparison, clock: int, real: Minutes) -> Turn:
    """Dates that differ row by row. Where the clock moves by months, a look again at the next midnight."""
    wide = plan.ground.wide(plan.part_of(one.other.source))
    midnight = clock - clock % DAY_MS + DAY_MS

    def minutes(rows: Any) -> Any:
        cells = wide.run(rows)
        if one.unit in UNIT_MS:
            at = cells.number - one.amount * UNIT_MS[one.unit] + one.beyond
            at = np.where(at > clock, at, NEVER)
        else:
            at = np.full(np.shape(cells.number), midnight)
        return real(at if cells.error is None else np.where(cells.error, NEVER, at))

    return Turn(minutes)


def _crossing(part: Small, one: Comparison, clock: int) -> Any:
    """For each cell the earliest moment after `clock` at which the clock plus something reaches or passes it."""
    dates, bad = np.atleast_1d(part.cells.number), part.cells.error
    if one.unit in UNIT_MS and abs(one.amount) <= MOST_SHIFT:
        at = dates - one.amount * UNIT_MS[one.unit] + one.beyond
        found = np.where(at > clock, at, NEVER)
    else:
        crossed = [crossing_of(int(date), one, clock) for date in dates]
        found = np.array([NEVER if at is None else at for at in crossed], dtype=np.int64)
    return found if bad is None else np.where(bad, NEVER, found)


def crossing_of(date: int, one: Comparison, clock: int) -> int | None:
    """The earliest moment after `clock` at which the clock plus something reaches or passes a date."""
    if one.unit in UNIT_MS and abs(one.amount) <= MOST_SHIFT:
        at = date - one.amount * UNIT_MS[one.unit] + one.beyond
        return at if at > clock else None
    return min((c for c in crossings((one.amount, one.unit), date) if c > clock), default=None)


def _minutes(ms: Any) -> Any:
    return np.minimum(np.asarray(ms) // MINUTE, NEVER_MINUTE).astype(np.int32)


def midnights_of(house: HouseRule, now: datetime, last_ms: int) -> Any:
    """Minutes of the local midnights of today, tomorrow and so on in the rule's zone, as far as anybody is promised."""
    today = read_date(clock_text(now, house.zone, "day")) // DAY_MS
    days = min(MOST_DAYS, max(0, (last_ms - to_ms(now)) // DAY_MS) + 3)
    return _minutes([to_ms(instant_of((today + i) * DAY_MS, house)) for i in range(days)])


def _real(house: HouseRule, now: datetime, last_ms: int) -> Minutes:
    """Civil days become their local midnights in real time; instants are what they are."""
    if house.grain == "instant":
        return _minutes
    today = read_date(clock_text(now, house.zone, "day")) // DAY_MS
    midnights = midnights_of(house, now, last_ms)

    def minutes(ms: Any) -> Any:
        at = np.asarray(ms)
        day = np.clip(-(-np.where(at == NEVER, 0, at) // DAY_MS) - today, 0, len(midnights) - 1)
        return np.where(at == NEVER, NEVER_MINUTE, midnights[day]).astype(np.int32)

    return minutes
