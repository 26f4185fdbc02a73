"""The stopped clock: a person never pays with their time for a fault of ours. Pure.

The effective deadline is the moment t for which the time in [opened, t] outside every fault equals the notice's
duration. Overlapping faults count once; a fault that begins inside the extension extends again. A fault that still
lasts counts up to now, so the deadline moves with the clock until it ends. Milliseconds since 1970 throughout.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Stop(NamedTuple):
    """A fault as a half-open interval; `to` None: it lasts."""

    start: int
    to: int | None
    cause: str = ""


def effective_deadline(opened: int, duration: int, stops: Iterable[Stop], now: int) -> int:
    """The deadline with all lost time given back, never before `opened + duration`. `duration` in ms, above zero."""
    reached, left = opened, duration
    for start, end in merged(stops, opened, now):
        run = start - reached
        if run >= left:
            break
        left -= max(run, 0)
        reached = end
    return reached + left


def counted(stops: Iterable[Stop], opened: int, duration: int, now: int) -> list[Stop]:
    """The faults that moved the deadline, in order of their start: what `extended because` shows."""
    known = list(stops)
    deadline = effective_deadline(opened, duration, known, now)
    moved = [
        stop
        for stop in known
        if stop.start < deadline and (stop.to if stop.to is not None else now) > max(opened, stop.start)
    ]
    return sorted(moved, key=lambda stop: stop.start)


def merged(stops: Iterable[Stop], opened: int, now: int) -> Sequence[tuple[int, int]]:
    """Disjoint intervals in order, cut off at `opened`; a lasting fault ends at `now`."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(
        (max(stop.start, opened), stop.to if stop.to is not None else now) for stop in stops
    ):
        if end <= start:
            continue
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((start, end))
    return made
