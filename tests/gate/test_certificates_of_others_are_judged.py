"""HC1 at the gate: signature and dates alone without rules; the snapshot's CertLogic rules where it has any."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.credentials.making import es256
from tests.gate.making import NOW, loaded, policy_bytes

from pratique.credentials.issue import issue_hcert
from pratique.credentials.trust import KeyEntry
from pratique.gate.decide import decide
from pratique.gate.lists import Loaded
from pratique.gate.model import FailTable

SIGNER = es256()
KEY = KeyEntry(kid=SIGNER.kid, key=SIGNER.spki, purpose="hcert", issuer="ZZ")
COMMON = {
    "tg": "840539006",
    "co": "AT",
    "is": "Synthetic Ministry",
    "ci": "URN:UVCI:01:AT:10807843F94AEE0EE5093FBC254BD813#B",
}
DOSE = COMMON | {
    "vp": "1119349007",
    "mp": "EU/1/20/1528",
    "ma": "ORG-100030215",
    "dn": 2,
    "sd": 2,
    "dt": "2025-11-01",
}
TEST = COMMON | {
    "tt": "LP6464-4",
    "nm": "Synthetic PCR",
    "sc": "2026-01-04T10:00:00Z",
    "tc": "Synthetic site",
}


def certificate(signer: Any = SIGNER, days: float = 30, **entry: Any) -> str:
    content = {"ver": "1.3.0", "nam": {"fn": "Muster", "fnt": "MUSTER"}, "dob": "1990-01-01"} | entry
    return issue_hcert(signer, content, "AT", NOW - timedelta(days=20), NOW + timedelta(days=days))


def result(code: str) -> dict[str, Any]:
    return {"t": [TEST | {"tr": code}]}


def rule(logic: Any, **changes: Any) -> dict[str, Any]:
    return {
        "Identifier": "VR-ZZ-0001", "Type": "Acceptance", "Country": "ZZ", "Version": "1.0.0", "SchemaVersion": "1.0.0",
        "Engine": "CERTLOGIC", "EngineVersion": "0.7.5", "CertificateType": "Vaccination",
        "Description": [{"lang": "en", "desc": "A synthetic rule about the number of doses."}],
        "ValidFrom": "2021-06-01T00:00:00Z", "ValidTo": "2030-06-01T00:00:00Z", "AffectedFields": ["v.0.dn"],
        "Logic": logic,
    } | changes  # fmt: skip


def with_rules(*rules: dict[str, Any]) -> Loaded:
    body = json.dumps({"country": "ZZ", "rules": rules, "valueSets": {"known": ["EU/1/20/1528"]}}).encode()
    return loaded(keys=(KEY,), policy=policy_bytes(body, 9))


def judge(text: str, lists: Loaded) -> tuple[str, str]:
    decision = decide(text, NOW, "good", lists, FailTable(), lambda _: False).decision
    return decision.outcome, decision.reason


PLAIN = loaded(keys=(KEY,))
TWO_DOSES = rule({">=": [{"var": "payload.v.0.dn"}, 2]})


def test_it_works() -> None:
    assert judge(certificate(v=[DOSE]), PLAIN) == ("clear", "paper")


def test_without_rules_the_signature_and_the_dates_are_asked() -> None:
    assert judge(certificate(v=[DOSE], days=-1), PLAIN) == ("hold", "expired")
    assert judge(certificate(es256(), v=[DOSE]), PLAIN) == ("see_staff", "unknown_issuer")
    assert judge(certificate(v=[DOSE])[:-1], PLAIN)[0] == "see_staff"


def test_a_test_that_is_not_negative_is_never_waved_through_for_want_of_a_rule() -> None:
    assert judge(certificate(**result("260415000")), PLAIN) == ("clear", "paper")
    assert judge(certificate(**result("260373001")), PLAIN) == ("see_staff", "stale")


def test_rules_of_the_snapshot_decide() -> None:
    lists = with_rules(TWO_DOSES)

    assert judge(certificate(v=[DOSE]), lists) == ("clear", "paper")
    assert judge(certificate(v=[DOSE | {"dn": 1}]), lists) == ("hold", "policy")
    assert (
        decide(certificate(v=[DOSE]), NOW, "good", lists, FailTable(), lambda _: False).decision.policy == 9
    )


def test_value_sets_and_the_clock_reach_the_rules() -> None:
    known = rule({"in": [{"var": "payload.v.0.mp"}, {"var": "external.valueSets.known"}]})
    recent = rule(
        {"before": [
            {"plusTime": [{"var": "external.validationClock"}, 0, "day"]},
            {"plusTime": [{"var": "payload.v.0.dt"}, 100, "day"]},
        ]},
        Identifier="VR-ZZ-0002",
    )  # fmt: skip
    lists = with_rules(known, recent)

    assert judge(certificate(v=[DOSE]), lists) == ("clear", "paper")
    assert judge(certificate(v=[DOSE | {"mp": "EU/1/99/9999"}]), lists) == ("hold", "policy")
    assert judge(certificate(v=[DOSE | {"dt": "2025-01-01"}]), lists) == ("hold", "policy")


@pytest.mark.parametrize(
    "changes",
    [{"EngineVersion": "9.9.9"}, {"Engine": "OTHER"}, {"SchemaVersion": "9.0.0"}, {"Logic": {"+": [1, 1]}}],
)
def test_a_rule_that_cannot_be_judged_sends_to_staff_and_holds_nobody(changes: dict[str, Any]) -> None:
    assert judge(certificate(v=[DOSE]), with_rules(TWO_DOSES | changes)) == ("see_staff", "stale")


def test_rules_of_another_country_or_time_do_not_judge() -> None:
    for changes in ({"Country": "YY"}, {"ValidTo": "2022-01-01T00:00:00Z"}, {"CertificateType": "Test"}):
        never = TWO_DOSES | {"Logic": {"<": [1, 0]}} | changes
        assert judge(certificate(v=[DOSE]), with_rules(never)) == ("clear", "paper")


def test_a_certificate_is_no_pass_and_cannot_be_shown_before_its_time() -> None:
    text = certificate(v=[DOSE])
    found = decide(text, NOW - timedelta(days=21), "good", PLAIN, FailTable(), lambda _: False)

    assert (found.decision.outcome, found.decision.reason) == ("see_staff", "clock")
    assert found.replay == b""
