"""Published test suites: CertLogic's evaluation and validation suites, and rule sets with their payload tests.

A case is data; running one compares the value type-strictly with what is expected (1 is not true; 2.0 is 2; a
date-time is its text). Rules are taken as they stand in the file: whether they fit the EU schema is `ruleset.py`'s
question, not the test's. Pure, but for `read_cases`, which reads the files it is given.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.policy.certlogic import Fault, Instant, Value, evaluate
from pratique.policy.form import issues
from pratique.policy.payload import refuse_excess
from pratique.policy.ruleset import context_of

Engine = Callable[[Any, Sequence[Any]], list[Value | Fault]]
VALIDATION = "issues"
MOST_SHOWN = 200
MAX_FILE = 64 * 1024 * 1024


class Case(NamedTuple):
    """One assertion. `source` is the file, `name` where in it. `data` is not used by a validation case."""

    source: str
    name: str
    kind: str
    expression: Any
    data: Any
    expected: Any
    skip: bool


class Score(NamedTuple):
    passed: int
    failed: int
    skipped: int
    failures: list[str]


class Unreadable(ValueError):  # noqa: N818 - says what the file is
    """The file is not a suite or a rule set; the text says why."""


def interpret(expression: Any, data: Sequence[Any]) -> list[Value | Fault]:
    """The reference engine as the runner wants it: one expression, many data."""
    return [evaluate(expression, one) for one in data]


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file, or of a folder: `<CC>.json`, suites, and `<RULE>/rule.json` beside `tests/*.json`.

    Raises Unreadable, and OSError for what is not there.
    """
    if not path.is_dir():
        yield from cases_of(_read(path), path.name)
        return
    rule_folders = sorted(found.parent for found in path.rglob("rule.json"))
    for folder in rule_folders:
        yield from _cases_of_folder(folder)
    for file in sorted(path.glob("*.json")):
        if file.name != "rule.json" and "schema" not in file.name:
            yield from cases_of(_read(file), file.name)


def cases_of(document: Any, source: str) -> Iterator[Case]:
    """The cases of a parsed suite or rule set. Raises Unreadable."""
    if not isinstance(document, dict):
        raise Unreadable(f"{source}: neither a suite nor a rule set")
    if isinstance(document.get("rules"), list):
        yield from _rule_cases(document, source)
    elif isinstance(document.get("cases"), list):
        yield from _suite_cases(document, source)
    else:
        raise Unreadable(f"{source}: neither a suite (cases) nor a rule set (rules)")


def run(cases: Iterator[Case], engine: Engine = interpret) -> dict[str, Score]:
    """The score of each source, in the order they come. Neighbouring cases of one expression run together."""
    scores: dict[str, Score] = {}
    for _, group in groupby(cases, key=lambda case: (case.source, case.kind, id(case.expression))):
        together = list(group)
        scored = [case for case in together if not case.skip]
        passed, failures = _run_together(scored, engine)
        before = scores.get(together[0].source, Score(0, 0, 0, []))
        scores[together[0].source] = Score(
            before.passed + passed,
            before.failed + len(failures),
            before.skipped + len(together) - len(scored),
            before.failures + failures,
        )
    return scores


def _run_together(cases: list[Case], engine: Engine) -> tuple[int, list[str]]:
    if not cases:
        return 0, []
    failures = []
    if cases[0].kind == VALIDATION:
        for case in cases:
            found = [{"expr": issue.expr, "message": issue.message} for issue in issues(case.expression)]
            if not equal(found, case.expected):
                failures.append(_failure(case, found))
    else:
        values = engine(cases[0].expression, [case.data for case in cases])
        for case, value in zip(cases, values, strict=True):
            if isinstance(value, Fault) or not equal(value, case.expected):
                failures.append(_failure(case, value))
    return len(cases) - len(failures), failures


def equal(value: Any, expected: Any) -> bool:
    """The same JSON value: truth values are no numbers, 2.0 is 2, an object's key order does not matter."""
    value, expected = (str(one) if isinstance(one, Instant) else one for one in (value, expected))
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(equal, value, expected))
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(equal(value[k], expected[k]) for k in value)
    return bool(value == expected)


