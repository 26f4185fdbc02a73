"""Nobody loses by adding evidence: a search for somebody who would.

Small sets of made-up evidence around every boundary that the rules name, and to each of them one favourable thing
more: a dose, a negative test, a recovery, an exemption. If the outcome gets worse, that is a counterexample. The
search is exhaustive on its grid and bounded; it proves nothing beyond the grid. Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple

from pratique.core.moment import from_ms, to_ms
from pratique.policy.certlogic import Fault
from pratique.policy.compile_py import Compiled, compiled
from pratique.policy.context import clock_text, subject_context, with_clock
from pratique.policy.dates import NotADate, plus
from pratique.policy.model import WORSE, Evidence, HouseRule, Rule, RuleSet
from pratique.policy.ruleset import is_supported
from pratique.policy.statics import paths_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)  # any clock will do: rules know spans
MOST_DATES = 9
MOST_DOSES = 5
# What evidence can be, by the role under which rules read it; favourable ones are added.
KINDS: dict[str, tuple[str, str, bool]] = {
    "negative in a mixed tube": ("test", "not-detected", True),
    "negative single test": ("test", "not-detected", False),
    "detected": ("test", "detected", False),
    "mixed tube needs single tests": ("test", "retest-required", True),
    "dose": ("vaccination", "", False),
    "recovery": ("recovery", "", False),
    "exemption": ("exemption", "", False),
}
FAVOURABLE = ("negative in a mixed tube", "negative single test", "dose", "recovery", "exemption")
_READ_AS = {
    "negative in a mixed tube": ("last_negative", "items"),
    "negative single test": (
        *("last_negative", "last_single_negative", "last_single"),
        *("negatives_since_positive", "items"),
    ),
    "detected": ("last_positive", "last_single", "negatives_since_positive", "items"),
    "mixed tube needs single tests": ("last_retest", "items"),
    "dose": ("last_dose", "doses", "items"),
    "recovery": ("last_recovery", "items"),
    "exemption": ("last_exemption", "items"),
}


class Counterexample(NamedTuple):
    """Somebody with `before` would be worse off by `added`, because of `rule`."""

    rule: Rule
    before: tuple[Evidence, ...]
    added: Evidence
    was: str
    becomes: str


def losers(ruleset: RuleSet) -> Iterator[Counterexample]:
    """Counterexamples on the grid, the smallest sets of evidence first. Item rules are not looked at."""
    rules = [
        (rule, rule.house, compiled(rule.logic))
        for rule in ruleset.rules
        if rule.house is not None and rule.house.scope == "subject" and is_supported(rule)
    ]
    grid = _grid([rule for rule, _, _ in rules])
    favourable = [one for name, items in grid.items() if name in FAVOURABLE for one in items]
    for base in _bases(grid):
        was, failing = _judge(rules, base, ruleset.value_sets)
        for added in favourable:
            if added in base:
                continue
            becomes, now_failing = _judge(rules, (*base, added), ruleset.value_sets)
            if WORSE[becomes] > WORSE[was]:
                for rule in now_failing:
                    if rule not in failing and rule.house and rule.house.on_false == becomes:
                        yield Counterexample(rule, base, added, was, becomes)


def _judge(
    rules: Sequence[tuple[Rule, HouseRule, Compiled]],
    evidence: Sequence[Evidence],
    value_sets: dict[str, Any],
) -> tuple[str, list[Rule]]:
    outcome, failing = "clear", []
    contexts: dict[tuple[str, str, str], Any] = {}
    for rule, house, act in rules:
        key = (house.analyte, house.zone, house.grain)
        if key not in contexts:
            clock = clock_text(NOW, house.zone, house.grain)
            contexts[key] = with_clock(subject_context(evidence, *key), clock, value_sets)
        value = act(contexts[key])
        says = "conditions" if isinstance(value, Fault) or not isinstance(value, bool) else "clear"
        if value is False:
            failing.append(rule)
            says = house.on_false
        outcome = max(outcome, says, key=WORSE.__getitem__)
    return outcome, failing


def _grid(rules: list[Rule]) -> dict[str, list[Evidence]]:
    """Evidence of every kind that the rules read, at every date that matters."""
    read = {
        path.split(".")[1] for rule in rules for path in paths_of(rule.logic) if path.startswith("subject.")
    }
    dates = _dates(rules)
    return {
        name: [_item(name, at, i) for i, at in enumerate(dates)]
        for name in KINDS
        if read & set(_READ_AS[name])
    }


def _bases(grid: dict[str, list[Evidence]]) -> Iterator[tuple[Evidence, ...]]:
    """Nothing, one, two pieces of evidence; and rows of doses."""
    everything = [one for items in grid.values() for one in items]
    for size in (0, 1, 2):
        yield from combinations(everything, size)
    doses = grid.get("dose", [])
    for size in range(3, min(MOST_DOSES, len(doses)) + 1):
        yield from combinations(doses, size)


def _dates(rules: list[Rule]) -> list[datetime]:
    """Moments on both sides of every span that the rules name, at most a handful: the nearest ones first."""
    spans = {one for rule in rules for one in _spans(rule.logic)}
    found = {NOW - timedelta(hours=1), NOW - timedelta(hours=30)}
    for amount, unit in sorted(spans, key=lambda span: abs(span[0])):
        for side in (-1, 1):
            try:
                at = from_ms(plus(to_ms(NOW), -abs(amount), unit) + side * 3_600_000)
            except (NotADate, OverflowError, ValueError):
                continue
            if at < NOW:
                found.add(at)
    found |= {NOW - timedelta(days=10 * i) for i in range(1, MOST_DOSES + 2 - len(found))}
    return sorted(found, reverse=True)[:MOST_DATES]


def _spans(expression: Any) -> Iterator[tuple[int, str]]:
    if isinstance(expression, list):
        for one in expression:
            yield from _spans(one)
    elif isinstance(expression, dict):
        for name, operands in expression.items():
            if name == "plusTime" and operands[1]:
                yield int(operands[1]), operands[2]
            elif name != "var":
                yield from _spans(operands)


def _item(name: str, at: datetime, number: int) -> Evidence:
    kind, outcome, pooled = KINDS[name]
    return Evidence(
        id=f"{name} {number}",
        subject_id="nobody",
        kind=kind,  # type: ignore[arg-type]
        outcome=outcome,  # type: ignore[arg-type]
        pooled=pooled,
        sampled_at=at,
        known_at=at,
        source="made up",
        ref="made up",
        mandate_id="",
    )
