"""The mandate: who orders, on what basis, for what purpose, with which data, until when (law 1).

Only the facts and the pure question "in force at t?". Signing, publishing and the log are the room `mandates`.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from pratique.core.text import Text

LONGEST = timedelta(days=90)
DEFAULT_GRACE_HOURS, LONGEST_GRACE_HOURS = 24, 72

Unlock = Literal["campaign", "gate", "restriction", "enrolment", "venue", "release", "export"]


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of data that a mandate lets us hold, and the longest time in days."""

    data_class: str = msgspec.field(name="class")
    max_days: int


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """What a room needs of a mandate to act under it. `end` is hard; `ended_at` is an early end."""

    id: str
    purpose: Text
    issuer: Text
    unlocks: frozenset[str]
    data: tuple[Kept, ...]
    start: datetime
    end: datetime
    grace_hours: int
    appeal_office: Text
    appeal_hours: int
    ended_at: datetime | None = None

    def ends(self) -> datetime:
        """The moment after which nothing is enforced: the early end if there is one."""
        return min(self.end, self.ended_at) if self.ended_at else self.end

    def in_force(self, at: datetime, unlock: str | None = None) -> bool:
        """True if `at` lies in [start, end) and, where named, `unlock` is among the things it allows."""
        return self.start <= at < self.ends() and (unlock is None or unlock in self.unlocks)

    def destroys_at(self) -> datetime:
        """When destruction runs by itself (`docs/mandates.md`)."""
        return self.ends() + timedelta(hours=self.grace_hours)
