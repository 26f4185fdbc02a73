"""The live board of sites: how many came, how fast, how long the line is, and who is not heard. Counts, never people.

Sites stand in the order of their names: a board is for help where it is needed, not for comparing (law 5).
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from pratique.core.moment import from_ms, to_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing.booking.lines import heard
from pratique.testing.booking.waiting import minutes

UP_FOR, GRACE_FOR = timedelta(minutes=5), timedelta(minutes=15)
LONG_WAIT = 30  # minutes

Hearing = Literal["new", "up", "grace", "down"]


class Phone(msgspec.Struct, frozen=True):
    """A site's device: since when it is not heard, and whether its lead declared it lost."""

    id: str
    seen_at: datetime
    tubes: int
    lost: bool


class SiteRow(msgspec.Struct, frozen=True):
    """One site. `last_hour`: people sealed in the last sixty minutes; `can`: what its lanes take in an hour;
    `unsent`: tubes its devices still had when they were last heard."""

    id: str
    name: Text
    state: str
    people: int
    tubes: int
    last_hour: int
    can: int
    waiting: int
    wait: int
    unsent: int
    hearing: Hearing
    heard_at: datetime | None
    phones: tuple[Phone, ...]

    @property
    def needs_help(self) -> bool:
        """Not heard, or a long line."""
        return self.hearing == "down" or self.wait >= LONG_WAIT


def site_board(tx: Tx, now: datetime, campaign_id: str) -> list[SiteRow]:
    """Every site of a campaign, by name."""
    said = heard(tx, now, campaign_id)
    phones = _phones(tx, campaign_id)
    rows = tx.all(
        "SELECT s.id, s.name_en, s.name_zh, s.state, COALESCE(SUM(t.people), 0), COUNT(t.code),"
        " COALESCE(SUM(CASE WHEN t.sealed_at > :since THEN t.people ELSE 0 END), 0),"
        " (SELECT COALESCE(SUM(l.per_hour), 0) FROM lane l WHERE l.site_id = s.id) FROM site s"
        " LEFT JOIN tube t ON t.site_id = s.id AND t.state <> 'reserved' WHERE s.campaign_id = :id"
        " GROUP BY s.id, s.name_en, s.name_zh, s.state ORDER BY s.name_en, s.id",
        id=campaign_id, since=to_ms(now - timedelta(hours=1)),
    )  # fmt: skip
    board = []
    for site_id, name_en, name_zh, state, people, tubes, last_hour, can in rows:
        mine = phones.get(site_id, [])
        line = said.get(site_id)
        times = [one.seen_at for one in mine if not one.lost] + ([line.said_at] if line else [])
        waiting = line.waiting if line else 0
        board.append(
            SiteRow(
                site_id,
                Text(name_en, name_zh),
                state,
                int(people),
                int(tubes),
                int(last_hour),
                int(can),
                waiting,
                round(minutes(waiting, int(can))) if can else 0,
                line.unsent if line else 0,
                hearing(max(times, default=None), now),
                max(times, default=None),
                tuple(mine),
            )
        )
    return board


def hearing(last: datetime | None, now: datetime) -> Hearing:
    """How long ago a site was heard, in the words of the fleet."""
    if last is None:
        return "new"
    quiet = now - last
    return "up" if quiet <= UP_FOR else "grace" if quiet <= GRACE_FOR else "down"


def _phones(tx: Tx, campaign_id: str) -> dict[str, list[Phone]]:
    found: dict[str, list[Phone]] = {}
    for site_id, device_id, seen_at, last_seq, lost in tx.all(
        "SELECT d.site_id, d.id, d.seen_at, d.last_seq, CASE WHEN x.device_id IS NULL THEN 0 ELSE 1 END FROM device d"
        " JOIN site s ON s.id = d.site_id LEFT JOIN device_lost x ON x.device_id = d.id WHERE s.campaign_id = :id"
        " ORDER BY d.site_id, d.id",
        id=campaign_id,
    ):
        found.setdefault(site_id, []).append(Phone(device_id, from_ms(seen_at), int(last_seq), bool(lost)))
    return found
