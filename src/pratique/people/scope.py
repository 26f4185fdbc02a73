"""How far a worker reaches: roles × scope, default none. Pure, two tables and three functions.

A grant names one area, campaign or site; `own` is what was handed to the worker by name (a task, an appeal);
`everywhere` belongs to roles that see no person at all. Whoever holds no grant reaches nothing.
Lists filter in SQL by `Reach`; single things are asked by `holds`. What is out of reach and what does not
exist sound alike (`service.must_reach`).
"""

from collections.abc import Iterable
from typing import NamedTuple

KINDS = ("everywhere", "area", "campaign", "site", "own")


class Extent(NamedTuple):
    """What a role reaches by itself, and what it may be granted besides."""

    standing: frozenset[str]
    grantable: frozenset[str]


def _extent(standing: str = "", grantable: str = "") -> Extent:
    return Extent(frozenset(standing.split()), frozenset(grantable.split()))


# The table behind docs/access.md. A role that shows a name or a phone number (access.TABLE) is never everywhere.
EXTENTS: dict[str, Extent] = {
    "sampler": _extent(grantable="site"),
    "courier": _extent(grantable="site campaign"),
    "lab": _extent(standing="own"),
    "lab-desk": _extent(grantable="area campaign"),
    "case-worker": _extent(standing="own", grantable="area campaign site"),
    "reviewer": _extent(standing="own", grantable="area campaign"),
    "duty-doctor": _extent(standing="own", grantable="area campaign"),
    "campaign-officer": _extent(grantable="area campaign site"),
    "data-officer": _extent(standing="everywhere"),
    "auditor": _extent(standing="everywhere"),
    "mandate-officer": _extent(standing="everywhere"),
    "console": _extent(standing="everywhere"),
}


class Grant(NamedTuple):
    """One area, campaign or site a worker was given. `what` names it."""

    kind: str
    what: str


class Thing(NamedTuple):
    """Where something stands and whose task it is; leave out what does not apply."""

    area: str = ""
    campaign: str = ""
    site: str = ""
    owner: str = ""  # the staff id the task or appeal was handed to


class Reach(NamedTuple):
    """What one worker reaches now. Empty sets reach nothing."""

    staff_id: str
    role: str
    everywhere: bool = False
    own: bool = False
    areas: frozenset[str] = frozenset()
    campaigns: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()


def reach_of(staff_id: str, role: str, grants: Iterable[Grant]) -> Reach:
    """The reach of a worker with these grants. A grant the role may not hold counts for nothing."""
    extent = EXTENTS.get(role, _extent())
    held = [g for g in grants if g.kind in extent.grantable and g.what]

    def named(kind: str) -> frozenset[str]:
        return frozenset(g.what for g in held if g.kind == kind)

    return Reach(
        staff_id,
        role,
        "everywhere" in extent.standing,
        "own" in extent.standing,
        named("area"),
        named("campaign"),
        named("site"),
    )


def holds(reach: Reach, thing: Thing) -> bool:
    """True where `thing` lies inside. One matching side is enough; a thing that stands nowhere is reached by nobody
    but who is everywhere."""
    return (
        reach.everywhere
        or (reach.own and thing.owner != "" and thing.owner == reach.staff_id)
        or thing.area in reach.areas
        or thing.campaign in reach.campaigns
        or thing.site in reach.sites
    )
