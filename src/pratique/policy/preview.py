"""What a draft would do before it binds anyone: who changes, which way, why, and how that moves over the coming days.

Counts only. Cells of fewer than 10 people are hidden, and a second one where the sum would give it away. Groups come
in the order they were given, never by share: nobody is ranked (law 5). Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pratique.core.text import Text
from pratique.policy.city import OUTCOMES, Decided, Population, decide_city
from pratique.policy.model import Reason, RuleSet
from pratique.policy.texts import fill, placeholders

HIDDEN_BELOW = 10
CAUSES = 3


class Group(msgspec.Struct, frozen=True):
    """An area or an age band by its name: None where a count is hidden (1 to 9 people, or it would give one away)."""

    name: str
    worse: int | None
    better: int | None
    same: int | None


class Cause(msgspec.Struct, frozen=True):
    """Why people would be worse off, how many, and the remedy they have."""

    reason: Reason
    remedy: Text
    people: int | None


class RuleChange(msgspec.Struct, frozen=True):
    """One rule: how many fail it under the draft who did not fail a rule of that name before, and the other way."""

    rule: str
    newly_failing: int | None
    newly_passing: int | None


class Day(msgspec.Struct, frozen=True):
    """One clock: people by outcome from (rows) to (columns), both in the order clear, conditions, hold."""

    at: datetime
    matrix: tuple[tuple[int | None, ...], ...]
    worse: int | None
    better: int | None
    needing: dict[str, int | None]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """`worse` stands first. `needing` counts people a day who would have to use a remedy, by its code."""

    worse: int | None
    better: int | None
    people: int
    causes: tuple[Cause, ...]
    cannot_be_judged: int
    days: tuple[Day, ...]
    rules: tuple[RuleChange, ...]
    groups: dict[str, tuple[Group, ...]]
    by_rows: int
    assumed: Text | None = None


def preview(
    old: RuleSet | None,
    new: RuleSet,
    population: Population,
    clocks: Sequence[datetime],
    groups: Mapping[str, tuple[NDArray[Any], Sequence[str]]] | None = None,
    assumed: Text | None = None,
) -> Preview:
    """Compare the live policy (None: none) with a draft at each of `clocks`, the first being now.

    `groups`: a kind of group (area, age band) → code a person and the names of the codes. Raises ValueError for rule
    sets that cannot be decided as columns.
    """
    days, first = [], None
    for at in clocks:
        after = decide_city(new, population, at, until=False)
        before = decide_city(old, population, at, until=False) if old is not None else None
        first = first or (before, after)
        days.append(_day(at, before, after))
    if first is None:
        raise ValueError("a preview needs at least one clock")
    before, after = first
    worse, better = _moved(before, after)
    return Preview(
        worse=hidden(int(worse.sum())),
        better=hidden(int(better.sum())),
        people=population.length,
        causes=_causes(after, worse),
        cannot_be_judged=int(np.count_nonzero(after.open)),
        days=tuple(days),
        rules=_rule_changes(before, after),
        groups={kind: _groups(*given, worse, better) for kind, given in (groups or {}).items()},
        by_rows=after.by_rows,
        assumed=assumed,
    )


def hidden(count: int) -> int | None:
    """A count fit to be shown: None for 1 to 9."""
    return None if 0 < count < HIDDEN_BELOW else count


def _day(at: datetime, before: Decided | None, after: Decided) -> Day:
    was = before.outcome if before is not None else np.zeros_like(after.outcome)
    pairs = np.bincount(was.astype(np.intp) * len(OUTCOMES) + after.outcome, minlength=len(OUTCOMES) ** 2)
    matrix = pairs.reshape(len(OUTCOMES), len(OUTCOMES)).tolist()
    worse = sum(matrix[i][j] for i in range(len(OUTCOMES)) for j in range(i + 1, len(OUTCOMES)))
    better = sum(matrix[i][j] for i in range(len(OUTCOMES)) for j in range(i))
    needing: dict[str, int] = {}
    for remedy in dict.fromkeys(rule.house.remedy for rule in after.rules if rule.house):
        bits = sum(1 << i for i, rule in enumerate(after.rules) if rule.house and rule.house.remedy == remedy)
        needing[remedy] = int(np.count_nonzero(after.failing & after.failing.dtype.type(bits)))
    return Day(
        at,
        tuple(tuple(row) for row in _guarded(matrix)),
        hidden(worse),
        hidden(better),
        {remedy: hidden(count) for remedy, count in needing.items()},
    )


def _moved(before: Decided | None, after: Decided) -> tuple[Any, Any]:
    was = before.outcome if before is not None else np.zeros_like(after.outcome)
    return after.outcome > was, after.outcome < was


def _causes(after: Decided, worse: Any) -> tuple[Cause, ...]:
    """The commonest reasons among those who would be worse off. Times in the texts are left open: they differ."""
    counted = []
    for i, rule in enumerate(after.rules):
        count = int(np.count_nonzero(worse & ((after.failing >> i) & 1).astype(np.bool_)))
        if count and rule.house:
            counted.append((count, rule.house))
    counted.sort(key=lambda pair: -pair[0])
    return tuple(
        Cause(
            Reason(house.reason, _open_times(house.texts.reason)),
            _open_times(house.texts.remedy),
            hidden(count),
        )
        for count, house in counted[:CAUSES]
    )


def _open_times(text: Text) -> Text:
    """A rule's text about many people: their times differ."""
    return fill(text, dict.fromkeys(placeholders(text), Text("their own time", "各自的时间")))


def _rule_changes(before: Decided | None, after: Decided) -> tuple[RuleChange, ...]:
    names = list(
        dict.fromkeys(rule.id for made in (before, after) if made is not None for rule in made.rules)
    )
    found = []
    for name in names:
        was, now = (_fails(made, name, len(after.outcome)) for made in (before, after))
        found.append(
            RuleChange(
                name, hidden(int(np.count_nonzero(now & ~was))), hidden(int(np.count_nonzero(was & ~now)))
            )
        )
    return tuple(found)


def _fails(made: Decided | None, name: str, length: int) -> Any:
    for i, rule in enumerate(made.rules if made is not None else ()):
        if rule.id == name and made is not None:
            return ((made.failing >> i) & 1).astype(np.bool_)
    return np.zeros(length, np.bool_)


def _groups(codes: Any, names: Sequence[str], worse: Any, better: Any) -> tuple[Group, ...]:
    everybody = np.bincount(codes, minlength=len(names))
    down = np.bincount(codes[worse], minlength=len(names))
    up = np.bincount(codes[better], minlength=len(names))
    table = _guarded(np.stack([down, up, everybody - down - up], axis=1).tolist())
    return tuple(Group(name, *row) for name, row in zip(names, table, strict=True))


def _guarded(table: list[list[int]]) -> list[list[int | None]]:
    """Small cells hidden; where one alone is hidden in its row or column, the next smallest goes with it, until no
    hidden cell can be had by taking the others from a sum."""
    shown: list[list[int | None]] = [[hidden(count) for count in row] for row in table]
    changed = True
    while changed:
        changed = False
        lines = [[(r, c) for c in range(len(table[r]))] for r in range(len(table))]
        lines += [[(r, c) for r in range(len(table))] for c in range(len(table[0]) if table else 0)]
        for line in lines:
            out = [cell for cell in line if shown[cell[0]][cell[1]] is None]
            if len(out) == 1:
                rest = [cell for cell in line if cell not in out and table[cell[0]][cell[1]]]
                if rest:
                    r, c = min(rest, key=lambda cell: table[cell[0]][cell[1]])
                    shown[r][c] = None
                    changed = True
    return shown
