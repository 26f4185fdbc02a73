"""The grammar of clear-conditions: what it can say, that every kind ends by time and (but for N7) by a fact, and that
nobody is asked for more than the data says."""

import json
from datetime import timedelta
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.notices.clear import Condition, Known, Sample, Standing, Time, clears, happened
from pratique.notices.kinds import kind_body, kind_of, read_kind, read_words, words
from tests.conftest import START

SINCE = START
STANDING = Standing("94500-6", SINCE, START + timedelta(days=2))
OUTCOMES = ("not-detected", "detected", "retest-required", "recollect", "sample-sealed")

known = st.builds(
    Known,
    kind=st.sampled_from(("test", "vaccination", "recovery", "exemption", "order", "happened")),
    outcome=st.sampled_from((*OUTCOMES, "", "read", "contact", "order-ended", "rule-met")),
    analyte=st.sampled_from(("94500-6", "", "94558-4")),
    pooled=st.booleans(),
    at=st.integers(-5, 5).map(lambda h: SINCE + timedelta(hours=h)),
)
kinds = st.sampled_from([kind.code for kind in words().kinds])


def test_it_works() -> None:
    n2 = kind_of("N2").clears
    pooled = Known("test", "not-detected", "94500-6", True, SINCE + timedelta(hours=1))
    single = pooled._replace(pooled=False)

    assert clears(n2, STANDING, [pooled], START) == ""
    assert clears(n2, STANDING, [single], START) == "result"
    assert clears(n2, STANDING, [single._replace(at=SINCE)], START) == ""  # not sampled after the pool
    assert clears(n2, STANDING, [single._replace(analyte="94558-4")], START) == ""


def test_time_counts_from_sampling() -> None:
    n1 = kind_of("N1").clears
    result = Known("test", "not-detected", "94500-6", True, SINCE)

    assert clears(n1, STANDING, [result], START) == "result"
    assert clears(n1, STANDING, [result._replace(at=SINCE - timedelta(seconds=1))], START) == ""


@pytest.mark.parametrize("code", [kind.code for kind in words().kinds])
def test_each_kind_clears_by_a_fact(code: str) -> None:
    kind = kind_of(code)
    after = SINCE + timedelta(hours=1)
    facts = [
        Known("test", outcome, "94500-6", pooled, after) for outcome in OUTCOMES for pooled in (True, False)
    ]
    facts += [Known(other, "", "", False, after) for other in ("recovery", "exemption", "vaccination")]
    facts += [happened(what, after) for what in ("contact", "order-ended", "read", "rule-met")]

    assert any(clears(kind.clears, STANDING, [fact], START) for fact in facts)
    assert 0 < kind.hours <= kind.max_hours <= 90 * 24


@given(kinds, st.lists(known, max_size=6), known)
def test_a_further_fact_never_takes_back_an_end(code: str, facts: list[Known], more: Known) -> None:
    condition = kind_of(code).clears
    if clears(condition, STANDING, facts, START):
        assert clears(condition, STANDING, [*facts, more], START)
        assert clears(condition, STANDING, [more, *facts], START)


@given(st.lists(known, max_size=8))
def test_no_pool_ends_a_single_test(facts: list[Known]) -> None:
    pooled = [fact._replace(pooled=True) for fact in facts if fact.kind == "test"]
    assert clears(kind_of("N2").clears, STANDING, pooled, START) == ""


@given(st.lists(known, min_size=1, max_size=4), st.integers(0, 4))
def test_any_and_all_mean_what_they_say(facts: list[Known], hours: int) -> None:
    now = START + timedelta(hours=hours * 16)
    sample, time = Condition(sample=Sample("any")), Condition(time=Time("deadline"))
    parts = [bool(clears(part, STANDING, facts, now)) for part in (sample, time)]

    assert bool(clears(Condition(any=(sample, time)), STANDING, facts, now)) == any(parts)
    assert bool(clears(Condition(all=(sample, time)), STANDING, facts, now)) == all(parts)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"sample": {"tube": "any"}, "time": {"at": "deadline"}},
        {"any": []},
        {"score": {"above": 3}},
        {"place": {"near": "x"}},
        {"sample": {"tube": "both"}},
        {"result": {"outcomes": ["positive"], "tube": "any", "sampled": "from-since"}},
        {"happened": {"what": "committee-met"}},
        {"time": {"at": "never"}},
    ],
)
def test_nothing_else_can_be_said(wrong: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Condition)


def test_a_kind_that_is_not_complete_does_not_load() -> None:
    good = json.loads((files("pratique.notices") / "kinds.json").read_bytes())
    read_words(json.dumps(good).encode())

    def broken(**changes: object) -> bytes:
        return json.dumps(good | {"kinds": [good["kinds"][0] | changes]}).encode()

    for raw in (
        broken(remedy=[]),
        broken(reasons={}),
        broken(allowed=[]),
        broken(hours=0),
        broken(hours=5000),
        broken(title={"en": "x", "zh-Hans": " "}),
        broken(title={"en": "x"}),
        broken(title={"en": "{name}, stay", "zh-Hans": "{name}"}),
        broken(score=1),
        broken(clears={"happened": {"what": "approved"}}),
    ):
        with pytest.raises((ValueError, msgspec.ValidationError)):
            read_words(raw)


def test_emergency_care_is_never_forbidden() -> None:
    for kind in words().kinds:
        if kind.class_ != "information":
            said = " ".join(text.en for text in kind.allowed).lower()
            assert "medical care" in said, kind.code


def test_a_kind_reads_as_it_was_kept() -> None:
    for kind in words().kinds:
        assert read_kind(kind_body(kind)) == kind
