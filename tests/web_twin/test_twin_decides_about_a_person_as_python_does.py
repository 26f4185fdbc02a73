"""The house's own rules in TypeScript: the same outcome, reasons, rules and end for any evidence at any moment."""

import json
import os
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.moment import to_ms
from pratique.policy.decide import decide
from pratique.policy.model import Evidence, RuleSet
from pratique.policy.ruleset import rule_set_of
from pratique.policy.service import town_rules
from tests.policy.making import NOW
from tests.policy.test_decisions_explain_themselves import EVIDENCE, item
from tests.web_twin.asking import Twin
from tests.web_twin.vectors.parts import rule

COUNT = int(os.environ.get("PRATIQUE_FUZZ", "100"))
TEXT = {"en": "A synthetic sentence.", "zh-Hans": "合成语句。"}


def house(logic: Any, number: int, **changes: Any) -> dict[str, Any]:
    """A rule of the house; `rule` changes the EU form, the rest the house block."""
    inner = {
        "on_false": "conditions",
        "reason": f"REASON_{number}",
        "remedy": "WAIT",
        "zone": "Asia/Shanghai",
        "texts": {"reason": TEXT, "remedy": TEXT, "change": TEXT},
    }
    eu = rule(logic, Identifier=f"GR-ZZ-{number:04d}", CertificateType="General", **changes.pop("rule", {}))
    return {"rule": eu, "house": inner | changes}


def within(path: str, amount: int, unit: str, name: str = "not-after") -> dict[str, Any]:
    """The clock is at most so long after what stands at `path`; absence is false."""
    clock = {"plusTime": [{"var": "external.validationClock"}, 0, "hour"]}
    return {"if": [{"var": path}, {name: [clock, {"plusTime": [{"var": path}, amount, unit]}]}, False]}


ORDERS = {"!": [{"var": "subject.last_order"}]}
LATER = {"Version": "1.0.1", "ValidFrom": "2026-01-04T07:00:00Z"}
SETS: dict[str, Any] = {
    "town": json.loads(town_rules()),
    "civil days": {
        "country": "ZZ",
        "to": "2026-12-01T00:00:00Z",
        "rules": [
            house(within("subject.last_negative.sampled", 3, "day"), 1, grain="day"),
            house(within("subject.last_dose.sampled", 1, "month"), 2, grain="day", zone="Europe/Berlin"),
            house(ORDERS, 3, on_false="hold", zone="Asia/Kolkata"),
            house(within("subject.last_single.sampled", 2, "day"), 4, grain="day", zone="Africa/Cairo"),
            house(within("subject.last_recovery.sampled", 1, "day"), 5, grain="day", zone="America/Havana"),
        ],
    },
    "one by one": {
        "country": "ZZ",
        "rules": [
            house({"===": [{"var": "item.outcome"}, "not-detected"]}, 1, scope="item"),
            house(within("item.sampled", 48, "hour"), 2, scope="item", on_false="hold"),
            house(within("subject.last_sample.sampled", 5, "day", "not-before"), 3),
        ],
    },
    "open": {
        "country": "ZZ",
        "rules": [
            house({"<": [{"var": "subject.last_dose.sampled"}, 1]}, 1),
            house(within("subject.last_negative.sampled", 3, "day"), 2, rule={"EngineVersion": "9.0.0"}),
            house(within("subject.last_single.known", 60, "hour"), 3, on_false="hold"),
            house(within("subject.last_single.known", 9, "hour"), 3, rule=LATER),
        ],
    },
}  # fmt: skip


def told(evidence: list[Evidence]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "outcome": one.outcome,
            "analyte": one.analyte,
            "pooled": one.pooled,
            "sampled_at": to_ms(one.sampled_at),
            "known_at": to_ms(one.known_at),
        }
        for one in evidence
    ]


def python(evidence: list[Evidence], at: datetime, rules: RuleSet) -> dict[str, Any]:
    verdict = decide(evidence, at, rules)
    return {
        "outcome": verdict.outcome,
        "reasons": [reason.code for reason in verdict.reasons],
        "rule": {"id": verdict.rule.id, "version": verdict.rule.version},
        "open_rules": list(verdict.open_rules),
        "until": to_ms(verdict.valid_until),
    }


# Winter, and days on which the clocks of some of the zones change.
SHIFTS = st.sampled_from([0, 62, 83, 109, 293, 300]).map(lambda days: timedelta(days=days))
MOMENTS = st.one_of(
    st.integers(-14_400, 20_000).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    st.integers(-200, 300).map(lambda hours: NOW + timedelta(hours=hours)),
)


@pytest.mark.parametrize("name", SETS)
def test_it_works(twin: Twin, name: str) -> None:
    rules = msgspec.structs.replace(rule_set_of(SETS[name]), number=4)

    @settings(max_examples=COUNT, deadline=None)
    @given(EVIDENCE, MOMENTS, SHIFTS)
    def same(evidence: list[Evidence], at: datetime, shift: timedelta) -> None:
        at += shift
        evidence = [
            msgspec.structs.replace(one, sampled_at=one.sampled_at + shift, known_at=one.known_at + shift)
            for one in evidence
        ]
        found = twin.ask("person", document=SETS[name], number=4, evidence=told(evidence), at=to_ms(at))

        assert {key: found[key] for key in found if key not in ("failing", "next")} == python(
            evidence, at, rules
        )

    same()


def test_an_analyte_limits_what_a_rule_sees(twin: Twin) -> None:
    rules = {
        "country": "ZZ",
        "rules": [house(within("subject.last_negative.sampled", 3, "day"), 1, analyte="94309-2")],
    }
    one = item("not-detected", NOW - timedelta(hours=2))
    for analyte in ("", "94309-2", "other"):
        evidence = [msgspec.structs.replace(one, analyte=analyte)]
        found = twin.ask("person", document=rules, number=0, evidence=told(evidence), at=to_ms(NOW))

        assert found["outcome"] == decide(evidence, NOW, rule_set_of(rules)).outcome
        assert (found["outcome"] == "clear") == (analyte != "other")
