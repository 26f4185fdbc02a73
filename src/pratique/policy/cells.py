"""Cells: many CertLogic values side by side, and the operators on them, element by element.

A cell is a kind, a number and an error bit. Numbers: null 0, truth 0 or 1, integer itself, text the number of its word
("" is word 0), list and object 1 if not empty, date milliseconds. So a cell is truthy where its number is not 0, and
two cells of one plain kind are the same where their numbers are. Under an error bit the rest means nothing.
No NaN, no NULL, no row is ever looked at alone. Pure.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pratique.policy.certlogic import MAX_INTEGER
from pratique.policy.dates import DAY_MS, FURTHEST

NULL, TRUTH, INTEGER, TEXT, LIST, OBJECT, DATE, ODD = range(8)
Act = Callable[[list["Cells"]], "Cells"]


class Cells(NamedTuple):
    """Each field is an array or one numpy value for all; `error` is None where no cell is an error."""

    kind: Any
    number: Any
    error: Any


TRUE_KIND = np.uint8(TRUTH)
FAULTY = Cells(np.uint8(NULL), np.int64(0), np.bool_(True))


def either(a: Any, b: Any) -> Any:
    """Error bits of both; None if there are none."""
    found = b if a is None else a if b is None else a | b
    return None if found is None or not np.any(found) else found


def is_all(kind: Any, wanted: int) -> bool:
    """True if `kind` is one value for all, and that one."""
    return np.ndim(kind) == 0 and int(kind) == wanted


def truth(cells: list[Cells]) -> Cells:
    """Truthy or not; a date is an error."""
    (one,) = cells
    if is_all(one.kind, TRUTH) and np.asarray(one.number).dtype == np.bool_:
        return one
    return Cells(TRUE_KIND, one.number != 0, either(one.error, one.kind == DATE))


def negate(cells: list[Cells]) -> Cells:
    """`!` of cells that are truth values already."""
    return Cells(TRUE_KIND, ~cells[0].number, cells[0].error)


def both(cells: list[Cells]) -> Cells:
    """`and` of truth values: an operand's error counts only where all before it were true."""
    value, error = cells[0].number, cells[0].error
    for one in cells[1:]:
        if one.error is not None:
            error = either(error, value & one.error if error is None else value & one.error & ~error)
        value = value & one.number
    return Cells(TRUE_KIND, value, error)


def deciding(cells: list[Cells]) -> Cells:
    """`and` as a value: the first falsy operand, else the last."""
    kind, number, error = cells[0].kind, cells[0].number, either(cells[0].error, cells[0].kind == DATE)
    alive = number != 0
    for one in cells[1:]:
        wrong = either(one.error, one.kind == DATE)
        if error is not None:
            alive = alive & ~error
        if wrong is not None:
            error = either(error, alive & wrong)
        kind, number = np.where(alive, one.kind, kind), np.where(alive, one.number, number)
        alive = alive & (one.number != 0)
    return Cells(_one_kind(kind), number, error)


def choose(cells: list[Cells]) -> Cells:
    """`if`: errors of the branch not taken do not count. The guard is a truth value."""
    guard, then, otherwise = cells
    error = None
    if then.error is not None:
        error = guard.number & then.error
    if otherwise.error is not None:
        error = either(error, ~guard.number & otherwise.error)
    error = either(guard.error, error)
    if is_all(then.kind, TRUTH) and is_all(otherwise.kind, TRUTH):
        number = (guard.number & (then.number != 0)) | (~guard.number & (otherwise.number != 0))
        return Cells(TRUE_KIND, number, error)
    kind = np.where(guard.number, then.kind, otherwise.kind)
    return Cells(_one_kind(kind), np.where(guard.number, then.number, otherwise.number), error)


def put(into: Cells, size: int, where: Any, cells: Cells) -> Cells:
    """`into` (so many cells) with `cells` at the places `where`."""
    fields = []
    for held, new in zip(into[:2], cells[:2], strict=True):
        if np.ndim(held) == 0 and np.ndim(new) == 0 and held == new:
            fields.append(held)
            continue
        spread = np.array(np.broadcast_to(held, size), dtype=np.result_type(held, new))
        spread[where] = new
        fields.append(spread)
    error = None
    if into.error is not None or cells.error is not None:
        error = np.array(np.broadcast_to(np.bool_(False) if into.error is None else into.error, size))
        error[where] = False if cells.error is None else cells.error
    return Cells(fields[0], fields[1], error)


