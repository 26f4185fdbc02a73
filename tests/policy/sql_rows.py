"""Rows of plain data as a table that SQL can read: plain values by path, and what their texts mean as dates."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pratique.policy.certlogic import Fault, Instant, evaluate, read_var
from pratique.policy.dates import NotADate, read_birth, read_date
from pratique.policy.sql import SqlWriter, Tagged
from pratique.policy.sql_forms import NotInSql, tag_of
from pratique.policy.statics import paths_of
from pratique.policy.tree import tree_of


class Query(NamedTuple):
    """`select` of (row, truth, value); `asked`: what the interpreter fills by row, as columns b0, b1 …; `odd`: rows
    with a value that has no plain form under a path of the rule."""

    select: str
    asked: list[list[str]]
    odd: set[int]


def cells_of(value: Any) -> tuple[str | None, int | None, int | None]:
    """(plain form, milliseconds, milliseconds as a date of birth)."""
    return tag_of(value), _read(read_date, value), _read(read_birth, value)


def _read(read: Callable[[str], int], value: Any) -> int | None:
    try:
        return read(value) if isinstance(value, str) else None
    except NotADate:
        return None


def query_of(expression: Any, rows: Sequence[Any], columns: dict[str, str], dialect: str) -> Query:
    """`columns`: by path, the name of its columns (`c0` plain, `c0d` date, `c0b` birth). Raises NotInSql."""
    asked: list[list[str]] = []
    odd: set[int] = set()

    def layout(path: str) -> Any:
        name = columns.get(path)
        return None if name is None else Tagged(name, f"{name}d", f"{name}b")

    def interpreted(part: Any) -> Tagged:
        column = []
        for i, row in enumerate(rows):
            value = evaluate(part, row)
            tag = "!" if isinstance(value, Fault) else tag_of(value)
            if tag is None:
                odd.add(i)
            column.append(tag or "n")
        asked.append(column)
        return Tagged(f"b{len(asked) - 1}", "", "")

    for path in paths_of(expression):
        odd.update(i for i, row in enumerate(rows) if tag_of(read_var(path, row)) is None)
    writer, tree = SqlWriter(layout, interpreted), tree_of(expression)
    truth = writer.truth(tree).sql(dialect=dialect)
    asked.clear()
    plain = writer.plain(tree).sql(dialect=dialect)
    return Query(f"SELECT row_id, {truth}, {plain}", asked, odd)


def agrees(told: Any, truth: int, plain: str) -> bool:
    """The interpreter's value is what SQL found, error bit included."""
    if truth != (int(told) if isinstance(told, bool) else 2):
        return False
    if isinstance(told, Fault) or plain == "!":
        return isinstance(told, Fault) and plain == "!"
    if isinstance(told, Instant):
        return plain == f"d{told.ms}"
    return plain == tag_of(told)


__all__ = ["NotInSql", "Query", "agrees", "cells_of", "query_of"]
