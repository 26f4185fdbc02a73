"""base45 is RFC 9285 to the letter: its examples, its refusals, and one text for every byte string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.credentials import base45
from pratique.credentials.reasons import BadText


def test_it_works() -> None:
    """RFC 9285 sections 4.3 and 4.4."""
    for plain, text in (
        (b"AB", "BB8"),
        (b"Hello!!", "%69 VD92EX0"),
        (b"base-45", "UJCLQE7W581"),
        (b"ietf!", "QED8WEX0"),
    ):
        assert base45.encode(plain) == text
        assert base45.decode(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "GGW",
        ":::",
        "::",
        "A",
        "ABCD",
        "ab0",
        "BB8é",
        "BB8\n",
        "B\u00a0B",
        "V5",
        "00\U0001f600",
        "a00",
        "0a0",
        "00a",
    ],
)
def test_what_no_encoder_writes_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        base45.decode(text)


@given(st.binary(max_size=600))
def test_every_byte_string_comes_back(raw: bytes) -> None:
    assert base45.decode(base45.encode(raw)) == raw


@given(st.text(alphabet=base45.ALPHABET.decode() + "a~", max_size=60))
def test_a_text_that_decodes_is_the_one_text_of_its_bytes(text: str) -> None:
    try:
        raw = base45.decode(text)
    except BadText:
        return
    assert base45.encode(raw) == text
