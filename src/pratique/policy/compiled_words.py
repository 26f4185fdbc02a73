"""The words that a compiled rule (`compile_py.py`) is made of: what a line of it calls, by the name it uses. Pure.

Each does what the interpreter does at that place, and faults with the same kind, note and place.
"""

from typing import Any

from pratique.policy.certlogic import (
    Instant,
    Run,
    Stop,
    Value,
    date_of_birth,
    extract,
    integer,
    plus_time,
    same,
)

MOST_DATES = 4096  # texts each plusTime remembers


def _placed(stop: Stop, at: tuple[Any, ...]) -> Stop:
    stop.path.extend(reversed(at))
    return stop


def _halt(what: tuple[str, str, tuple[Any, ...]]) -> None:
    kind, note, at = what
    raise _placed(Stop(kind, note), at)


def _at(data: Any, key: str, index: int) -> Any:
    if data.__class__ is list:
        return data[index] if index < len(data) else None
    return data.get(key) if data.__class__ is dict else None


def _truth(value: Value, at: tuple[Any, ...]) -> Value:
    if isinstance(value, Instant):
        raise _placed(Stop("NEITHER_TRUE_NOR_FALSE", "a date-time is neither truthy nor falsy"), at)
    return value


def _number(value: Value, what: tuple[str, tuple[Any, ...]]) -> int:
    whole = integer(value)
    if whole is None:
        raise _placed(Stop("NOT_AN_INTEGER", what[0]), what[1])
    return whole


def _later(text: Value, amount: int, unit: str, at: tuple[Any, ...], known: dict[str, int]) -> int:
    try:
        found = plus_time(text, amount, unit).ms
    except Stop as stop:
        raise _placed(stop, at) from None
    if len(known) >= MOST_DATES:
        known.clear()
    known[text] = found
    return found


def _birth(text: Value, at: tuple[Any, ...]) -> int:
    try:
        return date_of_birth(text).ms
    except Stop as stop:
        raise _placed(stop, at) from None


def _fragment(text: Value, index: int, at: tuple[Any, ...]) -> str | None:
    try:
        return extract(text, index)
    except Stop as stop:
        raise _placed(stop, at) from None


def _reduce(expr: Any, data: Any, at: tuple[Any, ...]) -> Value:
    try:
        return Run().value(expr, data)
    except Stop as stop:
        raise _placed(stop, at) from None


WORDS: dict[str, Any] = {
    "Stop": Stop,
    "Instant": Instant,
    "same": same,
    "halt": _halt,
    "number": _number,
    "at": _at,
    "truth": _truth,
    "later": _later,
    "birth": _birth,
    "fragment": _fragment,
    "lambda_": _reduce,
}
