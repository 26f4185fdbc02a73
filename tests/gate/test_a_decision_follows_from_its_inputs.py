"""decide: text, time, grade of the clock, lists, memory → one of the closed list. Nothing that attacks is admitted."""

import secrets
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credentials.making import es256
from tests.gate.making import HOLDER, NOW, a_pass, loaded, pass_bytes, revoked, show

from pratique.credentials import pq1
from pratique.credentials.reasons import REASONS
from pratique.fleet import model as fleet
from pratique.gate import texts
from pratique.gate.decide import PAIR_OF, Judged, decide
from pratique.gate.lists import Loaded
from pratique.gate.memory import Memory
from pratique.gate.model import AMBER, OPENS, PAIRS, STATES, STOPS, FailTable, Grade

LISTS = loaded()
DEFAULT = FailTable()
HOUR = timedelta(hours=1)


def judge(
    text: str,
    lists: Loaded = LISTS,
    now=NOW,
    grade: Grade = "good",
    fail=DEFAULT,
    before=lambda _: False,
) -> tuple[str, str]:
    decision = judged(text, lists, now, grade, fail, before).decision
    return decision.outcome, decision.reason


def judged(
    text: str, lists: Loaded = LISTS, now=NOW, grade="good", fail=DEFAULT, before=lambda _: False
) -> Judged:
    return decide(text, now, grade, lists, fail, before)


def test_it_works() -> None:
    found = judged(a_pass())

    assert (found.decision.outcome, found.decision.reason) == ("clear", "pass")
    assert found.decision.snapshot == 7
    assert found.replay
    assert found.window == 360


def test_class_two_enters_with_a_condition_and_paper_says_so() -> None:
    assert judge(a_pass(pass_class=pq1.CONDITIONS)) == ("conditions", "pass")
    assert judge(pq1.paper(pass_bytes(holder_key=None, issued=NOW - HOUR, expires=NOW + 20 * 24 * HOUR))) == (
        "clear",
        "paper",
    )
    assert judge(pq1.paper(pass_bytes(holder_key=None)), loaded(paper=False)) == ("hold", "policy")


@pytest.mark.parametrize(
    "text", ["", " ", "x", "PQ1:", "PQ1:%%%", "HC1:" + "A" * 9000, "HC1:6BF", "HC2:AAA", "shc:/1", "GREEN",
             "WIFI:T:WPA;;", "PQ1:" + "A" * 3000, "\ud800", "通行"],
)  # fmt: skip
def test_what_is_no_pass_is_unreadable(text: str) -> None:
    assert judge(text) == ("see_staff", "unreadable")


def test_a_pass_that_ran_out_is_held() -> None:
    text = a_pass(expires=NOW - timedelta(minutes=1))

    assert judge(text) == ("hold", "expired")
    assert judge(text, grade="lower_bound") == ("hold", "expired")


def test_a_revoked_pass_is_held() -> None:
    assert judge(a_pass(status=(1, 5)), loaded(status=(revoked(5),))) == ("hold", "revoked")
    assert judge(a_pass(status=(2, 5))) == ("see_staff", "stale")


def test_a_stranger_an_altered_and_an_unsigned_pass_go_to_staff() -> None:
    credential = pass_bytes()
    stranger = pass_bytes(signer=es256())
    altered = bytearray(credential)
    altered[-1] ^= 1

    assert judge(show(stranger)) == ("see_staff", "unknown_issuer")
    assert judge(show(bytes(altered))) == ("see_staff", "bad_signature")
    assert judge(pq1.paper(credential)) == ("see_staff", "bad_signature")
    assert judge(show(credential, by=es256())) == ("see_staff", "bad_signature")
    assert judge(pq1.present(credential, int(NOW.timestamp()), bytes(64))) == ("see_staff", "bad_signature")


def test_a_picture_of_a_pass_is_too_old_after_three_minutes() -> None:
    for seconds in (-181, 181, 3600, 80_000):
        assert judge(a_pass(at=NOW - timedelta(seconds=seconds))) == ("see_staff", "clock")
    for seconds in (-180, 0, 180):
        assert judge(a_pass(at=NOW - timedelta(seconds=seconds))) == ("clear", "pass")


