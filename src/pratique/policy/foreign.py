"""Foreign rules on a certificate, explained from the rules themselves: which one fails, on what, and what would pass.

Each rule speaks in its own descriptions; facts are what its deciding part read; a bound says from or until when a date
would turn that part. The gate shows none of this (law 2: the wallet says why). Pure.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from pratique.core.text import Text
from pratique.policy.certlogic import DATE_COMPARISONS, Fault, Instant, evaluate
from pratique.policy.context import CLOCK
from pratique.policy.dates import DAY_MS, NotADate, plus, read_date, write_date
from pratique.policy.explain import Node, fields_at_fault, flips_after, reads, smallest_reason, watch
from pratique.policy.model import Rule, RuleRef
from pratique.policy.ruleset import is_supported

NEARBY = 64  # steps in the search for the day that turns a comparison


class Bound(msgspec.Struct, frozen=True):
    """A date at `path` turns the deciding part if it is not before (`from`), or not after (`until`), `at`."""

    path: str
    side: str
    at: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: `value` None is open, then `at_fault` names the fields. `because`: what the deciding part read.
    `turns_at`: when time alone turns the rule, as it writes times (UTC); None if nothing does."""

    rule: RuleRef
    value: bool | None
    says: Text
    because: dict[str, Any]
    at_fault: tuple[str, ...]
    would_change: tuple[Bound, ...]
    turns_at: str | None


def explain_foreign(payload: Any, rules: Sequence[Rule], external: dict[str, Any]) -> list[Explained]:
    """Rules (already chosen by `ruleset.applicable`) on a certificate, each with its why."""
    return [_explain(rule, {"payload": payload, "external": external}) for rule in rules]


def _explain(rule: Rule, data: dict[str, Any]) -> Explained:
    ref, says = RuleRef(rule.id, rule.version), _description(rule)
    if not is_supported(rule):
        return Explained(
            rule=ref,
            value=None,
            says=says,
            because={},
            at_fault=("EngineVersion",),
            would_change=(),
            turns_at=None,
        )
    value, node = watch(rule.logic, data)
    fields = fields_at_fault(rule.logic, data, value) if isinstance(value, Fault) else []
    deciding = smallest_reason(node) if isinstance(value, bool) else []
    because = {read.path: read.value for one in deciding for read in reads(one) if not _is_long(read.value)}
    clock = _clock(data)
    turns = flips_after(node, clock) if isinstance(value, bool) and clock is not None else None
    return Explained(
        rule=ref,
        value=value if isinstance(value, bool) else None,
        says=says,
        because=because,
        at_fault=tuple(fields),
        would_change=tuple(dict.fromkeys(bound for one in deciding for bound in _bounds(one))),
        turns_at=None if turns is None else write_date(turns),
    )


def _bounds(node: Node) -> Iterator[Bound]:
    """The day at which each date of a comparison would turn it, everything else as it is."""
    if node.name not in DATE_COMPARISONS:
        return
    for i, operand in enumerate(node.operands):
        path = _date_path(operand)
        if path is None or path == CLOCK or not isinstance(operand.value, Instant):
            continue
        _, amount, unit = operand.expression["plusTime"]
        for j in (i - 1, i + 1):
            beside = node.operands[j].value if 0 <= j < len(node.operands) else None
            if isinstance(beside, Instant) and (found := _turning(node, i, path, amount, unit, beside.ms)):
                yield found
                break


def _turning(node: Node, i: int, path: str, amount: int, unit: str, beside: int) -> Bound | None:
    """The first day before or after which the comparison is the other way round."""
    try:
        near = plus(beside, -amount, unit) // DAY_MS
    except NotADate:
        return None
    holds = _holds_with(node, i, amount, unit)
    values = [(day, holds(day * DAY_MS)) for day in range(near - NEARBY // 2, near + NEARBY // 2)]
    for (day, one), (_, other) in pairwise(values):
        if one is not None and other is not None and one != other:
            side = "from" if other != node.value else "until"
            return Bound(path, side, write_date((day + (side == "from")) * DAY_MS)[:10])
    return None


def _holds_with(node: Node, i: int, amount: int, unit: str) -> Any:
    literals = [{"plusTime": [write_date(one.value.ms), 0, "day"]} for one in node.operands]

    def holds(ms: int) -> bool | None:
        made = [*literals]
        made[i] = {"plusTime": [write_date(ms), amount, unit]}
        value = evaluate({node.name: made}, None)
        return value if isinstance(value, bool) else None

    return holds


def _date_path(node: Node) -> str | None:
    operands = node.expression.get("plusTime") if node.name == "plusTime" else None
    inner = operands[0] if operands else None
    return inner.get("var") if isinstance(inner, dict) and isinstance(inner.get("var"), str) else None


def _clock(data: dict[str, Any]) -> int | None:
    text = data["external"].get("validationClock")
    try:
        return read_date(text) if isinstance(text, str) else None
    except NotADate:
        return None


def _description(rule: Rule) -> Text:
    """The rule's own words; Chinese where it has them."""
    said = {one["lang"][:2]: one["desc"] for one in rule.document["Description"]}
    return Text(said.get("en", rule.id), said.get("zh", said.get("en", rule.id)))


def _is_long(value: Any) -> bool:
    return isinstance(value, list | dict)
