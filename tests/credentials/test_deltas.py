"""GDIFF: whatever two files are, the delta makes one of the other, byte for byte; anything else is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.credentials import gdiff

# The opcodes of the W3C note, by hand: copies of every width, and data of one, two and four bytes of length.
BY_HAND = b"".join(
    (
        gdiff.MAGIC, b"\x02XY", b"\xf7\x00\x01Z", b"\xf8\x00\x00\x00\x01!",
        b"\xf9\x00\x01\x02", b"\xfa\x00\x00\x00\x01",
        b"\xfb\x00\x02\x00\x00\x00\x01", b"\xfc\x00\x00\x00\x03\x01", b"\xfd\x00\x00\x00\x03\x00\x01",
        b"\xfe\x00\x00\x00\x03\x00\x00\x00\x01", b"\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02", b"\x00",
    )
)  # fmt: skip
MADE = b"XYZ!bcacdddab"


def test_it_works() -> None:
    old = bytes(range(256)) * 40
    new = old[:3000] + b"something new" + old[3500:]
    delta = gdiff.make(old, new)

    assert gdiff.apply(old, delta, len(new)) == new
    assert len(delta) < 60


def test_every_command_of_the_note_is_read() -> None:
    assert gdiff.apply(b"abcd", BY_HAND, 100) == MADE


@given(st.lists(st.binary(max_size=90), max_size=8), st.data())
def test_any_file_from_any_file(parts: list[bytes], data: st.DataObject) -> None:
    old = b"".join(parts)
    new = b"".join(
        data.draw(st.lists(st.sampled_from([*parts, b"x" * 40, b""]) | st.binary(max_size=300), max_size=9))
    )

    assert gdiff.apply(old, gdiff.make(old, new), len(new)) == new


@pytest.mark.parametrize("length", [0, 1, 246, 247, 65_535, 65_536])
def test_every_length_of_data(length: int) -> None:
    new = bytes(n * 7 % 251 for n in range(length))
    assert gdiff.apply(b"", gdiff.make(b"", new), length) == new


@given(st.binary(max_size=60))
def test_nothing_but_bad_delta_comes_of_junk(junk: bytes) -> None:
    for delta in (junk, gdiff.MAGIC + junk):
        with suppress(gdiff.BadDelta):
            assert len(gdiff.apply(b"abcd", delta, 1000)) <= 1000


def test_a_delta_is_whole_and_within_bounds() -> None:
    for cut in range(len(BY_HAND)):
        with pytest.raises(gdiff.BadDelta):
            gdiff.apply(b"abcd", BY_HAND[:cut], 100)
    for delta in (BY_HAND + b"\x00", b"\x00" + BY_HAND):
        with pytest.raises(gdiff.BadDelta):
            gdiff.apply(b"abcd", delta, 100)
    with pytest.raises(gdiff.BadDelta):
        gdiff.apply(b"abc", BY_HAND, 100)
    with pytest.raises(gdiff.BadDelta):
        gdiff.apply(b"abcd", BY_HAND, len(MADE) - 1)


@pytest.mark.parametrize(
    ("field", "wants"),
    [("gdiff", True), ("vcdiff, gdiff;q=0.5", True), ("gdiff;q=0", False), ("vcdiff", False), ("", False)],
)
def test_who_asks_for_a_delta(field: str, wants: bool) -> None:
    assert gdiff.wants_delta(field) is wants
