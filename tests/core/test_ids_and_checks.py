"""Ids, check characters, moments, mandates: the words everything else is built from."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.check37 import CHARACTERS, check_character, is_checked
from pratique.core.ids import decode_id, encode_id, is_id, tidy_typed
from pratique.core.mandate import Kept, Mandate
from pratique.core.moment import Moment, from_ms, rfc3339, to_ms
from pratique.core.text import Text


def test_it_works() -> None:
    assert encode_id(bytes(16)) == "0" * 26
    assert encode_id(b"\xff" * 16) == "7" + "Z" * 25


@given(st.binary(min_size=16, max_size=16))
def test_an_id_comes_back(raw: bytes) -> None:
    assert decode_id(encode_id(raw)) == raw


@pytest.mark.parametrize("text", ["", "0" * 25, "8" + "0" * 25, "0" * 25 + "U", "0" * 25 + "l"])
def test_what_is_not_an_id_is_refused(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(ValueError, match="26 characters"):
        decode_id(text)


def test_typed_text_is_read_as_meant() -> None:
    assert tidy_typed(" tio-o1 l") == "T10011"


@pytest.mark.parametrize(
    ("text", "check"),
    [("T0000000001", "S"), ("T7MZD5HY532", "T"), ("TE9K0TQ8XK0", "A"), ("A12425GABC1234002", "M")],
)
def test_check_characters_of_the_standard(text: str, check: str) -> None:
    assert check_character(text) == check
    assert is_checked(text + check)


@given(st.text(CHARACTERS, min_size=11, max_size=11), st.integers(0, 10), st.sampled_from(CHARACTERS))
def test_every_single_error_is_seen(text: str, place: int, other: str) -> None:
    good = text + check_character(text)
    bad = good[:place] + other + good[place + 1 :]

    assert is_checked(bad) == (bad == good)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))
def test_a_time_survives_the_table(at: datetime) -> None:
    at = at.replace(tzinfo=UTC)

    assert abs(from_ms(to_ms(at)) - at) < timedelta(milliseconds=1)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_ms(datetime(2026, 1, 5))


def test_a_moment_is_one_time_and_fresh_ids(moment: Moment) -> None:
    assert rfc3339(moment.now) == "2026-01-05T00:00:00Z"
    assert moment.new_id() != moment.new_id()


def test_a_mandate_is_in_force_from_start_to_end_and_not_a_second_longer() -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    mandate = Mandate(
        id="0" * 26, purpose=Text("p", "目的"), issuer=Text("i", "机关"), unlocks=frozenset({"gate"}),
        data=(Kept("result", 14),), start=start, end=start + timedelta(days=7), grace_hours=24,
        appeal_office=Text("o", "办公室"), appeal_hours=24,
    )  # fmt: skip
    second = timedelta(seconds=1)

    assert not mandate.in_force(start - second)
    assert mandate.in_force(start, "gate")
    assert not mandate.in_force(start, "campaign")
    assert mandate.in_force(mandate.end - second)
    assert not mandate.in_force(mandate.end)
    assert mandate.destroys_at() == mandate.end + timedelta(hours=24)
