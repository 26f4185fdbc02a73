"""The facts of booking. No person stands in any of them: a ticket belongs to whoever shows it."""

from datetime import datetime
from typing import Literal

import msgspec

from pratique.core.text import Text

Kind = Literal["site", "home"]
Purpose = Literal["screen", "retest"]


class Area(msgspec.Struct, frozen=True):
    """A part of the town that is called together."""

    id: str
    campaign_id: str
    mandate_id: str
    name: Text


class Place(msgspec.Struct, frozen=True):
    """A site, or the team that comes home. `per_hour`: people all its lanes take; `expected`: over the day."""

    id: str
    area_id: str
    kind: Kind
    name: Text
    per_hour: int
    expected: int


class Slot(msgspec.Struct, frozen=True):
    """A quarter-hour at a place. `release_id`: given by lot while that is open."""

    id: str
    place_id: str
    start_at: int
    forget_at: int
    capacity: int
    booked: int
    release_id: str
    campaign_id: str
    mandate_id: str
    kind: Kind
    place: Text
    drawn: bool


class Window(msgspec.Struct, frozen=True):
    """A window as people see it before they set out. `wait`: minutes in line if one comes without a ticket."""

    slot_id: str
    start: datetime
    free: int
    wait: int
    by_lot: bool = False


class PlaceView(msgspec.Struct, frozen=True):
    """A place with its windows. `wait_now`: minutes in line at this moment, None where nobody stands in line."""

    id: str
    area_id: str
    kind: Kind
    name: Text
    wait_now: int | None
    windows: list[Window]


class Ticket(msgspec.Struct, frozen=True):
    """A place that is kept. Walking in without one is always allowed."""

    id: str
    slot_id: str
    place: Text
    kind: Kind
    start: datetime
    purpose: Purpose


class Release(msgspec.Struct, frozen=True):
    """A lottery. Every wish made while it is open counts the same; `seed_digest` (SHA-256, hex) is shown before the
    draw, `seed` (hex) after it."""

    id: str
    opens_at: datetime
    closes_at: datetime
    seed_digest: str
    seed: str


class Single(msgspec.Struct, frozen=True):
    """What was kept for one member of a pool: a ticket, or None where every window is full (walking in is allowed)."""

    subject_id: str
    ticket: Ticket | None
