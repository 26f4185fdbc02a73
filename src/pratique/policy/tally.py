"""Two rule sets over a city, counted range by range: who goes from what to what, which rules are new to whom.

Rules that both sets share are judged once. Counts only; small cells are hidden by whoever shows them. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from pratique.policy.city import (
    MAX_RULES,
    OUTCOMES,
    Judges,
    Population,
    kind_of_bits,
    outcome_of,
    rules_of_city,
)
from pratique.policy.model import Rule, RuleSet


class Tally:
    """One clock. `old` None: no rules before."""

    def __init__(self, old: RuleSet | None, new: RuleSet, at: datetime) -> None:
        self.at, self.old, self.new = at, old, new
        before = rules_of_city(old, at) if old is not None else []
        self.after = rules_of_city(new, at)
        alike = old is not None and old.value_sets == new.value_sets
        self.rest: list[Rule] = []  # rules of the old set that the new one has not
        self.old_bit: dict[str, int] = {}
        self.new_bit = {rule.id: i for i, rule in enumerate(self.after)}
        self.old_rules = before
        for rule in before:
            i = self.new_bit.get(rule.id)
            if i is None or not alike or not _judge_alike(rule, self.after[i]):
                i = len(self.after) + len(self.rest)
                self.rest.append(rule)
            self.old_bit[rule.id] = i
        if len(self.after) + len(self.rest) > MAX_RULES:
            raise ValueError(f"draft and policy in force have more than {MAX_RULES} different rules")
        self.kind = kind_of_bits(len(self.after) + len(self.rest))
        self.people = self.cannot_be_judged = self.by_rows = 0
        self.matrix = np.zeros((len(OUTCOMES), len(OUTCOMES)), np.int64)
        self.needing = dict.fromkeys((rule.house.remedy for rule in self.after if rule.house), 0)
        self.newly: dict[str, list[int]] = {name: [0, 0] for name in [*self.old_bit, *self.new_bit]}
        self.worse_by = [0] * len(self.after)
        self.groups: dict[str, Any] = {}

    def add(self, population: Population, groups: Mapping[str, tuple[Any, Sequence[str]]]) -> None:
        """Count these people too. `groups`: a kind of group → code a person and the names of the codes."""
        judges = Judges(self.after, population, self.at, self.new.value_sets)
        others = None
        if self.rest and self.old is not None:
            others = Judges(self.rest, population, self.at, self.old.value_sets)
        self.people += population.length
        self.by_rows += judges.by_rows
        for rows in judges.ranges():
            failing, is_open = judges.bits(rows)
            own_open = is_open
            if others is not None:
                more, more_open = others.bits(rows)
                failing, is_open = (
                    np.asarray(mine).astype(self.kind)
                    | np.asarray(theirs).astype(self.kind) << self.kind.type(len(self.after))
                    for mine, theirs in ((failing, more), (is_open, more_open))
                )
            self._count(rows, failing, is_open, int(np.count_nonzero(own_open)), groups)

    def _count(self, rows: slice, failing: Any, is_open: Any, opened: int, groups: Any) -> None:
        self.cannot_be_judged += opened
        was = outcome_of(failing, is_open, _masks(self.old_rules, self.old_bit))
        now = outcome_of(failing, is_open, _masks(self.after, self.new_bit))
        pairs = np.bincount(was * np.uint8(len(OUTCOMES)) + now, minlength=self.matrix.size)
        self.matrix += pairs.reshape(self.matrix.shape)
        for remedy in self.needing:
            bits = sum(
                1 << i for i, rule in enumerate(self.after) if rule.house and rule.house.remedy == remedy
            )
            self.needing[remedy] += int(np.count_nonzero(failing & failing.dtype.type(bits)))
        for name, counts in self.newly.items():
            old, new = self.old_bit.get(name), self.new_bit.get(name)
            if old != new:
                before, after = (_bit(failing, bit) for bit in (old, new))
                counts[0] += int(np.count_nonzero(after & ~before))
                counts[1] += int(np.count_nonzero(before & ~after))
        worse = now > was
        if worse.any():
            theirs = failing[worse]
            for i in range(len(self.after)):
                self.worse_by[i] += int(np.count_nonzero(_bit(theirs, i)))
        for kind, (codes, names) in groups.items():
            here = codes[rows]
            counted = [np.bincount(here[which], minlength=len(names)) for which in (worse, now < was)]
            everybody = np.bincount(here, minlength=len(names))
            table = np.stack([*counted, everybody - counted[0] - counted[1]], axis=1)
            self.groups[kind] = self.groups.get(kind, 0) + table


def _masks(rules: Sequence[Rule], bit: Mapping[str, int]) -> tuple[int, int]:
    holding = sum(1 << bit[rule.id] for rule in rules if rule.house and rule.house.on_false == "hold")
    return holding, sum(1 << bit[rule.id] for rule in rules)


def _bit(failing: Any, bit: int | None) -> Any:
    if bit is None:
        return np.zeros(len(failing), np.bool_)
    return (failing & failing.dtype.type(1 << bit)) != 0


def _judge_alike(a: Rule, b: Rule) -> bool:
    """The same logic on the same view of the evidence: one result for both."""
    if a.house is None or b.house is None:
        return False
    seen = [(one.analyte, one.zone, one.grain, one.on_false) for one in (a.house, b.house)]
    versions = [(one.engine, one.engine_version, one.schema_version) for one in (a, b)]
    return a.logic == b.logic and seen[0] == seen[1] and versions[0] == versions[1]
