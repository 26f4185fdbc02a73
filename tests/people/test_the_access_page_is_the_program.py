"""docs/access.md holds exactly the tables the program decides by; the chain hashes what canonical CBOR says."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pratique.core.canonical import canonical_cbor
from pratique.people.looks import entry_bytes
from pratique.people.matrix import field_rows, matrix, reach_rows

DOC = Path(__file__).parents[2] / "docs" / "access.md"


def test_it_works() -> None:
    assert matrix() in DOC.read_text(encoding="utf-8"), "run: python -m pratique.people.matrix"


def test_every_combination_stands_in_it_once() -> None:
    assert len(set(reach_rows())) == len(reach_rows())
    assert len(set(field_rows())) == len(field_rows())


NUMBER, TEXT, RAW = st.integers(0, 2**62), st.text(max_size=400), st.binary(max_size=400)


@given(st.tuples(NUMBER, NUMBER, TEXT, TEXT, TEXT, TEXT, TEXT, RAW, TEXT, RAW))
def test_an_entry_is_hashed_over_its_canonical_bytes(row: tuple[int | str | bytes, ...]) -> None:
    keys = ("n", "at", "who", "role", "purpose", "action", "mandate", "subject", "fields", "prev")
    assert entry_bytes(row) == canonical_cbor(dict(zip(keys, row, strict=True)))
