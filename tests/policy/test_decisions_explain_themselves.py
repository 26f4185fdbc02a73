"""A verdict says why, what would change it, and when time alone will; checked against brute force."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pratique.core.moment import to_ms
from pratique.core.text import Text
from pratique.policy.certlogic import evaluate
from pratique.policy.context import clock_text, subject_context, types_at
from pratique.policy.dates import read_date, write_date
from pratique.policy.decide import decide, judge_foreign
from pratique.policy.explain import flips_after, reads, smallest_reason, watch
from pratique.policy.model import Evidence, RuleSet
from pratique.policy.ruleset import applicable, in_force, read_rule_set
from pratique.policy.service import town_rules
from pratique.policy.texts import LABELS, fill, local_time
from tests.policy.making import MANDATE, NOW, SUBJECT

TOWN = msgspec.structs.replace(
    read_rule_set(town_rules()), number=1, mandate_id=MANDATE, to_at=NOW + timedelta(days=30)
)
CLOCK = "external.validationClock"
STEP = timedelta(minutes=1)


def item(
    outcome: str, at: datetime, kind: str = "test", *, pooled: bool = False, number: int = 0
) -> Evidence:
    return Evidence(
        id=f"{number:026d}",
        subject_id=SUBJECT,
        kind=kind,  # type: ignore[arg-type]
        outcome=outcome,  # type: ignore[arg-type]
        pooled=pooled,
        sampled_at=at,
        known_at=at + timedelta(hours=4),
        source="Example Laboratory",
        ref=str(number),
        mandate_id=MANDATE,
    )


HOURS = st.integers(-300, 0).map(lambda hours: NOW + timedelta(hours=hours))
TESTS = st.one_of(
    st.tuples(
        st.sampled_from(["not-detected", "retest-required", "recollect", "sample-sealed"]),
        HOURS,
        st.booleans(),
    ),
    st.tuples(st.sampled_from(["not-detected", "detected", "recollect"]), HOURS, st.just(False)),
).map(lambda parts: ("test", *parts))
OTHERS = st.tuples(
    st.sampled_from(["vaccination", "recovery", "exemption", "order"]), st.just(""), HOURS, st.just(False)
)
EVIDENCE = st.lists(st.one_of(TESTS, OTHERS), max_size=6).map(
    lambda rows: [
        item(outcome, at, kind, pooled=pooled, number=i) for i, (kind, outcome, at, pooled) in enumerate(rows)
    ]
)


def key(verdict: Any) -> tuple[Any, ...]:
    return verdict.outcome, tuple(reason.code for reason in verdict.reasons)


def test_it_works() -> None:
    verdict = decide([item("retest-required", NOW - timedelta(hours=6), pooled=True)], NOW, TOWN)

    assert verdict.outcome == "hold"
    assert verdict.reasons[0].code == "SINGLE_TEST_NEEDED"
    assert verdict.reasons[0].text == Text(
        "A mixed tube you were in, sampled at 02:00 on Monday 5 January, needs single tests. "
        "Nobody is positive from a mixed tube.",
        "您于1月5日星期一02:00采样的混检管需要单管复查。任何人都不会因混检而被判为阳性。",
    )
    assert "06:00 on Wednesday 7 January" in verdict.remedy[0].en
    assert verdict.valid_until == NOW + timedelta(hours=46, milliseconds=1)
    assert (verdict.rule.id, verdict.mandate_id, verdict.policy_number) == ("TR-ZZ-0001", MANDATE, 1)
    assert verdict.would_change[-1].en.startswith(
        "By itself at 06:00 on Wednesday 7 January: then “pass with conditions”"
    )


@settings(max_examples=60, deadline=None)
@given(EVIDENCE)
def test_nothing_changes_before_valid_until_and_something_does_there(evidence: list[Evidence]) -> None:
    verdict = decide(evidence, NOW, TOWN)

    at = NOW
    while at < min(verdict.valid_until, NOW + timedelta(days=12)):
        assert key(decide(evidence, at, TOWN)) == key(verdict)
        at += timedelta(hours=3)
    if verdict.valid_until < TOWN.to_at:
        assert key(decide(evidence, verdict.valid_until - timedelta(milliseconds=1), TOWN)) == key(verdict)
        assert key(decide(evidence, verdict.valid_until, TOWN)) != key(verdict)


@settings(max_examples=200, deadline=None)
@given(EVIDENCE)
def test_every_verdict_is_complete(evidence: list[Evidence]) -> None:
    """Law 2 on any evidence: rule, facts, mandate, remedy, end, both languages; law 3: a hold ends."""
    verdict = decide(evidence, NOW, TOWN)

    assert verdict.rule.id
    assert verdict.mandate_id == MANDATE
    assert NOW < verdict.valid_until <= TOWN.to_at
    assert verdict.looks
    if verdict.outcome != "clear":
        assert verdict.reasons
        assert verdict.facts
        assert verdict.remedy
        assert verdict.would_change
    if verdict.outcome == "hold":
        assert verdict.valid_until <= NOW + timedelta(days=10, hours=4)
    for text in (
        [r.text for r in verdict.reasons]
        + [f.what for f in verdict.facts]
        + [*verdict.remedy, *verdict.would_change]
    ):
        assert text.en
        assert text.zh_hans
        assert not set("{}–") & set(text.en + text.zh_hans)
    known = {one.id for one in evidence}
    assert {fact.evidence_id for fact in verdict.facts} <= known | {""}


@settings(max_examples=100, deadline=None)
@given(EVIDENCE, st.integers(-300, 0))
def test_an_unusable_tube_or_a_sample_given_changes_nothing(evidence: list[Evidence], hours: int) -> None:
    at = NOW + timedelta(hours=hours)
    for outcome in ("recollect", "sample-sealed"):
        more = [*evidence, item(outcome, at, pooled=True, number=99)]
        assert key(decide(more, NOW, TOWN)) == key(decide(evidence, NOW, TOWN))


def test_nobody_is_detected_from_a_pool() -> None:
    with pytest.raises(ValueError, match="never detected from a pool"):
        item("detected", NOW, pooled=True)


def test_at_home_nobody_is_told_to_queue_for_a_test() -> None:
    verdict = decide([item("detected", NOW - timedelta(days=2))], NOW, TOWN)

    assert [reason.code for reason in verdict.reasons] == ["ISOLATE"]


def test_a_lifted_appeal_is_an_exemption_and_frees() -> None:
    pool = item("retest-required", NOW - timedelta(hours=6), pooled=True)
    verdict = decide([pool, item("", NOW, "exemption", number=1)], NOW, TOWN)

    assert [reason.code for reason in verdict.reasons] == ["TEST_DUE"]


# -- single rules -----------------------------------------------------------------------------------------------------


def after(path: str, amount: int, unit: str) -> Any:
    return {"plusTime": [{"var": path}, amount, unit]}


COMPARED = st.tuples(
    st.sampled_from(["after", "before", "not-after", "not-before"]),
    st.integers(-3, 3),
    st.sampled_from(["hour", "day", "month", "year"]),
    st.integers(-60, 60),
    st.sampled_from(["hour", "day", "month", "year"]),
    st.booleans(),
).map(lambda p: {p[0]: [after(CLOCK, p[1], p[2]), after("d", p[3], p[4])][:: 1 if p[5] else -1]})
RULES = st.one_of(
    COMPARED,
    st.tuples(COMPARED, COMPARED).map(lambda two: {"and": list(two)}),
    st.tuples(COMPARED, COMPARED, COMPARED).map(lambda three: {"if": list(three)}),
    COMPARED.map(lambda one: {"!": [one]}),
)


@settings(max_examples=300, deadline=None)
@given(RULES, st.integers(0, 86_400 * 800), st.integers(0, 86_400 * 800))
def test_a_rule_is_constant_until_its_next_turn(rule: Any, clock_s: int, date_s: int) -> None:
    """Against a look at every half hour, and at every midnight for rules that reach far."""
    start = to_ms(datetime(2020, 1, 1, tzinfo=UTC))
    data = {"d": write_date(start + date_s * 1000)}

    def at(ms: int) -> Any:
        return {**data, "external": {"validationClock": write_date(ms)}}

    now = start + clock_s * 1000
    value, node = watch(rule, at(now))
    turn = flips_after(node, now)
    half_hour = 1_800_000
    until = min(turn if turn is not None else now + 120 * half_hour, now + 120 * half_hour)
    for look in [
        *range(now, until, half_hour),
        *range(now - now % 86_400_000 + 86_400_000, turn or now, 86_400_000),
    ][:400]:
        assert evaluate(rule, at(look)) == value
    if turn is not None:
        assert evaluate(rule, at(turn - 1)) == value


@settings(max_examples=200, deadline=None)
@given(RULES, st.integers(0, 86_400 * 60))
def test_the_named_part_alone_turns_the_result(rule: Any, clock_s: int) -> None:
    """Replace the smallest reason by its opposite, and the rule says the opposite."""
    data = {
        "d": "2020-02-29T12:00:00Z",
        "external": {
            "validationClock": write_date(to_ms(datetime(2020, 1, 31, tzinfo=UTC)) + clock_s * 1000)
        },
    }
    value, node = watch(rule, data)
    reason = smallest_reason(node)[0]

    written, named = json.dumps(rule), json.dumps(reason.expression)
    assume(written.count(named) == 1)
    if "and" in rule:  # where both operands are false, one alone does not help
        assume([evaluate(one, data) for one in rule["and"]] != [False, False])
    turned = json.loads(written.replace(named, json.dumps(not reason.value)))

    assert evaluate(turned, data) is (not value)


def test_the_reason_is_the_part_that_decided() -> None:
    rule = {
        "if": [
            {"var": "a"},
            {"and": [{">": [{"var": "a"}, 1]}, {"===": [{"var": "b"}, "x"]}, {"var": "c"}]},
            True,
        ]
    }
    value, node = watch(rule, {"a": 2, "b": "y"})

    assert value is False
    assert [one.expression for one in smallest_reason(node)] == [{"===": [{"var": "b"}, "x"]}, {"var": "a"}]
    assert [(read.path, read.value) for read in reads(node)] == [("a", 2), ("b", "y")]


def test_reads_inside_a_reduce_are_the_list() -> None:
    rule = {"reduce": [{"var": "l"}, {"+": [{"var": "accumulator"}, {"var": "current"}]}, {"var": "n"}]}
    _, node = watch(rule, {"l": [1, 2], "n": 0})

    assert [read.path for read in reads(node)] == ["l", "n"]


# -- civil days -------------------------------------------------------------------------------------------------------


def day_rules(zone: str) -> RuleSet:
    """The town's third rule, counted in civil days: a negative test today, yesterday or the day before."""
    document = json.loads(town_rules())
    one = document["rules"][2]
    one["house"] |= {"zone": zone, "grain": "day"}
    one["rule"]["ValidFrom"] = "2010-01-01T00:00:00Z"
    one["rule"]["Logic"]["if"][1] = {
        "not-after": [after(CLOCK, 0, "day"), after("subject.last_negative.sampled", 2, "day")]
    }
    document |= {"rules": [one], "tests": []}
    return msgspec.structs.replace(
        read_rule_set(json.dumps(document).encode()),
        mandate_id=MANDATE,
        to_at=datetime(2090, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "zone", ["Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Cairo"]
)
@pytest.mark.parametrize(
    "sampled",
    [
        datetime(2026, 3, 27, 12, tzinfo=UTC),  # the Berlin spring change falls on the 29th
        datetime(2026, 10, 23, 22, 30, tzinfo=UTC),  # and the autumn change on the 25th
        datetime(2024, 2, 27, 18, 15, tzinfo=UTC),  # a leap day follows
        datetime(
            2025, 12, 30, 15, 59, 59, 999000, tzinfo=UTC
        ),  # the year ends; a millisecond before Shanghai's midnight
        datetime(2025, 12, 30, 16, 0, tzinfo=UTC),
        datetime(2018, 11, 2, 3, 0, tzinfo=UTC),  # Sao Paulo skips a midnight on the 4th
        datetime(2026, 4, 22, 12, tzinfo=UTC),  # Cairo skips a midnight on the 24th
    ],
)
def test_days_are_those_of_the_zone(zone: str, sampled: datetime) -> None:
    rules = day_rules(zone)
    here = ZoneInfo(zone)
    evidence = [item("not-detected", sampled)]
    first = sampled.astimezone(here).date()
    verdict = decide(evidence, sampled, rules)

    assert verdict.outcome == "clear"
    assert (verdict.valid_until.astimezone(here).date() - first).days == 3
    assert ((verdict.valid_until - timedelta(milliseconds=1)).astimezone(here).date() - first).days == 2
    assert decide(evidence, verdict.valid_until - timedelta(milliseconds=1), rules).outcome == "clear"
    assert decide(evidence, verdict.valid_until, rules).outcome == "conditions"


def test_times_read_as_civil_time_in_both_languages() -> None:
    at = datetime(2026, 11, 26, 10, tzinfo=UTC)

    assert local_time(at, "Asia/Shanghai", at) == Text("18:00 on Thursday 26 November", "11月26日星期四18:00")
    next_year = datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert local_time(next_year, "Asia/Shanghai", at).en == "00:00 on Friday 1 January 2027"
    assert fill(Text("{a} {b}", "{b}"), {"a": Text("{b}", "x")}) == Text("{b} –", "–")


# -- rules that cannot be judged --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rule: rule.update(EngineVersion="9.0.0"),
        lambda rule: rule.update(SchemaVersion="9.0.0"),
        lambda rule: rule.update(Engine="OTHER"),
        lambda rule: rule.update(Logic={"plusTime": [{"var": "subject.none"}, 0, "day"]}),
        lambda rule: rule.update(Logic={"if": [True, "yes", "no"]}),
    ],
)
def test_a_rule_that_cannot_be_judged_neither_holds_nor_clears(spoil: Any) -> None:
    document = json.loads(town_rules())
    spoil(document["rules"][0]["rule"])
    rules = msgspec.structs.replace(
        read_rule_set(json.dumps(document).encode()), mandate_id=MANDATE, to_at=TOWN.to_at
    )
    verdict = decide([item("not-detected", NOW - timedelta(hours=1))], NOW, rules)

    assert verdict.outcome == "conditions"
    assert verdict.open_rules == ("TR-ZZ-0001",)
    assert [reason.code for reason in verdict.reasons] == ["CANNOT_BE_JUDGED"]
    assert verdict.remedy


