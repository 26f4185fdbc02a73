"""A rule that fails the static check cannot be stored; the refusal names what and where."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pratique.core.errors import Refusal
from pratique.policy.check import problems
from pratique.policy.ruleset import entry_of, read_rule_set
from pratique.policy.service import town_rules
from pratique.policy.statics import clock_misuses, types_of
from tests.policy.making import NOW

Document = dict[str, Any]
MANDATE_ENDS = NOW + timedelta(days=30)
LAST = "subject.last_negative.sampled"
CLOCK = "external.validationClock"


def first_problem(document: Document) -> tuple[str, str]:
    """Code and field of the first thing that stands against publishing; empty if nothing does."""
    try:
        ruleset = read_rule_set(json.dumps(document).encode())
    except Refusal as refused:
        return refused.code, refused.field
    found = next(problems(ruleset, NOW, MANDATE_ENDS, {}), None)
    return (found.code, found.field) if found else ("", "")


@pytest.fixture
def document() -> Document:
    """The town's third rule alone: a negative test within 72 hours."""
    town: Document = json.loads(town_rules())
    town["rules"] = [town["rules"][2]]
    town["tests"] = [test for test in town["tests"] if test["rule"] == "TR-ZZ-0003"]
    return town


def test_it_works(document: Document) -> None:
    assert first_problem(json.loads(town_rules())) == ("", "")
    assert first_problem(document) == ("", "")


def rule(change: Callable[[Document], Any]) -> Callable[[Document], Any]:
    return lambda document: change(document["rules"][0]["rule"])


def house(change: Callable[[Document], Any]) -> Callable[[Document], Any]:
    return lambda document: change(document["rules"][0]["house"])


def logic(expression: Any) -> Callable[[Document], Any]:
    return rule(lambda one: one.update(Logic=expression))


def guarded(inner: Any) -> Any:
    return {"if": [{"var": LAST}, inner, False]}


def clock(amount: int = 0) -> Any:
    return {"plusTime": [{"var": CLOCK}, amount, "hour"]}


DEEP: Any = {"var": LAST}
for _ in range(70):
    DEEP = {"!": [DEEP]}

