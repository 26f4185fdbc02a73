"""The monotone check finds the faults that were made elsewhere, and none in our own rules."""

import json
from datetime import timedelta
from typing import Any

import pytest

from pratique.core.errors import Refusal
from pratique.policy.check import refuse_unpublishable
from pratique.policy.model import RuleSet
from pratique.policy.monotone import losers
from pratique.policy.ruleset import rule_set_of
from pratique.policy.service import town_rules
from tests.policy.making import NOW

CLOCK = {"plusTime": [{"var": "external.validationClock"}, 0, "day"]}
DOSE = "subject.last_dose.sampled"


def with_rule(logic: Any, *, monotone: bool = True, more: bool = False) -> RuleSet:
    """One rule in the town's clothes; `more` adds the town's own."""
    document = json.loads(town_rules())
    entry = json.loads(json.dumps(document["rules"][2]))
    entry["rule"] |= {"Identifier": "TR-ZZ-0100", "Logic": logic}
    entry["house"]["monotone"] = monotone
    return rule_set_of({"rules": [*(document["rules"] if more else []), entry]})


def test_it_works() -> None:
    assert list(losers(rule_set_of(json.loads(town_rules())))) == []


FAULTS = {
    "a third dose is one too many": {"===": [{"var": "subject.doses"}, 2]},
    "a fresh dose waits a fortnight, the old one is forgotten": {
        "if": [{"var": DOSE}, {"after": [CLOCK, {"plusTime": [{"var": DOSE}, 14, "day"]}]}, False]
    },
    "who was ever tested must be tested in a mixed tube": {
        "if": [{"var": "subject.last_negative"}, {"var": "subject.last_negative.pooled"}, True]
    },
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_known_fault_is_found(fault: str) -> None:
    found = next(losers(with_rule(FAULTS[fault])), None)

    assert found is not None
    assert found.rule.id == "TR-ZZ-0100"
    assert (found.was, found.becomes) == ("clear", "conditions")


def test_a_fair_rule_has_no_losers() -> None:
    for fair in (
        {">=": [{"var": "subject.doses"}, 2]},
        {"if": [{"var": DOSE}, {"not-after": [CLOCK, {"plusTime": [{"var": DOSE}, 270, "day"]}]}, False]},
        {"!": [{"var": "subject.last_positive"}]},  # a detected test may worsen: it is not favourable
    ):
        assert list(losers(with_rule(fair))) == []


def test_a_rule_that_makes_somebody_lose_is_not_published_unless_it_says_so() -> None:
    document = json.loads(town_rules())
    rule = document["rules"][2]
    rule["rule"] |= {
        "Identifier": "VR-ZZ-0001",
        "CertificateType": "Vaccination",
        "AffectedFields": ["doses"],
    }
    rule["rule"]["Logic"] = FAULTS["a third dose is one too many"]
    document["rules"] = [rule]
    document["tests"] = [
        {"name": str(n), "rule": "VR-ZZ-0001", "subject": {"doses": n}, "expected": n == 2} for n in (1, 2, 3)
    ]
    with pytest.raises(Refusal) as refused:
        refuse_unpublishable(rule_set_of(document), NOW, NOW + timedelta(days=30), {})
    assert (refused.value.code, refused.value.field) == ("NOT_MONOTONE", "VR-ZZ-0001")
    assert "dose, dose would go from clear to conditions by adding: dose" in refused.value.text.en

    rule["house"]["monotone"] = False
    refuse_unpublishable(rule_set_of(document), NOW, NOW + timedelta(days=30), {})
