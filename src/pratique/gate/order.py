"""What a gate needs of a mandate note: until when it holds, whether it unlocks gates, what to do on a fault (pure).

The note came inside a snapshot signed by a quorum of root keys; its officers' signatures were checked before it was
put there. This file reads the text and trusts nothing else of it.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from pratique.core.canonical import strict_json
from pratique.core.text import Text
from pratique.credentials.doors import OwnDoor
from pratique.gate.model import FailTable, fail_table


class Purpose(msgspec.Struct, frozen=True):
    """Why there is a gate at all, for the small line on the screen."""

    text: Text


class Note(msgspec.Struct, frozen=True):
    """The fields of a mandate's text that a gate acts on. The others are the server's affair."""

    id: str
    unlocks: tuple[str, ...]
    start: datetime
    end: datetime
    purpose: Purpose
    grace_hours: int = 0
    fail: dict[str, str] = {}


class Order(NamedTuple):
    """A mandate as a gate sees it. At `destroys` (its end plus grace) the gate destroys what it holds."""

    id: str
    start: datetime
    end: datetime
    purpose: Text
    fail: FailTable
    destroys: datetime

    def lives(self, now: datetime) -> bool:
        """True in [start, end)."""
        return self.start <= now < self.end


def read_order(note: bytes) -> Order | None:
    """The order in a signed note. None if it does not unlock gates. Raises ValueError for a text that is no mandate."""
    text, _, _ = note.rpartition(b"\n\n")
    read = msgspec.convert(strict_json(text or note), Note)
    if read.start.tzinfo is None or read.end.tzinfo is None:
        raise ValueError("a time without a zone is not a time")
    if "gate" not in read.unlocks:
        return None
    destroys = read.end + timedelta(hours=max(0, read.grace_hours))
    return Order(read.id, read.start, read.end, read.purpose.text, fail_table(read.fail), destroys)


_ALWAYS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
_NO_MANDATE = "0" * 26


def door_order(door: OwnDoor) -> Order:
    """What stands where a gate has its mandate: the organisation's name, no end, and its own answer to stale lists.

    There is no `stop`: a door of a building is not left open because a file is old.
    """
    return Order(_NO_MANDATE, *_ALWAYS, door.organisation, FailTable(door.stale, "see-staff"), _ALWAYS[1])


def live_order(orders: tuple[Order, ...], now: datetime) -> Order | None:
    """The order in force that ends last; None: no check here."""
    return max((order for order in orders if order.lives(now)), key=lambda order: order.end, default=None)


def is_over(orders: tuple[Order, ...], now: datetime) -> bool:
    """True once every mandate the gate ever worked under here is past its end and grace. No mandate: nothing to end."""
    return bool(orders) and all(now >= order.destroys for order in orders)
