"""Appeals: the same facts, another person, a clock that nobody stops, and at zero the restriction lifts by itself."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.errors import Conflict, NotAllowed, NotFound, Refusal
from pratique.core.text import Text
from pratique.notices import service
from pratique.notices.appeal import HOUR, next_step, profile, profile_for, second_due
from pratique.notices.model import AppealFile, AppealView
from pratique.people.model import Staff
from tests.notices.town import Town

ANNA = Staff("STAFF-A", "Test Reviewer A", "reviewer")
BEN = Staff("STAFF-B", "Test Reviewer B", "reviewer")


def held(town: Town) -> str:
    """One person is held by a positive pool; the notice's id."""
    town.tell("retest-required", "R1", sampled=town.now, whom=town.members[:1])
    return town.notice(town.members[0], "N2").id


def appeal(town: Town, notice_id: str, text: str = "", whom: int = 0) -> AppealView:
    return town.store.write(
        lambda tx: service.appeal(
            tx, town.moment, town.house, subject_id=town.members[whom], notice_id=notice_id, text=text
        )
    )


def read(town: Town, appeal_id: str, staff: Staff = ANNA) -> AppealFile:
    return town.store.write(lambda tx: service.read_appeal(tx, town.moment, town.house, staff, appeal_id))


def decide(
    town: Town, appeal_id: str, outcome: str, reason: str, staff: Staff = ANNA, answer: str = "see above"
) -> None:
    town.store.write(
        lambda tx: service.decide_appeal(
            tx, town.moment, town.house, staff, appeal_id, outcome=outcome, reason=reason, answer=answer
        )
    )


def outcome_of(town: Town) -> str:
    decision = town.wallet(town.members[0]).decision
    assert decision is not None
    return decision.outcome


def test_it_works(town: Town) -> None:
    """Nobody answers: the restriction lifts at the due time, the decision follows, the pass comes."""
    notice_id = held(town)
    assert outcome_of(town) == "hold"
    opened = appeal(town, notice_id, "我当天在家 <script>alert(1)</script>")
    assert opened.state == "open"
    assert datetime.fromisoformat(opened.due_at) == town.now + timedelta(hours=24)

    town.after(hours=23, minutes=59)
    town.sweep()
    assert town.states(town.members[0])["N2"] == "open"
    town.after(hours=2)
    town.sweep()

    notice = town.notice(town.members[0], "N2")
    assert notice.state == "lifted"
    assert notice.history[-1].at == opened.due_at
    assert "Nobody answered" in notice.history[-1].what.en
    (view,) = town.wallet(town.members[0]).appeals
    assert (view.state, view.outcome) == ("closed", "lifted-by-silence")
    assert outcome_of(town) == "conditions"
    assert town.live(town.members[0]) == [2]


def test_a_later_positive_is_not_covered_by_it(town: Town) -> None:
    appeal(town, held(town))
    town.after(hours=25).sweep()
    town.tell("retest-required", "R9", sampled=town.now, whom=town.members[:1])
    assert town.states(town.members[0])["N2"] == "open"
    assert outcome_of(town) == "hold"


def test_the_reviewer_reads_the_same_facts_and_the_look_is_shown(town: Town) -> None:
    notice_id = held(town)
    seen = town.notice(town.members[0], "N2").facts
    made = appeal(town, notice_id, "please look again")
    town.after(hours=1).tell("not-detected", "X", sampled=town.now - timedelta(days=3), whom=town.members[:1])

    file = read(town, made.id)

    assert file.facts == seen
    assert file.text == "please look again"
    assert file.rule.id == "TR-ZZ-0001"
    (look,) = town.wallet(town.members[0]).looks
    assert look.role == "reviewer"
    assert look.fields == ("reason", "facts_row")
    with town.store.read() as tx:
        (line,) = service.appeals_by_due(tx)
        assert line.reviewer == ANNA.id
        kept = b"".join(bytes(row[0]) for row in tx.all("SELECT sealed_text FROM appeal"))
    assert b"look again" not in kept


def test_other_facts_than_those_of_the_decision_are_never_shown(town: Town) -> None:
    made = appeal(town, held(town))
    town.store.write(lambda tx: tx.run("UPDATE appeal SET facts_hash = :other", other="0" * 64))
    with pytest.raises(ValueError, match="not those the decision was made with"):
        read(town, made.id)


