"""CertLogic 1.3.3, the reference interpreter of the house: an expression and its data in, a value or a fault out.

Promises: never raises on any JSON, never runs long (depth and `reduce` are bounded), never reads anything but the
data it was given. A fault is a value that names its kind and its place in the expression; a rule that ends in a
fault is neither true nor false. Every other engine of the room (`compile_py`, `columns`) is held equal to this one.

Stricter than the JavaScript reference where the specification is silent: only an object's own keys and an array's
whole-number indexes can be read (no `length`, no letters of a text, no inherited names); dates that are no dates
are faults; two dates, two arrays or two objects are never `===`; a date is no operand of `and`; a sum beyond
2**53 - 1 is a fault.
"""

import operator as compare
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from pratique.policy.dates import UNITS, NotADate, plus, read_birth, read_date, write_date

SPECIFICATION = "1.3.3"
MAX_DEPTH = 100
MAX_REDUCE_NODES = 200_000  # expression nodes one outermost `reduce` may visit
MAX_INTEGER = 2**53 - 1


class Instant(NamedTuple):
    """A CertLogic date-time: milliseconds since 1970 in UTC. Neither truthy nor falsy."""

    ms: int

    def __str__(self) -> str:
        return write_date(self.ms)


class Fault(NamedTuple):
    """Why there is no value. `path` is a JSON pointer into the expression, `note` a sentence for its author."""

    kind: str
    path: str
    note: str


Value: TypeAlias = Any  # JSON data, or an Instant


class Stop(Exception):  # noqa: N818 - carries a fault up to `evaluate`, never further
    """Inside an evaluation only. `path` grows from the innermost place outwards."""

    def __init__(self, kind: str, note: str) -> None:
        super().__init__(kind)
        self.kind, self.note = kind, note
        self.path: list[str | int] = []

    def fault(self) -> Fault:
        return Fault(self.kind, "".join(f"/{step}" for step in reversed(self.path)), self.note)


def evaluate(expression: Any, data: Any) -> Value | Fault:
    """The value of `expression` on `data` (both plain JSON), or the fault that stopped it."""
    if is_deeper(expression, MAX_DEPTH):
        return TOO_DEEP
    try:
        return Run().value(expression, data)
    except Stop as stop:
        return stop.fault()


class Run:
    """One evaluation. `explain` overrides `value` to watch it."""

    def __init__(self) -> None:
        self.left: int | None = None  # what remains for the outermost reduce; None outside of one

    def value(self, expression: Any, data: Any) -> Value:
        """Raises Stop."""
        kind = type(expression)
        if kind is dict:
            if len(expression) != 1:
                raise Stop(
                    "INVALID_EXPRESSION", f"an operation has exactly one key, this has {len(expression)}"
                )
            ((name, operands),) = expression.items()
            try:
                if name == "var":
                    return read_var(operands, data)
                if type(operands) is not list or not operands:
                    raise Stop("INVALID_EXPRESSION", "an operation has a non-empty list of operands")
                if (operation := OPERATIONS.get(name)) is None:
                    raise Stop("UNKNOWN_OPERATOR", "CertLogic has no such operator")
                return operation(self, name, operands, data)
            except Stop as stop:
                stop.path.append(name)
                raise
        if kind is str or kind is int or kind is bool:
            return expression
        if kind is list:
            return [self.operand(expression, i, data) for i in range(len(expression))]
        if kind is float and expression.is_integer():
            return int(expression)
        raise Stop("INVALID_EXPRESSION", "a literal is a truth value, a whole number or a text")

    def operand(self, operands: list[Any], i: int, data: Any) -> Value:
        try:
            return self.value(operands[i], data)
        except Stop as stop:
            stop.path.append(i)
            raise


def read_var(path: Any, data: Any) -> Value:
    """What stands at `path` in `data`; None where nothing does. Raises Stop for a path that is no text."""
    if type(path) is not str:
        raise Stop("INVALID_EXPRESSION", "a path is a text")
    if path == "":
        return data
    for fragment in path.split("."):
        if isinstance(data, dict):
            data = data.get(fragment)
        elif isinstance(data, list) and is_index(fragment) and int(fragment) < len(data):
            data = data[int(fragment)]
        else:
            return None
        if data is None:
            return None
    return data


