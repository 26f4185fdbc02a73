"""What a draft would do before it binds anyone: who changes, which way, why, and how that moves over the coming days.

Counts only. Cells of fewer than 10 people are hidden, and a second one where the sum would give it away. Groups come
in the order they were given, never by share: nobody is ranked (law 5). Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from pratique.core.text import Text
from pratique.policy.city import Population
from pratique.policy.model import Reason, RuleSet
from pratique.policy.tally import Tally
from pratique.policy.texts import fill, placeholders

HIDDEN_BELOW = 10
CAUSES = 3
Groups: TypeAlias = Mapping[
    str, tuple[NDArray[Any], Sequence[str]]
]  # kind → code a person, names of the codes


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
    groups: Groups | None = None,
    assumed: Text | None = None,
) -> Preview:
    """Compare the live policy (None: none) with a draft at each of `clocks`, the first being now.

    `groups`: a kind of group (area, age band) → code a person and the names of the codes. Raises ValueError for rule
    sets that cannot be decided as columns.
    """
    return preview_parts(old, new, [(population, groups or {})], clocks, assumed)


def preview_parts(
    old: RuleSet | None,
    new: RuleSet,
    parts: Iterable[Population | tuple[Population, Groups]],
    clocks: Sequence[datetime],
    assumed: Text | None = None,
) -> Preview:
    """`preview` of a city that comes part by part, each with its groups or without: one part is in memory at a time."""
    tallies = [Tally(old, new, at) for at in clocks]
    if not tallies:
        raise ValueError("a preview needs at least one clock")
    names: dict[str, Sequence[str]] = {}
    for part in parts:
        population, groups = (part, {}) if isinstance(part, Population) else part
        names |= {kind: given[1] for kind, given in groups.items()}
        for i, tally in enumerate(tallies):
            tally.add(population, groups if i == 0 else {})
    return _preview_of(tallies, names, assumed)


def _preview_of(
    tallies: Sequence[Tally], names: Mapping[str, Sequence[str]], assumed: Text | None
) -> Preview:
    first = tallies[0]
    worse, better = _moved(first.matrix)
    return Preview(
        worse=hidden(worse),
        better=hidden(better),
        people=first.people,
        causes=_causes(first),
        cannot_be_judged=first.cannot_be_judged,
        days=tuple(map(_day, tallies)),
        rules=tuple(
            RuleChange(name, hidden(failing), hidden(passing))
            for name, (failing, passing) in first.newly.items()
        ),
        groups={kind: _groups(names[kind], table) for kind, table in first.groups.items()},
        by_rows=first.by_rows,
        assumed=assumed,
    )


def hidden(count: int) -> int | None:
    """A count fit to be shown: None for 1 to 9."""
    return None if 0 < count < HIDDEN_BELOW else count


def _day(tally: Tally) -> Day:
    worse, better = _moved(tally.matrix)
    return Day(
        tally.at,
        tuple(tuple(row) for row in _guarded(tally.matrix.tolist())),
        hidden(worse),
        hidden(better),
        {remedy: hidden(count) for remedy, count in tally.needing.items()},
    )


def _moved(matrix: Any) -> tuple[int, int]:
    """How many are worse off, and better off."""
    return int(np.triu(matrix, 1).sum()), int(np.tril(matrix, -1).sum())


def _causes(tally: Tally) -> tuple[Cause, ...]:
    """The commonest reasons among those who would be worse off. Times in the texts are left open: they differ."""
    counted = [
        (count, rule.house)
        for count, rule in zip(tally.worse_by, tally.after, strict=True)
        if count and rule.house
    ]
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


def _groups(names: Sequence[str], counted: Any) -> tuple[Group, ...]:
    return tuple(Group(name, *row) for name, row in zip(names, _guarded(counted.tolist()), strict=True))


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
