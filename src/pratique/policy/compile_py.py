"""An expression as one Python function: for foreign rules and many single decisions, where walking is the cost.

Promise: the same value and the same fault (kind, place, note) as `certlogic.evaluate`. Every path of data is read once
in each branch; a date text is read once in the life of the process; what is known of types is not asked again.
The source is made only of our own words: every text and number of the rule goes in as a Python literal.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pratique.policy.certlogic import (
    DATE_COMPARISONS,
    MAX_DEPTH,
    MAX_INTEGER,
    TOO_DEEP,
    Fault,
    Run,
    Stop,
    Value,
    integer,
    is_deeper,
    is_index,
)
from pratique.policy.compiled_words import WORDS
from pratique.policy.tree import fits

Compiled = Callable[[Any], Value | Fault]
_SIGNS = {"before": "<", "after": ">", "not-after": "<=", "not-before": ">="}
JSON, TRUTH, DATE, ANY = (
    "json",
    "truth",
    "date",
    "any",
)  # what a variable is known to hold; DATE: milliseconds


class Made(NamedTuple):
    """A Python expression (a name or a literal) and what it holds."""

    text: str
    holds: str


def compiled(expression: Any) -> Compiled:
    """The function of data that `expression` is."""
    if is_deeper(expression, MAX_DEPTH):
        return lambda _data: TOO_DEEP
    writer = _Writer()
    result = writer.write(expression, (), {})
    lines = ["def rule(data):", " try:", *(f"  {line}" for line in writer.lines)]
    lines += [f"  return {writer.value(result)}", " except Stop as stop:", "  return stop.fault()", ""]
    source = "\n".join(lines)
    scope: dict[str, Any] = {**WORDS, **writer.constants}
    exec(compile(source, "<rule>", "exec"), scope)  # noqa: S102 - made of our words and literals only
    return scope["rule"]  # type: ignore[no-any-return]


class _Writer:
    """Writes lines. `seen` maps a path of data to the variable that holds it in the current branch."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self.indent = 0
        self.names = 0

    def line(self, text: str) -> None:
        self.lines.append(" " * self.indent + text)

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def constant(self, value: Any) -> str:
        name = f"K{len(self.constants)}"
        self.constants[name] = value
        return name

    def value(self, made: Made) -> str:
        """As a CertLogic value, dates as Instants."""
        return f"Instant({made.text})" if made.holds == DATE else made.text

    def halt(self, kind: str, note: str, at: tuple[Any, ...]) -> Made:
        self.line(f"halt({self.constant((kind, note, at))})")
        return Made("None", JSON)

    def write(self, expr: Any, at: tuple[Any, ...], seen: dict[str, str]) -> Made:
        """Lines that compute `expr`; `at` is its place in the rule."""
        if isinstance(expr, bool):
            return Made(repr(expr), TRUTH)
        if isinstance(expr, str):
            return Made(repr(expr), JSON)
        if isinstance(expr, list):
            parts = [self.value(self.write(one, (*at, i), seen)) for i, one in enumerate(expr)]
            return Made(f"[{', '.join(parts)}]", JSON)
        if isinstance(expr, dict):
            return self._operation(expr, at, seen)
        whole = integer(expr)
        if whole is None:
            return self.halt(*_fault_of(expr), at)
        return Made(self.constant(whole) if abs(whole) > MAX_INTEGER else repr(whole), JSON)

    def _operation(self, expr: dict[str, Any], at: tuple[Any, ...], seen: dict[str, str]) -> Made:
        name, operands = next(iter(expr.items()), ("", None))
        if len(expr) == 1 and name == "var" and isinstance(operands, str):
            return Made(self._var(operands, seen), JSON)
        at = (*at, name) if len(expr) == 1 else at
        if len(expr) != 1 or not isinstance(operands, list) or not fits(name, operands):
            return self.halt(*_fault_of(expr), at)
        if name == "if":
            return self._if(operands, at, seen)
        if name == "and":
            return self._and(operands, at, seen)
        if name == "reduce":
            found = self.name()
            self.line(f"{found} = lambda_({self.constant(expr)}, data, {self.constant(at[:-1])})")
            return Made(found, ANY)
        if name in ("plusTime", "dccDateOfBirth", "extractFromUVCI"):
            return self._text(name, operands, at, seen)
        made = [self.write(one, (*at, i), seen) for i, one in enumerate(operands)]
        found = self.name()
        if name == "!":
            self.line(f"{found} = not {self._truthful(made[0], at)}")
        elif name == "===":
            self.line(f"{found} = {self._same(*made)}")
        elif name == "in":
            self._in(found, made, operands[1], at)
        elif name in DATE_COMPARISONS:
            dates = [self._date(one, at) for one in made]
            self.line(f"{found} = {f' {_SIGNS[name]} '.join(dates)}")
        else:
            numbers = self._numbers(name, made, at)
            self.line(f"{found} = {f' {name} '.join(numbers)}")
            if name == "+":
                self.line(f"if not {-MAX_INTEGER} <= {found} <= {MAX_INTEGER}:")
                self.indent += 1
                self.halt("INTEGER_RANGE", "the sum is beyond what every engine can hold", at)
                self.indent -= 1
                return Made(found, JSON)
        return Made(found, TRUTH)

    def _var(self, path: str, seen: dict[str, str]) -> str:
        if path == "":
            return "data"
        if path in seen:
            return seen[path]
        head, _, last = path.rpartition(".")
        above = self._var(head, seen) if "." in path else "data"
        found = self.name()
        if is_index(last):
            self.line(f"{found} = at({above}, {last!r}, {int(last)})")
        else:
            self.line(f"{found} = {above}.get({last!r}) if {above}.__class__ is dict else None")
        seen[path] = found
        return found

    def _if(self, operands: list[Any], at: tuple[Any, ...], seen: dict[str, str]) -> Made:
        guard = self._truthful(self.write(operands[0], (*at, 0), seen), at)
        found, made, blocks = self.name(), [], []
        for i in (1, 2):
            lines, self.lines = self.lines, []
            self.indent += 1
            made.append(self.write(operands[i], (*at, i), dict(seen)))
            blocks.append(self.lines)
            self.lines = lines
            self.indent -= 1
        alike = made[0].holds == made[1].holds
        for word, block, one in zip((f"if {guard}:", "else:"), blocks, made, strict=True):
            self.line(word)
            self.lines += block
            self.line(f" {found} = {one.text if alike else self.value(one)}")
        holds = {one.holds for one in made}
        return Made(found, made[0].holds if alike else ANY if holds & {DATE, ANY} else JSON)

    def _and(self, operands: list[Any], at: tuple[Any, ...], seen: dict[str, str]) -> Made:
        first = self.write(operands[0], (*at, 0), seen)
        found, every = self.name(), {first.holds}
        self.line(f"{found} = {self._truthful(first, at)}")
        test = found
        for i, one in enumerate(operands[1:], 1):
            self.line(f"if {test}:")
            self.indent += 1
            made = self.write(one, (*at, i), seen := dict(seen))
            every.add(made.holds)
            self.line(f"{found} = {self._truthful(made, at)}")
            self.indent -= 1
        return Made(found, TRUTH if every == {TRUTH} else JSON)

    def _truthful(self, made: Made, at: tuple[Any, ...]) -> str:
        """The value of an operand of `and`, once it is sure to be truthy or falsy."""
        if made.holds in (DATE, ANY):
            return f"truth({self.value(made)}, {self.constant(at)})"
        return made.text

    def _named(self, made: Made) -> Made:
        """The same in a variable, where a bare literal would not do."""
        if made.text.isidentifier() and made.text not in ("True", "False", "None"):
            return made
        found = self.name()
        self.line(f"{found} = {made.text}")
        return Made(found, made.holds)

    def _same(self, a: Made, b: Made) -> str:
        for one, other in ((a, b), (b, a)):
            if one.text[0] in "'\"" and other.holds != DATE:
                return f"{other.text} == {one.text}"
            if one.text in ("True", "False") and other.holds != DATE:
                return f"{self._named(other).text} is {one.text}"
        return f"same({self.value(a)}, {self.value(b)})"

    def _in(self, found: str, made: list[Made], among: Any, at: tuple[Any, ...]) -> None:
        member, listed = made[0], self._named(Made(self.value(made[1]), JSON))
        if not isinstance(among, list):
            self.line(f"if {listed.text}.__class__ is not list:")
            self.indent += 1
            self.halt("NOT_A_LIST", "the right side of `in` is a list", at)
            self.indent -= 1
        one = self._named(Made(self.value(member), JSON)).text
        if isinstance(among, list) and all(isinstance(each, str) for each in among):
            self.line(f"{found} = {one}.__class__ is str and {one} in {self.constant(frozenset(among))}")
        else:
            several = self.name()
            self.line(f"{several} = {listed.text}")
            self.line(
                f"{found} = {one} in {several} if {one}.__class__ is str else "
                f"any([same({one}, each) for each in {several}])"
            )

    def _date(self, made: Made, at: tuple[Any, ...]) -> str:
        if made.holds == DATE:
            return made.text
        found, one = self.name(), self.name()
        self.line(f"{one} = {made.text}")
        self.line(f"if {one}.__class__ is not Instant:")
        self.indent += 1
        self.halt("NOT_A_DATE", "a date comparison is of date-times; make one with plusTime", at)
        self.indent -= 1
        self.line(f"{found} = {one}.ms")
        return found

    def _numbers(self, name: str, made: list[Made], at: tuple[Any, ...]) -> list[str]:
        note = "a sum is of whole numbers" if name == "+" else "a comparison is of whole numbers"
        found = []
        for one in made:
            if one.text.lstrip("-").isdigit():
                found.append(one.text)
                continue
            text = self.value(one)
            number = self.name()
            self.line(f"{number} = {text}")
            self.line(f"if {number}.__class__ is not int:")
            self.line(f" {number} = number({number}, {self.constant((note, at))})")
            found.append(number)
        return found

    def _text(self, name: str, operands: list[Any], at: tuple[Any, ...], seen: dict[str, str]) -> Made:
        made = self.write(operands[0], (*at, 0), seen)
        text, found = self.name(), self.name()
        self.line(f"{text} = {self.value(made)}")
        place = self.constant(at)
        if name == "extractFromUVCI":
            index = integer(operands[1])
            self.line(f"{found} = fragment({text}, {index}, {place})")
            return Made(found, JSON)
        make = f"birth({text}, {place})"
        known = self.constant({})
        if name == "plusTime":
            amount, unit = integer(operands[1]), operands[2]
            make = f"later({text}, {self.constant(amount)}, {unit!r}, {place}, {known})"
        self.line(f"{found} = {known}.get({text}) if {text}.__class__ is str else None")
        self.line(f"if {found} is None:")
        self.line(f" {found} = {make}")
        return Made(found, DATE)


def _fault_of(expr: Any) -> tuple[str, str]:
    """What the interpreter says of an ill-formed part; that does not depend on data."""
    try:
        Run().value(expr, None)
    except Stop as stop:
        return stop.kind, stop.note
    raise AssertionError("only an ill-formed part is asked about")
