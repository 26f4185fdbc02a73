"""Civil days of a zone for many moments at once: which offset holds when, and on which day each moment falls. Pure."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pratique.policy.dates import DAY_MS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = 1, 2_932_000  # days since 1970 that every zone can speak of


@lru_cache(maxsize=64)
def offsets(zone: str, first_day: int, last_day: int) -> tuple[tuple[int, int], ...]:
    """(from, offset) in milliseconds: the local time of `zone` between these days (since 1970, UTC) is UTC plus the
    offset of the last entry not after it."""
    first_day, last_day = max(first_day, FIRST), min(last_day, LAST)
    known = ZoneInfo(zone)
    found = [(first_day * DAY_MS, _offset(known, first_day * DAY_MS))]
    for day in range(first_day, max(first_day, last_day) + 1):
        low, high = day * DAY_MS, (day + 1) * DAY_MS
        before, after = _offset(known, low), _offset(known, high)
        if before != after:
            while high - low > 1000:  # zones change at whole seconds
                middle = (low + high) // 2000 * 1000
                low, high = (middle, high) if _offset(known, middle) == before else (low, middle)
            found.append((high, after))
    return tuple(found)


def civil_days(ms: Any, zone: str) -> Any:
    """The number of the civil day (1970-01-01 is 0) on which each moment falls in `zone`."""
    if not np.size(ms):
        return np.zeros(0, np.int64)
    table = offsets(zone, int(np.min(ms)) // DAY_MS - 1, int(np.max(ms)) // DAY_MS + 1)
    starts = np.array([start for start, _ in table], dtype=np.int64)
    shift = np.array([offset for _, offset in table], dtype=np.int64)
    if len(table) == 1:
        return (ms + shift[0]) // DAY_MS
    return (ms + shift[np.maximum(np.searchsorted(starts, ms, "right") - 1, 0)]) // DAY_MS


def _offset(zone: ZoneInfo, ms: int) -> int:
    shift = (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).utcoffset() or timedelta()
    return shift // timedelta(milliseconds=1)
