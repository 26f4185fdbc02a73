"""The compiled form and the columns say what the interpreter says: value for value, fault for fault."""

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings

from pratique.policy.certlogic import Fault, Instant, evaluate
from pratique.policy.columns import Plan
from pratique.policy.compile_py import compiled
from pratique.policy.engines import ENGINES, both
from pratique.policy.statics import paths_of
from pratique.policy.suites import equal
from pratique.policy.table import Ground, table_of
from tests.policy.making_rules import PAIRS, TABLES

EXAMPLES = int(os.environ.get("PRATIQUE_FUZZ", "600"))


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, Fault) or isinstance(b, Fault):
        return a == b
    return isinstance(a, Instant) == isinstance(b, Instant) and equal(a, b)


def test_it_works() -> None:
    rule = {"if": [{"var": "a"}, {"in": [{"var": "a"}, ["x", "y"]]}, True]}
    data = [{"a": "x"}, {"a": "z"}, {}]

    assert ENGINES["columns"](rule, data) == [True, False, True]
    assert both(rule, data) == [True, False, True]


@settings(max_examples=EXAMPLES, deadline=None)
@given(PAIRS)
def test_the_compiled_form_says_what_the_interpreter_says(pair: tuple[Any, Any]) -> None:
    expression, data = pair
    told, compiled_to = evaluate(expression, data), compiled(expression)(data)

    assert alike(told, compiled_to), (json.dumps(expression), data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(TABLES)
def test_columns_say_what_the_interpreter_says(table: tuple[Any, list[Any]]) -> None:
    expression, data = table
    data = data[:1] * 40 + data  # so that the others are rare: rare branches are computed apart
    plan = Plan(expression, Ground(table_of(data, paths_of(expression))))
    values, result = plan.values(), plan.result()

    for i, row in list(enumerate(data))[39:]:
        told = evaluate(expression, row)
        assert isinstance(told, Fault) == isinstance(values[i], Fault), (json.dumps(expression), row)
        assert isinstance(told, Fault) or alike(told, values[i]), (json.dumps(expression), row)
        assert result.value[i] == (told is True)
        assert result.error[i] == (not isinstance(told, bool))


@pytest.mark.parametrize("rows", [70_000])
def test_many_rows_come_out_in_their_order(rows: int) -> None:
    """More than one range of rows, codes of more than a byte."""
    rule = {"and": [{">": [{"var": "n"}, 300]}, {"===": [{"var": "t"}, "b"]}]}
    data = [{"n": i % 700, "t": "ab"[i % 2]} for i in range(rows)]
    result = Plan(rule, Ground(table_of(data, {"n", "t"}))).result()

    assert result.value.tolist() == [i % 700 > 300 and i % 2 == 1 for i in range(rows)]
    assert not result.error.any()


def test_plans_of_one_table_share_their_ground() -> None:
    data = [{"d": "2021-01-31", "e": "2021-03-03"}, {"d": "2021-02-30"}, {"d": None, "e": "x"}]
    ground = Ground(table_of(data, {"d", "e"}))
    later = [
        {"plusTime": [{"var": "d"}, n, unit]}
        for n, unit in ((0, "day"), (1, "month"), (31, "day"), (0, "day"))
    ]
    for date in later:
        rule = {"not-after": [date, {"plusTime": [{"var": "e"}, 0, "hour"]}]}
        found = Plan(rule, ground).values()
        assert [isinstance(one, Fault) or one for one in found] == [
            isinstance(told, Fault) or told for told in (evaluate(rule, row) for row in data)
        ]


def test_a_disagreement_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pratique.policy.engines.columns", lambda _rule, data: [False for _ in data])

    (told,) = both({"var": "a"}, [{"a": True}])
    assert isinstance(told, Fault)
    assert told.kind == "ENGINES_DIFFER"
