"""A payload that is too much is refused by name and place, before any rule sees it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.core.errors import Refusal
from pratique.policy import cli, ruleset
from pratique.policy.payload import MAX_DEPTH, MAX_ITEMS, read_payload, refuse_excess
from pratique.policy.service import town_rules


def nested(depth: int) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = {"a": [made]}
    return made


TOO_MUCH = [
    (
        "ten megabytes of one text",
        {"payload": {"v": [{"dt": "x" * 10_000_000}]}},
        "TOO_LARGE",
        ".payload.v.0.dt",
    ),
    ("a huge list", {"subject": {"items": list(range(MAX_ITEMS + 1))}}, "TOO_LARGE", ".subject.items"),
    ("a huge object", {"item": {str(n): n for n in range(MAX_ITEMS + 1)}}, "TOO_LARGE", ".item"),
    ("many lists", {"payload": {str(n): list(range(900)) for n in range(30)}}, "TOO_LARGE", ".payload."),
    ("deep nesting", {"payload": nested(200)}, "TOO_DEEP", ".payload.a.0"),
    ("a huge list of codes", {"external": {"other": list(range(5000))}}, "TOO_LARGE", ".external.other"),
]


@pytest.mark.parametrize(("_name", "payload", "code", "place"), TOO_MUCH, ids=[one[0] for one in TOO_MUCH])
def test_it_works(_name: str, payload: Any, code: str, place: str) -> None:
    with pytest.raises(Refusal) as refused:
        refuse_excess(payload, "payload")
    assert refused.value.code == code
    assert refused.value.field.startswith("payload" + place)
    assert len(refused.value.field) <= 250
    assert refused.value.text.zh_hans


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"payload": "' + b"x" * 10_000_000 + b'"}', "TOO_LARGE"),
        (b"[" * 100_000, "TOO_DEEP"),
        (b"[1]", "INVALID_JSON"),
        (b'{"a": NaN}', "INVALID_JSON"),
        (b"\xff", "INVALID_JSON"),
    ],
)
def test_raw_bytes_are_refused_with_the_field(raw: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_payload(raw)
    assert (refused.value.code, refused.value.field) == (code, "payload")


def test_what_is_within_the_bounds_is_read() -> None:
    deep = nested(MAX_DEPTH // 2 - 1)
    codes = {"external": {"valueSets": {"many": list(range(5000))}}}  # a rule set's own: bounded with it
    for fine in ({"payload": deep}, {"subject": {"items": list(range(MAX_ITEMS))}}, codes):
        assert read_payload(json.dumps(fine).encode()) == fine


def with_test(payload: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(town_rules())
    document["tests"][3] |= payload
    return document


def test_a_rule_set_with_such_a_test_is_refused_by_place_and_so_is_one_of_ten_megabytes() -> None:
    with pytest.raises(Refusal) as refused:
        ruleset.rule_set_of(with_test({"subject": {"items": list(range(5000))}}))
    assert (refused.value.code, refused.value.field) == ("TOO_LARGE", "tests.3.subject.items")
    with pytest.raises(Refusal) as refused:
        ruleset.read_rule_set(b" " * 10_000_000)
    assert (refused.value.code, refused.value.field) == ("TOO_LARGE", "rules")


def test_the_command_names_file_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(with_test({"subject": {"items": ["x" * 10_000_000]}})))
    assert cli.rules([path]) == 1
    assert "mine.json: tests.3.subject.items.0: a payload has at most" in capsys.readouterr().err
