"""The mark in every row: four keyed bits that choose among renderings which mean the same. Pure.

Two bits group the pseudonym, one writes each of two days. Grouping and day style survive sorting, cutting, retyping and
photographing; row order, spaces and colours do not, so they carry nothing. A canary row, an invented pseudonym of
this copy alone, stands among the rest: a column of its own would say which it is, so nothing does but the seed.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from pratique.core.ids import ALPHABET, tidy_typed

GROUPINGS = ((4, 4, 4, 4), (8, 8), (5, 6, 5), (6, 4, 6))
BITS = 4
_WORD = r"[0-9A-Za-z]"
_GROUPED = re.compile(rf"(?<!{_WORD}){_WORD}{{4,8}}(?:[-‐‑–—]{_WORD}{{4,8}}){{1,3}}(?!{_WORD})")
_DAY = re.compile(r"(?<!\d)(\d{4})(?:-(\d{2})-(\d{2})|/(\d{1,2})/(\d{1,2}))(?!\d)")


class Line(NamedTuple):
    """One row of an export: no name, no number, nothing but a pseudonym and what the notice says."""

    pseudonym: str
    kind: str
    state: str
    opened_on: date
    ends_on: date


class Observed(NamedTuple):
    """One row as it was found: bit → its value; bits that could not be read are missing."""

    pseudonym: str
    bits: dict[int, int]


def bits_of(seed: bytes, pseudonym: str) -> int:
    """The four bits of this row in this copy."""
    return hmac.digest(seed, b"row\x00" + pseudonym.encode(), sha256)[0] & 15


def canary(seed: bytes) -> str:
    """The invented pseudonym of this copy."""
    raw = int.from_bytes(hmac.digest(seed, b"canary", sha256)[:10], "big")
    return "".join(ALPHABET[raw >> shift & 31] for shift in range(75, -1, -5))


def with_canary(seed: bytes, lines: Sequence[Line]) -> list[Line]:
    """The rows in the order of their pseudonyms with the canary among them, made to look like one of them."""
    if not lines:
        return []
    like = lines[hmac.digest(seed, b"like", sha256)[0] % len(lines)]
    return sorted([*lines, like._replace(pseudonym=canary(seed))])


def render(seed: bytes, line: Line) -> tuple[str, str, str, str, str]:
    """The cells of one row in this copy."""
    bits = bits_of(seed, line.pseudonym)
    return (
        grouped(line.pseudonym, bits & 3),
        line.kind,
        line.state,
        _day(line.opened_on, bits >> 2 & 1),
        _day(line.ends_on, bits >> 3 & 1),
    )


def grouped(pseudonym: str, style: int) -> str:
    """The 16 characters in the groups of this style."""
    parts, start = [], 0
    for size in GROUPINGS[style]:
        parts.append(pseudonym[start : start + size])
        start += size
    return "-".join(parts)


def observe(text: str) -> list[Observed]:
    """The rows of a leaked text, whatever stands around them: CSV, a table, retyped lines. One row a line."""
    return [found for line in text.splitlines() if (found := _observe_line(line))]


def _observe_line(line: str) -> Observed | None:
    for match in _GROUPED.finditer(line):
        parts = re.split(r"[-‐‑–—]", match[0])
        pseudonym = tidy_typed("".join(parts))
        if len(pseudonym) != 16 or not set(pseudonym) <= set(ALPHABET):
            continue
        bits: dict[int, int] = {}
        sizes = tuple(map(len, parts))
        if sizes in GROUPINGS:
            style = GROUPINGS.index(sizes)
            bits |= {0: style & 1, 1: style >> 1}
        for bit, day in zip((2, 3), _DAY.finditer(line), strict=False):
            # 2026/11/25 and 2026-11-25 differ by their strokes alone; that is enough.
            bits[bit] = 0 if day[2] else 1
        return Observed(pseudonym, bits)
    return None


def _day(day: date, style: int) -> str:
    return f"{day:%Y-%m-%d}" if style == 0 else f"{day.year}/{day.month}/{day.day}"


def day_of(at: datetime) -> date:
    """The UTC day: two readers in two places get the same row."""
    return at.date()


def distinct(rows: Iterable[Observed]) -> list[Observed]:
    """Each pseudonym once: a row that stands twice is no second witness."""
    return list({row.pseudonym: row for row in rows}.values())