@pytest.mark.parametrize(
    ("outcome", "reason", "state", "then"),
    [
        ("upheld", "FACTS_STAND", "open", "hold"),
        ("changed", "HARDSHIP", "lifted", "conditions"),
        ("withdrawn", "FACT_WRONG", "withdrawn", "conditions"),
    ],
)
def test_an_answer_does_what_it_says(town: Town, outcome: str, reason: str, state: str, then: str) -> None:
    made = appeal(town, held(town))
    town.after(hours=2)
    decide(town, made.id, outcome, reason, answer="您的情况已复核")
    assert town.states(town.members[0])["N2"] == state
    assert outcome_of(town) == then
    (view,) = town.wallet(town.members[0]).appeals
    assert (view.state, view.outcome, view.answer) == ("closed", outcome, "您的情况已复核")
    assert view.reason is not None
    with pytest.raises(Conflict):
        decide(town, made.id, outcome, reason)
    town.after(hours=40).sweep()  # an answered appeal lifts nothing any more; the notice has its own end
    assert town.wallet(town.members[0]).appeals[0].outcome == outcome


def test_nobody_reviews_what_he_decided(town: Town) -> None:
    made = appeal(town, held(town))
    town.store.write(lambda tx: tx.run("UPDATE appeal SET decider = :id", id=ANNA.id))
    for act in (lambda: read(town, made.id), lambda: decide(town, made.id, "upheld", "RULE_STANDS")):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(Exception, match=r"(?i)check"):  # the database says it too
        town.store.write(lambda tx: tx.run("UPDATE appeal SET reviewer = decider"))
    read(town, made.id, BEN)
    with pytest.raises(NotAllowed):  # Ben has it now
        decide(town, made.id, "upheld", "RULE_STANDS", Staff("STAFF-C", "C", "reviewer"))
    with pytest.raises(NotAllowed):
        read(town, made.id, Staff("STAFF-D", "D", "case-worker"))


def test_reasons_fit_the_outcome(small_town: Town) -> None:
    made = appeal(small_town, held(small_town))
    for outcome, reason, answer in (
        ("upheld", "HARDSHIP", "x"),
        ("maybe", "HARDSHIP", "x"),
        ("changed", "HARDSHIP", "  "),
        ("changed", "HARDSHIP", "x" * 8001),
    ):
        with pytest.raises(Refusal):
            decide(small_town, made.id, outcome, reason, answer=answer)


def test_referred_goes_on_with_the_same_clock(town: Town) -> None:
    made = appeal(town, held(town))
    town.after(hours=20)
    decide(town, made.id, "referred", "OTHER_BODY")
    (view,) = town.wallet(town.members[0]).appeals
    assert (view.state, view.due_at) == ("open", made.due_at)
    with pytest.raises(NotAllowed):
        read(town, made.id, ANNA)
    read(town, made.id, BEN)
    town.after(hours=5).sweep()
    assert town.states(town.members[0])["N2"] == "lifted"


def test_a_higher_body_confirms_within_72_hours(town: Town) -> None:
    notice_id = held(town)
    town.store.write(lambda tx: tx.run("UPDATE notice SET clock_profile = 'mo-24-72'"))
    made = appeal(town, notice_id)
    town.after(hours=10)
    decide(town, made.id, "upheld", "FACTS_STAND")
    (view,) = town.wallet(town.members[0]).appeals
    assert view.state == "open"
    assert datetime.fromisoformat(view.due_at) == town.now + timedelta(hours=62)
    with pytest.raises(NotAllowed):
        decide(town, made.id, "upheld", "FACTS_STAND", ANNA)
    decide(town, made.id, "upheld", "FACTS_STAND", BEN)
    assert town.wallet(town.members[0]).appeals[0].state == "closed"


def test_escalation_is_written_down(town: Town) -> None:
    made = appeal(town, held(town))
    levels = []
    for _ in range(4):
        town.after(hours=6).sweep()
        with town.store.read() as tx:
            levels.append([line.level for line in service.appeals_by_due(tx)])
    assert levels == [[0], [1], [1], []]
    with town.store.read() as tx:
        events = tx.all("SELECT what, at FROM appeal_event WHERE appeal_id = :id ORDER BY seq", id=made.id)
    opened = events[0][1]
    assert [(what, (at - opened) / HOUR) for what, at in events] == [
        ("opened", 0.0),
        ("escalated-50", 12.0),
        ("escalated-80", 19.2),
        ("lifted-by-silence", 24.0),
    ]


