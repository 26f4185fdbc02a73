"""`pratique policy`: suites are scored, rule sets are tested, a publication needs a mandate."""

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.policy.cli import policy
from pratique.policy.form import issues
from pratique.policy.service import town_rules
from pratique.policy.suites import equal

SUITE = {
    "name": "made up",
    "cases": [
        {
            "name": "one",
            "certLogicExpression": {"var": "a"},
            "assertions": [
                {"data": {"a": 2.0}, "expected": 2},
                {"data": {"a": True}, "expected": 1},
                {"data": {}, "expected": 0, "directive": "skip"},
                {
                    "certLogicExpression": {"plusTime": ["2021", 0, "day"]},
                    "data": {},
                    "expected": "2021-12-31T00:00:00.000Z",
                },
            ],
        }
    ],
}


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[Any, str, str]:
    code = policy(arguments, result_action="return_value")
    out, err = capsys.readouterr()
    return code, out, err


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize("engine", ["interpret", "columns", "both"])
def test_it_works(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "suite.json", SUITE)
    code, out, _ = run(["certlogic", file, "--engine", engine], capsys)

    assert code == 1
    assert json.loads(out.splitlines()[-1]) == {"passed": 2, "failed": 1, "skipped": 1}
    assert out.splitlines()[0] == "suite.json: case 0 (one), assertion 1: expected 1, got True"


def test_the_rules_of_the_town_pass_their_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "town.json").write_bytes(town_rules())
    code, out, _ = run(["test", str(tmp_path)], capsys)

    assert code == 0
    assert json.loads(out)["failed"] == 0
    assert json.loads(out)["passed"] >= 20


def test_a_folder_of_a_rule_and_its_tests_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "GR-ZZ-0001"
    (folder / "tests").mkdir(parents=True)
    write(folder / "rule.json", {"Identifier": "GR-ZZ-0001", "Logic": {"===": [{"var": "payload.a"}, 1]}})
    write(folder / "tests" / "t1.json", {"payload": {"a": 1}, "external": {}, "expected": True})
    write(folder / "tests" / "t2.json", {"payload": {"a": 2}, "external": {}, "expected": True})
    code, out, _ = run(["test", str(tmp_path)], capsys)

    assert code == 1
    assert json.loads(out.splitlines()[-1]) == {"passed": 1, "failed": 1, "skipped": 0}


def test_value_sets_are_found_by_reference_and_other_external_data_is_passed_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logic = {
        "and": [{"in": ["x", {"var": "external.valueSets.codes"}]}, {"in": ["y", {"var": "external.more"}]}]
    }
    document = {
        "country": "ZZ",
        "rules": [{"Identifier": "GR-ZZ-0001", "Version": "1.0.0", "Logic": logic}],
        "valueSets": {"ref": {"codes": ["x"]}},
        "tests": [
            {
                "name": "t",
                "rule": "GR-ZZ-0001",
                "version": "1.0.0",
                "payload": {},
                "external": {"valueSets": {"$ref": "ref"}, "more": ["y"]},
                "expected": True,
            }
        ],
    }
    code, _, _ = run(["test", write(tmp_path / "ZZ.json", document)], capsys)

    assert code == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "bad.json:"),
        (b'{"a": 1, "a": 2}', "the same key stands twice"),
        (b"[]", "neither a suite nor a rule set"),
        (b'{"cases": [{}]}', "case 0 has neither issues nor assertions"),
        (b'{"rules": [{}]}', "rules.0 has no Logic"),
        (b'{"rules": [], "tests": [{"rule": "x", "expected": true}]}', "names a rule that is not there"),
        (b"[" * 5000, "nested too deeply"),
        (b"\xff", "bad.json:"),
    ],
)
def test_a_file_that_is_no_suite_is_refused_in_one_line(
    content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    code, out, err = run(["certlogic", str(tmp_path / "bad.json")], capsys)

    assert (code, out) == (1, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_missing_file_is_a_wrong_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(["test", str(tmp_path / "no.json")], capsys)

    assert code == 2
    assert "no such file" in err


@pytest.mark.parametrize(
    ("expression", "messages"),
    [
        (
            {"if": [True, 3.5]},
            [
                'an "if"-operation must have exactly 3 values/operands, but it has 2',
                "3.5 is a non-integer number",
            ],
        ),
        (
            {"and": [None]},
            [
                'an "and" operation must have at least 2 operands, but it has 1',
                "invalid CertLogic expression",
            ],
        ),
        ({"<": [1]}, ['an operation with operator "<" must have 2 or 3 operands, but it has 1']),
        ({"===": [1, 2, None]}, ['an operation with operator "===" must have 2 operands, but it has 3']),
        ({"!": []}, ["a !-operation (logical not/negation) must have exactly 1 operand, but it has 0"]),
        (
            {"plusTime": [{"var": "x."}, None, ["day", True]]},
            [
                "data access path doesn't have a valid format: x.",
                '"amount" argument (#2) of "plusTime" must be an integer, but it is: null',
                '"unit" argument (#3) of "plusTime" must be a string equal to one of year, month, day, hour, '
                "but it is: day,true",
            ],
        ),
        ({"reduce": []}, ['a "reduce"-operation must have exactly 3 values/operands, but it has 0']),
        (
            {"extractFromUVCI": ["a", {}]},
            ['"index" argument (#2) of "extractFromUVCI" must be an integer, but it is: [object Object]'],
        ),
        ({"or": []}, ['unrecognised operator: "or"']),
        ({"plusTime": ["2021", 2.0, "day"]}, []),
    ],
)
def test_issues_are_told_in_the_words_of_the_reference(expression: Any, messages: list[str]) -> None:
    assert [issue.message for issue in issues(expression)] == messages


def test_values_are_compared_type_strictly() -> None:
    assert equal(2.0, 2)
    assert equal({"a": [1, None]}, {"a": [1.0, None]})
    for a, b in ((True, 1), (0, False), ("1", 1), (None, False), ([], {}), ({"a": 1}, {"a": True})):
        assert not equal(a, b)


def test_a_test_without_a_version_means_the_last_one_in_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = [{"Identifier": "GR-ZZ-0001", "Version": f"1.0.{n}", "Logic": {"===": [1, n]}} for n in (0, 1)]
    document = {
        "rules": rules,
        "tests": [{"rule": "GR-ZZ-0001", "payload": {}, "external": {}, "expected": True}],
    }
    code, out, _ = run(["test", write(tmp_path / "ZZ.json", document)], capsys)

    assert (code, json.loads(out)["passed"]) == (0, 1)
