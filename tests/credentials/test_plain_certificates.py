"""The short look at plain certificates lets nothing through that the schema or the tidying would not leave as it is."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from fuzz.mutate import replaced

from pratique.credentials import dcc
from pratique.credentials.cbor import encode
from tests.credentials.vectors.parts import certificate, recovered, sampled

KINDS = {"v": certificate(), "t": sampled(), "r": recovered()}
TEXTS = (
    " x",
    "x\n",
    "x" * 50,
    "x" * 51,
    "x" * 80,
    "x" * 81,
    "at",
    "AT1",
    "A T",
    "1",
    "É",
    "ＡＴ",
    "",
    "1998-2-26",
)
BIRTHS = (
    "1998",
    "1998-02",
    "1998-02-26",
    "1998-02-26T",
    "2998",
    "199",
    "1998-",
    "1998-02-2６",
    "19 8-02-26",
    "",
)
NUMBERS = (0, 1, 9, 10, 1 << 30, (1 << 30) + 1, -1, True, 1.0, 2.5)


def changed() -> Iterator[dict[str, Any]]:
    """Every field of every type with every odd value, in every version, and much that chance changed."""
    for version in (*dcc.VERSIONS, "1.3", "1.4.0", 1, None):
        for kind, whole in KINDS.items():
            base = whole | {"ver": version}
            yield base
            for field in whole[kind][0]:
                for value in (*TEXTS, *NUMBERS, None, b"x", ["x"]):
                    yield base | {kind: [whole[kind][0] | {field: value}]}
                yield base | {kind: [{name: item for name, item in whole[kind][0].items() if name != field}]}
            for field in ("fn", "fnt", "gn", "gnt", "x"):
                for value in (*TEXTS, *NUMBERS, "A<B", None):
                    yield base | {"nam": whole["nam"] | {field: value}}
            for birth in (*BIRTHS, *TEXTS, *NUMBERS):
                yield base | {"dob": birth}
            for listed in ([], [{}], {}, "x", whole[kind] * 2, tuple(whole[kind]), {"a": whole[kind][0]}):
                yield base | {kind: listed}
    chance = Random(3)
    for _ in range(20_000):
        made = replaced(chance.choice([*KINDS.values()]), chance)
        if type(made) is dict:
            yield made


def test_it_works() -> None:
    assert [dcc.plain_kind(whole) for whole in KINDS.values()] == ["v", "t", "r"]


def test_what_is_plain_is_tidy_and_follows_its_schema() -> None:
    plain = other = 0
    for content in changed():
        kind = dcc.plain_kind(content)
        if kind:
            plain += 1
            assert dcc.tidy(content) == content
            assert dcc.schema_fault(content) is None, content
            assert dcc.types_of(content) == (kind,)
            assert dcc.plain_cbor(content) == encode(content)
        else:
            other += 1
    assert plain > 1000
    assert other > 5000


@pytest.mark.parametrize("kind", KINDS)
def test_the_usual_certificate_is_plain(kind: str) -> None:
    """Else the short way would be of no use."""
    for version in ("1.0.0", "1.2.1", "1.3.0", "1.3.3"):
        assert dcc.plain_kind(KINDS[kind] | {"ver": version}) == kind
