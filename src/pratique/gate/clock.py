"""What time it is, and how sure the gate may be of it.

Grades: `good` – the server said so in a signed answer and the running time since then is trusted; `lower_bound` –
nobody has confirmed it, it only cannot be earlier; `bad` – it is earlier than a time that is certain, or it jumped
back. With a confirmed time the wall clock is not asked at all, so setting it changes nothing.
A gate never works with a time below its floor: an expired pass must not become valid because a clock went back.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from pratique.gate.model import Grade

BUILT = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
CONFIRMED_FOR = 7 * 86_400  # seconds; a quartz of 50 ppm is 30 s off by then
STEP = 60.0  # seconds by which wall clock and running time may drift apart between two readings


class Reading(NamedTuple):
    """`now` is never below the floor. `stepped` is true once after a jump, and closes the slot."""

    now: datetime
    grade: Grade
    stepped: bool

    @property
    def unix(self) -> float:
        """Seconds since 1970."""
        return self.now.timestamp()


class Confirmed(NamedTuple):
    """A time from a signed answer, and the running time (`ticks`) at which it was true."""

    unix: float
    ticks: float


def wall() -> float:
    """The machine's wall clock. The gate is its own composition root: this is the one place that asks."""
    return time.time()  # noqa: TID251


def ticks() -> float:
    """Seconds since the machine started, sleep included; the same for all its processes, nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """Owned by the loop. `floor` is a time that is certainly past; `seen` the latest slot the journal knows."""

    def __init__(
        self,
        floor: float = 0,
        seen: float = 0,
        wall: Callable[[], float] = wall,
        ticks: Callable[[], float] = ticks,
    ) -> None:
        self._wall, self._ticks = wall, ticks
        self.floor = max(float(BUILT), floor)
        self._seen = seen
        self._confirmed: Confirmed | None = None
        self._last = (wall(), ticks())

    def raise_floor(self, unix: float) -> None:
        """A signed document was made at `unix`: it cannot be earlier now."""
        self.floor = max(self.floor, unix)

    def confirm(self, confirmed: Confirmed) -> bool:
        """A signed answer told the time. False, and ignored, if it lies below the floor."""
        if confirmed.unix < self.floor or confirmed.ticks > self._ticks():
            return False
        self._confirmed = confirmed
        self._seen = 0
        return True

    def read(self) -> Reading:
        """The time to decide by."""
        wall, ticks = self._wall(), self._ticks()
        if self._confirmed is not None and ticks - self._confirmed.ticks <= CONFIRMED_FOR:
            self._last = (wall, ticks)
            return Reading(_at(self._confirmed.unix + ticks - self._confirmed.ticks), "good", False)
        before, self._last = self._last, (wall, ticks)
        step = (wall - before[0]) - (ticks - before[1])
        if step < -STEP:
            self._seen = max(self._seen, before[0] + ticks - before[1])
        lowest = max(self.floor, self._seen)
        grade: Grade = "bad" if wall < lowest - STEP else "lower_bound"
        return Reading(_at(max(wall, lowest)), grade, abs(step) > STEP)


def _at(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
