"""A token bucket per caller and route. Never by network address alone: a hospital is one address."""

from collections import OrderedDict

REMEMBERED = 100_000


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
