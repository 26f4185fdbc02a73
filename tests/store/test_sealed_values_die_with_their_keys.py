"""Sealing: right place opens, moved or changed does not, and each of the three secrets kills the value."""

import pytest

from pratique.core.errors import Destroyed
from pratique.store.sealing import Place, Sealer

PLACE = Place("contact_card", "sealed", "R1", "M1", "2026-01-05", "S1")


def test_it_works(sealer: Sealer) -> None:
    sealed = sealer.seal(PLACE, b"planted name")

    assert sealer.open(PLACE, sealed) == b"planted name"
    assert b"planted" not in sealed


@pytest.mark.parametrize("field", ["table", "column", "row", "mandate", "day", "subject"])
def test_a_value_cannot_be_moved(sealer: Sealer, field: str) -> None:
    other = PLACE._replace(**{field: "other"})
    sealer.seal(other, b"so that its keys exist")

    with pytest.raises(ValueError, match="changed or moved"):
        sealer.open(other, sealer.seal(PLACE, b"planted name"))


def test_a_changed_bit_is_noticed(sealer: Sealer) -> None:
    sealed = bytearray(sealer.seal(PLACE, b"planted name"))
    sealed[-1] ^= 1

    with pytest.raises(ValueError, match="changed or moved"):
        sealer.open(PLACE, bytes(sealed))


@pytest.mark.parametrize("gone", [("mandate", "M1"), ("day", "M1", "2026-01-05"), ("subject", "M1", "S1")])
def test_any_one_secret_destroyed_and_it_is_gone(sealer: Sealer, gone: tuple[str, ...]) -> None:
    sealed = sealer.seal(PLACE, b"planted name")
    del sealer._secrets.kept[gone]

    with pytest.raises(Destroyed):
        sealer.open(PLACE, sealed)


def test_a_blind_index_is_keyed_per_mandate_and_kind(sealer: Sealer) -> None:
    one = sealer.blind_index("M1", "phone", "000 0000")

    assert one == sealer.blind_index("M1", "phone", "000 0000")
    assert one != sealer.blind_index("M2", "phone", "000 0000")
    assert one != sealer.blind_index("M1", "claim", "000 0000")


def test_a_sealer_for_one_use_seals_and_opens_the_same(sealer: Sealer) -> None:
    place = Place("evidence", "body", "row", "mandate", "2026-01-05", "subject")
    once = sealer.for_one_use()

    assert sealer.open(place, once.seal(place, b"a")) == b"a"
    assert once.open(place, sealer.seal(place, b"b")) == b"b"
    assert once.open(place, once.seal(place, b"c")) == b"c"
    with pytest.raises(ValueError, match="changed or moved"):
        once.open(place._replace(row="other"), once.seal(place, b"d"))
