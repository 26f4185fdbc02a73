"""The panel beside the editor: how a rule reads, what is wrong, which tests are green, what a payload comes to."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.policy.service import town_rules
from pratique.rollout.sentence import sentence
from pratique.rollout.trying import entries_of, merged, try_rule

NOW = datetime(2026, 1, 5, tzinfo=UTC)
DOCUMENT = json.loads(town_rules())
NAME = "TR-ZZ-0003"
ENTRY = entries_of(DOCUMENT)[NAME]


def tried(text: str = ENTRY, payload: str = "", document: Any = DOCUMENT) -> Any:
    return try_rule(document, NAME, text, payload, NOW, NOW + timedelta(days=30), {})


def test_it_works() -> None:
    found = tried(payload='{"subject": {"last_negative": {"sampled": "2026-01-04T00:00:00Z"}}, '
                  '"external": {"validationClock": "2026-01-05T00:00:00Z"}}')  # fmt: skip
    assert found.problems == ()
    assert all(test.good for test in found.tests)
    assert len(found.tests) >= 2
    assert found.result == "true"
    assert found.reads.en == (
        "Met if there is a latest negative test, and now is not later than the latest negative test plus 72 hours; "
        "otherwise the person passes with conditions."
    )
    assert found.reads.zh_hans.endswith("否则附条件通行。")


def test_a_test_that_does_not_fit_is_red_and_stands_against_publishing() -> None:
    found = tried(ENTRY.replace('"expected": true', '"expected": false', 1))
    assert [test.good for test in found.tests].count(False) == 1
    assert found.problems[0].code == "TEST_FAILS"


def test_a_missing_field_gives_open_with_its_name_never_a_pass() -> None:
    found = tried(
        payload='{"subject": {"last_negative": {"sampled": "2026-01-04T00:00:00Z"}}, "external": {}}'
    )
    assert found.result == "open"
    assert "external.validationClock" in found.why.en
    assert "external.validationClock" in found.why.zh_hans
    for wrong in ("{", "[]", '{"a": 1, "a": 2}', "NaN"):
        assert tried(payload=wrong).result == "open"


def test_a_payload_that_is_too_much_is_refused_by_place() -> None:
    for payload, place in (
        ('{"subject": "' + "x" * 10_000_000 + '"}', "payload: "),
        (json.dumps({"subject": {"items": [0] * 5000}}), "payload.subject.items: "),
        ("[" * 50_000, "payload: "),
    ):
        found = tried(payload=payload)
        assert found.result == "open"
        assert found.why is not None
        assert found.why.en.startswith(place)


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("{", "INVALID_JSON", "rule"),
        ("[]", "INVALID_JSON", "rule"),
        ('{"rule": {}, "score": 1}', "INVALID_JSON", "score"),
        (ENTRY.replace('"not-after"', '"match"'), "INVALID_EXPRESSION", f"{NAME}.Logic/if/1"),
        (ENTRY.replace("last_negative", "home_address"), "UNKNOWN_PATH", f"{NAME}.Logic"),
        ("x" * 200_000, "TOO_LARGE", "rule"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, code: str, where: str) -> None:
    problem = tried(text).problems[0]
    assert (problem.code, problem.field.startswith(where)) == (code, True)
    assert problem.text.en
    assert problem.text.zh_hans


def test_deep_nesting_is_refused_and_not_read() -> None:
    logic: Any = True
    for _ in range(90):
        logic = {"!": [logic]}
    entry = json.loads(ENTRY)
    entry["rule"]["Logic"] = logic
    assert tried(json.dumps(entry)).problems[0].code == "TOO_DEEP"


@given(st.text(max_size=200), st.text(max_size=100))
def test_any_text_is_answered(text: str, payload: str) -> None:
    tried(text, payload)
    try_rule({}, NAME, text, payload, NOW, NOW, {})


def test_one_rule_is_put_back_where_it_was_and_nothing_else_moves() -> None:
    again = merged(DOCUMENT, NAME, ENTRY)
    assert again["rules"] == DOCUMENT["rules"]
    assert sorted(map(json.dumps, again["tests"])) == sorted(map(json.dumps, DOCUMENT["tests"]))
    changed = merged(DOCUMENT, NAME, ENTRY.replace('"1.0.0"', '"1.1.0"'))
    assert changed["rules"][:2] == DOCUMENT["rules"][:2]
    assert changed["rules"][2]["rule"]["Version"] == "1.1.0"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["var", "if", "and", "!", "===", "in", "+", "after", "plusTime", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_every_expression_has_a_sentence_in_both_languages(logic: Any) -> None:
    said = sentence(logic, None)
    assert said.en.startswith("Met if ")
    assert said.zh_hans.startswith("满足条件：")