def is_index(fragment: str) -> bool:
    """True for the one way to write a whole number: ASCII digits, no leading zero (and no more than an array has)."""
    return (
        fragment.isascii()
        and fragment.isdigit()
        and len(fragment) < 16
        and (fragment[0] != "0" or fragment == "0")
    )


def truth(value: Value) -> bool | None:
    """True for truthy, False for falsy, None for neither (a date-time)."""
    return None if isinstance(value, Instant) else bool(value)


def integer(value: Value) -> int | None:
    """The whole number that `value` is (1.0 counts as 1), or None."""
    if type(value) is int:
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def same(a: Value, b: Value) -> bool:
    """CertLogic `===`: no coercion; null is null; dates, arrays and objects are never the same."""
    if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, str):
        return isinstance(b, str) and a == b
    return isinstance(a, int | float) and isinstance(b, int | float) and a == b


def need(operands: list[Any], least: int, most: int) -> None:
    """Raises Stop unless the number of operands lies in [least, most] (most 0: no bound)."""
    if len(operands) < least or (most and len(operands) > most):
        raise Stop("ARITY", f"wrong number of operands: {len(operands)}")


def boolish(value: Value) -> bool:
    """The truth of `value`. Raises Stop for a date-time."""
    if (found := truth(value)) is None:
        raise Stop("NEITHER_TRUE_NOR_FALSE", "a date-time is neither truthy nor falsy")
    return found


def _if(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 3, 3)
    return run.operand(operands, 1 if boolish(run.operand(operands, 0, data)) else 2, data)


def _and(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 0)
    value: Value = True
    for i in range(len(operands)):
        value = run.operand(operands, i, data)
        if not boolish(value):
            return value
    return value


def _not(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 1, 1)
    return not boolish(run.operand(operands, 0, data))


def _same(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 2)
    return same(run.operand(operands, 0, data), run.operand(operands, 1, data))


def _in(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 2)
    member, among = run.operand(operands, 0, data), run.operand(operands, 1, data)
    if not isinstance(among, list):
        raise Stop("NOT_A_LIST", "the right side of `in` is a list")
    return any(same(member, one) for one in among)


def _plus(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 2)
    a, b = integer(run.operand(operands, 0, data)), integer(run.operand(operands, 1, data))
    if a is None or b is None:
        raise Stop("NOT_AN_INTEGER", "a sum is of whole numbers")
    if abs(a + b) > MAX_INTEGER:
        raise Stop("INTEGER_RANGE", "the sum is beyond what every engine can hold")
    return a + b


COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": compare.lt,
    ">": compare.gt,
    "<=": compare.le,
    ">=": compare.ge,
}
DATE_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "before": compare.lt,
    "after": compare.gt,
    "not-after": compare.le,
    "not-before": compare.ge,
}


def _compare_integers(run: Run, name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 3)
    numbers: list[int] = []
    for value in [run.operand(operands, i, data) for i in range(len(operands))]:
        if (number := integer(value)) is None:
            raise Stop("NOT_AN_INTEGER", "a comparison is of whole numbers")
        numbers.append(number)
    return in_order(COMPARISONS[name], numbers)


def _compare_dates(run: Run, name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 3)
    dates: list[int] = []
    for value in [run.operand(operands, i, data) for i in range(len(operands))]:
        if not isinstance(value, Instant):
            raise Stop("NOT_A_DATE", "a date comparison is of date-times; make one with plusTime")
        dates.append(value.ms)
    return in_order(DATE_COMPARISONS[name], dates)


def in_order(holds: Callable[[int, int], bool], values: list[int]) -> bool:
    """(a op b) and (b op c)."""
    return holds(values[0], values[1]) and (len(values) == 2 or holds(values[1], values[2]))


