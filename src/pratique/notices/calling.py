"""Whom the desk calls although nobody asked: one whom nothing reached for a day, and one whose time runs out.

A notice that nobody knows of binds nobody, so somebody calls or goes there. A single or new test (N2, N3) that was not
taken half a day before its deadline is a person who may need a visit: the desk asks while there is still time. Which
kinds, and how many hours, is data (`kinds.json`: `reach_hours`, `call_hours`). What a system fault gives back moves the
call as well. Pure; `reaching.py` asks the database.
"""

from typing import Literal, NamedTuple

from pratique.notices.appeal import HOUR
from pratique.notices.model import OPEN_STATES, Kind, NoticeRow


class Look(NamedTuple):
    """What the desk does about a notice now ("" for nothing), and when it looks again (None for never)."""

    why: Literal["", "unreached", "near"]
    again_at: int | None


def first_look(kind: Kind, opened_at: int, due_at: int) -> int | None:
    """When the desk looks at a new notice of this kind,, in ms."""
    looks = [opened_at + kind.reach_hours * HOUR] if kind.reach_hours else []
    looks += [due_at - kind.call_hours * HOUR] if kind.call_hours else []
    return min(looks, default=None)


def look(kind: Kind, row: NoticeRow, deadline: int, now: int) -> Look:
    """What follows from a look at `now`; `deadline` has lost time given back."""
    if row.state not in OPEN_STATES or now >= deadline:
        return Look("", None)
    near_at = deadline - kind.call_hours * HOUR if kind.call_hours else None
    if near_at is not None and now >= near_at:
        return Look("near" if row.state == "open" else "", None)
    unknown = kind.reach_hours and not row.reached_at
    reach_at = row.opened_at + kind.reach_hours * HOUR
    if unknown and now < reach_at:
        return Look("", min(reach_at, near_at or reach_at))
    return Look("unreached" if unknown else "", near_at)
