"""Foreign rules on a certificate, explained from the rules themselves: which one fails, on what, and what would pass.

Each rule speaks in its own descriptions; facts are what its deciding part read; a bound says which value of a field
would turn the rule, and is named only if it does. The gate shows none of this (law 2: the wallet says why). Pure.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from pratique.core.text import Text
from pratique.policy.certlogic import COMPARISONS, DATE_COMPARISONS, Fault, Instant, evaluate, in_order
from pratique.policy.context import CLOCK
from pratique.policy.dates import DAY_MS, NotADate, plus, read_date, write_date
from pratique.policy.explain import Node, fields_at_fault, flips_after, reads, smallest_reason, watch
from pratique.policy.model import Rule, RuleRef
from pratique.policy.ruleset import is_supported

OTHER = "\x00"  # a text that no rule names
NEARBY = 64  # steps in the search for the day that turns a comparison


class Bound(msgspec.Struct, frozen=True):
    """What at `path` turns the deciding part. `side` `from` or `until`: a date not before, or not after, `at`;
    `is` or `is not`: the value `at`; `one of` or `none of`: the values `at`, a comma between; `number`: the number."""

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
        would_change=tuple(
            bound
            for bound in dict.fromkeys(bound for one in deciding for bound in _bounds(one))
            if _turns(rule.logic, data, bound, value)
        ),
        turns_at=None if turns is None else write_date(turns),
    )


def _turns(logic: Any, data: dict[str, Any], bound: Bound, value: Any) -> bool:
    """Whether the rule really comes out the other way with it: another branch may fail as well."""
    wanted: Any = bound.at
    if bound.side in ("is not", "none of"):
        wanted = OTHER
    elif bound.side == "one of":
        wanted = bound.at.split(", ")[0]
    elif bound.side == "number":
        wanted = int(bound.at)
    return evaluate(logic, _with(data, bound.path.split("."), wanted)) is (not value)


def _with(data: Any, steps: Sequence[str], value: Any) -> Any:
    """A copy of `data` with the value at a place; unchanged where the place is not there."""
    if not steps:
        return value
    step, *rest = steps
    if isinstance(data, list) and step.isdigit() and int(step) < len(data):
        return [_with(one, rest, value) if i == int(step) else one for i, one in enumerate(data)]
    if isinstance(data, dict):
        return {**data, step: _with(data.get(step), rest, value)}
    return data


def _bounds(node: Node) -> Iterator[Bound]:
    """The day at which each date of a comparison would turn it, everything else as it is."""
    if node.name in ("in", "===", *COMPARISONS):
        yield from _values(node)
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


def _values(node: Node) -> Iterator[Bound]:
    """Which other value of a field would turn an `in`, an `===` or a comparison of numbers."""
    for i, operand in enumerate(node.operands[:2]):
        path, beside = (
            (operand.expression.get("var") if operand.name == "var" else None),
            node.operands[1 - i].value,
        )
        if not isinstance(path, str) or len(node.operands) != 2 or isinstance(beside, Instant | dict):
            continue
        if node.name == "in" and i == 0:
            yield Bound(path, "none of" if node.value else "one of", ", ".join(map(str, beside)))
        elif node.name == "===" and not isinstance(beside, list):
            yield Bound(path, "is not" if node.value else "is", str(beside))
        elif node.name in COMPARISONS and type(beside) is int:
            turning = (beside + step for step in (0, 1, -1))
            pairs = (([one, beside] if i == 0 else [beside, one], one) for one in turning)
            found = next(
                (one for pair, one in pairs if in_order(COMPARISONS[node.name], pair) != node.value), None
            )
            if found is not None:
                yield Bound(path, "number", str(found))


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
