"""Foreign rules say what decided, which date would turn it, and which field they could not find."""

from typing import Any

from pratique.core.text import Text
from pratique.policy.decide import decide
from pratique.policy.foreign import Bound, explain_foreign
from pratique.policy.model import Rule, RuleSet
from pratique.policy.ruleset import read_rule, read_rule_set
from pratique.policy.service import town_rules
from tests.policy.making import NOW

CLOCK = {"validationClock": "2026-01-05T10:00:00Z"}


def rule_of(logic: Any, **more: Any) -> Rule:
    return read_rule(
        {
            "Identifier": "VR-ZZ-0001", "Type": "Acceptance", "Country": "ZZ", "Version": "1.0.0",
            "SchemaVersion": "1.3.0", "Engine": "CERTLOGIC", "EngineVersion": "1.3.3",
            "CertificateType": "Vaccination", "ValidFrom": "2020-01-01T00:00:00Z", "ValidTo": "2099-01-01T00:00:00Z",
            "Description": [{"lang": "en", "desc": "A vaccination of at most 30 days ago."},
                            {"lang": "zh", "desc": "接种日期距今不超过三十天，且不早于十四天之前，合成规则。"}],
            "AffectedFields": ["v.0.dt"], "Logic": logic, **more,
        },
        "rule",
    )  # fmt: skip


def dose(amount: int, unit: str = "day") -> Any:
    return {"plusTime": [{"var": "payload.v.0.dt"}, amount, unit]}


NOW_OF_RULE = {"plusTime": [{"var": "external.validationClock"}, 0, "day"]}
WITHIN = {"if": [{"var": "payload.v.0"}, {"not-after": [dose(14), NOW_OF_RULE, dose(30)]}, False]}


def test_it_works() -> None:
    (found,) = explain_foreign({"v": [{"dt": "2025-11-01"}]}, [rule_of(WITHIN)], CLOCK)

    assert found.value is False
    assert found.says == Text(
        "A vaccination of at most 30 days ago.", "接种日期距今不超过三十天，且不早于十四天之前，合成规则。"
    )
    assert found.because["payload.v.0.dt"] == "2025-11-01"
    assert found.would_change == (Bound("payload.v.0.dt", "from", "2025-12-07"),)


def test_the_named_day_turns_the_rule() -> None:
    late = {"if": [{"var": "payload.v.0"}, {"not-after": [NOW_OF_RULE, dose(30)]}, False]}
    early = {"if": [{"var": "payload.v.0"}, {"not-before": [NOW_OF_RULE, dose(1, "month")]}, False]}
    for logic, given in ((late, "2025-11-01"), (early, "2026-01-01")):
        (found,) = explain_foreign({"v": [{"dt": given}]}, [rule_of(logic)], CLOCK)
        (bound,) = found.would_change
        (turned,) = explain_foreign({"v": [{"dt": bound.at}]}, [rule_of(logic)], CLOCK)

        assert (found.value, turned.value) == (False, True), bound


def test_values_that_turn_a_rule_are_named_and_others_are_not() -> None:
    product = {"in": [{"var": "payload.v.0.mp"}, ["A", "B"]]}
    doses = {">=": [{"var": "payload.v.0.dn"}, 2]}
    payload = {"v": [{"mp": "C", "dn": 1}]}
    for logic, wanted in (
        (product, Bound("payload.v.0.mp", "one of", "A, B")),
        (doses, Bound("payload.v.0.dn", "number", "2")),
        ({"!": [{"===": [{"var": "payload.v.0.mp"}, "C"]}]}, Bound("payload.v.0.mp", "is not", "C")),
    ):
        (found,) = explain_foreign(payload, [rule_of(logic)], CLOCK)
        assert found.would_change == (wanted,)
    (both,) = explain_foreign(payload, [rule_of({"if": [product, False, False]})], CLOCK)
    assert both.would_change == ()  # nothing turns a rule that is always false


def test_a_missing_field_is_open_and_named_never_passed() -> None:
    logic = {"not-after": [NOW_OF_RULE, dose(30)]}
    (found,) = explain_foreign({"v": [{}]}, [rule_of(logic)], CLOCK)
    (newer,) = explain_foreign({"v": [{}]}, [rule_of(logic, EngineVersion="9.0.0")], CLOCK)

    assert (found.value, found.at_fault) == (None, ("payload.v.0.dt",))
    assert (newer.value, newer.at_fault) == (None, ("EngineVersion",))


def _without_guard() -> RuleSet:
    town = read_rule_set(town_rules())
    house = town.rules[0].house
    clock = {"plusTime": [{"var": "external.validationClock"}, 0, "hour"]}
    logic = {"not-after": [clock, {"plusTime": [{"var": "subject.last_dose.sampled"}, 72, "hour"]}]}
    rule = rule_of(logic, Identifier="VR-ZZ-0007")
    return RuleSet(
        rules=(Rule(**{name: getattr(rule, name) for name in Rule.__struct_fields__ if name != "house"}, house=house),),
        value_sets={}, tests=(), country="ZZ", number=1, mandate_id="m", from_at=NOW, to_at=town.to_at, hash="",
    )  # fmt: skip


def test_a_house_rule_that_is_open_names_its_field_in_both_languages() -> None:
    verdict = decide([], NOW, _without_guard())

    assert verdict.outcome == "conditions"
    (reason,) = verdict.reasons
    assert "VR-ZZ-0007: subject.last_dose.sampled" in reason.text.en
    assert "VR-ZZ-0007：subject.last_dose.sampled" in reason.text.zh_hans


def test_who_is_clear_hears_until_when_and_what_keeps_it(evidence: Any) -> None:
    verdict = decide([evidence(hours_ago=5)], NOW, read_rule_set(town_rules()))

    assert verdict.outcome == "clear"
    assert any(
        one.en.startswith("Before 19:00") or one.en.startswith("Before 03:00") for one in verdict.would_change
    )
    assert any(one.zh_hans.startswith("请在") for one in verdict.would_change)
