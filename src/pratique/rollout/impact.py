"""What a draft would do before it binds anyone: who changes, which way and why, what it asks of laboratories, what it
finds, and whom nothing helps (pure).

Nothing exact leaves this file. Every count is in tens (`tens`), and every total is the sum of the cells shown, so that
no hidden cell can be had by subtracting the others; groups stand in the order they are given, never by share (law 5).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pratique.core.text import Text
from pratique.policy.city import Decided, Population, decide_city, population_of
from pratique.policy.context import DATE_FIELDS, clock_text
from pratique.policy.model import WORSE, Evidence, HouseRule, Rule, RuleSet
from pratique.policy.table import Column
from pratique.policy.texts import fill, placeholders
from pratique.rollout import words
from pratique.rollout.measures import asks_for_a_test, one_tube_each
from pratique.rollout.model import Cause, DayAhead, Impact, Laboratory, Moved, Tens

CAUSES = 3
FRESH = (
    "last_negative",
    "last_single_negative",
    "last_single",
)  # what a negative single test just taken would be

Codes = tuple[NDArray[Any], Sequence[Text]]


def tens(count: int) -> Tens:
    """A count fit to be shown: 0, None for 1 to 9, else rounded down to tens."""
    return None if 0 < count < 10 else count - count % 10


def total(cells: Sequence[Tens]) -> Tens:
    """The sum of shown cells. None where something is hidden and nothing else is shown."""
    shown = sum(cell or 0 for cell in cells)
    return None if not shown and any(cell is None for cell in cells) else shown


class Asked(NamedTuple):
    """Who would be asked for a test at one clock: in a mixed tube, in a tube of one's own."""

    mixed: NDArray[np.bool_]
    single: NDArray[np.bool_]


def impact(
    old: RuleSet | None,
    new: RuleSet,
    people: Population | Iterable[Population],
    clocks: Sequence[datetime],
    *,
    laboratory: Laboratory,
    draft: str,
    made_up: bool = False,
    groups: Mapping[str, Codes] | None = None,
    assumed: Sequence[Text] = (),
) -> Impact:
    """Compare the policy in force (None: none) with a draft at each of `clocks`, the first being now. `people`: all at
    once, or part by part, so that one part is in memory at a time; `groups` are of people given at once.

    Raises ValueError for rule sets that cannot be decided as columns.
    """
    sums = _Sums(old, new, clocks)
    for part in [people] if isinstance(people, Population) else people:
        sums.add(part, groups or {})
    tests = [_demand(rules, clocks, asked) for rules, asked in zip((old, new), sums.asked, strict=True)]
    matrices = [tuple(tuple(map(tens, row)) for row in one.tolist()) for one in sums.matrix]
    days = tuple(
        DayAhead(at, matrices[d], *(tens(_tubes(test[d], laboratory)) for test in tests))
        for d, at in enumerate(clocks)
    )
    more = max(0, sum(map(sum, tests[1])) - sum(map(sum, tests[0])))
    found = (tens(more) or 0) * laboratory.infected_per_mille * laboratory.found_per_mille // 1_000_000
    restricted = total([matrices[0][i][j] for i in range(3) for j in range(i + 1, 3)])
    capacity = laboratory.tubes_a_day
    return Impact(
        worse=restricted,
        better=total([matrices[0][i][j] for i in range(3) for j in range(i)]),
        people=tens(sums.people),
        made_up=made_up,
        harms=any(bool(np.triu(one, 1).any()) for one in sums.matrix),
        cannot_be_judged=tens(sums.open),
        no_remedy=tens(sums.stuck),
        causes=_causes(sums),
        days=days,
        groups={kind: _groups(names, sums.groups[kind]) for kind, (_, names) in (groups or {}).items()},
        infections_found=found,
        restricted_per_infection=(restricted or 0) // found if found else None,
        laboratory=laboratory,
        days_over_capacity=0 if capacity is None else sum((day.tubes_after or 0) > capacity for day in days),
        draft=draft,
        policy_before=old.number if old is not None else None,
        looked_at=clocks[0],
        assumed=(*assumed, *words.ASSUMED, words.stated(laboratory)),
    )


