"""Is a new policy doing at the gates what its preview said? Stages, the band of holds, and what to do next (pure).

From counts without identity: how many showings ended in a hold, under which policy, in which quarter of an hour. A
stage ends well after its time if its gates were heard with the new policy; silence is never taken for success.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from math import sqrt
from typing import Literal, NamedTuple

from pratique.rollout.model import Impact

SHARES = (0.01, 0.10, 1.0)
DWELL = timedelta(minutes=30)  # at the least, a stage
FEWEST = 50  # showings below which a share says nothing
SLACK = 20  # per mille: what a share may stray beside chance
MOST_ALARMED = 0.02  # of the gates of a stage
ALARMS = frozenset({"snapshot_refused", "storage", "device_key", "stale", "clock"})


class Band(NamedTuple):
    """Between which per mille of holds the preview expects showings to end: `low` to `high`."""

    base: int
    low: int
    high: int


class Seen(NamedTuple):
    """What the gates of a stage told since it began: showings and holds under the new policy, gates with a new alarm,
    gates heard with the new snapshot, gates of the stage."""

    showings: int
    holds: int
    alarmed: int
    heard: int
    gates: int


Next = Literal["wait", "advance", "stop"]


def stage_of(gate_ids: Sequence[str], number: int, stage: int) -> list[str]:
    """The gates of a stage: at least one, always those of the stage before, other ones for another policy."""
    ranked = sorted(gate_ids, key=lambda one: sha256(f"{number} {one}".encode()).digest())
    return ranked[: max(1, -(-len(ranked) * int(SHARES[stage] * 100) // 100))] if ranked else []


def is_last(gate_ids: Sequence[str], number: int, stage: int) -> bool:
    """True if a stage holds every gate there is."""
    return len(stage_of(gate_ids, number, stage)) == len(gate_ids)


def band(base_holds: int, seen: Impact | None) -> Band:
    """What to expect: holds as in the day before, moved as the preview says the share of held people moves."""
    moved = 0
    if seen is not None and seen.people:
        matrix = seen.days[0].matrix
        before = sum(cell or 0 for cell in matrix[2])
        after = sum(row[2] or 0 for row in matrix)
        moved = round((after - before) * 1000 / seen.people)
    low, high = base_holds + min(0, moved) - SLACK, base_holds + max(0, moved) + SLACK
    return Band(base_holds, max(0, low), min(1000, high))


def judge(expected: Band, seen: Seen, since: datetime, now: datetime) -> tuple[Next, str]:
    """What to do about a stage, and why, as a code: `alarms`, `more-holds`, `fewer-holds`, or why it waits."""
    if seen.alarmed > max(0, int(seen.gates * MOST_ALARMED)):
        return "stop", "alarms"
    if seen.showings >= FEWEST:
        share = seen.holds * 1000 / seen.showings
        chance = 3 * 1000 * sqrt(max(share, 1) / 1000 * (1 - min(share, 999) / 1000) / seen.showings)
        if share - chance > expected.high:
            return "stop", "more-holds"
        if share + chance < expected.low:
            return "stop", "fewer-holds"
    if not seen.gates:
        return "advance", ""
    if now - since < DWELL:
        return "wait", "time"
    if not seen.heard:
        return "wait", "silence"
    return "advance", ""
