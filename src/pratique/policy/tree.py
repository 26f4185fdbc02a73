"""A rule as one checked tree: what the columnar and the SQL engines are made from.

Operators, arity and literal operands are checked once, here; what is ill-formed becomes a FAULT node, an error wherever
it is evaluated, as the interpreter has it. Nothing here knows data. Pure.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pratique.policy.certlogic import COMPARISONS, DATE_COMPARISONS, MAX_DEPTH, integer, is_deeper
from pratique.policy.dates import UNITS

LITERAL, LIST, VAR, FAULT = "literal", "list", "path", "fault"
ARITY: dict[str, tuple[int, int]] = {  # (least, most), most 0: no bound
    "if": (3, 3),
    "and": (2, 0),
    "!": (1, 1),
    "===": (2, 2),
    "in": (2, 2),
    "+": (2, 2),
    "plusTime": (3, 3),
    "dccDateOfBirth": (1, 1),
    "extractFromUVCI": (2, 2),
    "reduce": (3, 3),
    **dict.fromkeys([*COMPARISONS, *DATE_COMPARISONS], (2, 3)),
}


class Node(NamedTuple):
    """`op` is an operator's name or one of the four words above; `source` is the expression it was read from.

    `value`: of a literal its value (whole numbers as int), of a path the path, of `plusTime` (amount, unit), of
    `extractFromUVCI` the index. `args` of `reduce` are its list and its initial value only: a lambda sees other data.
    """

    op: str
    args: tuple["Node", ...]
    value: Any
    source: Any

    def walk(self) -> Iterator["Node"]:
        """This node and all below it."""
        yield self
        for arg in self.args:
            yield from arg.walk()


def tree_of(expression: Any) -> Node:
    """The tree of any JSON: never raises, and is never deeper than an expression may be."""
    return _fault(expression) if is_deeper(expression, MAX_DEPTH) else _read(expression)


def path_of(node: Node) -> str | None:
    """The path that a node reads, if it does only that."""
    return str(node.value) if node.op == VAR else None


def fits(name: str, operands: list[Any]) -> bool:
    """True for an operator of CertLogic but `var`, with as many operands as it takes, those that are literals sound."""
    least, most = ARITY.get(name, (1, -1))
    if most < 0 or len(operands) < least or (most and len(operands) > most):
        return False
    if name == "plusTime":
        return integer(operands[1]) is not None and isinstance(operands[2], str) and operands[2] in UNITS
    return name != "extractFromUVCI" or integer(operands[1]) is not None


def _read(expr: Any) -> Node:
    if isinstance(expr, dict):
        return _operation(expr)
    if isinstance(expr, list):
        return Node(LIST, tuple(_read(one) for one in expr), None, expr)
    if isinstance(expr, bool | str):
        return Node(LITERAL, (), expr, expr)
    whole = integer(expr)
    return _fault(expr) if whole is None else Node(LITERAL, (), whole, expr)


def _operation(expr: dict[str, Any]) -> Node:
    name, operands = next(iter(expr.items()), ("", None))
    if len(expr) == 1 and name == "var" and isinstance(operands, str):
        return Node(VAR, (), operands, expr)
    if len(expr) != 1 or not isinstance(operands, list) or not fits(name, operands):
        return _fault(expr)
    if name == "plusTime":
        return Node(name, (_read(operands[0]),), (integer(operands[1]), operands[2]), expr)
    if name == "extractFromUVCI":
        return Node(name, (_read(operands[0]),), integer(operands[1]), expr)
    if name == "reduce":
        return Node(name, (_read(operands[0]), _read(operands[2])), None, expr)
    return Node(name, tuple(_read(one) for one in operands), None, expr)


def _fault(expr: Any) -> Node:
    return Node(FAULT, (), None, expr)