BROKEN = [
    (
        "a field of ours inside the rule",
        rule(lambda one: one.update(house={})),
        "INVALID_JSON",
        "TR-ZZ-0003.house",
    ),
    ("no Logic", rule(lambda one: one.pop("Logic")), "INVALID_JSON", "rules.0.Logic"),
    (
        "a name for an id",
        rule(lambda one: one.update(Identifier="TEST-1")),
        "INVALID_JSON",
        "rules.0.Identifier",
    ),
    ("no English", rule(lambda one: one["Description"].pop(0)), "INVALID_JSON", "rules.0.Description"),
    (
        "a fraction of a second",
        rule(lambda one: one.update(ValidFrom="2021-01-01T00:00:00.5Z")),
        "INVALID_JSON",
        "rules.0.ValidFrom",
    ),
    (
        "February 30th",
        rule(lambda one: one.update(ValidTo="2021-02-30T00:00:00Z")),
        "INVALID_JSON",
        "rules.0.ValidTo",
    ),
    (
        "a general rule for tests",
        rule(lambda one: one.update(CertificateType="General")),
        "INVALID_RULE_ID",
        "TR-ZZ-0003.Identifier",
    ),
    (
        "an invalidation called TR",
        rule(lambda one: one.update(Type="Invalidation")),
        "INVALID_RULE_ID",
        "TR-ZZ-0003.Identifier",
    ),
    ("another country", rule(lambda one: one.update(Country="FR")), "INVALID_COUNTRY", "TR-ZZ-0003.Country"),
    (
        "ends before it begins",
        rule(lambda one: one.update(ValidTo="2019-01-01T00:00:00Z")),
        "INVALID_TIMESTAMP",
        "TR-ZZ-0003.ValidTo",
    ),
    (
        "a newer engine",
        rule(lambda one: one.update(EngineVersion="1.4.0")),
        "ENGINE_TOO_OLD",
        "TR-ZZ-0003.EngineVersion",
    ),
    ("an unknown operator", logic({"or": [True, False]}), "INVALID_EXPRESSION", "TR-ZZ-0003.Logic"),
    (
        "a regular expression",
        logic({"!": [{"match": [{"var": LAST}, "(a+)+$"]}]}),
        "INVALID_EXPRESSION",
        "TR-ZZ-0003.Logic/!/0",
    ),
    ("too deep", logic(DEEP), "TOO_DEEP", "TR-ZZ-0003.Logic"),
    (
        "a place",
        logic({"===": [{"var": "subject.address"}, "x"]}),
        "UNKNOWN_PATH",
        "TR-ZZ-0003.Logic/===/0/var",
    ),
    ("a score", logic({">": [{"var": "subject.score"}, 60]}), "UNKNOWN_PATH", "TR-ZZ-0003.Logic/>/0/var"),
    (
        "a misspelt field",
        logic(guarded({"!": [{"var": "subject.last_negative.sampeld"}]})),
        "UNKNOWN_PATH",
        "TR-ZZ-0003.Logic/if/1/!/0/var",
    ),
    ("a foreign payload", logic({"!": [{"var": "payload.v.0"}]}), "UNKNOWN_PATH", "TR-ZZ-0003.Logic/!/0/var"),
    (
        "a value set that is not there",
        logic({"in": ["a", {"var": "external.valueSets.none"}]}),
        "UNKNOWN_PATH",
        "TR-ZZ-0003.Logic/in/1/var",
    ),
    ("a text comes out", logic({"if": [True, {"var": LAST}, True]}), "NOT_BOOLEAN", "TR-ZZ-0003.Logic"),
    ("null can come out", logic({"and": [{"var": LAST}, True]}), "NOT_BOOLEAN", "TR-ZZ-0003.Logic"),
    ("dates under <", logic(guarded({"<": [clock(), clock()]})), "WRONG_TYPE", "TR-ZZ-0003.Logic/if/1/</0"),
    (
        "a date that may be missing",
        logic({"after": [clock(), {"plusTime": [{"var": LAST}, 0, "day"]}]}),
        "WRONG_TYPE",
        "TR-ZZ-0003.Logic/after/1/plusTime/0",
    ),
    (
        "another item was asked for",
        logic(
            {
                "if": [
                    {"var": "subject.last_dose"},
                    {"after": [clock(), {"plusTime": [{"var": LAST}, 0, "day"]}]},
                    False,
                ]
            }
        ),
        "WRONG_TYPE",
        "TR-ZZ-0003.Logic/if/1/after/1/plusTime/0",
    ),
    (
        "a truth compared as a date",
        logic(guarded({"after": [True, clock()]})),
        "WRONG_TYPE",
        "TR-ZZ-0003.Logic/if/1/after/0",
    ),
    (
        "the clock as a text",
        logic(guarded({"===": [{"var": CLOCK}, {"var": LAST}]})),
        "CLOCK_MISUSED",
        "TR-ZZ-0003.Logic/if/1/===/0/var",
    ),
    (
        "fields not named",
        rule(lambda one: one.update(AffectedFields=["last_dose"])),
        "AFFECTED_FIELDS",
        "TR-ZZ-0003.AffectedFields",
    ),
    ("no house block", lambda document: document["rules"][0].pop("house"), "NO_HOUSE_BLOCK", "TR-ZZ-0003"),
    ("a house block with a ranking", house(lambda one: one.update(rank=1)), "INVALID_JSON", "rules.0.house"),
    (
        "an outcome we do not have",
        house(lambda one: one.update(on_false="red")),
        "INVALID_JSON",
        "rules.0.house",
    ),
    (
        "a sentence for a code",
        house(lambda one: one.update(reason="take a test")),
        "INVALID_CODE",
        "TR-ZZ-0003.house.reason",
    ),
    (
        "an offset for a zone",
        house(lambda one: one.update(zone="UTC+8")),
        "UNKNOWN_ZONE",
        "TR-ZZ-0003.house.zone",
    ),
    (
        "a path for a zone",
        house(lambda one: one.update(zone="../../etc/passwd")),
        "UNKNOWN_ZONE",
        "TR-ZZ-0003.house.zone",
    ),
    (
        "no Chinese",
        house(lambda one: one["texts"]["remedy"].update({"zh-Hans": " "})),
        "TEXT_MISSING",
        "TR-ZZ-0003.house.texts.remedy",
    ),
    (
        "a placeholder in one language",
        house(lambda one: one["texts"]["reason"].update({"en": "until {until}"})),
        "UNKNOWN_PLACEHOLDER",
        "TR-ZZ-0003.house.texts.reason",
    ),
    (
        "a name as a placeholder",
        house(lambda one: one["texts"].update(reason={"en": "{name}", "zh-Hans": "{name}"})),
        "UNKNOWN_PLACEHOLDER",
        "TR-ZZ-0003.house.texts.reason",
    ),
    (
        "an attribute as a placeholder",
        house(
            lambda one: one["texts"].update(
                reason={"en": "{until.__class__}", "zh-Hans": "{until.__class__}"}
            )
        ),
        "UNKNOWN_PLACEHOLDER",
        "TR-ZZ-0003.house.texts.reason",
    ),
    ("no tests", lambda document: document.update(tests=[]), "TEST_MISSING", "TR-ZZ-0003.tests"),
    (
        "only tests that pass",
        lambda document: document.update(tests=[one for one in document["tests"] if one["expected"]]),
        "TEST_MISSING",
        "TR-ZZ-0003.tests",
    ),
    (
        "a test that fails",
        lambda document: document["tests"][0].update(expected=True),
        "TEST_FAILS",
        "TR-ZZ-0003.tests",
    ),
    (
        "the same version twice",
        lambda document: document["rules"].append(document["rules"][0]),
        "INVALID_VERSION",
        "TR-ZZ-0003",
    ),
    ("an unknown field", lambda document: document.update(employer="x"), "INVALID_JSON", "employer"),
    (
        "never in force",
        lambda document: document.update({"from": "2027-01-01T00:00:00Z"}),
        "INVALID_TIMESTAMP",
        "from",
    ),
    ("nothing", lambda document: document.update(rules=[], tests=[]), "NO_RULES", "rules"),
]


