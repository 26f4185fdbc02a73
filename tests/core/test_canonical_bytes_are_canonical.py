"""RFC 8785 and RFC 8949 §4.2.1: one form, whatever the order it was written in."""

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.canonical import canonical_cbor, canonical_json, strict_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def test_it_works() -> None:
    # RFC 8785 §3.2.3: sorting is by UTF-16 code units, so the smiley (D83D …) comes before U+FB33.
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}

    assert canonical_json(value).decode() == (
        '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'
    )


def test_escapes_are_the_shortest() -> None:
    # RFC 8785 §3.2.2.2: only what must be escaped is, with the short form where there is one.
    assert (
        canonical_json("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/")
        == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    )


def test_structs_are_written_as_on_the_wire() -> None:
    class Thing(msgspec.Struct, rename="camel"):
        b_c: int
        a: str

    assert canonical_json(Thing(1, "x")) == b'{"a":"x","bC":1}'


@given(PLAIN)
def test_reading_back_gives_the_same_and_writing_again_the_same_bytes(value: object) -> None:
    raw = canonical_json(value)

    assert strict_json(raw) == value
    assert canonical_json(strict_json(raw)) == raw


@pytest.mark.parametrize("value", [1.5, {"a": 2**60}, {1: 2}])
def test_what_readers_disagree_on_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


@pytest.mark.parametrize("raw", [b'{"a":1,"a":2}', b"NaN", b'"\xff"', b"[" * 100_000, b""])
def test_strict_json_refuses(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json(raw)


@given(PLAIN)
def test_cbor_is_what_an_independent_reader_reads(value: object) -> None:
    assert cbor2.loads(canonical_cbor(value)) == value


def test_cbor_keys_are_sorted_bytewise_and_forms_are_short() -> None:
    # RFC 8949 §4.2.1 example order: 10, 100, -1, "z", "aa", [100], [-1], false
    value = {"aa": 5, 100: 2, -1: 3, "z": 4, 10: 1, False: 8}

    assert canonical_cbor(value).hex() == "a60a011864022003617a0462616105f408"
