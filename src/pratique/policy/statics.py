"""Static types of an expression: what values it can have, before it ever meets a person.

Types: N null, B truth value, I integer, S text, A list, O object, D date-time. A rule must be B and nothing else.
Presence is followed: behind `{"if": [{"var": p}, …]}` and behind earlier operands of `and`, `p` is not null. Pure.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pratique.policy.certlogic import COMPARISONS, DATE_COMPARISONS, integer
from pratique.policy.context import CLOCK, ITEM_FIELDS

ANY = frozenset("NBISAO")
Model = Callable[[str], frozenset[str] | None]
Present = frozenset[str]


class Finding(NamedTuple):
    """Something the types forbid. `sure` is True where no value at all would be right, False where some would be
    wrong; `path` is a JSON pointer."""

    path: str
    told: str
    sure: bool


def open_model(_path: str) -> frozenset[str]:
    """The model of a foreign payload: anything may stand anywhere."""
    return ANY


def types_of(expression: Any, model: Model = open_model) -> tuple[frozenset[str], list[Finding]]:
    """The types a well-formed expression can have, and what the types forbid. Unknown paths are findings too."""
    findings: list[Finding] = []
    return _Types(model, findings).of(expression, "", frozenset()), findings


def paths_of(expression: Any) -> set[str]:
    """Every path an expression reads from its data; those inside the lambda of a `reduce` are not the data's."""
    found: set[str] = set()
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            for name, operands in one.items():
                if name == "var" and isinstance(operands, str):
                    found.add(operands)
                elif name == "reduce" and isinstance(operands, list):
                    waiting.extend([*operands[:1], *operands[2:]])
                else:
                    waiting.append(operands)
    return found


def clock_misuses(expression: Any, pointer: str = "", inside: str = "") -> Iterator[str]:
    """Where the clock is read otherwise than as the text of a `plusTime` that is compared: there nobody could say
    when the rule turns."""
    if isinstance(expression, list):
        for i, one in enumerate(expression):
            yield from clock_misuses(
                one, f"{pointer}/{i}", inside if i == 0 or "plusTime" not in inside else ""
            )
    elif isinstance(expression, dict):
        for name, operands in expression.items():
            if name == "var":
                if operands in (CLOCK, "external", "") and inside != "compared plusTime":
                    yield f"{pointer}/var"
                continue
            compared = name == "plusTime" and inside == "compared"
            below = "compared plusTime" if compared else "compared" if name in DATE_COMPARISONS else name
            yield from clock_misuses(operands, f"{pointer}/{name}", below)


