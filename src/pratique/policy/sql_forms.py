"""The four forms of a part in SQL (see `sql.py`) and how one is made from another. Pure; `sqlglot` holds the syntax."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from sqlglot import exp

from pratique.policy.certlogic import MAX_INTEGER, Instant, integer
from pratique.policy.dates import DAY_MS, FURTHEST

Sql: TypeAlias = exp.Expression
TRUTH, DATE, INTEGER, PLAIN = "truth", "date", "integer", "plain"
FALSE, TRUE, ERROR = 0, 1, 2
_ATOMS = (exp.Column, exp.Literal, exp.Case, exp.Paren, exp.Cast, exp.Func)
FALSY = ("n", "b0", "i0", "s", "l0", "o0")


class NotInSql(ValueError):  # noqa: N818 - says which part
    """A part that SQL cannot hold; the text names it."""


class Made(NamedTuple):
    """SQL in one of the four forms; `dated`: a plain value that may be a date."""

    form: str
    sql: Sql
    dated: bool = False


def of_value(value: Any) -> Made:
    """A constant. Raises NotInSql for a number that is no whole number."""
    if isinstance(value, bool):
        return Made(TRUTH, number(int(value)))
    if isinstance(value, Instant):
        return Made(DATE, big(number(value.ms)))
    if (tag := tag_of(value)) is None:
        raise NotInSql("a number that is no whole number cannot be written in SQL")
    return Made(INTEGER, big(number(int(tag[1:])))) if tag[0] == "i" else Made(PLAIN, text(tag))


def tag_of(value: Any) -> str | None:
    """The plain form of a value; None for what has none: numbers that are no whole numbers, texts with a zero byte."""
    if value is None:
        return "n"
    if isinstance(value, bool):
        return f"b{int(value)}"
    if isinstance(value, str):
        return None if "\x00" in value else f"s{value}"
    if isinstance(value, Instant):
        return f"d{value.ms}"
    if isinstance(value, list | dict):
        return f"{'l' if isinstance(value, list) else 'o'}{int(bool(value))}"
    whole = integer(value)
    return None if whole is None or abs(whole) > MAX_INTEGER else f"i{whole}"


def as_truth(made: Made) -> Sql:
    """Truthy, falsy, or an error: a date is neither."""
    if made.form == TRUTH:
        return made.sql
    if made.form == DATE:
        return number(ERROR)
    if made.form == INTEGER:
        return truth_of(exp.NEQ(this=paren(made.sql), expression=number(0)))
    otherwise: Sql = number(TRUE)
    if made.dated:
        is_date = exp.Like(this=made.sql.copy(), expression=text("d%"))
        otherwise = choose([(is_date, number(ERROR))], number(TRUE))
    known = {text("!"): number(ERROR), **{text(one): number(FALSE) for one in FALSY}}
    return case(made.sql, known, otherwise)


def as_plain(made: Made) -> Made:
    """The same value in its plain form."""
    if made.form == PLAIN:
        return made
    if made.form == TRUTH:
        return Made(PLAIN, case(made.sql, {number(FALSE): text("b0"), number(TRUE): text("b1")}, text("!")))
    tagged = joined("i" if made.form == INTEGER else "d", exp.cast(made.sql, "text"))
    return Made(PLAIN, exp.Coalesce(this=tagged, expressions=[text("!")]), dated=made.form == DATE)


def as_integer(made: Made) -> Sql:
    """The integer, NULL where it is none."""
    return made.sql if made.form == INTEGER else _untagged(made, "i")


def as_date(made: Made) -> Sql:
    """The date, NULL where it is none."""
    return made.sql if made.form == DATE else _untagged(made, "d")


def _untagged(made: Made, tag: str) -> Sql:
    if made.form != PLAIN:
        return null_big()
    tagged = exp.Like(this=made.sql, expression=text(f"{tag}%"))
    return choose([(tagged, big(exp.Substring(this=made.sql.copy(), start=number(2))))], None)


def later(ms: Sql, amount: int, unit: str, *, near: bool = False) -> Sql | None:
    """`dates.plus` on milliseconds, NULL where the result is out of range (`near`: it never is); None for months and
    years."""
    per = {"day": DAY_MS, "hour": 3_600_000}
    if amount == 0:
        return ms
    if unit not in per:
        return None
    if abs(amount * per[unit]) > 3 * FURTHEST:
        return null_big()
    moved = exp.Add(this=paren(ms), expression=number(amount * per[unit]))
    return moved if near else within(moved, FURTHEST)


def in_order(operator: Any, values: Sequence[Sql]) -> Sql:
    """(a op b) and (b op c); an error if one of them is."""
    pairs = [operator(this=paren(a), expression=paren(b)) for a, b in pairwise(values)]
    if len(pairs) == 1:
        return truth_of(pairs[0])
    nothing: list[Sql] = [exp.Is(this=paren(one.copy()), expression=exp.null()) for one in values]
    both = exp.And(this=pairs[0], expression=pairs[1])
    wrong = exp.or_(*nothing)
    return choose([(wrong, number(ERROR)), (both, number(TRUE))], number(FALSE))


def truth_of(condition: Sql) -> Sql:
    """0 or 1, 2 where the condition is NULL."""
    return exp.Coalesce(this=exp.cast(paren(condition), "int"), expressions=[number(ERROR)])


def known_truth(sql: Sql) -> int | None:
    """0, 1 or 2 where that is the same for everybody."""
    return int(sql.name) if isinstance(sql, exp.Literal) and not sql.is_string else None


def within(value: Sql, most: int) -> Sql:
    """The value, NULL if it is more than `most` away from 0."""
    size = exp.Abs(this=value)
    return choose([(exp.LTE(this=size, expression=number(most)), value.copy())], None)


def error_of(form: str) -> Sql | None:
    return {TRUTH: number(ERROR), PLAIN: text("!")}.get(form)


def case(of: Sql, known: Mapping[Sql, Sql], otherwise: Sql | None) -> Sql:
    """`CASE of WHEN … THEN … ELSE otherwise END`; one evaluation of `of`."""
    ifs = [exp.If(this=when, true=then) for when, then in known.items()]
    return exp.Case(this=paren(of), ifs=ifs, default=otherwise) if ifs else otherwise or exp.null()


def choose(options: Sequence[tuple[Any, Sql]], otherwise: Sql | None) -> Sql:
    """`CASE WHEN … THEN … ELSE otherwise END`."""
    return exp.Case(ifs=[exp.If(this=when, true=then) for when, then in options], default=otherwise)


def number(value: int) -> Sql:
    return (
        exp.Literal.number(value) if value >= 0 else exp.Paren(this=exp.Neg(this=exp.Literal.number(-value)))
    )


def text(value: str) -> Sql:
    return exp.Literal.string(value)


def paren(value: Sql) -> Sql:
    return value if isinstance(value, _ATOMS) else exp.Paren(this=value)


def big(value: Sql) -> Sql:
    return exp.cast(value, "bigint")


def null_big() -> Sql:
    return exp.cast(exp.null(), "bigint")


def equal(a: Sql, b: Sql) -> Sql:
    return exp.EQ(this=paren(a.copy()), expression=paren(b.copy()))


def less(a: Sql, b: Sql) -> Sql:
    return exp.LT(this=paren(a.copy()), expression=paren(b.copy()))


def joined(tag: str, value: Sql) -> Sql:
    return exp.DPipe(this=text(tag), expression=value)


def column(name: str) -> Sql:
    """A column by its name, whatever signs are in it."""
    return exp.column(name, quoted=True)


def plus_number(a: Sql, b: int) -> Sql:
    return exp.Add(this=paren(a.copy()), expression=number(b))


def sum_of(a: Sql, b: Sql) -> Sql:
    return exp.Add(this=paren(a.copy()), expression=paren(b.copy()))


def times(a: Sql, b: int) -> Sql:
    return exp.Mul(this=paren(a.copy()), expression=number(b))


def divide(a: Sql, b: int) -> Sql:
    """Whole numbers, `a` not negative."""
    return big(exp.IntDiv(this=paren(a.copy()), expression=number(b)))


def smallest(values: Sequence[Sql]) -> Sql:
    """The smallest of them; NULL stands for none."""
    return (
        exp.Least(this=values[0], expressions=list(values[1:]), ignore_nulls=True)
        if values[1:]
        else values[0]
    )


def for_spark(sql: Sql) -> Sql:
    """Spark writes the operand of a CASE once for each WHEN, so that nested ones would double and double again: a
    choice by 0, 1 and 2 becomes a look into an array."""

    def act(node: Sql) -> Sql:
        if not isinstance(node, exp.Case) or node.this is None:
            return node
        ifs = {one.this.name: one.args["true"] for one in node.args["ifs"] if not one.this.is_string}
        if len(ifs) != len(node.args["ifs"]) or not ifs.keys() <= {"0", "1", "2"}:
            return node
        default = node.args.get("default") or exp.null()
        choices = [ifs.get(key, default.copy()) for key in ("0", "1", "2")]
        array = exp.Anonymous(this="array", expressions=choices)
        return exp.Anonymous(this="get", expressions=[array, node.this])

    return sql.transform(act)
