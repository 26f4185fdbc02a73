"""The verifier answers every case of `tests/vectors/credentials.json` as the file says; so must every twin."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pratique.credentials import REASONS, read_bundle
from pratique.credentials.jose import unb64url
from tests.credentials.vectors.document import PATH, document, outcome_of, snapshot_of
from tests.credentials.vectors.parts import AT

FILE: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
TRUST = {name: snapshot_of(plain) for name, plain in FILE["trust"].items()}


def test_it_works() -> None:
    for case in FILE["cases"]:
        assert outcome_of(case, TRUST[case["trust"]]) == case["expected"], case["id"]


def test_it_works_again_with_what_the_snapshots_have_seen() -> None:
    """Envelopes that are known by now must not change an answer."""
    for case in reversed(FILE["cases"]):
        assert outcome_of(case, TRUST[case["trust"]]) == case["expected"], case["id"]


@pytest.mark.parametrize("part", ["trust", "cases"])
def test_the_file_is_what_its_makers_make(part: str) -> None:
    """All but the texts: another build of zlib may compress otherwise."""
    made = document()[part]
    if part == "trust":
        assert {name: _inflated(plain) for name, plain in made.items()} == {
            name: _inflated(plain) for name, plain in FILE[part].items()
        }
    else:
        for row in (*made, *FILE[part]):
            row.pop("text", None)
        assert made == FILE[part], "run: python -m tests.credentials.vectors"


def _inflated(plain: dict[str, Any]) -> dict[str, Any]:
    return plain | {"status": [row | {"lst": None} for row in plain["status"]]}


def test_the_signed_file_is_the_snapshot_it_names() -> None:
    signed = FILE["signed"]
    now = datetime.fromtimestamp(AT, UTC)
    made = read_bundle(unb64url(signed["file"]), [unb64url(signed["root"])], 1, 7, now)

    assert msgspec.to_builtins(made.bundle) == msgspec.to_builtins(TRUST[signed["trust"]].bundle)


def test_every_reason_of_a_verification_has_a_case() -> None:
    """The rest are of trust lists, pictures, or a gate's memory."""
    elsewhere = {
        "BAD_TRUST",
        "ROLLBACK",
        "LIST_EXPIRED",
        "PRIVATE_KEY",
        "UNREADABLE",
        "PROOF_REPLAYED",
        "CODE_UNKNOWN",
    }
    found = {case["expected"]["reason"] for case in FILE["cases"]}

    assert REASONS.keys() - found == elsewhere
