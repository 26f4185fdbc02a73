"""What a person is told after each laboratory scenario (`docs/notices.md`, scenarios)."""

from datetime import datetime, timedelta

import pytest

from pratique.notices import service
from pratique.notices.asking import asked_by
from pratique.policy import service as policy
from tests.notices.town import Town


def sampled(town: Town) -> datetime:
    """Everybody was asked, then gave a sample; the result comes four hours later."""
    town.start()
    at = town.after(hours=1).now
    town.tell("sample-sealed", "sealing", sampled=at)
    town.after(hours=4)
    return at


def test_it_works(town: Town) -> None:
    """s01: a negative pool clears N1 for all ten with one message each and gives ten fresh passes."""
    at = sampled(town)
    assert {town.states(one)["N1"] for one in town.members} == {"waiting"}
    before = {one: town.messages(one) for one in town.members}

    town.tell("not-detected", "R1", sampled=at)

    for one in town.members:
        assert town.states(one) == {"N1": "cleared"}
        assert town.messages(one) == before[one] + 1
        assert 1 in town.live(one)
        wallet = town.wallet(one)
        assert wallet.decision is not None
        assert wallet.decision.outcome == "clear"
        assert len(wallet.passes) == 1


def test_s02_a_positive_pool_asks_for_single_tests_and_marks_nobody(town: Town) -> None:
    at = sampled(town)
    town.tell(
        "not-detected", "R0", sampled=at - timedelta(days=1), whom=town.members
    )  # an older test: a pass
    town.after(minutes=1)
    before = {one: town.messages(one) for one in town.members}

    town.tell("retest-required", "R1", sampled=at)

    for one in town.members:
        assert town.states(one) == {"N1": "waiting", "N2": "open"}
        assert town.messages(one) == before[one] + 1
        assert town.live(one) == []
        notice = town.notice(one, "N2")
        assert notice.rule.id == "TR-ZZ-0001"
        assert notice.facts
        assert "detected" not in str(town.wallet(one)).lower().replace("not detected", "")


def test_s04_each_single_ends_its_own_pair_at_once(town: Town) -> None:
    at = sampled(town)
    town.tell("retest-required", "R1", sampled=at)
    single = town.after(hours=3).now
    nine, last = town.members[:9], town.members[9]
    town.tell("sample-sealed", "sealing-2", sampled=single, pooled=False)
    assert town.states(last) == {"N1": "waiting", "N2": "waiting"}

    for i, one in enumerate(nine):
        before = town.after(minutes=1).messages(one)
        town.tell("not-detected", f"S{i}", sampled=single, whom=[one], pooled=False)
        assert town.states(one) == {"N1": "cleared", "N2": "cleared"}
        assert town.messages(one) == before + 1
        assert 1 in town.live(one)
        assert town.states(last)["N2"] == "waiting"

    before = town.after(minutes=1).messages(last)
    town.tell("detected", "S9", sampled=single, whom=[last], pooled=False)
    assert town.states(last) == {"N1": "cleared", "N2": "cleared", "N4": "open"}
    assert town.messages(last) == before + 1
    order = town.notice(last, "N4")
    assert order.class_ == "restriction"
    assert order.rule.id == "TR-ZZ-0002"
    assert order.facts
    assert town.live(last) == []


def test_s05_a_correction_revokes_and_says_so(town: Town) -> None:
    at = sampled(town)
    one = town.members[0]
    town.tell("not-detected", "R1", sampled=at)
    assert 1 in town.live(one)
    before = town.after(hours=3).messages(one)

    town.tell("retest-required", "R2", sampled=at, supersedes="R1")

    assert town.states(one) == {"N1": "cleared", "N2": "open", "N6": "open"}
    assert town.messages(one) == before + 1
    assert town.live(one) == []
    with town.store.read() as tx:
        named = tx.all("SELECT notice_id FROM revocation WHERE subject_id = :id", id=one)
    assert {row[0] for row in named} <= {notice.id for notice in town.wallet(one).notices}
    told = town.notice(one, "N6")
    assert told.replaces == town.notice(one, "N1").id
    assert [fact.what.en for fact in told.facts[:2]] == [
        "Before the correction: Result: not detected",
        "Now: A tube shared with others needs single tests",
    ]


def test_s06_the_correction_first_and_the_older_result_later(town: Town) -> None:
    """The laboratory's room sends no change for the older result, so only the pool's question stands."""
    at = sampled(town)
    town.tell("retest-required", "R2", sampled=at)
    assert town.states(town.members[0]) == {"N1": "waiting", "N2": "open"}


def test_s07_the_same_result_twice_tells_once(town: Town) -> None:
    at = sampled(town)
    one, evidence_id = town.members[0], town.moment.new_id()
    town.tell("not-detected", "R1", sampled=at, whom=[one], id=evidence_id)
    before = town.messages(one)
    town.after(minutes=5).tell("not-detected", "R1", sampled=at, whom=[one], id=evidence_id)
    assert town.messages(one) == before
    assert town.live(one).count(1) == 1


