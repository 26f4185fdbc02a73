"""Tables of booking. SQL only, no decisions. There is no column for a person, and none may be added (law 4)."""

from collections.abc import Iterable, Sequence

from pratique.store.tx import Row, Tx

_SLOT = (
    "SELECT s.id, s.place_id, s.start_at, s.forget_at, s.capacity, s.booked, s.release_id, a.campaign_id,"
    " a.mandate_id, p.kind, p.name_en, p.name_zh, COALESCE(r.drawn_at, 0) FROM booking_slot s"
    " JOIN booking_place p ON p.id = s.place_id"
    " JOIN booking_area a ON a.id = p.area_id LEFT JOIN booking_release r ON r.id = s.release_id"
)

# Areas, places, windows


def add_area(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO booking_area (id, campaign_id, mandate_id, name_en, name_zh, made_at)"
        " VALUES (:id, :campaign_id, :mandate_id, :name_en, :name_zh, :made_at)",
        **row,
    )


def area(tx: Tx, area_id: str) -> Row | None:
    return tx.one(
        "SELECT id, campaign_id, mandate_id, name_en, name_zh FROM booking_area WHERE id = :id", id=area_id
    )


def areas(tx: Tx, campaign_id: str) -> list[Row]:
    return tx.all(
        "SELECT id, campaign_id, mandate_id, name_en, name_zh FROM booking_area WHERE campaign_id = :id ORDER BY id",
        id=campaign_id,
    )


def add_place(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO booking_place (id, area_id, kind, name_en, name_zh, per_hour, expected)"
        " VALUES (:id, :area_id, :kind, :name_en, :name_zh, :per_hour, :expected)",
        **row,
    )


def place(tx: Tx, place_id: str) -> Row | None:
    return tx.one(
        "SELECT id, area_id, kind, name_en, name_zh, per_hour, expected FROM booking_place WHERE id = :id",
        id=place_id,
    )


def places(tx: Tx, campaign_id: str) -> list[Row]:
    return tx.all(
        "SELECT p.id, p.area_id, p.kind, p.name_en, p.name_zh, p.per_hour, p.expected FROM booking_place p"
        " JOIN booking_area a ON a.id = p.area_id WHERE a.campaign_id = :id ORDER BY p.area_id, p.kind DESC, p.id",
        id=campaign_id,
    )


def site_with_rate(tx: Tx, site_id: str) -> Row | None:
    """(campaign, name, name, people an hour over all lanes) of a site."""
    return tx.one(
        "SELECT s.campaign_id, s.name_en, s.name_zh, COALESCE(SUM(l.per_hour), 0) FROM site s"
        " LEFT JOIN lane l ON l.site_id = s.id WHERE s.id = :id GROUP BY s.campaign_id, s.name_en, s.name_zh",
        id=site_id,
    )


def add_slots(tx: Tx, rows: Sequence[dict[str, object]]) -> None:
    tx.many(
        "INSERT INTO booking_slot (id, place_id, start_at, forget_at, capacity, booked, release_id) VALUES"
        " (:id, :place_id, :start_at, :forget_at, :capacity, 0, :release_id)"
        " ON CONFLICT (place_id, start_at) DO NOTHING",
        rows,
    )


def slot(tx: Tx, slot_id: str) -> Row | None:
    return tx.one(_SLOT + " WHERE s.id = :id", id=slot_id)


def slots(tx: Tx, campaign_id: str, after: int, before: int) -> list[Row]:
    return tx.all(
        _SLOT + " WHERE a.campaign_id = :id AND s.start_at >= :after AND s.start_at < :before"
        " ORDER BY s.place_id, s.start_at",
        id=campaign_id, after=after, before=before,
    )  # fmt: skip


def booked_of_day(tx: Tx, campaign_id: str, after: int, before: int) -> dict[str, int]:
    """Places taken so far, by place."""
    rows = tx.all(
        "SELECT s.place_id, SUM(s.booked) FROM booking_slot s JOIN booking_place p ON p.id = s.place_id"
        " JOIN booking_area a ON a.id = p.area_id WHERE a.campaign_id = :id AND s.start_at >= :after"
        " AND s.start_at < :before GROUP BY s.place_id",
        id=campaign_id, after=after, before=before,
    )  # fmt: skip
    return {row[0]: int(row[1]) for row in rows}


def closed_places(tx: Tx, campaign_id: str) -> set[str]:
    """Bookable sites that are closed for now."""
    rows = tx.all("SELECT id FROM site WHERE campaign_id = :id AND state <> 'open'", id=campaign_id)
    return {row[0] for row in rows}