@pytest.mark.parametrize(("_what", "spoil", "code", "field"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_rule_is_refused_by_name_and_place(
    document: Document, _what: str, spoil: Callable[[Document], Any], code: str, field: str
) -> None:
    document = copy.deepcopy(document)
    spoil(document)

    assert first_problem(document) == (code, field)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"rules": 1}', b'{"rules": [], "rules": []}', b"[" * 9999])
def test_what_is_no_rule_set_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_rule_set(raw)
    assert refused.value.code == "INVALID_JSON"


def test_a_rule_goes_out_as_it_came_in(document: Document) -> None:
    foreign = copy.deepcopy(document["rules"][0]["rule"])
    foreign |= {"Region": "", "ValidFrom": "2021-07-03T00:00:00+02:00", "AffectedFields": ["b", "a"]}
    both = read_rule_set(json.dumps({"rules": [foreign, document["rules"][0]]}).encode())

    assert json.dumps(entry_of(both.rules[0])) == json.dumps(foreign)
    assert entry_of(both.rules[1])["rule"] == document["rules"][0]["rule"]
    assert entry_of(both.rules[1])["house"].items() >= document["rules"][0]["house"].items()


@pytest.mark.parametrize(
    ("expression", "types"),
    [
        ({"if": [True, True, {"var": "payload.v.0"}]}, "B"),
        ({"if": [{"var": "a"}, True, 1]}, "BI"),
        ({"and": [{"!": [1]}, "x"]}, "BS"),
        ({"plusTime": ["2021", 0, "day"]}, "D"),
        ({"extractFromUVCI": [{"var": "a"}, 1]}, "NS"),
        ({"reduce": [{"var": "a"}, {"+": [{"var": "accumulator"}, 1]}, 0]}, "I"),
        ({"reduce": [{"var": "a"}, {"var": "accumulator"}, True]}, "B"),
        (
            {"reduce": [{"var": "a"}, {"if": [{"var": "accumulator"}, "x", {"var": "accumulator"}]}, True]},
            "BS",
        ),
        ([1, 2], "A"),
    ],
)
def test_types_are_found_without_running(expression: Any, types: str) -> None:
    assert types_of(expression)[0] == frozenset(types)


def test_the_clock_is_read_only_where_its_turn_can_be_told() -> None:
    fine = guarded({"not-after": [clock(), {"plusTime": [{"var": LAST}, 72, "hour"]}]})

    assert list(clock_misuses(fine)) == []
    for wrong in (
        {"===": [{"var": CLOCK}, "x"]},
        {"after": [{"plusTime": [{"if": [True, {"var": CLOCK}, "x"]}, 0, "day"]}, clock()]},
        {"after": [{"if": [True, clock(), clock()]}, clock()]},
        {"!": [{"var": "external"}]},
        {"if": [{"var": ""}, True, False]},
    ):
        assert list(clock_misuses(wrong)), wrong