def test_a_tap_twice_is_one_appeal(town: Town) -> None:
    notice_id = held(town)
    first = appeal(town, notice_id)
    assert appeal(town, notice_id).id == first.id
    with pytest.raises(Conflict):
        appeal(town, notice_id, "and another thing")
    town.after(hours=1)
    decide(town, first.id, "upheld", "FACTS_STAND")
    assert appeal(town, notice_id).outcome == "upheld"  # the same again is answered at once
    assert appeal(town, notice_id, "a new fact: I was abroad").state == "open"


def test_only_ones_own_open_notice(town: Town) -> None:
    notice_id = held(town)
    for notice, whom in ((notice_id, 1), ("0" * 26, 0)):
        with pytest.raises(NotFound):
            appeal(town, notice, whom=whom)
    with pytest.raises(Refusal) as refused:
        appeal(town, notice_id, "很" * 8001)
    assert refused.value.field == "text"
    appeal(town, notice_id, "很" * 8000)
    town.after(days=3).sweep()
    with pytest.raises(Conflict):
        appeal(town, notice_id, "late")


def test_an_appeal_whose_ground_is_gone_closes(town: Town) -> None:
    made = appeal(town, held(town))
    town.after(hours=3).tell("not-detected", "R2", sampled=town.now, whom=town.members[:1], supersedes="R1")
    assert town.states(town.members[0])["N2"] == "replaced"
    (view,) = town.wallet(town.members[0]).appeals
    assert (view.id, view.state, view.outcome) == (made.id, "closed", "withdrawn")


def test_no_fault_stops_the_authoritys_clock(town: Town) -> None:
    made = appeal(town, held(town))
    town.store.write(
        lambda tx: service.declare_fault(tx, town.moment, scope="all", cause="outage", by="rule:probe")
    )
    town.after(hours=24).sweep()
    assert town.wallet(town.members[0]).appeals[0].outcome == "lifted-by-silence"
    assert made.due_at <= town.wallet(town.members[0]).now


@given(st.integers(1, 200))
def test_a_mandates_hours_never_become_more(hours: int) -> None:
    clock = profile_for(hours)
    assert clock.first <= hours
    assert profile(clock.code) == clock
    due = second_due(clock, 0)
    assert due is None or due == 72 * HOUR


@given(st.integers(0, 10**9), st.integers(60_000, 10**9), st.integers(0, 2))
def test_steps_come_in_order(begin: int, span: int, done: int) -> None:
    steps = [next_step(begin, begin + span, n) for n in range(3)]
    assert [step.what for step in steps] == ["escalated-50", "escalated-80", "silence"]
    assert begin <= steps[0].at <= steps[1].at <= steps[2].at == begin + span


def test_what_is_due_ends_when_its_holder_looks(town: Town) -> None:
    """However long the sweep's queue is: the poll itself lifts, and the ETag of before no longer holds."""
    held(town)
    me = town.members[0]
    with town.store.read() as tx:
        before = service.wallet_tag(tx, town.moment, me)
    town.after(hours=48, seconds=1)
    with town.store.read() as tx:
        assert service.wallet_tag(tx, town.moment, me) != before
        assert service.needs_refresh(tx, town.moment, town.house, me)
    town.store.write(lambda tx: service.catch_up(tx, town.moment, town.house, me))
    assert town.states(me)["N2"] == "lifted"


def test_an_emergency_opening_is_told(town: Town) -> None:
    me = town.members[0]
    why, who = Text("unconscious at the door", "门口昏迷"), Text("duty doctor", "值班医生")
    town.store.write(
        lambda tx: service.tell_of_opening(
            tx, town.moment, town.house, subject_id=me, mandate_id=town.mandate.id, who=who, why=why
        )
    )
    notice = town.notice(me, "N7")
    assert notice.facts[0].what.zh_hans == "紧急打开：门口昏迷"
    assert notice.facts[0].source == who
    town.store.write(lambda tx: service.note(tx, town.moment, "read", notice_id=notice.id, subject_id=me))
    assert town.states(me)["N7"] == "cleared"