def free_slots(tx: Tx, campaign_id: str, kind: str, after: int, limit: int) -> list[Row]:
    """(slot, place, area, free) of windows that anybody may take, the earliest first."""
    return tx.all(
        "SELECT s.id, s.place_id, p.area_id, s.capacity - s.booked FROM booking_slot s"
        " JOIN booking_place p ON p.id = s.place_id JOIN booking_area a ON a.id = p.area_id"
        " LEFT JOIN booking_release r ON r.id = s.release_id WHERE a.campaign_id = :id AND p.kind = :kind"
        " AND s.start_at >= :after AND s.booked < s.capacity AND (s.release_id = '' OR r.drawn_at IS NOT NULL)"
        " AND NOT EXISTS (SELECT 1 FROM site x WHERE x.id = p.id AND x.state <> 'open')"
        " ORDER BY s.start_at, s.place_id LIMIT :n",
        id=campaign_id, kind=kind, after=after, n=limit,
    )  # fmt: skip


def days(tx: Tx, after: int) -> list[Row]:
    """(mandate, campaign, day) of which tickets may still be there."""
    return tx.all(
        "SELECT mandate_id, campaign_id, forget_at FROM booking_day WHERE forget_at > :after ORDER BY forget_at",
        after=after,
    )


def add_days(tx: Tx, area_id: str, days: Iterable[int]) -> None:
    tx.many(
        "INSERT INTO booking_day (campaign_id, forget_at, mandate_id) SELECT campaign_id, :day, mandate_id"
        " FROM booking_area WHERE id = :area ON CONFLICT (campaign_id, forget_at) DO NOTHING",
        [{"area": area_id, "day": day} for day in days],
    )


# Tickets


def take(tx: Tx, slot_id: str) -> bool:
    """One place of a window, if there is one: asked and taken in one statement."""
    return (
        tx.run("UPDATE booking_slot SET booked = booked + 1 WHERE id = :id AND booked < capacity", id=slot_id)
        == 1
    )


def give_back(tx: Tx, slot_id: str) -> None:
    tx.run("UPDATE booking_slot SET booked = booked - 1 WHERE id = :id", id=slot_id)


_TICKET = (
    "SELECT t.mark, t.id, t.slot_id, t.purpose, p.name_en, p.name_zh, p.kind, s.start_at, COALESCE(x.state, 'open')"
    " FROM booking_ticket t JOIN booking_slot s ON s.id = t.slot_id JOIN booking_place p ON p.id = s.place_id"
    " LEFT JOIN site x ON x.id = p.id"
)


def ticket(tx: Tx, mark: bytes) -> Row | None:
    return tx.one(_TICKET + " WHERE t.mark = :mark", mark=mark)


def add_ticket(tx: Tx, mark: bytes, ticket_id: str, slot_id: str, purpose: str) -> bool:
    """False if this mark has a ticket already."""
    return tx.run(
        "INSERT INTO booking_ticket (mark, id, slot_id, purpose) VALUES (:mark, :id, :slot, :purpose)"
        " ON CONFLICT (mark) DO NOTHING",
        mark=mark, id=ticket_id, slot=slot_id, purpose=purpose,
    ) == 1  # fmt: skip


def move_ticket(tx: Tx, mark: bytes, slot_id: str) -> None:
    tx.run("UPDATE booking_ticket SET slot_id = :slot WHERE mark = :mark", mark=mark, slot=slot_id)


def drop_ticket(tx: Tx, mark: bytes) -> str | None:
    """The slot of the ticket that is gone by this, or None if there was none."""
    row = tx.one("DELETE FROM booking_ticket WHERE mark = :mark RETURNING slot_id", mark=mark)
    return str(row[0]) if row else None


# The lottery


def add_release(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO booking_release (id, campaign_id, opens_at, closes_at, seed)"
        " VALUES (:id, :campaign_id, :opens_at, :closes_at, :seed)",
        **row,
    )


_RELEASE = "SELECT id, campaign_id, opens_at, closes_at, seed, drawn_at FROM booking_release"


def release(tx: Tx, release_id: str) -> Row | None:
    return tx.one(_RELEASE + " WHERE id = :id", id=release_id)


def releases(tx: Tx, campaign_id: str) -> list[Row]:
    return tx.all(_RELEASE + " WHERE campaign_id = :id ORDER BY opens_at, id", id=campaign_id)


