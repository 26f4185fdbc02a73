"""The same rules over a whole city: a tree becomes a few comparisons of small integers.

Whatever depends on one column and on constants is computed once a distinct value, never once a row; a date beside a
constant is one comparison with the moment where it turns. What remains for the rows is `low <= code < high` and the
logic of bits, a range of rows at a time.

Promise: value for value and error bit for error bit what `certlogic.evaluate` says (tests compare them). What cells
cannot hold (`reduce`, `extractFromUVCI`, computed lists) runs on the interpreter row by row, counted in
`Plan.by_rows`; rows with a number that is no integer run there as a whole.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pratique.policy import cells as ops
from pratique.policy.cells import DATE, INTEGER, LIST, NULL, OBJECT, ODD, TEXT, TRUTH, Act, Cells
from pratique.policy.certlogic import COMPARISONS, DATE_COMPARISONS, Fault, Instant, evaluate
from pratique.policy.dates import NotADate, plus, read_birth, read_date
from pratique.policy.explain import crossings
from pratique.policy.statics import paths_of
from pratique.policy.table import (
    PRESENT,
    ByRows,
    Ground,
    Part,
    Rows,
    Small,
    Ticks,
    Wide,
    on_common_bounds,
)
from pratique.policy.tree import FAULT, LITERAL, VAR, Node, path_of, tree_of
from pratique.policy.tree import LIST as A_LIST

Bits: TypeAlias = NDArray[np.bool_]
CHUNK = 1 << 16  # rows at a time: the working set stays in the processor's cache
RARE = 8  # a branch taken by fewer than one in so many rows is computed for those rows only
MOST_SHIFT = 1_000_000  # units; a tick plus fewer of them is always a date
ERROR = Fault("ERROR", "", "columns know that a cell is an error, not why")
FAULTY = Small(None, ops.FAULTY)


class Result(NamedTuple):
    """One rule over a table. `value` where it is true; `error` where it could not be judged, or is no truth value."""

    value: Bits
    error: Bits


class Plan:
    """One expression, made ready for one table."""

    def __init__(self, expression: Any, ground: Ground) -> None:
        self.expression, self.ground, self.table = expression, ground, ground.table
        self.by_rows = 0
        self._odd: set[int] = set()
        self.root: Part = self._part(tree_of(expression))
        self._all = ground.wide(self.root)

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
        return self._part(tree_of(expr))

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

    def _part(self, node: Node, *, truth: bool = False) -> Part:
        """`truth`: whoever asks only wants to know whether it is truthy; the part is then of truth values."""
        path = path_of(node) if truth else None
        if path in self.table.columns and (present := self.ground.presence(str(path))) is not None:
            return present
        try:
            part = self._operation(node, truth)
        except ByRows:
            part = self._interpreted(node.source)
        return self._apply(ops.truth, [part]) if truth else part

    def _operation(self, node: Node, truth: bool) -> Part:
        op, args = node.op, node.args
        if op == FAULT:
            return FAULTY
        if op == LITERAL:
            return self._literal(node.value)
        if op == A_LIST:
            return self._list(node)
        if op == VAR:
            if node.value not in self.table.columns:
                raise ByRows
            column = self.ground.column(node.value)
            self._odd.update(self.ground.odd_rows[node.value])
            return column
        if op == "if":
            branches = [self._part(one, truth=truth) for one in args[1:]]
            return self._apply(ops.choose, [self._part(args[0], truth=True), *branches], _branch)
        if op == "and":
            parts = [self._part(one, truth=truth) for one in args]
            return self._apply(ops.both, parts, _all_of) if truth else self._apply(ops.deciding, parts)
        if op == "!":
            return self._apply(ops.negate, [self._part(args[0], truth=True)])
        if op == "plusTime":
            return self._plus_time(node)
        if op == "dccDateOfBirth":
            part = self._part(args[0])
            return self._apply(ops.dates(*self.ground.dates_of_words(read_birth)), [part])
        if op == "in":
            return self._in(node)
        if op in COMPARISONS:
            return self._apply(ops.comparison(INTEGER, COMPARISONS[op]), [self._part(one) for one in args])
        if op in DATE_COMPARISONS:
            act = ops.comparison(DATE, DATE_COMPARISONS[op])
            return self._beside_constants(node, act) or self._apply(act, [self._part(one) for one in args])
        if op in ("===", "+"):
            return self._apply(ops.same if op == "===" else ops.total, [self._part(one) for one in args])
        raise ByRows  # reduce, extractFromUVCI

    def _literal(self, value: Any) -> Part:
        kind, number = self.ground.cell(value)
        if kind == ODD:
            raise ByRows
        return Small(None, Cells(np.uint8(kind), np.int64(number), None))

    def _list(self, node: Node) -> Part:
        plain = None if paths_of(node.source) else evaluate(node.source, None)
        if not isinstance(plain, list) or any(isinstance(one, Instant | list) for one in plain):
            raise ByRows
        return Small(None, Cells(np.uint8(LIST), np.int64(bool(plain)), None), plain)

    def _in(self, node: Node) -> Part:
        member, among = self._part(node.args[0]), self._part(node.args[1])
        if isinstance(among, Small) and among.column is None and among.literal is not None:
            found = [self.ground.cell(one) for one in among.literal if not isinstance(one, list | dict)]
            if any(kind == ODD for kind, _ in found):
                raise ByRows
            return self._apply(ops.member_of(set(found)), [member])
        raise ByRows

    def _plus_time(self, node: Node) -> Part:
        path = path_of(node.args[0])
        if path in self.table.columns:
            part: Part = self.ground.dates_of_column(str(path))
        else:
            text = self._part(node.args[0])
            part = self._apply(ops.dates(*self.ground.dates_of_words(read_date)), [text])
        return self._apply(ops.later(*node.value), [part])

    def _beside_constants(self, node: Node, act: Act) -> Part | None:
        """Ticks of one column, each beside constants only: known between the moments where they cross."""
        paths = {path_of(one.args[0]) for one in node.args if self._shifted(one) is not None}
        path = paths.pop() if len(paths) == 1 else None
        if (ticks := self.ground.ticks(path)) is None:
            return None
        cells: list[Cells] = []
        forms: list[tuple[int, str] | None] = []
        for one in node.args:
            form = self._shifted(one)
            part = FAULTY if form else self._part(one)
            if not isinstance(part, Small) or part.column is not None:
                return None
            forms.append(form)
            cells.append(part.cells)
        cuts = set(PRESENT.tolist())
        for (form, mine), (other_form, other) in pairwise(zip(forms, cells, strict=True)):
            if form and other_form:
                return None
            for shift, beside in ((form, other), (other_form, mine)):
                if shift:
                    cuts.update(ticks.code_from(at) for at in crossings(shift, int(beside.number)))
        bounds = np.array(sorted(one for one in cuts if one >= 0), dtype=np.int64)
        here = [
            mine if form is None else _at(ticks, bounds, form)
            for form, mine in zip(forms, cells, strict=True)
        ]
        return Small(path, act(here), None, bounds)

    def _shifted(self, node: Node) -> tuple[int, str] | None:
        """(amount, unit) of a `plusTime` of ticks that cannot leave the range of dates."""
        if node.op != "plusTime" or self.ground.ticks(path_of(node.args[0])) is None:
            return None
        amount, unit = node.value
        return (amount, unit) if abs(amount) <= MOST_SHIFT else None

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
            cells, bounds = on_common_bounds(small)
            return Small(next(iter(columns), None), act(cells), None, bounds)
        wides = [self.ground.wide(part) for part in parts]
        if lazily is not None:
            return Wide(lambda rows: lazily(rows, wides))
        return Wide(lambda rows: act([wide.run(rows) for wide in wides]))


def _at(ticks: Ticks, bounds: NDArray[np.int64], form: tuple[int, str]) -> Cells:
    """`ticks + form` at the beginning of each stretch; an error where nothing is there."""
    ms, bad = np.zeros(len(bounds), np.int64), bounds == 0
    for i, code in enumerate(bounds.tolist()):
        try:
            ms[i] = plus(ticks.ms(code), *form)
        except NotADate:
            bad[i] = True
    return Cells(np.uint8(DATE), ms, bad)


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
