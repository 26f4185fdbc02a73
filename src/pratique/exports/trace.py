"""Whose copy leaked: compare the bits read from some rows with what each copy would show. Pure.

A copy is named only where chance could have made such a match among all copies with a probability below `ACCUSE_BELOW`
(the binomial tail at one half, times the number of copies). Rows of two receivers mixed lower both scores: then nobody
is named. A canary names its copy outright: 80 keyed bits do not come about by chance.
"""

import hmac
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from math import comb
from typing import NamedTuple

from pratique.exports.marks import BITS, Observed, bits_of, canary, distinct

ACCUSE_BELOW = 9e-7
ENOUGH = 20  # rows; fewer may still name somebody, but a test of the promise starts here


class Copy(NamedTuple):
    """A copy that was made, with the seed of its marks."""

    id: str
    seed: bytes


class Verdict(NamedTuple):
    """`copy_id` empty: nobody is named, and `why` says why. `chance`: how often innocence would look like this."""

    copy_id: str
    rows: int
    bits: int
    matching: int
    chance: float
    why: str


def trace(copies: Sequence[Copy], found: Sequence[Observed]) -> Verdict:
    """The copy these rows come from, or why nobody is named."""
    rows = distinct(found)
    if not rows or not copies:
        return Verdict(
            "", len(rows), 0, 0, 1.0, "no row of an export was found" if copies else "no copy was made"
        )
    names = {row.pseudonym for row in rows}
    for copy in copies:
        if canary(copy.seed) in names:
            return Verdict(copy.id, len(rows), BITS * 20, BITS * 20, 2.0**-80 * len(copies), "its canary row")
    total = sum(len(row.bits) for row in rows)
    scores = sorted(((score(copy.seed, rows), copy.id) for copy in copies), reverse=True)
    best, copy_id = scores[0]
    chance = min(1.0, tail(total, best) * len(copies))
    if chance >= ACCUSE_BELOW:
        more = "these rows are too few or come from several copies: find more rows"
        return Verdict("", len(rows), total, best, chance, more)
    if len(scores) > 1 and min(1.0, tail(total, scores[1][0]) * len(copies)) < ACCUSE_BELOW:
        return Verdict("", len(rows), total, best, chance, "two copies fit: there is no single source")
    return Verdict(copy_id, len(rows), total, best, chance, "the marks of its rows")


def score(seed: bytes, rows: Sequence[Observed]) -> int:
    """How many of the bits that were read are as this copy shows them."""
    matching = 0
    for row in rows:
        wanted = bits_of(seed, row.pseudonym)
        matching += sum(wanted >> bit & 1 == value for bit, value in row.bits.items())
    return matching


@lru_cache(maxsize=4096)
def tail(bits: int, matching: int) -> float:
    """How often at least `matching` of `bits` coins fall as foretold."""
    return float(sum(comb(bits, k) for k in range(matching, bits + 1)) / (1 << bits))


def needed(bits: int, copies: int) -> int:
    """The fewest matching bits that name somebody among so many copies; more than `bits` where none do."""
    return next((k for k in range(bits + 1) if tail(bits, k) * copies < ACCUSE_BELOW), bits + 1)


def code_of(copy_id: str, secret: bytes) -> str:
    """What the code beside every ten rows of a view says: the copy, and a tag that nobody else can make."""
    return f"PQX1:{copy_id}:{hmac.digest(secret, copy_id.encode(), sha256)[:8].hex().upper()}"


def copy_of_code(text: str, secret: bytes) -> str:
    """The copy a code names, or nothing where the code is not ours."""
    kind, _, rest = text.partition(":")
    copy_id = rest.partition(":")[0]
    return copy_id if kind == "PQX1" and hmac.compare_digest(code_of(copy_id, secret), text) else ""
