"""Appeals in public: how many, how fast, how they ended. By kind of notice and finished week, never by worker or area.

What is too small to hide a person is not published, nor what would give it away by subtraction; it is left out before
it is stored. A finished week never changes, so that two looks at the page tell nothing more than one. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

SMALLEST = 10
OUTCOMES = ("upheld", "changed", "withdrawn", "silence")


class Closed(NamedTuple):
    """One appeal that ended: `outcome` is one of OUTCOMES; times in milliseconds."""

    outcome: str
    opened_at: int
    closed_at: int
    due_at: int


class Week(NamedTuple):
    """What is published of one kind of notice in one week; None is "too few to say"."""

    opened: int | None
    closed: int | None
    upheld: int | None
    changed: int | None
    withdrawn: int | None
    silence: int | None
    in_time: int | None
    median_minutes: int | None


def week_of(at: datetime) -> str:
    """The ISO week of a time in UTC, as `2026-W02`."""
    year, week, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02}"


def week_span(week: str) -> tuple[datetime, datetime]:
    """Its first moment, and the first moment after it."""
    year, number = week.split("-W")
    start = datetime.fromisocalendar(int(year), int(number), 1).replace(tzinfo=UTC)
    return start, start + timedelta(days=7)


def finished_weeks(first: datetime, published: str, now: datetime) -> list[str]:
    """The weeks since `first` that are over and not yet published, oldest first."""
    at, found = week_span(week_of(first))[0], []
    while at + timedelta(days=7) <= now:
        if week_of(at) > published:
            found.append(week_of(at))
        at += timedelta(days=7)
    return found


def told(opened: int, closed: Sequence[Closed]) -> Week | None:
    """What may be published; None where nothing may."""
    shown = opened if opened >= SMALLEST else None
    if len(closed) < SMALLEST:
        return None if shown is None else Week(shown, *(None,) * 7)
    counts = {name: sum(one.outcome == name for one in closed) for name in OUTCOMES}
    kept = hidden_small(counts)
    answered = [one for one in closed if one.outcome != "silence"]
    in_time = sum(one.closed_at < one.due_at for one in answered)
    small = {in_time, len(closed) - in_time} & set(range(1, SMALLEST))
    minutes = int(median((one.closed_at - one.opened_at) / 60_000 for one in closed))
    return Week(
        shown,
        len(closed),
        kept["upheld"],
        kept["changed"],
        kept["withdrawn"],
        kept["silence"],
        None if small or None in kept.values() else in_time,
        minutes,
    )


def hidden_small(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Cells of one known sum: those from 1 to SMALLEST - 1 are hidden, and where that hides only one, the next smallest
    with it. Zeros are hidden with them where nothing else can be."""
    hidden = {name for name, n in counts.items() if 0 < n < SMALLEST}
    if len(hidden) == 1 or 0 < sum(counts[name] for name in hidden) < SMALLEST:
        others = sorted((n, name) for name, n in counts.items() if name not in hidden)
        if hidden and others:
            hidden.add(next((name for n, name in others if n > 0), others[0][1]))
    return {name: None if name in hidden else n for name, n in counts.items()}
