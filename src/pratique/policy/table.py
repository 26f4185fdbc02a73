"""What the columnar engine stands on: columns of codes, what their distinct values are, and parts that hang on one.

A column is a code a row and either a sorted list of its distinct values, or `Ticks`: then the code is the moment
itself. A `Small` part knows a cell for each distinct value; on ticks, for each stretch between the moments where the
rules turn, so that a column of dates needs no dictionary whatever its grain. A `Wide` part makes a cell for each row
asked for. Pure.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pratique.policy import cells as ops
from pratique.policy.cells import DATE, INTEGER, LIST, NULL, OBJECT, ODD, TEXT, TRUTH, Cells
from pratique.policy.certlogic import MAX_INTEGER, Instant, integer, read_var
from pratique.policy.dates import DAY_MS, NotADate, read_date, write_date

MOST_RUNS = 4  # bits of a table with no more runs of ones become comparisons of codes


class Ticks(NamedTuple):
    """Codes are moments: `(code + origin) * step` milliseconds since 1970, code 0 being null. `step` DAY_MS: the
    texts are civil days."""

    step: int
    origin: int = 0

    def ms(self, code: int) -> int:
        return (code + self.origin) * self.step

    def code_from(self, ms: int) -> int:
        """The first code at or after a moment."""
        return -(-ms // self.step) - self.origin

    def text(self, code: int) -> str | None:
        """As the interpreter would see it."""
        return write_date(self.ms(code))[: 10 if self.step == DAY_MS else None] if code else None


class Column(NamedTuple):
    """`codes[row]` is the index into `values`, which are distinct and sorted; or a tick."""

    codes: NDArray[Any]
    values: list[Any] | Ticks


class Table(NamedTuple):
    """Columns by path. `row(i)` is the data of row i as the interpreter wants it."""

    length: int
    columns: Mapping[str, Column]
    row: Callable[[int], Any]


class Small(NamedTuple):
    """A cell for each distinct value of one column; of no column: one constant, then `literal` may be a list.
    On ticks cell i stands for the codes from `bounds[i]` up to the next bound."""

    column: str | None
    cells: Cells
    literal: list[Any] | None = None
    bounds: NDArray[np.int64] | None = None


Rows: TypeAlias = slice | NDArray[np.intp]  # a range of rows, or the few that matter


class Wide(NamedTuple):
    """A cell for each row, made for some rows at a time."""

    run: Callable[[Rows], Cells]


Part: TypeAlias = Small | Wide
PRESENT = np.array([0, 1], dtype=np.int64)  # bounds of a column of ticks: not there, there


class ByRows(Exception):  # noqa: N818 - inside planning only
    """This part is for the interpreter."""


def table_of(rows: Sequence[Any], paths: set[str]) -> Table:
    """A table of plain data contexts; `paths` are those that expressions will read."""
    columns = {path: column_of([read_var(path, row) for row in rows]) for path in paths}
    return Table(len(rows), columns, rows.__getitem__)


def column_of(found: Sequence[Any]) -> Column:
    """A column of plain JSON values."""
    seen: dict[int, tuple[int, Any]] = {}
    distinct: dict[tuple[int, Any], Any] = {}
    keys = []
    for value in found:
        if (key := seen.get(id(value))) is None:
            key = seen[id(value)] = _key(value)
        keys.append(key)
        distinct.setdefault(key, value)
    order = sorted(distinct)
    code_of = {key: i for i, key in enumerate(order)}
    codes = np.array([code_of[key] for key in keys], dtype=np.min_scalar_type(max(len(order) - 1, 0)))
    return Column(codes, [distinct[key] for key in order])


class Ground:
    """What the plans of one table share: the words of its texts, the cells of its columns, its dates."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.words: dict[str, int] = {"": 0}
        self.odd_rows: dict[str, Any] = {}
        self._columns: dict[str, Small] = {}
        self._dates: dict[str, Part] = {}

    def word(self, text: str) -> int:
        """The number of a text."""
        return self.words.setdefault(text, len(self.words))

    def cell(self, value: Any) -> tuple[int, int]:
        """Kind and number of a plain value."""
        kind, number = kind_of(value)
        return kind, self.word(number) if kind == TEXT else number

    def ticks(self, path: str | None) -> Ticks | None:
        """The ticks of a column of moments; None for any other."""
        column = self.table.columns.get(path) if path is not None else None
        return column.values if column is not None and isinstance(column.values, Ticks) else None

    def column(self, path: str) -> Small:
        """The cells of a column, once. Raises ByRows for ticks, whose texts are not all written out."""
        if (known := self._columns.get(path)) is not None:
            return known
        column = self.table.columns[path]
        if isinstance(column.values, Ticks):
            raise ByRows
        pairs = [self.cell(value) for value in column.values]
        odd = [code for code, (kind, _) in enumerate(pairs) if kind == ODD]
        self.odd_rows[path] = np.flatnonzero(np.isin(column.codes, odd)) if odd else ()
        kinds = np.array([NULL if kind == ODD else kind for kind, _ in pairs], dtype=np.uint8)
        numbers = np.array([0 if kind == ODD else number for kind, number in pairs], dtype=np.int64)
        if len(pairs) == 1 and not odd:
            literal = column.values[0] if isinstance(column.values[0], list) else None
            self._columns[path] = Small(None, Cells(kinds[0], numbers[0], None), literal)
        else:
            self._columns[path] = Small(path, Cells(kinds, numbers, None))
        return self._columns[path]

    def presence(self, path: str) -> Small | None:
        """Whether a tick of the column is there; None for a column that is not of ticks."""
        if self.ticks(path) is None:
            return None
        return Small(path, Cells(ops.TRUE_KIND, PRESENT > 0, None), None, PRESENT)

    def dates_of_column(self, path: str) -> Part:
        """The dates that the texts of a column mean, once."""
        if path not in self._dates:
            values = self.table.columns[path].values
            if isinstance(values, Ticks):
                self._dates[path] = self._tick_dates(path, values)
            else:
                self._dates[path] = _read_dates(path, values)
        return self._dates[path]

    def _tick_dates(self, path: str, ticks: Ticks) -> Wide:
        codes = np.asarray(self.table.columns[path].codes)

        def run(rows: Rows) -> Cells:
            here = codes[rows].astype(np.int64)
            return Cells(np.uint8(DATE), (here + ticks.origin) * ticks.step, ops.either(None, here == 0))

        return Wide(run)

    def dates_of_words(self, read: Callable[[str], int]) -> tuple[Any, Any]:
        """(milliseconds, bad) by word number, for all words known so far."""
        known = list(self.words)
        ms, bad = np.zeros(len(known), np.int64), np.ones(len(known), np.bool_)
        for word, text in enumerate(known):
            try:
                ms[word], bad[word] = read(text), False
            except NotADate:
                continue
        return ms, bad

    def wide(self, part: Part) -> Wide:
        """The part for rows."""
        if isinstance(part, Wide):
            return part
        if part.column is None:
            return Wide(lambda _rows: part.cells)
        codes = np.asarray(self.table.columns[part.column].codes)  # a mapped file is sliced as a plain array
        kind, number, error = (None if one is None else spread(one, part.bounds) for one in part.cells)
        return Wide(
            lambda rows: Cells(
                kind(codes[rows]) if kind else part.cells.kind,
                number(codes[rows]) if number else part.cells.number,
                error(codes[rows]) if error else part.cells.error,
            )
        )


