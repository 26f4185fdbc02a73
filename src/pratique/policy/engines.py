"""The engines by name, as the suite runners take them: one expression on many data.

`both` runs the interpreter, the compiled form and the columns, and says ENGINES_DIFFER where they are not value for
value and error for error the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pratique.policy.certlogic import Fault, Instant, Value
from pratique.policy.columns import Plan
from pratique.policy.compile_py import compiled
from pratique.policy.statics import paths_of
from pratique.policy.suites import Engine, equal, interpret
from pratique.policy.table import Ground, table_of


def columns(expression: Any, data: Sequence[Any]) -> list[Value | Fault]:
    """The columnar engine; every fault reads ERROR."""
    return Plan(expression, Ground(table_of(data, paths_of(expression)))).values()


def both(expression: Any, data: Sequence[Any]) -> list[Value | Fault]:
    """The interpreter's values, or a fault where another engine says something else."""
    act = compiled(expression)
    found = []
    for told, one, in_columns in zip(
        interpret(expression, data), data, columns(expression, data), strict=True
    ):
        compiled_to = act(one)
        if isinstance(told, Fault):
            alike = compiled_to == told and isinstance(in_columns, Fault)
        else:
            alike = _alike(told, compiled_to) and _alike(told, in_columns)
        found.append(
            told if alike else Fault("ENGINES_DIFFER", "", "an engine disagrees with the interpreter")
        )
    return found


def _alike(a: Any, b: Any) -> bool:
    return not isinstance(b, Fault) and isinstance(a, Instant) == isinstance(b, Instant) and equal(a, b)


ENGINES: Mapping[str, Engine] = {"interpret": interpret, "columns": columns, "both": both}