# -- which rules apply ------------------------------------------------------------------------------------------------


def foreign(identifier: str, version: str = "1.0.0", **more: str) -> dict[str, Any]:
    document = json.loads(town_rules())["rules"][0]["rule"]
    return {**document, "Identifier": identifier, "Version": version, "Country": identifier[3:5], **more}


def test_only_the_newest_version_in_force_applies() -> None:
    clock = datetime(2026, 1, 5, tzinfo=UTC)
    rules = read_rule_set(
        json.dumps(
            {
                "rules": [
                    foreign("TR-ZZ-0001", "1.9.0"),
                    foreign("TR-ZZ-0001", "1.10.0"),
                    foreign("TR-ZZ-0001", "2.0.0", ValidFrom="2026-01-05T00:00:01Z"),
                    foreign("TR-ZZ-0002", "1.0.0", ValidTo="2026-01-05T00:00:00Z"),
                    foreign("TR-ZZ-0003", "1.0.0", ValidFrom="2026-01-05T00:00:00Z"),
                ]
            }
        ).encode()
    ).rules

    assert [(one.id, one.version) for one in in_force(rules, clock)] == [
        ("TR-ZZ-0001", "1.10.0"),
        ("TR-ZZ-0003", "1.0.0"),
    ]
    later = in_force(rules, clock + timedelta(seconds=1))
    assert [(one.id, one.version) for one in later] == [("TR-ZZ-0001", "2.0.0"), ("TR-ZZ-0003", "1.0.0")]


