"""The same rules over a whole city: an expression becomes a few comparisons of small integers.

A column is a code a row and a sorted list of its distinct values. Whatever depends on one column and on constants is
computed once a distinct value, never once a row: `plusTime` of a million dates is that of the few thousand minutes
among them. What remains for the rows is `low <= code < high` and the logic of bits.

Promise: value for value and error bit for error bit what `certlogic.evaluate` says (tests compare them). What cells
cannot hold (`reduce`, `extractFromUVCI`, computed lists) runs on the interpreter row by row, counted in
`Plan.by_rows`; rows with a number that is no integer run there as a whole.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pratique.policy import cells as ops
from pratique.policy.cells import DATE, INTEGER, LIST, NULL, OBJECT, ODD, TEXT, TRUTH, Act, Cells
from pratique.policy.certlogic import (
    COMPARISONS,
    DATE_COMPARISONS,
    MAX_DEPTH,
    MAX_INTEGER,
    Fault,
    Instant,
    evaluate,
    integer,
    is_deeper,
    read_var,
)
from pratique.policy.dates import DAY_MS, FURTHEST, UNITS, NotADate, plus, read_birth, read_date, write_date
from pratique.policy.statics import paths_of

Bits: TypeAlias = NDArray[np.bool_]
CHUNK = 1 << 16  # rows at a time: the working set stays in the processor's cache
RARE = 8  # a branch taken by fewer than one in so many rows is computed for those rows only
MOST_RUNS = 4  # bits of a table with no more runs of ones become comparisons of codes
ERROR = Fault("ERROR", "", "columns know that a cell is an error, not why")
ARITY = {
    "if": (3, 3),
    "and": (2, 0),
    "!": (1, 1),
    "===": (2, 2),
    "in": (2, 2),
    "+": (2, 2),
    "plusTime": (3, 3),
}
ARITY |= {"dccDateOfBirth": (1, 1), **dict.fromkeys([*COMPARISONS, *DATE_COMPARISONS], (2, 3))}


class Moments(NamedTuple):
    """The distinct values of a column of dates, code 0 being null: sorted milliseconds, no text is ever read.
    `days`: the texts are civil days."""

    ms: NDArray[np.int64]
    days: bool = False

    def texts(self) -> list[str | None]:
        """As the interpreter would see them."""
        return [None, *(write_date(ms)[: 10 if self.days else None] for ms in self.ms[1:].tolist())]


class Column(NamedTuple):
    """`codes[row]` is the index into `values`, which are distinct and sorted."""

    codes: NDArray[Any]
    values: list[Any] | Moments


class Table(NamedTuple):
    """Columns by path. `row(i)` is the data of row i as the interpreter wants it."""

    length: int
    columns: Mapping[str, Column]
    row: Callable[[int], Any]


class Result(NamedTuple):
    """One rule over a table. `value` where it is true; `error` where it could not be judged, or is no truth value."""

    value: Bits
    error: Bits


class Small(NamedTuple):
    """A cell for each distinct value of one column; of no column: one constant, then `literal` may be a list."""

    column: str | None
    cells: Cells
    literal: list[Any] | None = None


Rows: TypeAlias = slice | NDArray[np.intp]  # a range of rows, or the few that matter


class Wide(NamedTuple):
    """A cell for each row, made for some rows at a time."""

    run: Callable[[Rows], Cells]


Part: TypeAlias = Small | Wide


class _ByRows(Exception):  # noqa: N818 - inside planning only: this part is for the interpreter
    pass


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
        self._dates: dict[str, Small] = {}

    def word(self, text: str) -> int:
        """The number of a text."""
        return self.words.setdefault(text, len(self.words))

    def cell(self, value: Any) -> tuple[int, int]:
        """Kind and number of a plain value."""
        kind, number = kind_of(value)
        return kind, self.word(number) if kind == TEXT else number

    def column(self, path: str) -> Small:
        """The cells of a column, once."""
        if (known := self._columns.get(path)) is not None:
            return known
        column = self.table.columns[path]
        values = column.values.texts() if isinstance(column.values, Moments) else column.values
        pairs = [self.cell(value) for value in values]
        odd = [code for code, (kind, _) in enumerate(pairs) if kind == ODD]
        self.odd_rows[path] = np.flatnonzero(np.isin(column.codes, odd)) if odd else ()
        kinds = np.array([NULL if kind == ODD else kind for kind, _ in pairs], dtype=np.uint8)
        numbers = np.array([0 if kind == ODD else number for kind, number in pairs], dtype=np.int64)
        if len(pairs) == 1 and not odd:
            literal = values[0] if isinstance(values[0], list) else None
            self._columns[path] = Small(None, Cells(kinds[0], numbers[0], None), literal)
        else:
            self._columns[path] = Small(path, Cells(kinds, numbers, None))
        return self._columns[path]

    def presence(self, path: str) -> Small | None:
        """Whether a date of the column is there; None for a column that is not of dates."""
        values = self.table.columns[path].values
        if not isinstance(values, Moments):
            return None
        return Small(path, Cells(ops.TRUE_KIND, np.arange(len(values.ms)) > 0, None))

    def dates_of_column(self, path: str) -> Small:
        """The dates that the texts of a column mean, once."""
        if (known := self._dates.get(path)) is not None:
            return known
        values = self.table.columns[path].values
        if isinstance(values, Moments):
            ms, bad = values.ms, np.arange(len(values.ms)) == 0
        else:
            ms, bad = np.zeros(len(values), np.int64), np.ones(len(values), np.bool_)
            for code, value in enumerate(values):
                if isinstance(value, str):
                    try:
                        ms[code], bad[code] = read_date(value), False
                    except NotADate:
                        continue
        if len(ms) == 1:
            self._dates[path] = Small(None, Cells(np.uint8(DATE), ms[0], ops.either(None, bad[0])))
        else:
            self._dates[path] = Small(path, Cells(np.uint8(DATE), ms, ops.either(None, bad)))
        return self._dates[path]

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


class Plan:
    """One expression, made ready for one table."""

    def __init__(self, expression: Any, ground: Ground) -> None:
        self.expression, self.ground, self.table = expression, ground, ground.table
        self.by_rows = 0
        self._odd: set[int] = set()
        self.root: Part = FAULTY if is_deeper(expression, MAX_DEPTH) else self._part(expression)
        self._all = self._wide(self.root)

    def result(self) -> Result:
        """Value and error bits of every row."""
        value, error = np.zeros(self.table.length, np.bool_), np.zeros(self.table.length, np.bool_)
        for rows, true, wrong in self.chunks():
            value[rows], error[rows] = true, wrong if wrong is not None else False
        for row in self._odd:
            one = evaluate(self.expression, self.table.row(row))
            value[row], error[row] = one is True, not isinstance(one, bool)
        return Result(value, error)

    def chunks(self) -> Iterator[tuple[slice, Any, Any]]:
        """(rows, true, error) for one range of rows after the other; odd rows are not mended."""
        for start in range(0, self.table.length, CHUNK):
            rows = slice(start, min(start + CHUNK, self.table.length))
            yield rows, *true_and_error(self._all.run(rows))

    def run(self, rows: slice) -> tuple[Any, Any]:
        """(true, error) of a range of rows; odd rows are not mended."""
        return true_and_error(self._all.run(rows))

    def part_of(self, expr: Any) -> Part:
        """The part that a sub-expression of the rule is."""
        return self._part(expr)

    def values(self) -> list[Any]:
        """Every row's value, `ERROR` for an error."""
        length, spelt = self.table.length, list(self.ground.words)
        made = self._all.run(slice(0, length))
        kinds, numbers = np.broadcast_to(made.kind, length), np.broadcast_to(made.number, length)
        errors = np.broadcast_to(np.bool_(False) if made.error is None else made.error, length)
        found: list[Any] = []
        for row in range(length):
            kind, number = int(kinds[row]), int(numbers[row])
            if row in self._odd or (not errors[row] and kind in (LIST, OBJECT)):
                one = evaluate(self.expression, self.table.row(row))
                found.append(ERROR if isinstance(one, Fault) else one)
            elif errors[row]:
                found.append(ERROR)
            elif kind == TEXT:
                found.append(spelt[number])
            else:
                made_of = {NULL: None, TRUTH: bool(number), INTEGER: number, DATE: Instant(number)}
                found.append(made_of[kind])
        return found

    def _part(self, expr: Any, *, truth: bool = False) -> Part:
        """`truth`: whoever asks only wants to know whether it is truthy; the part is then of truth values."""
        path = _path_of(expr) if truth else None
        if path in self.table.columns and (present := self.ground.presence(str(path))) is not None:
            return present
        try:
            part = self._operation(expr, truth) if isinstance(expr, dict) else self._literal(expr)
        except _ByRows:
            part = self._interpreted(expr)
        return self._apply(ops.truth, [part]) if truth else part

    def _literal(self, expr: Any) -> Part:
        if isinstance(expr, list):
            plain = None if paths_of(expr) else evaluate(expr, None)
            if not isinstance(plain, list) or any(isinstance(one, Instant | list) for one in plain):
                raise _ByRows
            return Small(None, Cells(np.uint8(LIST), np.int64(bool(plain)), None), plain)
        if not isinstance(expr, bool | str) and integer(expr) is None:
            return FAULTY
        kind, number = self.ground.cell(expr)
        if kind == ODD:
            raise _ByRows
        return Small(None, Cells(np.uint8(kind), np.int64(number), None))

    def _operation(self, expr: dict[str, Any], truth: bool) -> Part:
        name, operands = next(iter(expr.items()), ("", None))
        if len(expr) == 1 and name == "var" and isinstance(operands, str):
            if operands not in self.table.columns:
                raise _ByRows
            column = self.ground.column(operands)
            self._odd.update(self.ground.odd_rows[operands])
            return column
        if len(expr) != 1 or name == "var" or not isinstance(operands, list) or not operands:
            return FAULTY
        if name not in ARITY:
            raise _ByRows  # reduce, extractFromUVCI, and what is no operator at all
        least, most = ARITY[name]
        if len(operands) < least or (most and len(operands) > most):
            return FAULTY
        if name == "if":
            branches = [self._part(one, truth=truth) for one in operands[1:]]
            return self._apply(ops.choose, [self._part(operands[0], truth=True), *branches], _branch)
        if name == "and":
            parts = [self._part(one, truth=truth) for one in operands]
            return self._apply(ops.both, parts, _all_of) if truth else self._apply(ops.deciding, parts)
        if name == "!":
            return self._apply(ops.negate, [self._part(operands[0], truth=True)])
        if name == "plusTime":
            return self._plus_time(operands)
        if name == "dccDateOfBirth":
            part = self._part(operands[0])
            return self._apply(ops.dates(*self.ground.dates_of_words(read_birth)), [part])
        if name == "in":
            return self._in(operands)
        if name in COMPARISONS:
            act = ops.comparison(INTEGER, COMPARISONS[name])
        elif name in DATE_COMPARISONS:
            act = ops.comparison(DATE, DATE_COMPARISONS[name])
        else:
            act = ops.same if name == "===" else ops.total
        return self._apply(act, [self._part(one) for one in operands])

    def _in(self, operands: list[Any]) -> Part:
        member, among = self._part(operands[0]), self._part(operands[1])
        if isinstance(among, Small) and among.column is None and among.literal is not None:
            found = [self.ground.cell(one) for one in among.literal if not isinstance(one, list | dict)]
            if any(kind == ODD for kind, _ in found):
                raise _ByRows
            return self._apply(ops.member_of(set(found)), [member])
        raise _ByRows

    def _plus_time(self, operands: list[Any]) -> Part:
        amount, unit = integer(operands[1]), operands[2]
        if amount is None or not isinstance(unit, str) or unit not in UNITS:
            return FAULTY
        path = _path_of(operands[0])
        if path in self.table.columns:
            part: Part = self.ground.dates_of_column(str(path))
        else:
            text = self._part(operands[0])
            part = self._apply(ops.dates(*self.ground.dates_of_words(read_date)), [text])
        return self._apply(_later(amount, unit), [part])

    def _interpreted(self, expr: Any) -> Part:
        """What cells cannot compute, row by row on the interpreter."""
        self.by_rows += 1
        length = self.table.length
        kinds, numbers = np.zeros(length, np.uint8), np.zeros(length, np.int64)
        errors = np.zeros(length, np.bool_)
        for row in range(length):
            value = evaluate(expr, self.table.row(row))
            if isinstance(value, Fault):
                errors[row] = True
                continue
            kinds[row], number = self.ground.cell(value)
            if kinds[row] == ODD:
                kinds[row], number = NULL, 0
                self._odd.add(row)
            numbers[row] = number
        return Wide(lambda rows: Cells(kinds[rows], numbers[rows], errors[rows]))

    def _apply(
        self, act: Act, parts: list[Part], lazily: "Callable[[Rows, list[Wide]], Cells] | None" = None
    ) -> Part:
        """`act` on distinct values where all parts hang on one column, else on rows; `lazily` does the same and runs
        later parts only on the rows where they matter."""
        small = [part for part in parts if isinstance(part, Small)]
        columns = {part.column for part in small if part.column is not None}
        if len(small) == len(parts) and len(columns) <= 1:
            return Small(next(iter(columns), None), act([part.cells for part in small]))
        wides = [self._wide(part) for part in parts]
        if lazily is not None:
            return Wide(lambda rows: lazily(rows, wides))
        return Wide(lambda rows: act([wide.run(rows) for wide in wides]))

    def _wide(self, part: Part) -> Wide:
        if isinstance(part, Wide):
            return part
        if part.column is None:
            return Wide(lambda _rows: part.cells)
        codes = np.asarray(self.table.columns[part.column].codes)  # a mapped file is sliced as a plain array
        kind, number, error = (None if one is None else _spread(one) for one in part.cells)
        return Wide(
            lambda rows: Cells(
                kind(codes[rows]) if kind else part.cells.kind,
                number(codes[rows]) if number else part.cells.number,
                error(codes[rows]) if error else part.cells.error,
            )
        )