def _read_dates(path: str, values: list[Any]) -> Small:
    ms, bad = np.zeros(len(values), np.int64), np.ones(len(values), np.bool_)
    for code, value in enumerate(values):
        if isinstance(value, str):
            try:
                ms[code], bad[code] = read_date(value), False
            except NotADate:
                continue
    if len(ms) == 1:
        return Small(None, Cells(np.uint8(DATE), ms[0], ops.either(None, bad[0])))
    return Small(path, Cells(np.uint8(DATE), ms, ops.either(None, bad)))


def on_common_bounds(parts: list[Small]) -> tuple[list[Cells], NDArray[np.int64] | None]:
    """The cells of parts that hang on one column, cut at the bounds of all of them."""
    cut = [part.bounds for part in parts if part.bounds is not None]
    if not cut:
        return [part.cells for part in parts], None
    bounds = np.unique(np.concatenate(cut))
    return [
        part.cells if part.bounds is None else _stretched(part.cells, part.bounds, bounds) for part in parts
    ], bounds


def _stretched(cells: Cells, own: NDArray[np.int64], bounds: NDArray[np.int64]) -> Cells:
    where = np.searchsorted(own, bounds, "right") - 1
    kind, number, error = (one if np.ndim(one) == 0 else one[where] for one in cells)
    return Cells(kind, number, error)


def spread(table: Any, bounds: NDArray[np.int64] | None) -> Callable[[Any], Any] | None:
    """From codes to what stands in `table`; None where it is one value for all. Bits become comparisons of codes."""
    if np.ndim(table) == 0:
        return None
    if table.dtype != np.bool_:
        return _taken(table, bounds)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], table, [False])).view(np.int8)))
    if len(edges) > 2 * MOST_RUNS:
        return _taken(table, bounds)
    last = len(table)
    starts = [*range(last), 0] if bounds is None else [*bounds.tolist(), 0]
    runs = [
        (starts[low], starts[high], low == 0, high == last)
        for low, high in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]

    def compare(codes: Any) -> Any:
        found = None
        for low, high, first, to_the_end in runs:
            one = codes < high if first and not to_the_end else codes >= low
            if not first and not to_the_end:
                one = codes == low if high == low + 1 else one & (codes < high)
            found = one if found is None else found | one
        return np.zeros(codes.shape, np.bool_) if found is None else found

    return compare


def _taken(table: Any, bounds: NDArray[np.int64] | None) -> Callable[[Any], Any]:
    if bounds is None:
        return lambda codes: np.take(table, codes)
    return lambda codes: np.take(table, np.searchsorted(bounds, codes, "right") - 1)


def kind_of(value: Any) -> tuple[int, Any]:
    """Kind of a plain value, and its number (of a text: the text itself)."""
    if value is None:
        return NULL, 0
    if isinstance(value, bool):
        return TRUTH, int(value)
    if isinstance(value, str):
        return TEXT, value
    if isinstance(value, Instant):
        return DATE, value.ms
    if isinstance(value, list | dict):
        return (LIST if isinstance(value, list) else OBJECT), int(bool(value))
    whole = integer(value)
    return (ODD, value) if whole is None or abs(whole) > MAX_INTEGER else (INTEGER, whole)


def _key(value: Any) -> tuple[int, Any]:
    """What makes two values of a column one; sorts null first, then by kind and value."""
    if isinstance(value, list):
        return LIST, json.dumps(value, sort_keys=True)
    return kind_of(value)
