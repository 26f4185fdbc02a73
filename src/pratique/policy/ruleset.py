"""Rule documents: reading them, giving them back unchanged, and which of their rules apply.

Two forms are read alike: a plain EU rule, and `{"rule": <EU rule>, "house": {…}}`. A rule set is
`{"country", "rules", "valueSets", "tests"}`. Reading checks the shape and bounds the size; whether a rule may be
published is the business of `check.py`. Pure.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.core.moment import from_ms
from pratique.core.text import Text
from pratique.policy.certlogic import SPECIFICATION
from pratique.policy.dates import NotADate, read_date
from pratique.policy.model import HouseRule, Rule, RuleSet, RuleTest
from pratique.policy.payload import refuse_excess

MAX_DOCUMENT = 4 * 1024 * 1024
MAX_RULES = 500
SCHEMA_SUPPORTED = "1.3.3"  # the newest DCC schema our evidence reader knows
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(9999, 12, 31, tzinfo=UTC)
FIELDS = ("country", "rules", "valueSets", "tests", "from", "to", "note")
RULE_FIELDS = {  # of the EU schema: field → what it must look like
    "Identifier": re.compile(r"(GR|VR|TR|RR|IR)-[A-Z]{2}-[0-9]{4}"),
    "Type": re.compile(r"Acceptance|Invalidation"),
    "Country": re.compile(r"[A-Z]{2}"),
    "Region": re.compile(r"[A-Z0-9]{0,5}"),
    "Version": re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}"),
    "SchemaVersion": re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}"),
    "Engine": re.compile(r".*", re.DOTALL),
    "EngineVersion": re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}"),
    "CertificateType": re.compile(r"General|Test|Vaccination|Recovery"),
    "ValidFrom": re.compile(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9](:[0-5][0-9]){2}([-+][0-2][0-9]:[0-5][0-9]|Z)"
    ),
    "ValidTo": re.compile(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9](:[0-5][0-9]){2}([-+][0-2][0-9]:[0-5][0-9]|Z)"
    ),
}
LANGUAGE = re.compile(r"[a-z]{2}(-[a-z]{2})?")


def read_rule_set(raw: bytes) -> RuleSet:
    """A rule set from untrusted bytes. Raises Refusal INVALID_JSON, TOO_LARGE, TOO_DEEP naming the field."""
    if len(raw) > MAX_DOCUMENT:
        told = Text(f"a rule set is at most {MAX_DOCUMENT} bytes", f"规则集不得超过{MAX_DOCUMENT}字节")
        raise Refusal("TOO_LARGE", "rules", told)
    try:
        document = strict_json(raw)
    except ValueError:
        raise _invalid("", "this is not JSON in one reading", "内容不是明确的JSON") from None
    return rule_set_of(document, sha256(raw).hexdigest())


def rule_set_of(document: Any, digest: str = "") -> RuleSet:
    """A rule set from plain JSON data. Raises Refusal INVALID_JSON."""
    if not isinstance(document, dict):
        raise _invalid("", "a rule set is one JSON object", "规则集应为一个JSON对象")
    for name in document:
        if name not in FIELDS and not name.startswith("_"):
            raise _invalid(_shown(name), "a rule set has no such field", "规则集中没有此字段")
    entries = document.get("rules")
    if not isinstance(entries, list) or len(entries) > MAX_RULES:
        raise _invalid(
            "rules", f"a list of at most {MAX_RULES} rules is needed", f"需要不超过{MAX_RULES}条规则的列表"
        )
    value_sets, tests = document.get("valueSets", {}), document.get("tests", [])
    if not isinstance(value_sets, dict):
        raise _invalid("valueSets", "value sets are one JSON object", "值集应为一个JSON对象")
    if not isinstance(tests, list):
        raise _invalid("tests", "tests are a list", "测试应为列表")
    return RuleSet(
        rules=tuple(read_rule(entry, f"rules.{i}") for i, entry in enumerate(entries)),
        value_sets=value_sets,
        tests=tuple(_read_test(entry, f"tests.{i}", value_sets) for i, entry in enumerate(tests)),
        country=str(document.get("country", "")),
        number=0,
        mandate_id="",
        from_at=_time(document["from"], "from") if "from" in document else BEGINNING,
        to_at=_time(document["to"], "to") if "to" in document else END,
        hash=digest,
    )


def read_rule(entry: Any, field: str) -> Rule:
    """One rule, plain or with its house block. Raises Refusal INVALID_JSON."""
    house: HouseRule | None = None
    document = entry
    if isinstance(entry, dict) and "rule" in entry:
        document = entry["rule"]
        if unknown := set(entry) - {"rule", "house"}:
            raise _invalid(
                f"{field}.{_shown(min(unknown))}", "no such field beside a rule", "规则旁没有此字段"
            )
        if "house" in entry:
            try:
                house = msgspec.convert(entry["house"], HouseRule)
            except msgspec.ValidationError as fault:
                told = str(fault).split(" - at ")[0]
                raise _invalid(f"{field}.house", f"the house block: {told}", "内部部分不完整或有误") from None
    if not isinstance(document, dict):
        raise _invalid(field, "a rule is a JSON object", "规则应为JSON对象")
    for name, form in RULE_FIELDS.items():
        value = document.get(name, "" if name == "Region" else None)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _invalid(
                f"{field}.{name}", "missing or not of the form the EU schema asks", "缺失或不符合EU规则格式"
            )
    affected = document.get("AffectedFields")
    if not isinstance(affected, list) or not affected or not all(isinstance(one, str) for one in affected):
        raise _invalid(f"{field}.AffectedFields", "a non-empty list of texts is needed", "需要非空文本列表")
    if not isinstance(document.get("Logic"), dict) or not document["Logic"]:
        raise _invalid(
            f"{field}.Logic", "logic is a JSON object with one operation", "逻辑应为含一个运算的JSON对象"
        )
    _check_descriptions(document.get("Description"), f"{field}.Description")
    return Rule(
        id=document["Identifier"],
        version=document["Version"],
        type=document["Type"],
        country=document["Country"],
        region=document.get("Region", ""),
        certificate_type=document["CertificateType"],
        schema_version=document["SchemaVersion"],
        engine=document["Engine"],
        engine_version=document["EngineVersion"],
        valid_from=_time(document["ValidFrom"], f"{field}.ValidFrom"),
        valid_to=_time(document["ValidTo"], f"{field}.ValidTo"),
        affected_fields=tuple(affected),
        logic=document["Logic"],
        document=document,
        house=house,
    )


def entry_of(rule: Rule) -> dict[str, Any]:
    """The rule as it was read: what came in goes out unchanged."""
    return (
        rule.document
        if rule.house is None
        else {"rule": rule.document, "house": msgspec.to_builtins(rule.house)}
    )


def version_of(text: str) -> tuple[int, ...]:
    """`1.10.2` as numbers, so that versions compare as versions."""
    return tuple(map(int, text.split(".")))


def is_supported(rule: Rule) -> bool:
    """False for a rule of another or a newer engine, or of a newer schema: its result is open."""
    return (
        rule.engine == "CERTLOGIC"
        and version_of(rule.engine_version) <= version_of(SPECIFICATION)
        and version_of(rule.schema_version) <= version_of(SCHEMA_SUPPORTED)
    )


def in_force(rules: Iterable[Rule], clock: datetime) -> list[Rule]:
    """The rules with ValidFrom ≤ clock < ValidTo, of each identifier the newest version only, in their order."""
    newest: dict[str, Rule] = {}
    for rule in rules:
        if rule.valid_from <= clock < rule.valid_to:
            held = newest.get(rule.id)
            if held is None or version_of(rule.version) > version_of(held.version):
                newest[rule.id] = rule
    return list(newest.values())


def applicable(
    rules: Iterable[Rule], clock: datetime, *, arrival: str, issuer: str, certificate_type: str
) -> list[Rule]:
    """Which foreign rules judge a certificate: acceptance rules of the country of arrival, invalidation rules of the
    issuer's, each general or of the certificate's type."""
    return [
        rule
        for rule in in_force(rules, clock)
        if rule.country == (arrival if rule.type == "Acceptance" else issuer)
        and rule.certificate_type in ("General", certificate_type)
    ]


def context_of(test: dict[str, Any], value_sets: Any) -> dict[str, Any]:
    """The data a test is evaluated on; `external.valueSets = {"$ref": name}` stands for one of `value_sets`, all else
    passes through. Raises KeyError for a name that is not there."""
    context: dict[str, Any] = {
        name: test[name] for name in ("payload", "subject", "item", "external") if name in test
    }
    external = context.get("external")
    found = external.get("valueSets") if isinstance(external, dict) else None
    if isinstance(external, dict) and isinstance(found, dict) and isinstance(found.get("$ref"), str):
        known = value_sets if isinstance(value_sets, dict) else {}
        context["external"] = {**external, "valueSets": known[found["$ref"]]}
    return context


def _read_test(entry: Any, field: str, value_sets: dict[str, Any]) -> RuleTest:
    if not isinstance(entry, dict) or not isinstance(entry.get("rule"), str) or "expected" not in entry:
        raise _invalid(field, "a test names its rule and what it expects", "测试须写明规则与预期结果")
    try:
        context = context_of(entry, value_sets)
    except KeyError:
        raise _invalid(f"{field}.external.valueSets", "no such value set", "没有此值集") from None
    refuse_excess(context, field)
    return RuleTest(
        name=str(entry.get("name", "")),
        rule=entry["rule"],
        version=str(entry.get("version", "")),
        context=context,
        expected=entry["expected"],
        source=str(entry.get("_src", "")),
    )


def _check_descriptions(found: Any, field: str) -> None:
    wanted = "descriptions of at least 20 characters are needed, one of them in English"
    if not isinstance(found, list):
        raise _invalid(field, wanted, "需要至少20字符的说明，其中一条为英文")
    for one in found:
        fine = isinstance(one, dict) and isinstance(one.get("lang"), str) and isinstance(one.get("desc"), str)
        if not fine or not LANGUAGE.fullmatch(one["lang"]) or len(one["desc"]) < 20:
            raise _invalid(field, wanted, "需要至少20字符的说明，其中一条为英文")
    if not any(one["lang"] == "en" for one in found):
        raise _invalid(field, wanted, "需要至少20字符的说明，其中一条为英文")


def _time(text: Any, field: str) -> datetime:
    try:
        if not isinstance(text, str) or not RULE_FIELDS["ValidFrom"].fullmatch(text):
            raise ValueError
        return from_ms(read_date(text))
    except (NotADate, ValueError, OverflowError):
        raise _invalid(field, "a time with seconds and zone is needed", "需要含秒与时区的时间") from None


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,40}", name) else "?"


def _invalid(field: str, en: str, zh: str) -> Refusal:
    return Refusal("INVALID_JSON", field, Text(en, zh))


def newest_first(rules: Sequence[Rule]) -> list[Rule]:
    """By identifier, then newest version first."""
    return sorted(rules, key=lambda rule: (rule.id, tuple(-n for n in version_of(rule.version))))