class _Sums:
    """Exact counts, part added to part; nothing of them leaves but in tens."""

    def __init__(self, old: RuleSet | None, new: RuleSet, clocks: Sequence[datetime]) -> None:
        self.old, self.new, self.clocks = old, new, clocks
        self.people = self.open = self.stuck = 0
        self.matrix = np.zeros((len(clocks), 3, 3), np.int64)
        # of each policy, by clock: who is asked and was not a clock before, in a mixed tube and in one of their own
        self.asked = tuple(np.zeros((len(clocks), 2), np.int64) for _ in range(2))
        self.causes: dict[str, tuple[Rule, list[int]]] = {}  # worse off, and of those without remedy
        self.groups: dict[str, NDArray[np.int64]] = {}

    def add(self, population: Population, groups: Mapping[str, Codes]) -> None:
        """Count these people too."""
        self.people += population.length
        earlier: list[Asked | None] = [None, None]
        for d, at in enumerate(self.clocks):
            after = decide_city(self.new, population, at, until=False)
            before = decide_city(self.old, population, at, until=False) if self.old is not None else None
            was = before.outcome if before is not None else np.zeros_like(after.outcome)
            pairs = np.bincount(was * np.uint8(3) + after.outcome, minlength=9)
            self.matrix[d] += pairs.reshape(3, 3)
            for i, made in enumerate((before, after)):
                if made is not None:
                    now = _asked(made)
                    self.asked[i][d] += _first_asked(now, earlier[i])
                    earlier[i] = now
            if d == 0:
                self._of_now(population, after, was, groups)

    def _of_now(
        self, population: Population, after: Decided, was: NDArray[Any], groups: Mapping[str, Codes]
    ) -> None:
        now = self.clocks[0]
        worse, better = after.outcome > was, after.outcome < was
        helped = decide_city(self.new, with_fresh_test(population, now), now, until=False)
        stuck = worse & (helped.outcome > was)
        self.stuck += int(np.count_nonzero(stuck))
        self.open += int(np.count_nonzero(after.open))
        for rule, told in speaking(after):
            counts = self.causes.setdefault(rule.id, (rule, [0, 0]))[1]
            counts[0] += int(np.count_nonzero(told & worse))
            counts[1] += int(np.count_nonzero(told & stuck))
        for kind, (codes, names) in groups.items():
            table = [np.bincount(codes[rows], minlength=len(names)) for rows in (worse, better, slice(None))]
            self.groups[kind] = self.groups.get(kind, 0) + np.array(table, np.int64)


def speaking(made: Decided) -> Iterator[tuple[Rule, NDArray[np.bool_]]]:
    """Each rule with who is told of it: while a hold stands, milder rules are left out."""
    for i, rule in enumerate(made.rules):
        if rule.house is not None:
            fails = ((made.failing >> made.failing.dtype.type(i)) & made.failing.dtype.type(1)).astype(
                np.bool_
            )
            yield rule, fails & (made.outcome == WORSE[rule.house.on_false])


def _asked(made: Decided) -> Asked:
    mixed, single = (np.zeros(len(made.outcome), np.bool_) for _ in range(2))
    for rule, told in speaking(made):
        if asks_for_a_test(rule):
            (single if one_tube_each(rule) else mixed)[told] = True
    return Asked(mixed & ~single, single)


def _first_asked(now: Asked, before: Asked | None) -> tuple[int, int]:
    mixed, single = (
        int(np.count_nonzero(one & ~then if then is not None else one))
        for one, then in zip(now, before or (None, None), strict=True)
    )
    return mixed, single