def _branch(rows: Rows, wides: list[Wide]) -> Cells:
    """`if`, a rare branch only on its rows."""
    guard, then, otherwise = wides[0].run(rows), wides[1], wides[2]
    size, taken = np.size(guard.number), np.count_nonzero(guard.number)
    if taken in (0, size):
        made = (then if taken else otherwise).run(rows)
        return Cells(made.kind, made.number, ops.either(guard.error, made.error))
    if min(taken, size - taken) * RARE > size:
        return ops.choose([guard, then.run(rows), otherwise.run(rows)])
    common, rare = (otherwise, then) if taken * 2 < size else (then, otherwise)
    few = np.flatnonzero(guard.number if rare is then else ~guard.number)
    made = ops.put(common.run(rows), size, few, rare.run(_few_of(rows, few)))
    return Cells(made.kind, made.number, ops.either(guard.error, made.error))


def _all_of(rows: Rows, wides: list[Wide]) -> Cells:
    """`and` of truth values; once few rows are left, the rest looks at those only."""
    made = wides[0].run(rows)
    for i, wide in enumerate(wides[1:], 1):
        size, left = np.size(made.number), np.count_nonzero(made.number)
        if not left:
            return made
        if left * RARE > size or size == 1:
            made = ops.both([made, wide.run(rows)])
            continue
        few = np.flatnonzero(made.number)
        return ops.put(made, size, few, ops.both([_true(made, few), _all_of(_few_of(rows, few), wides[i:])]))
    return made


