"""Why a rule came out as it did, from the rule itself: what it read, the smallest part that decided, when it flips.

Pure. The watched evaluation is the interpreter of `certlogic.py` itself, so that the explanation cannot differ from
the decision.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pratique.policy.certlogic import (
    DATE_COMPARISONS,
    Fault,
    Instant,
    Run,
    Stop,
    Value,
    in_order,
    integer,
    read_var,
)
from pratique.policy.context import CLOCK, VALUE_SETS
from pratique.policy.dates import DAY_MS, FURTHEST, NotADate, plus
from pratique.policy.statics import paths_of


class Node:
    """One evaluated part of a rule: `name` is its operator ("" for literals and lists), `operands` those that were
    evaluated, in order; `value` is None until known."""

    __slots__ = ("expression", "name", "operands", "value")

    def __init__(self, expression: Any) -> None:
        self.expression = expression
        self.name: str = next(iter(expression)) if type(expression) is dict and len(expression) == 1 else ""
        self.operands: list[Node] = []
        self.value: Value = None

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, in order of evaluation."""
        yield self
        for operand in self.operands:
            yield from operand.walk()


class Read(NamedTuple):
    """One look of a rule at its data."""

    path: str
    value: Value


class _Watched(Run):
    def __init__(self) -> None:
        super().__init__()
        self.top = Node([])
        self.in_lambda = 0

    def value(self, expression: Any, data: Any) -> Value:
        above, node = self.top, Node(expression)
        above.operands.append(node)
        self.top = node
        try:
            node.value = super().value(expression, data)
        finally:
            self.top = above
        return node.value


def watch(expression: Any, data: Any) -> tuple[Value | Fault, Node]:
    """The value of a checked rule (its depth is bounded) and how it came about."""
    run = _Watched()
    try:
        value: Value | Fault = run.value(expression, data)
    except Stop as stop:
        value = stop.fault()
    return value, run.top.operands[0]


def reads(node: Node) -> list[Read]:
    """Every path read, once each, in the order they were read first. Reads inside `reduce` see no outer data and
    are covered by the list that was read."""
    found: dict[str, Value] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.name == "var" and type(one.expression["var"]) is str:
            found.setdefault(one.expression["var"], one.value)
        below = one.operands
        if one.name == "reduce":
            below = [inner for inner in below if inner.expression is not one.expression["reduce"][1]]
        waiting.extend(reversed(below))
    return [Read(path, value) for path, value in found.items()]


def smallest_reason(node: Node) -> list[Node]:
    """The parts whose flip flips the result, the deciding one first, then the guards that led to it."""
    if not node.operands:
        return [node]
    if node.name == "and":  # the last one evaluated decided: the first falsy one, or the last of all
        return smallest_reason(node.operands[-1])
    if node.name == "!":
        return smallest_reason(node.operands[0])
    if node.name == "if" and len(node.operands) == 2:
        guard, branch = node.operands
        if branch.operands or branch.name:
            return [*smallest_reason(branch), *smallest_reason(guard)]
        return smallest_reason(guard)  # a literal branch explains nothing, what led to it does
    return [node]


def fields_at_fault(expression: Any, data: Any, fault: Fault) -> list[str]:
    """The fields for which a rule could not be judged: what the part at fault reads and does not find; of a part that
    finds everything, all it reads."""
    part = expression
    for step in fault.path.split("/")[1:]:
        if isinstance(part, dict) and step in part:
            part = part[step]
        elif isinstance(part, list) and step.isdigit() and int(step) < len(part):
            part = part[int(step)]
    read = sorted(path for path in paths_of(part) if not path.startswith(f"{VALUE_SETS}."))
    missing = [path for path in read if read_var(path, data) is None]
    return missing or read


def flips_after(node: Node, now_ms: int) -> int | None:
    """The earliest moment after `now_ms` at which a comparison on the evaluated path turns by time alone; None if
    none does. The value of the whole is constant until then. `now_ms` is the clock as the rule saw it."""
    soonest: int | None = None
    for one in node.walk():
        if one.name in DATE_COMPARISONS and all(isinstance(o.value, Instant) for o in one.operands):
            turn = _turn(one, now_ms)
            if turn is not None and (soonest is None or turn < soonest):
                soonest = turn
    return soonest


def _turn(node: Node, now_ms: int) -> int | None:
    holds = DATE_COMPARISONS[node.name]
    forms = [_clock_form(operand) for operand in node.operands]
    moving = [form for form in forms if form is not None]
    if not moving:
        return None
    fixed = [operand.value.ms for operand, form in zip(node.operands, forms, strict=True) if form is None]

    def at(ms: int) -> bool | None:
        try:
            values = [
                operand.value.ms if form is None else plus(ms, *form)
                for operand, form in zip(node.operands, forms, strict=True)
            ]
        except NotADate:
            return None
        return in_order(holds, values)

    now_holds = at(now_ms)
    candidates = sorted(c for form in moving for value in fixed for c in crossings(form, value) if c > now_ms)
    if len(moving) > 1:  # two clocks against each other move only with the calendar
        candidates = sorted([*candidates, *(now_ms - now_ms % DAY_MS + DAY_MS * i for i in range(1, 63))])
    return next((c for c in candidates if at(c) != now_holds), None)


def _clock_form(node: Node) -> tuple[int, str] | None:
    """(amount, unit) if this operand is the clock plus that; None if it does not move."""
    operands = node.expression.get("plusTime") if node.name == "plusTime" else None
    if operands and operands[0] == {"var": CLOCK}:
        return integer(operands[1]) or 0, operands[2]
    return None


def crossings(form: tuple[int, str], value: int) -> Iterator[int]:
    """Every moment at which `clock + form` can pass `value`, by a millisecond or by a day of the calendar."""
    amount, unit = form
    try:
        about = plus(value, -amount, unit)
    except NotADate:
        return
    yield about
    yield about + 1
    if unit in ("month", "year"):  # the calendar rolls over: look at each day around
        for day in range(about // DAY_MS - 4, about // DAY_MS + 5):
            start = day * DAY_MS
            if abs(start) > FURTHEST:
                continue
            yield start
            crossing = start + value - plus(start, amount, unit)
            if start <= crossing < start + DAY_MS:
                yield crossing
                yield crossing + 1
