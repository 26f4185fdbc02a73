"""The two things a decision may not fetch for itself: what time it is, and chance.

`port.py` makes the real ones; tests make their own. A use case takes one `Moment` and every row it writes
carries that one time.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from pratique.core.ids import encode_id


class Moment(NamedTuple):
    """`now` is aware UTC; `random(n)` returns n unpredictable bytes."""

    now: datetime
    random: Callable[[int], bytes]

    def new_id(self) -> str:
        """A fresh 128-bit id."""
        return encode_id(self.random(16))

    @property
    def now_ms(self) -> int:
        """`now` as stored in every table: milliseconds since 1970 in UTC."""
        return to_ms(self.now)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 in UTC, the form every table stores. `at` must be aware."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone is not a time")
    delta = at - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def from_ms(ms: int) -> datetime:
    """The aware UTC time of stored milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with whole seconds and `Z`, as it is written in notes, logs and answers."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
