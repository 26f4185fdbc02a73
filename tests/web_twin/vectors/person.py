"""People of a synthetic town under its own rules: outcome, reasons, the rule that leads, until when."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from pratique.core.moment import from_ms, to_ms
from pratique.policy.decide import decide
from pratique.policy.model import Evidence
from pratique.policy.ruleset import rule_set_of
from pratique.policy.service import town_rules
from tests.web_twin.vectors.parts import NOW, Case

DOCUMENTS: dict[str, Any] = {"town": json.loads(town_rules())}
_PEOPLE = {
    "nobody knows anything": [],
    "negative yesterday": [("test", "not-detected", 24, False)],
    "negative three days ago": [("test", "not-detected", 72, False)],
    "negative in a mixed tube": [("test", "not-detected", 6, True)],
    "a mixed tube needs single tests": [("test", "retest-required", 6, True)],
    "single test after that": [("test", "retest-required", 30, True), ("test", "not-detected", 5, False)],
    "detected": [("test", "detected", 20, False)],
    "detected, then one negative": [("test", "detected", 90, False), ("test", "not-detected", 40, False)],
    "detected, then two negatives": [
        ("test", "detected", 200, False),
        ("test", "not-detected", 60, False),
        ("test", "not-detected", 20, False),
    ],
    "sample given": [("test", "sample-sealed", 2, True)],
    "exempted": [("exemption", "", 10, False)],
    "under an order": [("order", "", 10, False), ("test", "not-detected", 4, False)],
    "vaccinated": [("vaccination", "", 400, False)],
    "recovered": [("recovery", "", 300, False)],
    "to be taken again": [("test", "recollect", 3, False)],
}


def person_cases() -> Iterator[Case]:
    """Each person now, and around the hours at which a test grows old."""
    for name, rows in _PEOPLE.items():
        evidence = [
            {
                "id": f"{i:026d}", "kind": kind, "outcome": outcome, "analyte": "", "pooled": pooled,
                "sampled_at": to_ms(NOW - timedelta(hours=hours)), "known_at": to_ms(NOW - timedelta(hours=hours - 1)),
            }
            for i, (kind, outcome, hours, pooled) in enumerate(rows)
        ]  # fmt: skip
        for hours in (0, 23.9, 24, 47, 71.9, 72, 200):
            at = to_ms(NOW + timedelta(hours=hours))
            yield {
                "id": f"{name}, {hours} h later",
                "document": "town",
                "number": 3,
                "evidence": evidence,
                "at": at,
            }


def person_answer(case: Case) -> Any:
    """What our engine says."""
    evidence = [
        Evidence(
            subject_id="0" * 26, source="Synthetic laboratory", ref=row["id"], mandate_id="0" * 26,
            **(row | {name: from_ms(row[name]) for name in ("sampled_at", "known_at")}),
        )
        for row in case["evidence"]
    ]  # fmt: skip
    rules = msgspec.structs.replace(rule_set_of(DOCUMENTS[case["document"]]), number=case["number"])
    verdict = decide(evidence, from_ms(case["at"]), rules)
    return {
        "outcome": verdict.outcome,
        "reasons": [reason.code for reason in verdict.reasons],
        "rule": {"id": verdict.rule.id, "version": verdict.rule.version},
        "open_rules": list(verdict.open_rules),
        "until": to_ms(verdict.valid_until),
    }
