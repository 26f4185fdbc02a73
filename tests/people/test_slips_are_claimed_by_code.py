"""Paper works at each step: a slip names its subject, its code opens it, and the code itself is nowhere."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.errors import NotFound, Refusal
from pratique.core.ids import encode_id
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.slip import make_code, read_shown, slip_text, tidy_code, wallet_text
from pratique.store.store import Store
from tests.conftest import START

SECRET = b"s" * 32


def test_it_works(store: Store, moment: Moment) -> None:
    subject = store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    code = store.write(lambda tx: service.make_claim_code(tx, moment, SECRET, subject))

    with store.read() as tx:
        assert service.subject_of_code(tx, moment.now, SECRET, code) == subject
        assert service.holder_keys(tx, subject) == []
    shown = read_shown(slip_text(subject, code))
    assert shown == (subject, code)


def test_only_the_keyed_hash_is_kept(sqlite_store: Store, moment: Moment) -> None:
    subject = sqlite_store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    code = sqlite_store.write(lambda tx: service.make_claim_code(tx, moment, SECRET, subject))

    with sqlite_store.read() as tx:
        kept = repr(tx.all("SELECT * FROM claim_code"))
        assert code not in kept
        with pytest.raises(NotFound):
            service.subject_of_code(tx, moment.now, b"t" * 32, code)


def test_a_code_ends(sqlite_store: Store, moment: Moment) -> None:
    subject = sqlite_store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    code = sqlite_store.write(lambda tx: service.make_claim_code(tx, moment, SECRET, subject))

    with sqlite_store.read() as tx, pytest.raises(NotFound):
        service.subject_of_code(tx, moment.now + timedelta(days=90), SECRET, code)


def test_a_code_is_read_as_people_type_it(moment: Moment) -> None:
    code = make_code(moment)

    assert tidy_code(f" {code[:5].lower()}-{code[5:].lower()} ") == code
    assert tidy_code(code.replace("0", "O").replace("1", "l")) == code


@given(
    st.binary(min_size=10, max_size=10),
    st.integers(0, 10),
    st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"),
)
def test_one_wrong_character_is_noticed(raw: bytes, at: int, other: str) -> None:
    code = make_code(Moment(START, lambda n: raw[:n]))
    typed = code[:at] + other + code[at + 1 :]
    if typed != code:
        with pytest.raises(Refusal) as refused:
            tidy_code(typed)
        assert typed not in str(refused.value)


@given(st.binary(min_size=10, max_size=10))
def test_no_character_of_a_code_looks_like_another(raw: bytes) -> None:
    code = make_code(Moment(START, lambda n: raw[:n]))
    assert len(code) == 11
    assert not set("ILOU") & set(code)
    assert tidy_code(code) == code


@given(st.binary(min_size=16, max_size=16))
def test_a_wallet_shows_its_subject(raw: bytes) -> None:
    subject = encode_id(raw)
    text = wallet_text(subject)

    assert read_shown(text) == (subject, None)
    for wrong in (text[:-1], text + "0", text.lower(), "PQS2:" + text[5:], "", text[:10] + "-" + text[11:]):
        with pytest.raises(Refusal):
            read_shown(wrong)
