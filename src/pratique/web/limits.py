"""A token bucket per caller and route. Never by network address alone: a hospital is one address."""

from collections import OrderedDict

REMEMBERED = 100_000


TRIES, LOCKED_FOR = 5, 900.0


class Tries:
    """Wrong guesses of a code, by where they come from: after `TRIES` in a row nothing is tried from there for a while.

    Only what is well formed and names nobody counts, so that a slip of the finger does not.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str, now: float) -> int:
        """0 if another try is allowed, else the whole seconds to wait."""
        times, last = self._failed.get(key, (0, 0.0))
        return 0 if times < TRIES or now - last >= LOCKED_FOR else int(LOCKED_FOR - (now - last)) + 1

    def failed(self, key: str, now: float) -> None:
        """One more wrong guess."""
        times, last = self._failed.pop(key, (0, now))
        self._failed[key] = (times + 1 if now - last < LOCKED_FOR else 1, now)
        if len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def right(self, key: str) -> None:
        """A right code: forget the wrong ones before it."""
        self._failed.pop(key, None)


class Limits:
    """`allow(key, per_minute, now)`; state is in memory and bounded, oldest forgotten first."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, key: str, per_minute: int, now: float) -> int:
        """0 if allowed, else the whole seconds to wait. `now` in seconds, never going back."""
        left, seen = self._buckets.pop(key, (float(per_minute), now))
        left = min(per_minute, left + max(0.0, now - seen) * per_minute / 60)
        wait = 0 if left >= 1 else int((1 - left) * 60 / per_minute) + 1
        self._buckets[key] = (left - 1 if wait == 0 else left, max(now, seen))
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return wait