def _demand(
    rules: RuleSet | None, clocks: Sequence[datetime], asked: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Tests a day in mixed and in single tubes: everybody takes one when asked first, and again when it runs out."""
    again = None if rules is None else _lasts(rules, clocks)
    made: list[tuple[int, int]] = []
    for d, (mixed, single) in enumerate(asked.tolist()):
        # whoever was found negative is asked like everybody else from then on
        later = sum(made[d - again]) if again is not None and d >= again else 0
        made.append((mixed + later, single))
    return made


def _lasts(rules: RuleSet, clocks: Sequence[datetime]) -> int | None:
    """After how many days somebody with a test of today is asked for another; None: not within these days."""
    now = clocks[0]
    taken = Evidence(
        id="made-up", subject_id="made-up", kind="test", outcome="not-detected", sampled_at=now, known_at=now,
        source="made up", ref="made-up", mandate_id="",
    )  # fmt: skip
    one = population_of([[taken]])
    for d, at in enumerate(clocks[1:], 1):
        asked = _asked(decide_city(rules, one, at, until=False))
        if asked.mixed[0] or asked.single[0]:
            return d
    return None


def _tubes(tests: tuple[int, int], laboratory: Laboratory) -> int:
    mixed, single = tests
    return -(-mixed // laboratory.people_a_tube) + single


def _causes(sums: _Sums) -> tuple[Cause, ...]:
    found = sorted(sums.causes.values(), key=lambda one: -one[1][0])
    return tuple(
        Cause(rule.id, _open(rule.house.texts.reason), _open(rule.house.texts.remedy), *map(tens, counts))
        for rule, counts in found[:CAUSES]
        if counts[0] and rule.house is not None
    )


def _open(text: Text) -> Text:
    """A rule's text about many people: their times differ."""
    return fill(text, dict.fromkeys(placeholders(text), words.THEIR_TIME))


def _groups(names: Sequence[Text], counted: NDArray[np.int64]) -> tuple[Moved, ...]:
    down, up, everybody = counted.tolist()
    return tuple(
        Moved(name, tens(down[i]), tens(up[i]), tens(everybody[i] - down[i] - up[i]))
        for i, name in enumerate(names)
    )


def with_fresh_test(population: Population, now: datetime) -> Population:
    """The same people, each with a negative single test sampled and known now."""
    same = np.broadcast_to(np.uint8(0), population.length)

    def column(house: HouseRule, path: str) -> Column:
        name, _, field = path.removeprefix("subject.").partition(".")
        if name not in FRESH:
            return population.column(house, path)
        return Column(same, [_fresh(house, now).get(field) if field else _fresh(house, now)])

    def row(house: HouseRule, person: int) -> dict[str, Any]:
        found = population.row(house, person)
        return {**found, "subject": {**found["subject"], **dict.fromkeys(FRESH, _fresh(house, now))}}

    return Population(population.length, column, row)


def _fresh(house: HouseRule, now: datetime) -> dict[str, Any]:
    taken = {name: clock_text(now, house.zone, house.grain) for name in DATE_FIELDS}
    return {"kind": "test", "outcome": "not-detected", "analyte": house.analyte, "pooled": False, **taken}


AREAS = tuple(Text(f"made-up district {n}", f"虚构片区{n}") for n in range(1, 7))
AGES = tuple(
    Text(f"{a}–{b} years", f"{a}–{b}岁") for a, b in ((0, 17), (18, 39), (40, 59), (60, 79), (80, 120))
)
_AGE_SHARES = (0.16, 0.30, 0.29, 0.20, 0.05)


def made_up_groups(people: int, seed: int) -> dict[str, Codes]:
    """District and age band of a made-up city, the same for the same seed. Of real people the house knows neither."""
    chance = np.random.default_rng(seed)
    ages = np.searchsorted(np.cumsum(_AGE_SHARES)[:-1], chance.random(people)).astype(np.uint8)
    return {"area": (chance.integers(0, len(AREAS), people, dtype=np.uint8), AREAS), "age": (ages, AGES)}
