"""A rule while somebody writes it: what is wrong with it, how it reads, which tests are green, what a payload comes to.

Pure and bounded: the same checks that guard publication, on text that may be anything. Nothing is kept.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.policy.certlogic import Fault, evaluate, is_deeper
from pratique.policy.check import MAX_DEPTH, Problem, problems
from pratique.policy.model import RuleSet
from pratique.policy.payload import read_payload
from pratique.policy.ruleset import rule_set_of
from pratique.rollout.sentence import sentence

MAX_ENTRY = 128 * 1024


class TestRun(NamedTuple):
    """One test of the rule: its name, what it wants, what came out, and whether the two are the same."""

    name: str
    expected: str
    got: str
    good: bool


class Tried(NamedTuple):
    """Everything the panel shows. `result` is true, false, open, or empty where nothing was tried."""

    problems: tuple[Problem, ...]
    reads: Text | None
    tests: tuple[TestRun, ...]
    result: str
    why: Text | None


def entries_of(document: Any) -> dict[str, str]:
    """By identifier, what the editor shows of each rule: the rule, its house block and its own tests, as JSON."""
    if not isinstance(document, dict):
        return {}
    shown = {}
    for entry in document.get("rules", []):
        name = _identifier(entry)
        if name:
            own = [
                one for one in document.get("tests", []) if isinstance(one, dict) and one.get("rule") == name
            ]
            whole = entry if "rule" in entry else {"rule": entry}
            shown[name] = json.dumps({**whole, "tests": own}, ensure_ascii=False, indent=1)
    return shown


def merged(document: Any, name: str, text: str) -> Any:
    """The document with one rule as the editor holds it now. Raises Refusal INVALID_JSON."""
    entry = _entry(text)
    rule = {key: entry[key] for key in ("rule", "house") if key in entry}
    tests = entry.get("tests", [])
    rules = [rule if _identifier(one) == name else one for one in document.get("rules", [])]
    others = [
        one for one in document.get("tests", []) if not (isinstance(one, dict) and one.get("rule") == name)
    ]
    return {**document, "rules": rules, "tests": [*others, *(tests if isinstance(tests, list) else [])]}


def try_rule(
    document: Any,
    name: str,
    text: str,
    payload: str,
    now: datetime,
    ends: datetime,
    known: Mapping[tuple[str, str], str],
) -> Tried:
    """Check, read, test and try one rule as it stands in the editor. Never raises for any text."""
    try:
        whole = rule_set_of(merged(document, name, text))
    except Refusal as refusal:
        return Tried((Problem(refusal.code, refusal.field, refusal.text),), None, (), "", None)
    place = next((i for i, rule in enumerate(whole.rules) if _same_place(document, i, name)), None)
    if place is None:
        missing = Text("choose a rule of this draft", "请选择草案中的规则")
        return Tried((Problem("NO_SUCH_RULE", "rule", missing),), None, (), "", None)
    rule = whole.rules[place]
    mine = tuple(
        p for p in problems(whole, now, ends, known) if p.field.split(".")[0] in (rule.id, "rules", "from")
    )
    if is_deeper(rule.logic, MAX_DEPTH):
        return Tried(mine, None, (), "", None)
    result, why = _result(whole, place, payload)
    return Tried(mine, sentence(rule.logic, rule.house), _tests(whole, place), result, why)


def _tests(whole: RuleSet, place: int) -> tuple[TestRun, ...]:
    rule = whole.rules[place]
    found = []
    for test in whole.tests:
        if test.rule == rule.id and test.version in ("", rule.version):
            value = evaluate(rule.logic, test.context)
            found.append(TestRun(test.name, shown(test.expected), shown(value), value is test.expected))
    return tuple(found)


def _result(whole: RuleSet, place: int, payload: str) -> tuple[str, Text | None]:
    if not payload.strip():
        return "", None
    try:
        context = read_payload(payload.encode())
    except Refusal as refused:
        at, said = refused.field, refused.text
        return "open", Text(f"{at}: {said.en}", f"{at}：{said.zh_hans}")
    value = evaluate(whole.rules[place].logic, context)
    if isinstance(value, Fault):
        where = _missing_field(whole.rules[place].logic, value)
        return "open", Text(
            f"it cannot be judged: {value.kind}{where.en}; it holds nobody and clears nobody",
            f"无法判定：{value.kind}{where.zh_hans}；不会因此限制或放行任何人",
        )
    if not isinstance(value, bool):
        return "open", Text("it is neither true nor false", "结果既非真也非假")
    return shown(value), None


def _missing_field(logic: Any, fault: Fault) -> Text:
    """The field nearest to where the fault arose."""
    at, named = logic, ""
    for step in [one for one in str(fault.path).split("/") if one]:
        named = _var(at) or named
        at = (
            at[int(step)]
            if isinstance(at, list) and step.isdigit()
            else at.get(step)
            if isinstance(at, dict)
            else None
        )
    named = _var(at) or _first_var(at) or named
    return Text(f" ({named})", f"（{named}）") if named else Text("", "")


def _var(expression: Any) -> str:
    return str(expression["var"]) if isinstance(expression, dict) and "var" in expression else ""


def _first_var(expression: Any) -> str:
    if found := _var(expression):
        return found
    parts = (
        expression.values()
        if isinstance(expression, dict)
        else expression
        if isinstance(expression, list)
        else ()
    )
    return next((found for part in parts if (found := _first_var(part))), "")


def shown(value: Any) -> str:
    """A value as a test shows it."""
    if isinstance(value, Fault):
        return f"open ({value.kind})"
    return json.dumps(value, ensure_ascii=False, default=str)


def _entry(text: str) -> dict[str, Any]:
    if len(text.encode()) > MAX_ENTRY:
        raise Refusal(
            "TOO_LARGE",
            "rule",
            Text(f"a rule is at most {MAX_ENTRY} bytes here", f"此处一条规则不得超过{MAX_ENTRY}字节"),
        )
    try:
        entry = strict_json(text.encode())
    except ValueError as fault:
        line = getattr(fault, "lineno", None)
        at = Text(f" (line {line})", f"（第{line}行）") if line else Text("", "")
        raise Refusal(
            "INVALID_JSON",
            "rule",
            Text(f"this is not JSON in one reading{at.en}", f"内容不是明确的JSON{at.zh_hans}"),
        ) from None
    if not isinstance(entry, dict) or not isinstance(entry.get("rule"), dict):
        raise Refusal(
            "INVALID_JSON",
            "rule",
            Text(
                'write {"rule": …, "house": …, "tests": […]}', '请写成 {"rule": …, "house": …, "tests": […]}'
            ),
        )
    for key in entry:
        if key not in ("rule", "house", "tests"):
            raise Refusal(
                "INVALID_JSON", str(key)[:40], Text("no such field beside a rule", "规则旁没有此字段")
            )
    return entry


def _identifier(entry: Any) -> str:
    rule = entry.get("rule", entry) if isinstance(entry, dict) else None
    name = rule.get("Identifier") if isinstance(rule, dict) else None
    return name if isinstance(name, str) else ""


def _same_place(document: Any, i: int, name: str) -> bool:
    entries = document.get("rules", []) if isinstance(document, dict) else []
    return i < len(entries) and _identifier(entries[i]) == name
