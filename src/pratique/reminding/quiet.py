"""When a message may go: never in somebody's quiet hours, and a reminder before it is useless. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Quiet(NamedTuple):
    """Local hours from which and until which nothing is sent; the same hour twice is never quiet."""

    begins: int = 22
    ends: int = 7


def is_quiet(at: datetime, quiet: Quiet, zone: ZoneInfo) -> bool:
    """True if `at` lies in the quiet hours of this zone."""
    hour = at.astimezone(zone).hour
    if quiet.begins <= quiet.ends:
        return quiet.begins <= hour < quiet.ends
    return hour >= quiet.begins or hour < quiet.ends


def not_before(now: datetime, quiet: Quiet, zone: ZoneInfo) -> datetime:
    """Now, or the end of the quiet hours that run now."""
    if not is_quiet(now, quiet, zone):
        return now
    here = now.astimezone(zone).replace(hour=quiet.ends, minute=0, second=0, microsecond=0)
    later = here if here > now else _tomorrow(here)
    while is_quiet(later, quiet, zone):  # a clock set forward may skip the hour
        later += timedelta(minutes=30)
    return later.astimezone(now.tzinfo)


def remind_at(now: datetime, due: datetime, quiet: Quiet, zone: ZoneInfo) -> datetime | None:
    """When a reminder of `due` goes; None where that would be too late: the wallet shows it all the same."""
    at = not_before(now, quiet, zone)
    return at if at < due else None


def _tomorrow(at: datetime) -> datetime:
    return (at.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=at.tzinfo)
