"""The corner cases of CertLogic 1.3.3, one line each; the published suites run in `conformance/policy.py`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.policy.certlogic import Fault, Instant, evaluate
from pratique.policy.dates import (
    NotADate,
    civil_from_days,
    days_from_civil,
    plus,
    read_birth,
    read_date,
    write_date,
)
from tests.policy.making_rules import DATA, EXPRESSIONS, VALUES


def date(text: str, amount: int = 0, unit: str = "day") -> dict[str, Any]:
    return {"plusTime": [text, amount, unit]}


def test_it_works() -> None:
    rule = {
        "if": [{"var": "payload.v.0"}, {">=": [{"var": "payload.v.0.dn"}, {"var": "payload.v.0.sd"}]}, True]
    }

    assert evaluate(rule, {"payload": {"v": [{"dn": 2, "sd": 2}]}}) is True
    assert evaluate(rule, {"payload": {"v": [{"dn": 1, "sd": 2}]}}) is False
    assert evaluate(rule, {"payload": {"v": [{"dn": 1}]}}) == Fault(
        "NOT_AN_INTEGER", "/if/1/>=", "a comparison is of whole numbers"
    )


VALUES_OF = [
    # literals
    (1.0, None, 1),
    ([1, {"var": "x"}, ["a"]], {"x": None}, [1, None, ["a"]]),
    # truth
    *[({"!": [{"var": ""}]}, falsy, True) for falsy in (False, None, "", 0, 0.0, [], {})],
    *[({"!": [{"var": ""}]}, truthy, False) for truthy in (True, "0", " ", -1, 0.5, [None], {"a": None})],
    # if takes one branch only, and what was not taken may be broken
    ({"if": [True, 1, {"or": []}]}, None, 1),
    ({"if": [0, None, "else"]}, None, "else"),
    # and gives back the deciding value and stops there
    ({"and": ["abc", {"var": "none"}, {"<": ["a", 1]}]}, {}, None),
    ({"and": [True, 1, "abc"]}, None, "abc"),
    ({"and": [[], {"+": [1, "a"]}]}, None, []),
    # ===
    ({"===": [{"var": "a"}, {"var": "b"}]}, {}, True),
    ({"===": [True, 1]}, None, False),
    ({"===": [False, 0]}, None, False),
    ({"===": ["1", 1]}, None, False),
    ({"===": [{"var": "a"}, 1]}, {"a": 1.0}, True),
    ({"===": [["a"], ["a"]]}, None, False),
    ({"===": [{"var": "a"}, {"var": "a"}]}, {"a": {"b": 1}}, False),
    ({"===": [date("2021-01-01"), date("2021-01-01")]}, None, False),
    # in
    ({"in": [{"var": "no"}, [{"var": "no"}]]}, {}, True),
    ({"in": [{"var": "no"}, []]}, {}, False),
    ({"in": [1, [True, "1"]]}, None, False),
    ({"in": [1, [1.0]]}, None, True),
    # comparisons
    ({"<": [1, 2, 2]}, None, False),
    ({"<=": [1, 2, 2]}, None, True),
    ({">=": [{"var": "a"}, 1]}, {"a": 1.0}, True),
    # var
    ({"var": "a.0.b"}, {"a": [{"b": 7}]}, 7),
    ({"var": "0"}, {"0": "key"}, "key"),
    ({"var": "a.length"}, {"a": [1, 2]}, None),
    ({"var": "a.0"}, {"a": "text"}, None),
    ({"var": "a.1x"}, {"a": [1, 2]}, None),
    ({"var": "a.01"}, {"a": [1, 2]}, None),
    ({"var": "a.-1"}, {"a": [1, 2]}, None),
    ({"var": "a.²"}, {"a": [1, 2, 3]}, None),
    ({"var": "constructor.name"}, {}, None),
    ({"var": "a.b"}, {"a": False}, None),
    # reduce
    ({"reduce": [{"var": "no"}, {"bogus": []}, 5]}, {}, 5),
    ({"reduce": [[1, 2], {"+": [{"var": "accumulator"}, {"var": "current"}]}, {"var": "n"}]}, {"n": 4}, 7),
    ({"reduce": [["a"], {"var": "outer"}, 0]}, {"outer": 1}, None),
    ({"reduce": [["a"], {"var": "data"}, 0]}, {"data": 1}, None),
    # extractFromUVCI
    ({"extractFromUVCI": [None, 0]}, None, Fault),
    ({"extractFromUVCI": [{"var": "u"}, 0]}, {}, None),
    ({"extractFromUVCI": ["urn:uvci:01", 1]}, None, "uvci"),
    ({"extractFromUVCI": ["URN:UVCI:01:NL", 1]}, None, "NL"),
    ({"extractFromUVCI": ["", 0]}, None, ""),
    ({"extractFromUVCI": ["a", -1]}, None, None),
    ({"extractFromUVCI": ["a", 9]}, None, None),
    # dates: three operands compare pairwise
    ({"not-after": [date("2021-01-01"), date("2021-01-01"), date("2021-01-02")]}, None, True),
    ({"after": [date("2021-01-03"), date("2021-01-02"), date("2021-01-02")]}, None, False),
    ({"before": [date("2021"), date("2022-01-01")]}, None, True),
    ({"not-before": [date("2021-06-01T00:00:00+02:00"), date("2021-05-31T22:00:00Z")]}, None, True),
]


@pytest.mark.parametrize(("expression", "data", "expected"), VALUES_OF)
def test_a_value_comes_out(expression: Any, data: Any, expected: Any) -> None:
    value = evaluate(expression, data)

    if expected is Fault:
        assert isinstance(value, Fault)
    else:
        assert (type(value), value) == (type(expected), expected)


FAULTS = [
    *[
        (broken, "INVALID_EXPRESSION")
        for broken in (None, 1.5, {}, {"a": [1], "b": [1]}, {"if": []}, {"if": "x"})
    ],
    *[({op: [True, False]}, "UNKNOWN_OPERATOR") for op in ("or", "!!", "==", "!==", "all", "max", "match")],
    ({"var": 0}, "INVALID_EXPRESSION"),
    ({"var": ["a"]}, "INVALID_EXPRESSION"),
    ({"if": [True, 1]}, "ARITY"),
    ({"if": [True, 1, 2, 3]}, "ARITY"),
    ({"and": [True]}, "ARITY"),
    ({"!": [True, False]}, "ARITY"),
    ({"===": [1, 1, 1]}, "ARITY"),
    ({"<": [1]}, "ARITY"),
    ({"<": [1, 2, 3, 4]}, "ARITY"),
    ({"in": ["a", "abc"]}, "NOT_A_LIST"),
    ({"in": ["a", {"var": "no"}]}, "NOT_A_LIST"),
    ({"<": [{"var": "no"}, 1]}, "NOT_AN_INTEGER"),
    ({"<": [{"var": "half"}, 1]}, "NOT_AN_INTEGER"),
    ({"<": [True, 2]}, "NOT_AN_INTEGER"),
    ({"<": ["1", 2]}, "NOT_AN_INTEGER"),
    ({"<": [date("2021-01-01"), date("2021-01-02")]}, "NOT_AN_INTEGER"),
    ({"after": ["2021-01-01", "2021-01-02"]}, "NOT_A_DATE"),
    ({"+": ["a", "b"]}, "NOT_AN_INTEGER"),
    ({"+": [2**53 - 1, 1]}, "INTEGER_RANGE"),
    ({"if": [date("2021-01-01"), 1, 2]}, "NEITHER_TRUE_NOR_FALSE"),
    ({"!": [date("2021-01-01")]}, "NEITHER_TRUE_NOR_FALSE"),
    ({"and": [date("2021-01-01"), True]}, "NEITHER_TRUE_NOR_FALSE"),
    ({"and": [True, date("2021-01-01")]}, "NEITHER_TRUE_NOR_FALSE"),
    ({"plusTime": [{"var": "no"}, 0, "day"]}, "NOT_A_TEXT"),
    ({"plusTime": [date("2021-01-01"), 0, "day"]}, "NOT_A_TEXT"),
    ({"plusTime": ["2021-01-01", {"var": "n"}, "day"]}, "INVALID_EXPRESSION"),
    ({"plusTime": ["2021-01-01", 0, "week"]}, "INVALID_EXPRESSION"),
    ({"plusTime": ["2021-01-01", 0, "days"]}, "INVALID_EXPRESSION"),
    ({"dccDateOfBirth": [{"var": "no"}]}, "NOT_A_TEXT"),
    ({"dccDateOfBirth": [""]}, "DATE_FORMAT"),
    ({"dccDateOfBirth": ["2021-01-01T00:00:00Z"]}, "DATE_FORMAT"),
    ({"extractFromUVCI": [1, 0]}, "NOT_A_TEXT"),
    ({"extractFromUVCI": ["a", "0"]}, "INVALID_EXPRESSION"),
    ({"reduce": [{"var": "object"}, 1, 1]}, "NOT_A_LIST"),
    ({"reduce": ["text", 1, 1]}, "NOT_A_LIST"),
]


@pytest.mark.parametrize(("expression", "kind"), FAULTS)
def test_a_fault_is_a_value(expression: Any, kind: str) -> None:
    value = evaluate(expression, {"half": 0.5, "object": {"a": 1}, "n": 1})

    assert isinstance(value, Fault)
    assert value.kind == kind


def test_a_fault_names_its_place() -> None:
    expression = {"and": [True, {"if": [True, {"<": [1, {"+": [1, "a"]}]}, True]}]}
    value = evaluate(expression, {})

    assert isinstance(value, Fault)
    assert value.path == "/and/1/if/1/</1/+"


DATES = [
    ("2021", "2021-12-31T00:00:00.000Z"),
    ("2021-02", "2021-02-28T00:00:00.000Z"),
    ("2020-02", "2020-02-29T00:00:00.000Z"),
    ("1900-02", "1900-02-28T00:00:00.000Z"),
    ("2021-06-01T12:00:00", "2021-06-01T12:00:00.000Z"),
    ("2021-06-01T12:00:00.9999Z", "2021-06-01T12:00:00.999Z"),
    ("2021-06-01T12:00:00.1", "2021-06-01T12:00:00.100Z"),
    ("2021-06-01T12:00:00+2", "2021-06-01T10:00:00.000Z"),
    ("2021-06-01T12:00:00+02", "2021-06-01T10:00:00.000Z"),
    ("2021-06-01T12:00:00-230", "2021-06-01T14:30:00.000Z"),
    ("2021-06-01T12:00:00-0230", "2021-06-01T14:30:00.000Z"),
    ("2021-06-01T12:00:00+2:30", "2021-06-01T09:30:00.000Z"),
    ("2021-06-01T12:00:00.5+02:30", "2021-06-01T09:30:00.500Z"),
    ("2021-06-01T24:00:00Z", "2021-06-02T00:00:00.000Z"),
    ("2021-06-01T12:00:00." + "1" * 5000, "2021-06-01T12:00:00.111Z"),
]


@pytest.mark.parametrize(("text", "read"), DATES)
def test_dates_are_read(text: str, read: str) -> None:
    assert write_date(read_date(text)) == read


NO_DATES = [
    *[
        (text, "DATE_FORMAT")
        for text in ("", "21-01-01", "2021-1-1", "2021-06-01T20:00Z", "2021-06-01 20:00:00Z")
    ],
    *[
        (text, "DATE_FORMAT")
        for text in ("2021-06-01T20:00:00z", "2021-06-01T20:00:00+", "2021-06-01T20:00:00.Z")
    ],
    *[
        (text, "DATE_FORMAT")
        for text in ("2021-06-01\n", " 2021-06-01", "２０２１-06-01", "2021-06-01T20:00:00+5:")
    ],
    *[(text, "INVALID_DATE") for text in ("2021-09-99", "2021-13", "2021-00-01", "2021-02-30", "2021-01-00")],
    *[
        (text, "INVALID_DATE")
        for text in ("2021-06-01T25:00:00", "2021-06-01T24:00:01", "2021-06-01T23:60:00")
    ],
    *[
        (text, "INVALID_DATE")
        for text in ("2021-06-01T23:59:60Z", "2021-06-01T24:00:00.5", "2021-06-01T00:00:00+99")
    ],
]


@pytest.mark.parametrize(("text", "kind"), NO_DATES)
def test_what_is_no_date_is_refused(text: str, kind: str) -> None:
    with pytest.raises(NotADate) as refused:
        read_date(text)
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    ("text", "amount", "unit", "later"),
    [
        ("2020-02-29", 1, "year", "2021-03-01"),
        ("2020-02-29", 1, "month", "2020-03-29"),
        ("2020-02-29", 1, "day", "2020-03-01"),
        ("2021-01-31", 1, "month", "2021-03-03"),
        ("2021-03-31", -1, "month", "2021-03-03"),
        ("2020-02", -18, "year", "2002-03-01"),
        ("2021-12-31", 14, "month", "2023-03-03"),
        ("2021-01-01", -25, "hour", "2020-12-30T23:00:00"),
        ("0000-01-01", -1, "day", "-000001-12-31"),
        ("9999-12-31", 1, "day", "+010000-01-01"),
    ],
)
def test_the_calendar_rolls_over(text: str, amount: int, unit: str, later: str) -> None:
    assert write_date(plus(read_date(text), amount, unit)).startswith(later)


@pytest.mark.parametrize("amount", [10**9, -(10**9), 10**40])
@pytest.mark.parametrize("unit", ["year", "day"])
def test_a_date_beyond_every_calendar_is_a_fault(amount: int, unit: str) -> None:
    value = evaluate(date("2021-01-01", amount, unit), None)

    assert isinstance(value, Fault)
    assert value.kind == "INVALID_DATE"


@given(st.integers(-3_000_000, 3_000_000))
def test_days_and_civil_dates_go_both_ways(days: int) -> None:
    assert days_from_civil(*civil_from_days(days)) == days


@given(st.datetimes(datetime(1, 1, 1), datetime(9990, 1, 1)))
def test_dates_agree_with_the_calendar_of_python(at: datetime) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    assert read_date(at.isoformat(timespec="milliseconds")) == ms
    assert read_date(write_date(ms)) == ms
    assert read_birth(at.date().isoformat()) == read_date(at.date().isoformat())


def test_neither_depth_nor_length_stops_the_program() -> None:
    deep: Any = True
    for _ in range(100_000):
        deep = {"!": [deep]}
    assert evaluate(deep, None) == Fault("TOO_DEEP", "", "an expression is at most 100 deep")

    twice = {"+": [{"var": "accumulator"}, {"var": "accumulator"}]}
    assert evaluate({"reduce": [[0] * 2000, twice, 1]}, None).kind == "INTEGER_RANGE"
    nested: Any = {"var": "accumulator"}
    for _ in range(6):
        nested = {"reduce": [[0] * 100, nested, 1]}
    assert evaluate(nested, None).kind == "TOO_LONG"
    many = {"reduce": [{"var": "a"}, {"+": [{"var": "accumulator"}, 1]}, 0]}
    assert evaluate(many, {"a": [0] * 40_000}) == 40_000
    assert evaluate(many, {"a": [0] * 4_000_000}).kind == "TOO_LONG"


@given(st.one_of(EXPRESSIONS, VALUES), DATA)
def test_anything_at_all_ends_in_a_value_or_a_fault(expression: Any, data: Any) -> None:
    value = evaluate(expression, data)

    assert isinstance(value, Fault | Instant | bool | int | float | str | list | dict) or value is None