def test_s21_an_unusable_sample_is_not_the_persons_fault(town: Town) -> None:
    at = sampled(town)
    one = town.members[0]
    deadline = town.notice(one, "N1").deadline_effective
    before = town.messages(one)

    town.tell("recollect", "R1", sampled=at)

    assert town.states(one) == {"N1": "waiting", "N3": "open"}
    assert town.messages(one) == before + 1
    n1, n3 = town.notice(one, "N1"), town.notice(one, "N3")
    assert "not your fault" in n3.title.en
    assert "责任" in n3.title.zh_hans
    assert n3.cause == "system"
    lost = datetime.fromisoformat(n1.deadline_effective) - datetime.fromisoformat(deadline)
    assert lost == timedelta(hours=4)
    assert [because.en for because in n1.extended_because] == ["a sample could not be tested"]

    again = town.after(hours=2).now
    town.tell("sample-sealed", "sealing-2", sampled=again)
    assert town.states(one) == {"N1": "waiting", "N3": "waiting"}
    town.after(hours=3).tell("not-detected", "R2", sampled=again)
    assert town.states(one) == {"N1": "cleared", "N3": "cleared"}


def test_s08_and_s24_a_late_or_held_result_stops_the_clock(town: Town) -> None:
    sampled(town)
    one = town.members[0]
    before = town.messages(one)
    for cause in ("late-lab", "held-run"):
        town.store.write(
            lambda tx, c=cause: service.declare_fault(
                tx, town.moment, scope="subject", scope_ids=town.members, cause=c, by="rule:promise"
            )
        )
    town.after(days=30 - 1)
    town.sweep()
    assert town.states(one) == {"N1": "waiting"}
    assert town.messages(one) == before


def test_a_pool_result_that_comes_after_the_single_one_asks_nothing(town: Town) -> None:
    at = sampled(town)
    one = town.members[0]
    town.tell("not-detected", "S0", sampled=at + timedelta(hours=1), whom=[one], pooled=False)
    town.after(minutes=1).tell("retest-required", "R1", sampled=at)
    assert town.states(one) == {"N1": "cleared"}
    assert town.states(town.members[1]) == {"N1": "waiting", "N2": "open"}


def test_a_later_positive_pool_takes_the_place_of_the_older_question(town: Town) -> None:
    at = sampled(town)
    one = town.members[0]
    town.tell("retest-required", "R1", sampled=at)
    first = town.notice(one, "N2")
    town.after(hours=5).tell("retest-required", "R2", sampled=at + timedelta(hours=2), whom=[one])
    second = town.notice(one, "N2")
    assert second.replaces == first.id
    assert [n.state for n in town.wallet(one).notices if n.id == first.id] == ["replaced"]


def test_a_positive_pool_that_is_corrected_frees_everybody(town: Town) -> None:
    at = sampled(town)
    one = town.members[0]
    town.tell("retest-required", "R1", sampled=at)
    town.after(hours=1).tell("not-detected", "R2", sampled=at, supersedes="R1")
    assert town.states(one) == {"N1": "cleared", "N2": "replaced", "N6": "open"}
    assert 1 in town.live(one)


@pytest.mark.parametrize("kind", ["recovery", "exemption"])
def test_a_restriction_ends_with_the_fact_that_ends_it(town: Town, kind: str) -> None:
    at = sampled(town)
    one = town.members[0]
    town.tell("detected", "S0", sampled=at, whom=[one], pooled=False)
    assert town.states(one) == {"N1": "cleared", "N4": "open"}
    town.after(days=2)
    town.tell("", "D1", sampled=town.now, whom=[one], kind=kind, pooled=False)
    assert town.states(one)["N4"] == "cleared"


def test_two_negatives_a_day_apart_end_it_by_the_rule(town: Town) -> None:
    at = sampled(town)
    one = town.members[0]
    town.tell("detected", "S0", sampled=at, whom=[one], pooled=False)
    town.after(days=3).tell("not-detected", "S1", sampled=town.now, whom=[one], pooled=False)
    assert town.states(one)["N4"] == "open"
    town.after(days=1).tell("not-detected", "S2", sampled=town.now, whom=[one], pooled=False)
    assert town.states(one)["N4"] == "cleared"
    assert 1 in town.live(one)


def test_nobody_unknown_or_forgotten_is_written_about(town: Town) -> None:
    at = sampled(town)
    stranger = town.moment.new_id()
    town.tell("retest-required", "R1", sampled=at, whom=[stranger])
    with town.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM evidence WHERE subject_id = :id", id=stranger) == (0,)
        assert tx.one("SELECT COUNT(*) FROM notice WHERE subject_id = :id", id=stranger) == (0,)


def test_results_still_clear_without_a_policy(town: Town) -> None:
    at = sampled(town)
    town.store.write(lambda tx: tx.run("DELETE FROM policy"))
    town.tell("not-detected", "R1", sampled=at)
    assert town.states(town.members[0]) == {"N1": "cleared"}
    town.tell("retest-required", "R2", sampled=at + timedelta(minutes=1))
    notice = town.notice(town.members[0], "N2")
    assert notice.facts[0].what.en == "A tube shared with others needs single tests"
    assert notice.rule.id == "N2"


def test_a_result_that_comes_too_late_restricts_nobody(small_town: Town) -> None:
    town = small_town
    one = town.members[0]
    town.tell("detected", "S0", sampled=town.now, whom=[one], pooled=False)
    with town.store.read() as tx:
        decision = policy.current_decision(tx, town.house.sealer, one)
    for days, opens in ((9, True), (10, False)):
        late = town.evidence(one, "detected", "S1", town.now - timedelta(days=days), pooled=False)
        opening, _ = asked_by(late, [], [], decision, town.mandate.id, town.now)
        assert (opening is not None) == opens