def due_releases(tx: Tx, now: int) -> list[Row]:
    return tx.all(_RELEASE + " WHERE drawn_at IS NULL AND closes_at <= :now ORDER BY closes_at, id", now=now)


def mark_drawn(tx: Tx, release_id: str, now: int) -> None:
    tx.run("UPDATE booking_release SET drawn_at = :now WHERE id = :id", id=release_id, now=now)


def put_wish(tx: Tx, release_id: str, mark: bytes, choices: str) -> None:
    tx.run(
        "INSERT INTO booking_wish (release_id, mark, choices) VALUES (:id, :mark, :choices)"
        " ON CONFLICT (release_id, mark) DO UPDATE SET choices = :choices",
        id=release_id, mark=mark, choices=choices,
    )  # fmt: skip


def wishes(tx: Tx, release_id: str) -> list[Row]:
    return tx.all(
        "SELECT mark, choices FROM booking_wish WHERE release_id = :id ORDER BY mark", id=release_id
    )


def drop_wishes(tx: Tx, release_id: str) -> None:
    tx.run("DELETE FROM booking_wish WHERE release_id = :id", id=release_id)


def slots_of_release(tx: Tx, release_id: str) -> list[Row]:
    return tx.all(
        "SELECT id, capacity - booked FROM booking_slot WHERE release_id = :id ORDER BY id", id=release_id
    )


# Lines


def put_line(
    tx: Tx, device_id: str, site_id: str, waiting: int, unsent: int, device_at: int, now: int
) -> None:
    """What the device said last, by its own clock; older news changes nothing."""
    tx.run(
        "INSERT INTO booking_line (device_id, site_id, waiting, unsent, device_at, said_at)"
        " VALUES (:device, :site, :waiting, :unsent, :at, :now) ON CONFLICT (device_id) DO UPDATE SET"
        " waiting = :waiting, unsent = :unsent, device_at = :at, said_at = :now WHERE booking_line.device_at < :at",
        device=device_id, site=site_id, waiting=waiting, unsent=unsent, at=device_at, now=now,
    )  # fmt: skip


def lines(tx: Tx, campaign_id: str, since: int) -> list[Row]:
    """(site, waiting as said since then, unsent, said at) over the devices of each site."""
    return tx.all(
        "SELECT l.site_id, SUM(CASE WHEN l.said_at >= :since THEN l.waiting ELSE 0 END), SUM(l.unsent),"
        " MAX(l.said_at) FROM booking_line l JOIN site s ON s.id = l.site_id WHERE s.campaign_id = :id"
        " GROUP BY l.site_id ORDER BY l.site_id",
        id=campaign_id, since=since,
    )  # fmt: skip


# Forgetting


def forget(tx: Tx, now: int) -> int:
    """Tickets of windows whose day is over; how many."""
    return tx.run(
        "DELETE FROM booking_ticket WHERE slot_id IN (SELECT id FROM booking_slot WHERE forget_at <= :now)",
        now=now,
    )


_AREAS = "SELECT id FROM booking_area WHERE mandate_id = :id"
_PLACES = f"SELECT id FROM booking_place WHERE area_id IN ({_AREAS})"
_SLOTS = f"SELECT id FROM booking_slot WHERE place_id IN ({_PLACES})"
_CAMPAIGNS = "SELECT campaign_id FROM booking_area WHERE mandate_id = :id"
_SITES = "SELECT s.id FROM site s JOIN campaign c ON c.id = s.campaign_id WHERE c.mandate_id = :id"
_RELEASES = f"SELECT id FROM booking_release WHERE campaign_id IN ({_CAMPAIGNS})"
_DELETIONS = (
    ("booking_ticket", f"DELETE FROM booking_ticket WHERE slot_id IN ({_SLOTS})"),
    ("booking_wish", f"DELETE FROM booking_wish WHERE release_id IN ({_RELEASES})"),
    ("booking_slot", f"DELETE FROM booking_slot WHERE place_id IN ({_PLACES})"),
    ("booking_line", f"DELETE FROM booking_line WHERE site_id IN ({_SITES})"),
    ("booking_release", f"DELETE FROM booking_release WHERE campaign_id IN ({_CAMPAIGNS})"),
    ("booking_day", "DELETE FROM booking_day WHERE mandate_id = :id"),
    ("booking_place", f"DELETE FROM booking_place WHERE area_id IN ({_AREAS})"),
    ("booking_area", "DELETE FROM booking_area WHERE mandate_id = :id"),
)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Everything of a mandate; rows gone by table."""
    return {table: tx.run(sql, id=mandate_id) for table, sql in _DELETIONS}
