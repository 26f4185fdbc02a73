"""May this rule set be published? The list of reasons why not, in a fixed order; the first is the refusal.

Gateway codes (INVALID_…) come from the EU gateway's constraints; the others are the house's. Pure: the mandate's end
and the versions already published come in. A rule that fails here cannot be stored.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.policy import form, texts
from pratique.policy.certlogic import Fault, evaluate, is_deeper
from pratique.policy.context import DATE_FIELDS, types_at
from pratique.policy.model import HouseRule, Rule, RuleSet
from pratique.policy.monotone import losers
from pratique.policy.ruleset import RULE_FIELDS, entry_of, is_supported, version_of
from pratique.policy.statics import clock_misuses, item_of, paths_of, types_of

MAX_RULE = 64 * 1024
MAX_DEPTH = 64
CODE = re.compile(r"[A-Z][A-Z0-9_]{2,39}")
HEADS = {"General": "GR", "Vaccination": "VR", "Test": "TR", "Recovery": "RR"}
EU_FIELDS = {*RULE_FIELDS, "AffectedFields", "Description", "Logic"}
_FAIR: set[str] = set()  # hashes of rule sets without losers
PREFIXES = ("payload.", "subject.", "item.")


class Problem(NamedTuple):
    """Why a rule may not be published: a stable code, where, and what to do."""

    code: str
    field: str
    text: Text


Known = Mapping[tuple[str, str], str]


def refuse_unpublishable(ruleset: RuleSet, now: datetime, mandate_ends_at: datetime, known: Known) -> None:
    """Raises Refusal with the first problem, if there is any."""
    for problem in problems(ruleset, now, mandate_ends_at, known):
        raise Refusal(*problem)
    for problem in _losses(ruleset):
        raise Refusal(*problem)


def problems(ruleset: RuleSet, now: datetime, mandate_ends_at: datetime, known: Known) -> Iterator[Problem]:
    """Everything that stands against publishing, rule by rule; but for `_losses`, which asks all rules together."""
    if not ruleset.rules:
        yield Problem("NO_RULES", "rules", Text("there is no rule in it", "其中没有规则"))
    if ruleset.from_at >= min(ruleset.to_at, mandate_ends_at) or ruleset.to_at <= now:
        yield Problem(
            "INVALID_TIMESTAMP",
            "from",
            Text("the policy would never be in force under its mandate", "该政策在授权令期限内不会生效"),
        )
    seen: set[tuple[str, str]] = set()
    for rule in ruleset.rules:
        if (rule.id, rule.version) in seen:
            yield Problem("INVALID_VERSION", rule.id, Text("this version stands twice", "同一版本出现两次"))
        seen.add((rule.id, rule.version))
        for check in (_shape, _identity, partial(_version, known=known), _times, _logic, _house_block):
            found = list(check(rule, ruleset))
            yield from found
            if found:
                break
        else:
            yield from _tests(rule, ruleset)


def rule_hash(rule: Rule) -> str:
    """SHA-256 over the rule and its house block, keys sorted: the identity of a version."""
    written = json.dumps(entry_of(rule), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(written.encode()).hexdigest()


def _shape(rule: Rule, _ruleset: RuleSet) -> Iterator[Problem]:
    for name in rule.document:
        if name not in EU_FIELDS:
            yield Problem(
                "INVALID_JSON",
                f"{rule.id}.{name[:40]}",
                Text("the EU form has no such field", "EU规则格式没有此字段"),
            )
    if len(json.dumps(rule.document)) > MAX_RULE:
        yield Problem(
            "TOO_LARGE",
            rule.id,
            Text(f"a rule is at most {MAX_RULE} bytes", f"一条规则不得超过{MAX_RULE}字节"),
        )


def _identity(rule: Rule, ruleset: RuleSet) -> Iterator[Problem]:
    head, country = rule.id[:2], rule.id[3:5]
    if (rule.type == "Invalidation") != (head == "IR") or (
        head != "IR" and HEADS[rule.certificate_type] != head
    ):
        yield Problem(
            "INVALID_RULE_ID",
            f"{rule.id}.Identifier",
            Text(
                "the identifier does not fit the type of rule and certificate", "标识与规则类型或证书类型不符"
            ),
        )
    if country != rule.country or (ruleset.country and rule.country != ruleset.country):
        yield Problem(
            "INVALID_COUNTRY",
            f"{rule.id}.Country",
            Text("the country is not the one of the identifier and the rule set", "国家与标识或规则集不一致"),
        )


def _version(rule: Rule, _ruleset: RuleSet, known: Known) -> Iterator[Problem]:
    held = known.get((rule.id, rule.version))
    newest = max((version_of(version) for one, version in known if one == rule.id), default=None)
    if held is not None and held != rule_hash(rule):
        told = Text(
            "this version was published with another content; raise it",
            "此版本已以其他内容发布，请提高版本号",
        )
        yield Problem("INVALID_VERSION", f"{rule.id}.Version", told)
    elif held is None and newest is not None and version_of(rule.version) <= newest:
        yield Problem(
            "INVALID_VERSION", f"{rule.id}.Version", Text("a version must rise", "版本号必须高于已发布的版本")
        )
    if not is_supported(rule):
        yield Problem(
            "ENGINE_TOO_OLD",
            f"{rule.id}.EngineVersion",
            Text("the rule asks for another or newer engine or schema", "规则要求其他或更新的引擎或模式版本"),
        )


def _times(rule: Rule, _ruleset: RuleSet) -> Iterator[Problem]:
    if rule.valid_from >= rule.valid_to:
        yield Problem(
            "INVALID_TIMESTAMP",
            f"{rule.id}.ValidTo",
            Text("it ends before it begins", "结束时间早于开始时间"),
        )


def _logic(rule: Rule, ruleset: RuleSet) -> Iterator[Problem]:
    place = f"{rule.id}.Logic"
    if is_deeper(rule.logic, MAX_DEPTH):
        told = Text(f"logic is at most {MAX_DEPTH} deep", f"逻辑嵌套不得超过{MAX_DEPTH}层")
        yield Problem("TOO_DEEP", place, told)
        return
    if found := form.issues(rule.logic):
        for issue in found:
            pointer = _pointer(rule.logic, issue.expr)
            told = Text(_short(issue.message), "不是有效的CertLogic表达式：" + _short(issue.message))
            yield Problem("INVALID_EXPRESSION", place + pointer, told)
        return
    if rule.house is None:
        yield Problem("NO_HOUSE_BLOCK", rule.id, Text("the rule has no house block", "规则缺少内部部分"))
        return
    root = rule.house.scope
    types, findings = types_of(rule.logic, partial(_types_at, root, ruleset.value_sets))
    for finding in findings:
        unknown = finding.told.startswith("unknown path")
        code = "UNKNOWN_PATH" if unknown else "WRONG_TYPE"
        zh = "证据模型中没有此路径" if unknown else "类型不符，或未先检查是否存在"
        yield Problem(code, place + finding.path, Text(_short(finding.told), f"{zh}({_short(finding.told)})"))
    if types != frozenset("B"):
        told = Text("the rule can return something else than true or false", "规则可能返回真假以外的值")
        yield Problem("NOT_BOOLEAN", place, told)
    for pointer in clock_misuses(rule.logic):
        told = Text(
            "the clock may only be read by a plusTime that is compared", "时钟只能在参与比较的plusTime中读取"
        )
        yield Problem("CLOCK_MISUSED", place + pointer, told)
    used = {_without_prefix(path) for path in paths_of(rule.logic) if not path.startswith("external.")}
    if used != set(rule.affected_fields):
        missing = ", ".join(sorted(used ^ set(rule.affected_fields)))
        told = Text(
            f"not the set of fields used; differs in: {_short(missing)}",
            f"与实际使用的字段不符：{_short(missing)}",
        )
        yield Problem("AFFECTED_FIELDS", f"{rule.id}.AffectedFields", told)


def _house_block(rule: Rule, _ruleset: RuleSet) -> Iterator[Problem]:
    house = rule.house
    if house is None:
        return
    for name in ("reason", "remedy"):
        if not CODE.fullmatch(getattr(house, name)):
            told = Text("a code is upper-case letters, digits and _", "代码应为大写字母、数字和下划线")
            yield Problem("INVALID_CODE", f"{rule.id}.house.{name}", told)
    try:
        ZoneInfo(house.zone)
    except (KeyError, ValueError, OSError):
        yield Problem("UNKNOWN_ZONE", f"{rule.id}.house.zone", Text("no such IANA zone", "没有此IANA时区"))
    yield from _texts(rule, house)


def _texts(rule: Rule, house: HouseRule) -> Iterator[Problem]:
    allowed = {"until"} | {
        f"{item_of(path)}.{field}"
        for path in paths_of(rule.logic)
        for field in DATE_FIELDS
        if item_of(path) != path
    }
    for name in ("reason", "remedy", "change"):
        text: Text = getattr(house.texts, name)
        place = f"{rule.id}.house.texts.{name}"
        if not text.en.strip() or not text.zh_hans.strip():
            yield Problem("TEXT_MISSING", place, Text("both languages are needed", "中英文均为必填"))
        places = [set(texts.PLACEHOLDER.findall(one)) for one in (text.en, text.zh_hans)]
        left = [texts.PLACEHOLDER.sub("", one) for one in (text.en, text.zh_hans)]
        if places[0] != places[1] or not places[0] <= allowed or any(c in one for one in left for c in "{}"):
            told = Text(
                "a place in braces is {until} or a time the rule reads, the same in both languages",
                "花括号内只能是{until}或规则读取的时间，且中英文一致",
            )
            yield Problem("UNKNOWN_PLACEHOLDER", place, told)


def _tests(rule: Rule, ruleset: RuleSet) -> Iterator[Problem]:
    own = [test for test in ruleset.tests if test.rule == rule.id and test.version in ("", rule.version)]
    for wanted, zh in ((True, "真"), (False, "假")):
        if not any(test.expected is wanted for test in own):
            told = Text(
                f"a test that expects {str(wanted).lower()} is needed", f"需要至少一个预期为{zh}的测试"
            )
            yield Problem("TEST_MISSING", f"{rule.id}.tests", told)
    for test in own:
        value = evaluate(rule.logic, test.context)
        if isinstance(value, Fault) or value is not test.expected:
            told = Text(f"the test “{_short(test.name)}” fails", f"测试“{_short(test.name)}”未通过")
            yield Problem("TEST_FAILS", f"{rule.id}.tests", told)


def _losses(ruleset: RuleSet) -> Iterator[Problem]:
    """Rules that make somebody worse off by added evidence and do not say so. The search takes most of a second:
    a document that passed once in this process is not searched again."""
    if ruleset.hash in _FAIR:
        return
    for found in losers(ruleset):
        if found.rule.house and found.rule.house.monotone:
            before = ", ".join(one.id.rpartition(" ")[0] for one in found.before) or "nothing"
            added = found.added.id.rpartition(" ")[0]
            told = Text(
                f"somebody with {before} would go from {found.was} to {found.becomes} by adding: {added}; "
                "mend the rule, or declare monotone: false, which every preview shows first",
                "增加有利证据反而使人处境变差；请修改规则，或声明monotone: false(将在预览首行显示)",
            )
            yield Problem("NOT_MONOTONE", found.rule.id, told)
            return
    if ruleset.hash:
        _FAIR.add(ruleset.hash)


def _types_at(root: str, value_sets: dict[str, Any], path: str) -> frozenset[str] | None:
    if path.split(".", 1)[0] not in (root, "external"):
        return None
    found = types_at(path, value_sets)
    return None if found is None else frozenset(found)


def _without_prefix(path: str) -> str:
    return next((path.removeprefix(one) for one in PREFIXES if path.startswith(one)), path)


def _pointer(expression: Any, part: Any, at: str = "") -> str:
    """Where in the expression the very object `part` stands."""
    if expression is part:
        return at
    inner: Iterator[tuple[Any, Any]]
    if isinstance(expression, dict):
        inner = iter(expression.items())
    elif isinstance(expression, list):
        inner = iter(enumerate(expression))
    else:
        return ""
    found: Callable[[tuple[Any, Any]], str] = lambda row: _pointer(row[1], part, f"{at}/{row[0]}")  # noqa: E731
    return next(filter(None, map(found, inner)), "")


def _short(told: str) -> str:
    return told if len(told) <= 200 else told[:199] + "…"