def test_acceptance_is_of_the_arrival_and_invalidation_of_the_issuer() -> None:
    rules = read_rule_set(
        json.dumps(
            {
                "rules": [
                    foreign("TR-AA-0001"),
                    foreign("TR-BB-0001"),
                    foreign("VR-AA-0001", CertificateType="Vaccination"),
                    foreign("GR-AA-0001", CertificateType="General"),
                    foreign("IR-AA-0001", Type="Invalidation"),
                    foreign("IR-BB-0001", Type="Invalidation"),
                ]
            }
        ).encode()
    ).rules
    chosen = applicable(rules, NOW, arrival="AA", issuer="BB", certificate_type="Test")

    assert [one.id for one in chosen] == ["TR-AA-0001", "GR-AA-0001", "IR-BB-0001"]


def test_foreign_rules_have_three_results() -> None:
    def one(logic: Any, **more: str) -> dict[str, Any]:
        return {**foreign("GR-AA-0001", CertificateType="General", **more), "Logic": logic}

    documents = [
        one({"===": [{"var": "payload.a"}, 1]}),
        one({"===": [{"var": "payload.a"}, 2]}),
        one({"<": [{"var": "payload.b"}, 2]}),
        one({"if": [True, "x", "y"]}),
        one({"===": [1, 1]}, EngineVersion="1.3.4"),
    ]
    rules = read_rule_set(json.dumps({"rules": documents}).encode()).rules

    assert [value for _, value in judge_foreign({"a": 1}, rules, {})] == [True, False, None, None, None]


# -- the evidence model -----------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(EVIDENCE)
def test_the_context_is_what_the_model_says(evidence: list[Evidence]) -> None:
    """Every path of a context is in the model with the right type, and has words for people."""
    context = subject_context(evidence, "", "Asia/Shanghai", "instant")
    names = {"NoneType": "N", "bool": "B", "int": "I", "str": "S", "list": "A", "dict": "O"}

    def look(path: str, value: Any) -> None:
        types = types_at(path, {})
        assert types is not None, path
        assert names[type(value).__name__] in types
        assert path.split(".")[1] in LABELS
        for name, inner in value.items() if isinstance(value, dict) else []:
            look(f"{path}.{name}", inner)
        for i, inner in enumerate(value) if isinstance(value, list) else []:
            look(f"{path}.{i}", inner)

    for name, value in context.data["subject"].items():
        look(f"subject.{name}", value)


def test_the_clock_of_a_day_rule_is_a_day() -> None:
    at = datetime(2026, 1, 5, 16, tzinfo=UTC)

    assert clock_text(at, "Asia/Shanghai", "day") == "2026-01-06"
    assert read_date(clock_text(at, "Asia/Shanghai", "instant")) == to_ms(at)
