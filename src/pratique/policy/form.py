"""Is this JSON a CertLogic expression? The list of issues, in the words of the reference's validator.

Pure; the messages and their order are those that the published validation suite compares. An issue names the
expression it is about. Nothing here evaluates anything.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pratique.policy.certlogic import COMPARISONS, DATE_COMPARISONS, MAX_DEPTH, integer, is_deeper
from pratique.policy.dates import UNITS

NO_OPERATION = 'operation not of the form { "<operator>": [ <values...> ] }'


class Issue(NamedTuple):
    """One thing that is wrong, `expr` being the part it is wrong in."""

    expr: Any
    message: str


def issues(expression: Any) -> list[Issue]:
    """Everything that is wrong with the form of `expression`; empty if nothing is."""
    if is_deeper(expression, MAX_DEPTH):
        return [Issue(expression, f"nested more than {MAX_DEPTH} deep")]
    return list(_issues(expression))


def _issues(expr: Any) -> Iterator[Issue]:
    if isinstance(expr, bool | str) or integer(expr) is not None:
        return
    if isinstance(expr, float):
        yield Issue(expr, f"{expr!r} is a non-integer number")
    elif isinstance(expr, list):
        yield from _each(expr)
    elif not isinstance(expr, dict):
        yield Issue(expr, "invalid CertLogic expression")
    elif len(expr) != 1:
        yield Issue(expr, f"expression object must have exactly one key, but it has {len(expr)}")
    else:
        yield from _operation(expr)


def _each(expressions: list[Any]) -> Iterator[Issue]:
    for one in expressions:
        yield from _issues(one)


def _operation(expr: dict[str, Any]) -> Iterator[Issue]:
    ((name, values),) = expr.items()
    if name == "var":
        yield from _var(expr, values)
    elif not isinstance(values, list):
        yield Issue(expr, NO_OPERATION)
    elif name in ("if", "reduce"):
        yield from _count(expr, name, values, 3)
        yield from _each(values[:3])
    elif name == "and":
        if len(values) < 2:
            yield Issue(expr, f'an "and" operation must have at least 2 operands, but it has {len(values)}')
        yield from _each(values)
    elif name in COMPARISONS or name in DATE_COMPARISONS:
        if not 2 <= len(values) <= 3:
            yield Issue(expr, f"{_with(name)} must have 2 or 3 operands, but it has {len(values)}")
        yield from _each(values[:3])
    elif name in ("===", "in", "+"):
        if len(values) != 2:
            yield Issue(expr, f"{_with(name)} must have 2 operands, but it has {len(values)}")
        yield from _each(values[:2])
    elif name == "!":
        if len(values) == 1:
            yield from _issues(values[0])
        else:
            told = "a !-operation (logical not/negation) must have exactly 1 operand"
            yield Issue(expr, f"{told}, but it has {len(values)}")
    elif name == "plusTime":
        yield from _plus_time(expr, values)
    elif name == "extractFromUVCI":
        yield from _count(expr, name, values, 2)
        yield from _each(values[:1])
        yield from _literal_integer(expr, name, "index", values)
    elif name == "dccDateOfBirth":
        yield from _count(expr, name, values, 1)
        yield from _each(values[:1])
    else:
        yield Issue(expr, f'unrecognised operator: "{name}"')


def _var(expr: Any, path: Any) -> Iterator[Issue]:
    if not isinstance(path, str):
        yield Issue(expr, 'not of the form { "var": "<path>" }')
    elif path and not all(path.split(".")):
        yield Issue(expr, f"data access path doesn't have a valid format: {path}")


def _plus_time(expr: Any, values: list[Any]) -> Iterator[Issue]:
    yield from _count(expr, "plusTime", values, 3)
    yield from _each(values[:1])
    yield from _literal_integer(expr, "plusTime", "amount", values)
    if len(values) > 2 and values[2] not in UNITS:
        told = f'"unit" argument (#3) of "plusTime" must be a string equal to one of {", ".join(UNITS)}'
        yield Issue(expr, f"{told}, but it is: {_as_javascript(values[2])}")


def _literal_integer(expr: Any, name: str, role: str, values: list[Any]) -> Iterator[Issue]:
    if len(values) > 1 and integer(values[1]) is None:
        told = f'"{role}" argument (#2) of "{name}" must be an integer'
        yield Issue(expr, f"{told}, but it is: {_as_javascript(values[1])}")


def _count(expr: Any, name: str, values: list[Any], wanted: int) -> Iterator[Issue]:
    if len(values) != wanted:
        article = "a" if name[0] not in "aei" else "an"
        noun = "value/operand" if wanted == 1 else "values/operands"
        told = f'{article} "{name}"-operation must have exactly {wanted} {noun}'
        yield Issue(expr, f"{told}, but it has {len(values)}")


def _with(name: str) -> str:
    return f'an operation with operator "{name}"'


def _as_javascript(value: Any) -> str:
    """A JSON value as a JavaScript template writes it into a text."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return ",".join("" if one is None else _as_javascript(one) for one in value)
    if isinstance(value, dict):
        return "[object Object]"
    whole = integer(value)
    return str(value) if whole is None else str(whole)