class _Types:
    def __init__(self, model: Model, findings: list[Finding]) -> None:
        self.model, self.findings = model, findings

    def of(self, expr: Any, at: str, present: Present) -> frozenset[str]:
        if isinstance(expr, bool):
            return frozenset("B")
        if isinstance(expr, str):
            return frozenset("S")
        if isinstance(expr, list):
            for i, one in enumerate(expr):
                self.of(one, f"{at}/{i}", present)
            return frozenset("A")
        if not isinstance(expr, dict):
            return frozenset("I")
        ((name, operands),) = expr.items()
        at += f"/{name}"
        if name == "var":
            return self._var(operands, at, present)
        if name == "if":
            return self._if(operands, at, present)
        if name == "and":
            return self._and(operands, at, present)
        if name == "reduce":
            return self._reduce(operands, at, present)
        if name == "plusTime":
            self._want(operands[0], f"{at}/0", present, "S")
            return frozenset("D")
        if name == "dccDateOfBirth":
            self._want(operands[0], f"{at}/0", present, "S")
            return frozenset("D")
        if name == "extractFromUVCI":
            found = self._want(operands[0], f"{at}/0", present, "NS")
            return found & frozenset("N") | frozenset("NS")
        wanted = {"!": "NBISAO", "===": "NBISAO", "+": "I"}.get(name, "I" if name in COMPARISONS else "D")
        if name == "in":
            self._want(operands[0], f"{at}/0", present, "NBIS")
            self._want(operands[1], f"{at}/1", present, "A")
        else:
            for i, one in enumerate(operands):
                self._want(one, f"{at}/{i}", present, wanted)
        return frozenset("I" if name == "+" else "B")

    def _want(self, expr: Any, at: str, present: Present, wanted: str) -> frozenset[str]:
        found = self.of(expr, at, present)
        if found and not found <= frozenset(wanted):
            told = f"needs {'/'.join(_NAMES[one] for one in wanted)}, can be {_spelt(found - set(wanted))}"
            self.findings.append(Finding(at, told, not found & frozenset(wanted)))
        return found

    def _var(self, path: str, at: str, present: Present) -> frozenset[str]:
        found = self.model(path)
        if found is None:
            self.findings.append(Finding(at, f"unknown path {path}", True))
            return ANY
        return found - {"N"} if item_of(path) in present or path in present else found

    def _if(self, operands: list[Any], at: str, present: Present) -> frozenset[str]:
        guard, then, otherwise = operands
        self._want(guard, f"{at}/0", present, "NBISAO")
        when_true, when_false = _presence(guard)
        found: frozenset[str] = frozenset()
        folded = _folded(guard)
        if folded is not False:
            found |= self.of(then, f"{at}/1", present | when_true)
        if folded is not True:
            found |= self.of(otherwise, f"{at}/2", present | when_false)
        return found

    def _and(self, operands: list[Any], at: str, present: Present) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for i, one in enumerate(operands):
            found |= self._want(one, f"{at}/{i}", present, "NBISAO")
            present |= _presence(one)[0]
        return found

    def _reduce(self, operands: list[Any], at: str, present: Present) -> frozenset[str]:
        self._want(operands[0], f"{at}/0", present, "NA")
        start = self.of(operands[2], f"{at}/2", present)
        seen = start
        while True:  # the accumulator has the types of the start and of the lambda itself; they only grow
            inner = _Types(_lambda_model(seen), [])
            found = start | inner.of(operands[1], f"{at}/1", frozenset())
            if found <= seen:
                break
            seen |= found
        self.findings.extend(one for one in inner.findings if one.sure)
        return found


def item_of(path: str) -> str:
    """`subject.last_retest.known` → `subject.last_retest`: a piece of evidence has all its fields or is not there."""
    head, _, last = path.rpartition(".")
    return head if last in ITEM_FIELDS and head else path


def _lambda_model(accumulator: frozenset[str]) -> Model:
    def model(path: str) -> frozenset[str] | None:
        head, _, rest = path.partition(".")
        if head == "accumulator" and not rest:
            return accumulator
        return ANY if head in ("", "current", "accumulator") else frozenset("N")

    return model


def _presence(guard: Any) -> tuple[Present, Present]:
    """The paths that are not null where `guard` is truthy, and where it is falsy."""
    nothing: Present = frozenset()
    if not isinstance(guard, dict):
        return nothing, nothing
    ((name, operands),) = guard.items()
    if name == "var" and isinstance(operands, str):
        return frozenset({operands, item_of(operands)}), nothing
    if name == "!":
        when_true, when_false = _presence(operands[0])
        return when_false, when_true
    if name == "and":
        return frozenset().union(*(_presence(one)[0] for one in operands)), nothing
    return nothing, nothing


def _folded(guard: Any) -> bool | None:
    """The truth of a literal guard; None if it depends on data."""
    if isinstance(guard, bool | str) or integer(guard) is not None:
        return bool(guard)
    return bool(guard) if isinstance(guard, list) else None


_NAMES = {"N": "null", "B": "truth", "I": "integer", "S": "text", "A": "list", "O": "object", "D": "date"}


def _spelt(types: frozenset[str]) -> str:
    return ", ".join(_NAMES[one] for one in "NBISAOD" if one in types)