def test_the_same_showing_is_taken_once() -> None:
    memory = Memory(secrets.token_bytes(32))
    credential = pass_bytes()
    first = judged(show(credential), before=memory.shown_before)
    memory.take(first.replay, 0, first.window)

    # ECDSA gives another signature each time: what counts is what was signed.
    assert judge(show(credential), before=memory.shown_before) == ("see_staff", "clock")
    assert judge(show(credential, NOW + timedelta(seconds=15)), before=memory.shown_before) == (
        "clear",
        "pass",
    )
    memory.give_back(first.replay)
    assert judge(show(credential), before=memory.shown_before) == ("clear", "pass")


def test_a_clock_that_is_a_day_off_never_admits_what_ran_out() -> None:
    day = timedelta(days=1)
    ended = a_pass(NOW - day - 2 * HOUR)  # ran out three hours ago

    # A day behind, the floor holds: the newest signed list is an hour old.
    assert judge(ended, grade="bad", now=NOW - HOUR) == ("hold", "expired")
    assert judge(a_pass(), grade="bad", now=NOW - HOUR) == ("see_staff", "clock")
    # A day ahead, unconfirmed: the phone says otherwise, so it may be ours.
    assert judge(a_pass(), grade="lower_bound", now=NOW + day) == ("see_staff", "clock")
    # A day ahead and confirmed: it is an old picture of an old pass.
    assert judge(a_pass(), grade="good", now=NOW + day) == ("hold", "expired")


def test_with_a_bad_clock_the_mandate_may_admit_what_had_not_ended_at_the_floor() -> None:
    admit = FailTable(clock="admit")
    floor = NOW - 2 * HOUR

    assert judge(a_pass(), grade="bad", now=floor, fail=admit) == ("clear", "pass")
    assert judge(a_pass(NOW - 2 * 24 * HOUR), grade="bad", now=floor, fail=admit) == ("hold", "expired")
    assert judge(show(pass_bytes(), by=es256()), grade="bad", now=floor, fail=admit) == (
        "see_staff",
        "bad_signature",
    )


@pytest.mark.parametrize(
    ("action", "pair"), [("admit", ("clear", "pass")), ("see-staff", ("see_staff", "stale"))]
)
def test_stale_lists_do_what_the_mandate_says(action: str, pair: tuple[str, str]) -> None:
    later = NOW + timedelta(days=3)

    assert LISTS.stale(later)
    assert judge(a_pass(later), now=later, fail=FailTable(stale=action)) == pair
    assert judge(a_pass(NOW), now=later, fail=FailTable(stale=action)) == ("hold", "expired")


def test_every_reason_of_the_verifier_has_its_place_in_the_closed_list() -> None:
    assert set(PAIR_OF) == set(REASONS)
    assert set(PAIR_OF.values()) <= set(PAIRS)
    assert not any(outcome in OPENS for outcome, _ in PAIR_OF.values())


def test_everything_the_gate_can_say_is_said_in_both_languages() -> None:
    assert set(texts.REASONS) == set(PAIRS)
    assert set(texts.STATES) == set(STATES)
    assert set(texts.FAULTS) == STOPS | AMBER


def test_server_and_gate_count_the_same_things() -> None:
    assert set(PAIRS) == fleet.PAIRS
    assert STOPS | AMBER == fleet.ALARMS
    assert len(PAIRS) <= 13


GOOD = a_pass()


@settings(max_examples=300, deadline=None)
@given(st.integers(4, len(GOOD) - 1), st.characters(min_codepoint=32, max_codepoint=126))
def test_one_changed_character_never_opens(place: int, character: str) -> None:
    text = GOOD[:place] + character + GOOD[place + 1 :]

    if text != GOOD:
        assert judge(text)[0] == "see_staff"


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=300)
    | st.text(max_size=300).map("PQ1:".__add__)
    | st.text(max_size=300).map("HC1:".__add__)
)
def test_no_text_at_all_raises_or_opens(text: str) -> None:
    assert judge(text)[0] == "see_staff"


def test_nothing_of_the_code_stands_in_a_decision() -> None:
    text = a_pass()
    found = judged(text)

    for part in (text[10:26], text[60:76], HOLDER.public_key.hex()[:16]):
        assert part not in repr(found.decision)