def same(cells: list[Cells]) -> Cells:
    """`===`: null is null; lists, objects and dates are never the same."""
    a, b = cells
    plain = (a.kind == b.kind) & (a.kind <= TEXT)
    return Cells(TRUE_KIND, plain & (a.number == b.number), either(a.error, b.error))


def member_of(wanted: set[tuple[int, int]]) -> Act:
    """`in` a list known beforehand, given as kinds and numbers."""

    def act(cells: list[Cells]) -> Cells:
        (one,) = cells
        found: Any = np.bool_(False)
        for kind in {kind for kind, _ in wanted}:
            numbers = np.array([number for of, number in wanted if of == kind], dtype=np.int64)
            found = found | ((one.kind == kind) & np.isin(one.number, numbers))
        return Cells(TRUE_KIND, found, one.error)

    return act


def comparison(wanted: int, holds: Callable[[Any, Any], Any]) -> Act:
    """Integers or dates in order, two or three of them."""

    def act(cells: list[Cells]) -> Cells:
        error = None
        for one in cells:
            error = either(either(error, one.error), one.kind != wanted)
        value = holds(cells[0].number, cells[1].number)
        if len(cells) == 3:
            value = value & holds(cells[1].number, cells[2].number)
        return Cells(TRUE_KIND, value, error)

    return act


def total(cells: list[Cells]) -> Cells:
    """`+` of two integers."""
    a, b = cells
    number = np.where(a.kind == INTEGER, a.number, 0) + np.where(b.kind == INTEGER, b.number, 0)
    wrong = (a.kind != INTEGER) | (b.kind != INTEGER) | (np.abs(number) > MAX_INTEGER)
    return Cells(np.uint8(INTEGER), number, either(either(a.error, b.error), wrong))


def dates(ms: Any, bad: Any) -> Act:
    """Text to date through what each word means: `ms[word]`, or `bad[word]`."""

    def act(cells: list[Cells]) -> Cells:
        (text,) = cells
        is_text = text.kind == TEXT
        word = np.where(is_text, text.number, 0)
        return Cells(np.uint8(DATE), ms[word], either(text.error, ~is_text | bad[word]))

    return act


def later(amount: int, unit: str) -> Act:
    """Dates `amount` units later, as `dates.plus` computes it."""
    step = amount * {"day": DAY_MS, "hour": 3_600_000, "month": 28 * DAY_MS, "year": 365 * DAY_MS}[unit]
    beyond = abs(step) > 3 * FURTHEST

    def act(cells: list[Cells]) -> Cells:
        (one,) = cells
        if amount == 0:
            return one
        if beyond:
            return Cells(one.kind, one.number, np.ones_like(one.number, dtype=np.bool_))
        if unit in ("day", "hour"):
            moved = one.number + np.int64(step)
        else:
            moved = _months_later(one.number, amount * (12 if unit == "year" else 1))
        return Cells(one.kind, moved, either(one.error, np.abs(moved) > FURTHEST))

    return act


def _months_later(ms: Any, months: int) -> Any:
    """`dates.plus` for months, on arrays: a day that the month lacks rolls into the next."""
    days, rest = np.divmod(ms, np.int64(DAY_MS))
    era, within = np.divmod(days + 719_468, np.int64(146_097))
    year = (within - within // 1460 + within // 36_524 - within // 146_096) // 365
    of_year = within - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5
    march = (era * 400 + year) * 12 + shifted + np.int64(months)  # months since a March
    year, shifted = np.divmod(march, np.int64(12))
    start = year * 365 + year // 4 - year // 100 + year // 400 + (153 * shifted + 2) // 5 - 719_468
    return (start + day) * DAY_MS + rest


def _one_kind(kind: Any) -> Any:
    """The one kind of all cells where there is one, so that later steps are cheap."""
    first = np.asarray(kind).flat[0] if np.size(kind) else np.uint8(NULL)
    return np.uint8(first) if np.all(kind == first) else kind
