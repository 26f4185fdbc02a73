"""A rule as SQL for PostgreSQL and Spark, from the same tree as the columns: `sqlglot` writes the dialects.

Promise: value for value and error bit for error bit what `certlogic.evaluate` says (tests compare them on a real
PostgreSQL and on Spark). SQL's own NULL decides nothing: every part has one form in which an error is a value.

    truth   smallint   0 false · 1 true · 2 error
    date    bigint     milliseconds since 1970; NULL is an error
    integer bigint     NULL is an error
    plain   text       a letter for the kind and the value: n · b0 b1 · i7 · stext · l0 l1 · o0 o1 · d123; ! is an error

Each operand stands once in the form of its operator wherever that can be, so that a statement grows with its rule.
No calendar of a database is ever asked: months and years beside constants are told by the moments where they turn.
What SQL cannot hold (`reduce`, `extractFromUVCI`, computed lists, months of varying dates) is asked of the layout as a
column that the interpreter has filled, or refused with its name.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlglot import exp

from pratique.policy.certlogic import (
    COMPARISONS,
    DATE_COMPARISONS,
    MAX_INTEGER,
    Fault,
    Instant,
    evaluate,
)
from pratique.policy.certlogic import in_order as in_sequence
from pratique.policy.certlogic import truth as truth_of_value
from pratique.policy.columns import MOST_SHIFT
from pratique.policy.dates import DAY_MS, plus
from pratique.policy.explain import crossings
from pratique.policy.sql_forms import (
    DATE,
    ERROR,
    FALSE,
    INTEGER,
    PLAIN,
    TRUE,
    TRUTH,
    Made,
    NotInSql,
    Sql,
    as_date,
    as_integer,
    as_plain,
    as_truth,
    big,
    case,
    choose,
    column,
    equal,
    error_of,
    in_order,
    joined,
    known_truth,
    later,
    less,
    null_big,
    number,
    of_value,
    paren,
    tag_of,
    text,
    within,
)
from pratique.policy.table import Ticks
from pratique.policy.tree import FAULT, LITERAL, VAR, Node, path_of

_COMPARED: dict[str, Any] = {
    **dict.fromkeys(("<", "before"), exp.LT),
    **dict.fromkeys((">", "after"), exp.GT),
    **dict.fromkeys(("<=", "not-after"), exp.LTE),
    **dict.fromkeys((">=", "not-before"), exp.GTE),
}


class Constant(NamedTuple):
    """The same plain value for everybody."""

    value: Any


class Moments(NamedTuple):
    """An integer column of times, 0 where nothing is there. `day`: from a moment's milliseconds to those of the civil
    day that the rule sees."""

    column: str
    step: int
    day: Callable[[Sql], Sql] | None = None


class Tagged(NamedTuple):
    """A column of plain values as above, never NULL; `date` and `birth`: columns of what its texts mean as dates."""

    column: str
    date: str
    birth: str


class Typed(NamedTuple):
    """A column of one type: `integer` (never NULL), `flag` or `word` (NULL where nothing is there)."""

    column: str
    type: str


class There(NamedTuple):
    """A piece of evidence: an object where its column of times is not 0."""

    column: str


Stored = Constant | Moments | Tagged | Typed | There


class SqlWriter:
    """Rules over one table. `layout` says how each path is stored; `interpreted(expression)` gives the column that the
    interpreter has filled, or None."""

    def __init__(
        self,
        layout: Callable[[str], Stored | None],
        interpreted: Callable[[Any], Tagged | None] = lambda _expression: None,
    ) -> None:
        self.layout, self.interpreted = layout, interpreted

    def truth(self, node: Node) -> Sql:
        """0, 1, or 2 where the value of the rule is an error or no truth value."""
        made = self._make(node)
        if made.form == TRUTH:
            return made.sql
        if made.form == PLAIN:
            return case(made.sql, {text("b0"): number(FALSE), text("b1"): number(TRUE)}, number(ERROR))
        return number(ERROR)

    def plain(self, node: Node) -> Sql:
        """The value in its plain form."""
        return as_plain(self._make(node)).sql

    def date(self, node: Node) -> Sql:
        """Milliseconds, NULL where it is no date."""
        return as_date(self._make(node))

    def _make(self, node: Node, *, truthy: bool = False) -> Made:
        """`truthy`: whoever asks only wants to know whether it is; the answer is then of the form truth."""
        constant = self._constant(node)
        if constant is None:
            made = self._operation(node, truthy)
            return Made(TRUTH, as_truth(made)) if truthy else made
        if truthy:
            known = truth_of_value(constant.value)
            return Made(TRUTH, number(ERROR if known is None else int(known)))
        return of_value(constant.value)

    def _constant(self, node: Node) -> Constant | None:
        """The value of a part that is the same for everybody; faults are not folded."""
        if node.op == LITERAL:
            return Constant(node.value)
        if node.op == VAR:
            stored = self.layout(node.value)
            return stored if isinstance(stored, Constant) else None
        if node.op == FAULT or any(self._constant(arg) is None for arg in node.args):
            return None
        data: dict[str, Any] = {}
        for one in node.walk():
            if one.op == VAR:
                stored = self.layout(one.value)
                if one.value == "" or not isinstance(stored, Constant):
                    return None
                _put(data, one.value, stored.value)
        value = evaluate(node.source, data)
        return None if isinstance(value, Fault) else Constant(value)

    def _operation(self, node: Node, truthy: bool) -> Made:
        op, args = node.op, node.args
        if op == FAULT:
            return Made(TRUTH, number(ERROR))
        if op == VAR:
            return self._path(node, truthy)
        if op == "if":
            return self._if(args, truthy)
        if op == "and":
            return self._and(args, truthy)
        if op == "!":
            inner = self._make(args[0], truthy=True).sql
            if (known := known_truth(inner)) is not None:
                return Made(TRUTH, number({FALSE: TRUE, TRUE: FALSE}.get(known, ERROR)))
            flipped = {number(FALSE): number(TRUE), number(TRUE): number(FALSE)}
            return Made(TRUTH, case(inner, flipped, number(ERROR)))
        if op in COMPARISONS:
            return Made(TRUTH, in_order(_COMPARED[op], [as_integer(self._make(one)) for one in args]))
        if op in DATE_COMPARISONS:
            if (cut := self._beside_constants(node)) is not None:
                return Made(TRUTH, cut)
            return Made(TRUTH, in_order(_COMPARED[op], [as_date(self._make(one)) for one in args]))
        if op == "===":
            return Made(TRUTH, self._same(args))
        if op == "in":
            return self._in(node)
        if op == "+":
            a, b = (as_integer(self._make(one)) for one in args)
            total = exp.Add(this=paren(a), expression=paren(b))
            return Made(INTEGER, within(total, MAX_INTEGER))
        if op in ("plusTime", "dccDateOfBirth"):
            return self._date_of(node)
        return self._by_rows(node)

    def _path(self, node: Node, truthy: bool) -> Made:
        stored = self.layout(node.value)
        if isinstance(stored, Tagged):
            return Made(PLAIN, column(stored.column))
        if isinstance(stored, There | Moments) and (truthy or isinstance(stored, There)):
            there = exp.NEQ(this=column(stored.column), expression=number(0))
            if truthy:
                return Made(TRUTH, choose([(there, number(TRUE))], number(FALSE)))
            return Made(PLAIN, choose([(there, text("o1"))], text("n")))
        if isinstance(stored, Typed):
            return _typed(stored)
        return self._by_rows(node)

    def _by_rows(self, node: Node) -> Made:
        stored = self.interpreted(node.source)
        if stored is None:
            told = node.value if node.op == VAR else node.op
            raise NotInSql(f"{told} cannot be written in SQL; such a rule runs on the interpreter")
        return Made(PLAIN, column(stored.column), dated=True)

    def _if(self, args: Sequence[Node], truthy: bool) -> Made:
        guard = self._make(args[0], truthy=True).sql
        if (known := known_truth(guard)) in (TRUE, FALSE):
            return self._make(args[1 if known == TRUE else 2], truthy=truthy)
        then, otherwise = (self._make(one, truthy=truthy) for one in args[1:])
        form = then.form if then.form == otherwise.form else PLAIN
        dated = then.dated or otherwise.dated or (form == PLAIN and DATE in (then.form, otherwise.form))
        if form == PLAIN:
            then, otherwise = as_plain(then), as_plain(otherwise)
        sql = case(guard, {number(TRUE): then.sql, number(FALSE): otherwise.sql}, error_of(form))
        return Made(form, sql, dated)

    def _and(self, args: Sequence[Node], truthy: bool) -> Made:
        made = [self._make(one, truthy=truthy) for one in args]
        if all(one.form == TRUTH for one in made):
            found = made[-1].sql
            for one in reversed(made[:-1]):
                if (known := known_truth(one.sql)) is not None:
                    found = found if known == TRUE else one.sql
                    continue
                found = case(one.sql, {number(FALSE): number(FALSE), number(TRUE): found}, number(ERROR))
            return Made(TRUTH, found)
        last = as_plain(made[-1])
        found = case(as_truth(made[-1]), {number(ERROR): text("!")}, last.sql)
        for one in reversed(made[:-1]):
            found = case(as_truth(one), {number(TRUE): found, number(FALSE): as_plain(one).sql}, text("!"))
        return Made(PLAIN, found)

    def _same(self, args: Sequence[Node]) -> Sql:
        constants = [self._constant(one) for one in args]
        for known, other in ((constants[1], args[0]), (constants[0], args[1])):
            if known is not None:
                tag = tag_of(known.value)
                same = {} if tag is None or tag[0] in "lod" else {text(tag): number(TRUE)}
                if tag is None and not isinstance(known.value, list | dict | Instant):
                    raise NotInSql("a number that is no whole number cannot be compared in SQL")
                plain = as_plain(self._make(other)).sql
                return case(plain, {text("!"): number(ERROR), **same}, number(FALSE))
        a, b = (as_plain(self._make(one)).sql for one in args)
        wrong = exp.Or(this=equal(a, text("!")), expression=equal(b, text("!")))
        kind = exp.Substring(this=a.copy(), start=number(1), length=number(1))
        plain = exp.In(this=kind, expressions=[text(one) for one in "nbis"])
        same_both = exp.And(this=equal(a, b), expression=plain)
        return choose([(wrong, number(ERROR)), (same_both, number(TRUE))], number(FALSE))

    def _in(self, node: Node) -> Made:
        among = self._constant(node.args[1])
        if among is None or not isinstance(among.value, list):
            return self._by_rows(node)
        tags = [tag_of(one) for one in among.value if not isinstance(one, list | dict | Instant)]
        if None in tags:
            return self._by_rows(node)
        member = as_plain(self._make(node.args[0])).sql
        found = [(equal(member, text("!")), number(ERROR))]
        if tags:
            listed = exp.In(this=member.copy(), expressions=[text(one) for one in dict.fromkeys(tags) if one])
            found.append((listed, number(TRUE)))
        return Made(TRUTH, choose(found, number(FALSE)))

    def _date_of(self, node: Node) -> Made:
        inner = node.args[0]
        if inner.op == "if":  # the date of a choice is a choice of dates
            branches = tuple(node._replace(args=(one,), source=_swap(node, one)) for one in inner.args[1:])
            return self._if((inner.args[0], *branches), truthy=False)
        stored = self.layout(str(path_of(inner))) if inner.op == VAR else None
        if stored is None and inner.op == VAR:
            return self._by_rows(node)
        birth = node.op == "dccDateOfBirth"
        if isinstance(stored, Moments):
            ms: Sql = exp.Mul(
                this=exp.Nullif(this=big(column(stored.column)), expression=number(0)),
                expression=number(stored.step),
            )
            if stored.day is not None:
                ms = stored.day(ms)
            elif birth:
                return Made(DATE, null_big())  # a date-time is no date of birth
        elif isinstance(stored, Tagged):
            ms = column(stored.birth if birth else stored.date)
        elif isinstance(stored, Typed | There) and getattr(stored, "type", "") != "word":
            return Made(DATE, null_big())
        elif self._constant(inner) is not None:
            return Made(DATE, null_big())  # folded where it is a date
        else:
            return self._by_rows(node)
        near = isinstance(stored, Moments) and not birth and abs(node.value[0]) <= MOST_SHIFT
        moved = ms if birth else later(ms, *node.value, near=near)
        return self._by_rows(node) if moved is None else Made(DATE, moved)

    def _beside_constants(self, node: Node) -> Sql | None:
        """One column of moments, each beside constants only: known between the moments where they cross. This is how
        months and years are told without a calendar in the database."""
        sides = [self._side(one) for one in node.args]
        paths = {str(path_of(one.args[0])) for one in node.args if self._is_shift(one)}
        stored = self.layout(paths.pop()) if len(paths) == 1 else None
        if not isinstance(stored, Moments) or None in sides:
            return None
        ticks, cuts = Ticks(stored.step if stored.day is None else DAY_MS), {1}
        for a, b in pairwise(sides):
            if isinstance(a, tuple) and isinstance(b, tuple):
                return None
            for form, beside in ((a, b), (b, a)):
                if isinstance(form, tuple) and isinstance(beside, int):
                    cuts.update(ticks.code_from(at) for at in crossings(form, beside))
        found: list[tuple[int, int]] = []  # from which code, which value
        for code in sorted(one for one in cuts if one >= 1):
            values = [side if isinstance(side, int) else _moved(ticks.ms(code), side) for side in sides]
            value = int(in_sequence(DATE_COMPARISONS[node.op], values))
            if not found or found[-1][1] != value:
                found.append((code, value))
        there: Sql = column(stored.column)
        if stored.day is not None:
            there = stored.day(exp.Mul(this=big(there.copy()), expression=number(stored.step)))
            found = [(ticks.ms(code), value) for code, value in found]
        options = [(equal(column(stored.column), number(0)), number(ERROR))]
        for (_, value), (end, _) in pairwise(found):
            options.append((less(there, number(end)), number(value)))
        return choose(options, number(found[-1][1]))

    def _side(self, node: Node) -> tuple[int, str] | int | None:
        """(amount, unit) of shifted moments, the milliseconds of a constant date, None for anything else."""
        constant = self._constant(node)
        if constant is not None:
            return constant.value.ms if isinstance(constant.value, Instant) else None
        return node.value if self._is_shift(node) else None

    def _is_shift(self, node: Node) -> bool:
        """A `plusTime` of moments that cannot leave the range of dates."""
        if node.op != "plusTime" or node.args[0].op != VAR or abs(node.value[0]) > MOST_SHIFT:
            return False
        return isinstance(self.layout(node.args[0].value), Moments)


def _moved(ms: int, side: tuple[int, str] | None) -> int:
    return ms if side is None else plus(ms, *side)


def _swap(node: Node, inner: Node) -> Any:
    ((name, operands),) = node.source.items()
    return {name: [inner.source, *operands[1:]]}


def _typed(stored: Typed) -> Made:
    there = column(stored.column)
    if stored.type == "integer":
        return Made(INTEGER, big(there))
    if stored.type == "flag":
        return Made(PLAIN, case(there, {exp.true(): text("b1"), exp.false(): text("b0")}, text("n")))
    return Made(PLAIN, exp.Coalesce(this=joined("s", there), expressions=[text("n")]))


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    steps = path.split(".")
    for step in steps[:-1]:
        data = data.setdefault(step, {})
    data[steps[-1]] = value