def _plus_time(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 3, 3)
    amount, unit = integer(operands[1]), operands[2]
    if amount is None:
        raise Stop("INVALID_EXPRESSION", "the amount of plusTime is a literal whole number")
    if type(unit) is not str or unit not in UNITS:
        raise Stop("INVALID_EXPRESSION", "the unit of plusTime is year, month, day or hour")
    return plus_time(run.operand(operands, 0, data), amount, unit)


def plus_time(text: Value, amount: int, unit: str) -> Instant:
    """Raises Stop for anything but a text that is a date."""
    if type(text) is not str:
        raise Stop("NOT_A_TEXT", "plusTime reads its date from a text")
    try:
        return Instant(plus(read_date(text), amount, unit))
    except NotADate as fault:
        raise Stop(fault.kind, "this text is no date CertLogic knows") from None


def _date_of_birth(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 1, 1)
    return date_of_birth(run.operand(operands, 0, data))


def date_of_birth(text: Value) -> Instant:
    """Raises Stop for anything but YYYY, YYYY-MM or YYYY-MM-DD."""
    if type(text) is not str:
        raise Stop("NOT_A_TEXT", "a date of birth is a text")
    try:
        return Instant(read_birth(text))
    except NotADate as fault:
        raise Stop(fault.kind, "a date of birth is YYYY, YYYY-MM or YYYY-MM-DD") from None


def _extract(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 2, 2)
    if (index := integer(operands[1])) is None:
        raise Stop("INVALID_EXPRESSION", "the index of extractFromUVCI is a literal whole number")
    return extract(run.operand(operands, 0, data), index)


def extract(uvci: Value, index: int) -> str | None:
    """The fragment of a UVCI, None if there is none. Raises Stop for anything but text and null."""
    if uvci is None:
        return None
    if type(uvci) is not str:
        raise Stop("NOT_A_TEXT", "extractFromUVCI reads a text")
    fragments = uvci.removeprefix("URN:UVCI:").replace("/", ":").replace("#", ":").split(":")
    return fragments[index] if 0 <= index < len(fragments) else None


def _reduce(run: Run, _name: str, operands: list[Any], data: Any) -> Value:
    need(operands, 3, 3)
    items = run.operand(operands, 0, data)
    if items is not None and not isinstance(items, list):
        raise Stop("NOT_A_LIST", "reduce goes over a list")
    accumulator = run.operand(operands, 2, data)
    outermost = run.left is None
    left, cost = MAX_REDUCE_NODES if run.left is None else run.left, size_of(operands[1])
    for current in items or ():
        left -= cost
        if left < 0:
            raise Stop("TOO_LONG", "this reduce goes over more than an evaluation may")
        run.left = left
        accumulator = run.operand(operands, 1, {"accumulator": accumulator, "current": current})
        left = run.left
    run.left = None if outermost else left
    return accumulator


Operation = Callable[[Run, str, list[Any], Any], Value]
OPERATIONS: dict[str, Operation] = {
    "if": _if,
    "and": _and,
    "!": _not,
    "===": _same,
    "in": _in,
    "+": _plus,
    "plusTime": _plus_time,
    "dccDateOfBirth": _date_of_birth,
    "extractFromUVCI": _extract,
    "reduce": _reduce,
    **dict.fromkeys(COMPARISONS, _compare_integers),
    **dict.fromkeys(DATE_COMPARISONS, _compare_dates),
}
TOO_DEEP = Fault("TOO_DEEP", "", f"an expression is at most {MAX_DEPTH} deep")


def is_deeper(expression: Any, limit: int) -> bool:
    """True if lists and objects are nested more than `limit` deep. Walks level by level, never recurses."""
    level = [expression]
    for _ in range(limit + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def size_of(expression: Any) -> int:
    """The number of nodes of an expression: every literal, list, operation."""
    count, waiting = 0, [expression]
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, dict):
            for operands in one.values():
                waiting.extend(operands if isinstance(operands, list) else ())
        elif isinstance(one, list):
            waiting.extend(one)
    return count