def _true(made: Cells, few: Any) -> Cells:
    error = made.error if np.ndim(made.error) == 0 else made.error[few]
    return Cells(ops.TRUE_KIND, np.ones(len(few), np.bool_), error)


def _few_of(rows: Rows, few: Any) -> NDArray[np.intp]:
    found: NDArray[np.intp] = few + rows.start if isinstance(rows, slice) else rows[few]
    return found


def true_and_error(made: Cells) -> tuple[Any, Any]:
    """Where a rule is true, and where it is neither true nor false (None: nowhere)."""
    error = made.error
    if not ops.is_all(made.kind, TRUTH):
        error = ops.either(error, made.kind != TRUTH)
    true = made.number if np.asarray(made.number).dtype == np.bool_ else made.number != 0
    return (true, None) if error is None else (true & ~error, error)


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


def _path_of(expr: Any) -> str | None:
    """The path that `expr` reads, if it does only that."""
    path = expr.get("var") if isinstance(expr, dict) and len(expr) == 1 else None
    return path if isinstance(path, str) else None


def _later(amount: int, unit: str) -> Act:
    """Dates `amount` units later, as `dates.plus` computes it."""
    step = amount * {"day": DAY_MS, "hour": 3_600_000}.get(unit, 0)
    beyond = abs(amount) > FURTHEST or abs(step) > 2 * FURTHEST

    def act(cells: list[Cells]) -> Cells:
        (one,) = cells
        if amount == 0:
            return one
        if beyond:
            return Cells(one.kind, one.number, np.ones_like(one.number, dtype=np.bool_))
        if unit in ("day", "hour"):
            later = one.number + np.int64(step)
            return Cells(one.kind, later, ops.either(one.error, np.abs(later) > FURTHEST))
        found, wrong = np.zeros_like(one.number), np.zeros_like(one.number, dtype=np.bool_)
        for i, ms in np.ndenumerate(one.number):
            try:
                found[i] = plus(int(ms), amount, unit)
            except NotADate:
                wrong[i] = True
        return Cells(one.kind, found, ops.either(one.error, wrong))

    return act


def _spread(table: Any) -> Callable[[Any], Any] | None:
    """From codes to what stands in `table`; None where it is one value for all. Bits become comparisons of codes."""
    if np.ndim(table) == 0:
        return None
    if table.dtype != np.bool_:
        return lambda codes: np.take(table, codes)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], table, [False])).view(np.int8)))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    if len(runs) > MOST_RUNS:
        return lambda codes: np.take(table, codes)
    last = len(table)

    def compare(codes: Any) -> Any:
        found = None
        for low, high in runs:
            one = codes == low if high == low + 1 else codes < high if low == 0 else codes >= low
            if low > 0 and low + 1 < high < last:
                one &= codes < high
            found = one if found is None else found | one
        return np.zeros(codes.shape, np.bool_) if found is None else found

    return compare


FAULTY = Small(None, ops.FAULTY)
