"""CertLogic in its corners, and which rules are asked about a certificate."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pratique.policy.certlogic import Fault, Instant, Value
from pratique.policy.decide import judge_foreign
from pratique.policy.ruleset import applicable, read_rule
from tests.web_twin.vectors.parts import DOSES, FAULTY, IN_TIME, SINCE, Case, at_time, rule


def certlogic_cases() -> Iterator[Case]:
    """The corners of the language that engines got wrong."""
    dates = [
        "2021",
        "2021-02",
        "2020-02-29",
        "2021-02-30",
        "2021-06-01T24:00:00",
        "2021-06-01T12:00:60Z",
        "2021-06-01T20:00Z",
        "2021-06-01T23:59:59.9999+0530",
        "2021-06-01T00:00:00+2",
        "0000-01-01",
        "9999-12-31T23:59:59-23:59",
        "2021-06-01z",
        "",
    ]
    for text in dates:
        for amount, unit in ((0, "day"), (1, "year"), (-1, "month"), (25, "hour"), (10**9, "year")):
            yield {"logic": {"plusTime": [text, amount, unit]}, "data": None}
        yield {"logic": {"dccDateOfBirth": [text]}, "data": None}
    odd = [
        None,
        True,
        0,
        1,
        1.0,
        1.5,
        "",
        "abc",
        [],
        [0],
        {},
        {"var": "a"},
        {"var": 0},
        {"or": [True, False]},
        {"and": [True]},
        {"and": [1, "abc"]},
        {"and": [0, {"or": []}]},
        {"if": [1, 2]},
        {"!": [[]]},
        {"===": [None, None]},
        {"a": 1, "b": 2},
        {"===": [{"var": "x"}, {"var": "y"}]},
        {"in": [{"var": "x"}, [{"var": "y"}]]},
        {"in": ["a", "abc"]},
        {"in": [1, [True]]},
        {"+": [1, 2]},
        {"+": [2**53 - 1, 1]},
        {"+": ["1", 2]},
        {"<": [1, 2, 3]},
        {"<": [1, 2, 2]},
        {"<": [1, None]},
        {"<": [1]},
        {"after": ["2021-01-01", "2020-01-01"]},
        {"!": [{"plusTime": ["2021", 0, "day"]}]},
        {"if": [{"plusTime": ["2021", 0, "day"]}, 1, 2]},
        {"plusTime": [{"plusTime": ["2021", 0, "day"]}, 0, "day"]},
        {"plusTime": ["2021-01-01", 1.0, "day"]},
        {"plusTime": ["2021-01-01", 1.5, "day"]},
        {"plusTime": ["2021-01-01", 1, "week"]},
        {"extractFromUVCI": ["URN:UVCI:01:NL:187/3#7", 1]},
        {"extractFromUVCI": ["urn:uvci:01", 0]},
        {"extractFromUVCI": [None, 0]},
        {"extractFromUVCI": ["", 0]},
        {"extractFromUVCI": ["a", -1]},
        {"extractFromUVCI": [1, 0]},
        {"reduce": [{"var": "l"}, {"+": [{"var": "accumulator"}, {"var": "current"}]}, 0]},
        {"reduce": [None, 1, 7]},
        {"reduce": [{"var": ""}, 1, 7]},
        {"reduce": [{"var": "l"}, {"var": "a"}, 0]},
    ]
    data = {"a": {"b": [1, {"c": "x"}]}, "s": "text", "l": [1, 2, 3], "constructor": None, "n": 0}
    for logic in odd:
        yield {"logic": logic, "data": data}
    for path in (
        "",
        "a",
        "a.b.0",
        "a.b.1.c",
        "a.b.01",
        "a.b.1x",
        "a.b.length",
        "s.0",
        "s.length",
        "constructor",
        "__proto__",
        "toString",
        "l.2",
        "l.3",
        "n.x",
        "a..b",
    ):
        yield {"logic": {"var": path}, "data": data}
    deep: Any = True
    for _ in range(60):
        deep = {"!": [deep]}
    yield {"logic": deep, "data": None}


def value_told(found: Value | Fault) -> Any:
    """A value as the twin writes it."""
    if isinstance(found, Fault):
        return {"fault": [found.kind, found.path]}

    def plain(value: Value) -> Any:
        if isinstance(value, Instant):
            return {"instant": value.ms}
        return list(map(plain, value)) if isinstance(value, list) else value

    return {"value": plain(found)}


def rule_cases() -> Iterator[Case]:
    """Which rules are asked and what they say: true, false, or null for open."""
    payload = {"v": [{"dn": 1, "sd": 2, "dt": "2021-05-01", "mp": "EU/1/20/1528"}]}
    external = {"validationClock": "2021-06-10T12:00:00Z", "valueSets": {}}
    many = [
        rule(DOSES),
        rule({"===": [1, 1]}, Version="1.0.1"),
        rule(DOSES, Version="0.9.0"),
        rule(IN_TIME, Identifier="GR-ZZ-0001", CertificateType="General"),
        rule(SINCE, Identifier="VR-ZZ-0003"),
        rule(FAULTY, Identifier="VR-ZZ-0004"),
        rule({"var": "payload.v.0.dn"}, Identifier="VR-ZZ-0005"),
        rule(DOSES, Identifier="VR-ZZ-0006", EngineVersion="1.3.4"),
        rule(DOSES, Identifier="VR-ZZ-0007", SchemaVersion="1.4.0"),
        rule(DOSES, Identifier="VR-ZZ-0008", Engine="OTHER"),
        rule(DOSES, Identifier="TR-ZZ-0001", CertificateType="Test"),
        rule(DOSES, Identifier="IR-YY-0001", Type="Invalidation", Country="YY"),
        rule(DOSES, Identifier="VR-YY-0001", Country="YY"),
        rule(DOSES, Identifier="VR-ZZ-0009", ValidFrom="2021-07-01T00:00:00Z"),
        rule(DOSES, Identifier="VR-ZZ-0010", ValidTo="2021-06-05T02:00:00+02:00"),
    ]
    for at in (
        "2021-05-31T23:59:59Z",
        "2021-06-01T00:00:00Z",
        "2021-06-04T23:59:59Z",
        "2021-06-05T00:00:00Z",
        "2021-07-02T00:00:00Z",
    ):
        for kind, issuer in (("Vaccination", "YY"), ("Test", "")):
            seconds = datetime.fromisoformat(at).timestamp()
            yield {
                "id": f"{at} {kind} {issuer}",
                "rules": many,
                "payload": payload,
                "external": external,
                "at": seconds,
                "arrival": "ZZ",
                "issuer": issuer,
                "kind": kind,
            }


def rule_answer(case: Case) -> Any:
    """What our engine says."""
    rules = [read_rule(entry, "rules") for entry in case["rules"]]
    asked = applicable(
        rules,
        at_time(case["at"]),
        arrival=case["arrival"],
        issuer=case["issuer"],
        certificate_type=case["kind"],
    )
    return [
        [one.id, one.version, value] for one, value in judge_foreign(case["payload"], asked, case["external"])
    ]
