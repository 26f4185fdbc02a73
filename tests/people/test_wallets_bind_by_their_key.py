"""A wallet proves its key; challenges and tokens need no table and cannot be bent."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.binding import check_binding, check_challenge, from_b64, make_challenge, to_b64
from pratique.people.tokens import make_token, read_token
from pratique.store.store import Store
from tests.people.keys import new_key, point, sign

SECRET = b"s" * 32


def bind(store: Store, moment: Moment, key=None, challenge=None, prefix="pratique-bind\n"):
    key = key or new_key()
    challenge = challenge or make_challenge(SECRET, moment)
    signature = sign(key, prefix + challenge)
    return store.write(
        lambda tx: service.bind_wallet(
            tx, moment, SECRET, public_key=point(key), challenge=challenge, signature=signature
        )
    )


def test_it_works(store: Store, moment: Moment) -> None:
    key = new_key()
    first = bind(store, moment, key)
    again = bind(store, moment, key)

    assert first.fresh
    assert not again.fresh
    assert first.subject_id == again.subject_id
    assert service.holder_of(SECRET, again.token, moment.now) == first.subject_id
    with store.read() as tx:
        assert service.holder_keys(tx, first.subject_id) == [point(key)]
        assert service.subject_of_key(tx, point(key)) == first.subject_id


def test_another_key_is_another_subject(sqlite_store: Store, moment: Moment) -> None:
    assert bind(sqlite_store, moment).subject_id != bind(sqlite_store, moment).subject_id


@pytest.mark.parametrize("late", [timedelta(minutes=5), timedelta(days=1), timedelta(seconds=-1)])
def test_a_challenge_is_good_for_five_minutes(moment: Moment, late: timedelta) -> None:
    challenge = make_challenge(SECRET, moment)
    check_challenge(SECRET, challenge, moment.now + timedelta(minutes=4, seconds=59))

    with pytest.raises(Refusal) as refused:
        check_challenge(SECRET, challenge, moment.now + late)
    assert refused.value.code == "CHALLENGE_OLD"


def test_a_challenge_of_another_server_is_refused(moment: Moment) -> None:
    with pytest.raises(Refusal):
        check_challenge(b"t" * 32, make_challenge(SECRET, moment), moment.now)


def test_the_signature_covers_the_prefix_and_the_challenge(sqlite_store: Store, moment: Moment) -> None:
    with pytest.raises(Refusal) as refused:
        bind(sqlite_store, moment, prefix="something-else\n")
    assert refused.value.field == "signature"


def test_a_point_off_the_curve_is_refused(moment: Moment) -> None:
    challenge = make_challenge(SECRET, moment)
    with pytest.raises(Refusal) as refused:
        check_binding(b"\x04" + bytes(63) + b"\x01", challenge, bytes(64))
    assert refused.value.field == "public_key"


@given(st.integers(0, 63), st.integers(1, 255))
def test_any_changed_byte_of_a_signature_is_refused(at: int, flip: int) -> None:
    key = new_key()
    signature = bytearray(sign(key, "pratique-bind\nabc"))
    check_binding(point(key), "abc", bytes(signature))
    signature[at] ^= flip

    with pytest.raises(Refusal):
        check_binding(point(key), "abc", bytes(signature))


@given(st.binary(min_size=1, max_size=80))
def test_base64url_has_one_form(raw: bytes) -> None:
    text = to_b64(raw)

    assert from_b64(text, len(raw), "x") == raw
    for other in (text + "=", " " + text, text + "\n", "ä" + text):
        with pytest.raises(Refusal):
            from_b64(other, len(raw), "x")


def test_a_token_dies_at_its_time_and_serves_one_kind(moment: Moment) -> None:
    subject = moment.new_id()
    ends = moment.now + timedelta(hours=1)
    token = make_token(SECRET, "holder", subject, ends)

    assert read_token(SECRET, "holder", token, ends - timedelta(seconds=1)) == subject
    assert read_token(SECRET, "holder", token, ends) is None
    assert read_token(SECRET, "gate", token, moment.now) is None
    assert read_token(b"t" * 32, "holder", token, moment.now) is None


@given(st.text(max_size=90))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    from tests.conftest import START

    assert read_token(SECRET, "holder", text, START) is None


@given(st.integers(0, 69), st.characters(codec="ascii"))
def test_a_changed_token_is_no_token(at: int, other: str) -> None:
    from tests.conftest import START

    token = make_token(SECRET, "holder", "0" * 25 + "7", START + timedelta(days=1))
    changed = token[:at] + other + token[at + 1 :]
    assert read_token(SECRET, "holder", changed, START) == ("0" * 25 + "7" if changed == token else None)