def _suite_cases(document: dict[str, Any], source: str) -> Iterator[Case]:
    for i, case in enumerate(document["cases"]):
        if not isinstance(case, dict):
            raise Unreadable(f"{source}: case {i} is not an object")
        skip = "skip" in (document.get("directive"), case.get("directive"))
        if "issues" in case:
            yield Case(
                source, f"case {i}", VALIDATION, case.get("certLogicExpression"), None, case["issues"], skip
            )
            continue
        assertions = case.get("assertions")
        if not isinstance(assertions, list):
            raise Unreadable(f"{source}: case {i} has neither issues nor assertions")
        for j, one in enumerate(assertions):
            if not isinstance(one, dict) or "expected" not in one:
                raise Unreadable(f"{source}: case {i}, assertion {j} expects nothing")
            expression = (
                one["certLogicExpression"]
                if "certLogicExpression" in one
                else case.get("certLogicExpression")
            )
            name = f"case {i} ({case.get('name', '')}), assertion {j}"
            left_out = skip or one.get("directive") == "skip"
            yield Case(source, name, "", expression, one.get("data"), one["expected"], left_out)


def _rule_cases(document: dict[str, Any], source: str) -> Iterator[Case]:
    value_sets = document.get("valueSets", {})
    logic: dict[tuple[str, str], Any] = {}
    for i, entry in enumerate(document["rules"]):
        rule = entry.get("rule", entry) if isinstance(entry, dict) else None
        if not isinstance(rule, dict) or "Logic" not in rule:
            raise Unreadable(f"{source}: rules.{i} has no Logic")
        logic[str(rule.get("Identifier")), str(rule.get("Version"))] = rule["Logic"]
    newest = dict(logic.keys())  # the last one in the file, for tests that name no version
    tests = document.get("tests", [])
    if not isinstance(tests, list):
        raise Unreadable(f"{source}: tests are not a list")
    for i, test in enumerate(tests):
        if not isinstance(test, dict) or "expected" not in test:
            raise Unreadable(f"{source}: tests.{i} expects nothing")
        key = str(test.get("rule")), str(test.get("version") or newest.get(str(test.get("rule")), ""))
        if key not in logic:
            raise Unreadable(
                f"{source}: tests.{i} names a rule that is not there: {key[0][:20]} {key[1][:20]}"
            )
        name = f"{key[0]} {test.get('name', i)}"
        data = _context(test, value_sets, f"{source}: tests.{i}")
        yield Case(source, name, "", logic[key], data, test["expected"], False)


def _cases_of_folder(folder: Path) -> Iterator[Case]:
    rule = _read(folder / "rule.json")
    if not isinstance(rule, dict) or "Logic" not in rule:
        raise Unreadable(f"{folder.name}/rule.json has no Logic")
    source = str(rule.get("Identifier", folder.name))
    for file in sorted((folder / "tests").glob("*.json")):
        test = _read(file)
        if not isinstance(test, dict) or "expected" not in test:
            raise Unreadable(f"{folder.name}/tests/{file.name} expects nothing")
        yield Case(
            source, file.name, "", rule["Logic"], _context(test, {}, file.name), test["expected"], False
        )


def _context(test: dict[str, Any], value_sets: Any, where: str) -> dict[str, Any]:
    try:
        context = context_of(test, value_sets)
    except KeyError as missing:
        raise Unreadable(f"{where}: there is no value set {str(missing)[:40]}") from None
    try:
        refuse_excess(context, where)
    except Refusal as refusal:
        raise Unreadable(f"{refusal.field}: {refusal.text.en}") from None
    return context


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise Unreadable(f"{path.name}: a suite or rule set has at most {MAX_FILE} bytes")
        return strict_json(raw)
    except Unreadable:
        raise
    except ValueError as fault:
        raise Unreadable(f"{path.name}: {fault}") from None


def _failure(case: Case, value: Any) -> str:
    got = f"{value.kind} at {value.path or '/'}" if isinstance(value, Fault) else repr(value)
    told = f"{case.source}: {case.name}: expected {case.expected!r}, got {got}"
    return told if len(told) <= MOST_SHOWN else told[: MOST_SHOWN - 1] + "…"
