"""Tables of tubes: batches, tubes, members, events of devices, conflicts, forgetting. SQL only, no decisions.

There is no query "sites of a subject", and none may be added (law 4).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pratique.store.tx import Row, Tx
from pratique.testing.model import Tube

# Tubes


def add_batch(tx: Tx, prefix: str, scheme: str, printer: str, campaign_id: str) -> None:
    tx.run(
        "INSERT INTO tube_batch (prefix, scheme, printer, campaign_id)"
        " VALUES (:prefix, :scheme, :printer, :campaign_id)",
        prefix=prefix, scheme=scheme, printer=printer, campaign_id=campaign_id,
    )  # fmt: skip


def batch_of(tx: Tx, code: str) -> tuple[str, str] | None:
    """(scheme, campaign) of the batch with the longest prefix of this code."""
    row = tx.one(
        "SELECT scheme, campaign_id FROM tube_batch WHERE SUBSTR(:code, 1, LENGTH(prefix)) = prefix"
        " ORDER BY LENGTH(prefix) DESC LIMIT 1",
        code=code,
    )
    return (str(row[0]), str(row[1])) if row else None


def add_tube(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO tube (code, campaign_id, kind, purpose, parent_pool, reserved_for, site_id, lane, device_id,"
        " opened_at, sealed_at, device_sealed_at, registered_at, people, in_conflict, state) VALUES (:code,"
        " :campaign_id, :kind, :purpose, :parent_pool, :reserved_for, :site_id, :lane, :device_id, :opened_at,"
        " :sealed_at, :device_sealed_at, :registered_at, :people, 0, :state)",
        **row,
    )


_TUBE = (
    "SELECT t.code, t.campaign_id, c.mandate_id, t.kind, t.purpose, t.parent_pool, t.sealed_at, t.people,"
    " t.in_conflict, t.state, c.analytes, m.start_at, m.ends_at"
)
_TERMS = " JOIN campaign c ON c.id = t.campaign_id JOIN mandate m ON m.id = c.mandate_id"
_SCANS = "thing = :code OR thing IN (SELECT box FROM custody WHERE thing = :code AND box <> '')"


class Seen(NamedTuple):
    """What is known of a tube when a laboratory reports it: the tube, if a site registered it; when this laboratory
    received it; how many versions there are."""

    tube: Tube | None
    received_at: int | None
    versions: int


def tube(tx: Tx, code: str) -> Tube | None:
    row = tx.one(f"{_TUBE} FROM tube t{_TERMS} WHERE t.code = :code AND t.state <> 'reserved'", code=code)
    return _tube(row) if row else None


def seen(tx: Tx, code: str, lab_id: str) -> Seen:
    row = tx.one(
        f"{_TUBE}, (SELECT MIN(at) FROM custody WHERE lab_id = :lab AND ({_SCANS})),"
        " (SELECT COUNT(*) FROM result_version WHERE code = :code) FROM (SELECT 1 AS n) x"
        f" LEFT JOIN (tube t{_TERMS}) ON t.code = :code AND t.state <> 'reserved'",
        code=code, lab=lab_id,
    )  # fmt: skip
    assert row is not None  # noqa: S101 - one row is always there
    return Seen(_tube(row) if row[0] is not None else None, row[13], int(row[14]))


def held_elsewhere(tx: Tx, code: str, lab_id: str) -> bool:
    """True if a laboratory other than this one has received the tube."""
    row = tx.one(
        f"SELECT 1 FROM custody WHERE lab_id <> '' AND lab_id <> :lab AND ({_SCANS}) LIMIT 1",
        code=code,
        lab=lab_id,
    )
    return row is not None


def _tube(row: Row) -> Tube:
    return Tube(
        code=row[0], campaign_id=row[1], mandate_id=row[2], kind=row[3], purpose=row[4], parent_pool=row[5],
        sealed_at=row[6], people=row[7], in_conflict=bool(row[8]), state=row[9], analytes=frozenset(row[10].split()),
        in_force=(row[11], row[12]),
    )  # fmt: skip


def reservation(tx: Tx, code: str) -> tuple[str, str] | None:
    """(subject, pool) for whom a single-tube code is reserved, if it is."""
    row = tx.one(
        "SELECT reserved_for, parent_pool FROM tube WHERE code = :code AND state = 'reserved'", code=code
    )
    return (str(row[0]), str(row[1])) if row else None


def reserved_code(tx: Tx, pool: str, subject_id: str) -> str | None:
    row = tx.one(
        "SELECT code FROM tube WHERE parent_pool = :pool AND parent_pool <> '' AND reserved_for = :subject"
        " AND state = 'reserved'",
        pool=pool, subject=subject_id,
    )  # fmt: skip
    return str(row[0]) if row else None


def drop_reserved(tx: Tx, pool: str) -> None:
    tx.run(
        "DELETE FROM tube WHERE parent_pool = :pool AND parent_pool <> '' AND state = 'reserved'", pool=pool
    )


def drop_reservation(tx: Tx, code: str) -> None:
    tx.run("DELETE FROM tube WHERE code = :code AND state = 'reserved'", code=code)


def tube_owner(tx: Tx, code: str) -> tuple[str, int] | None:
    """(device, people) of a registered tube."""
    row = tx.one("SELECT device_id, people FROM tube WHERE code = :code AND state <> 'reserved'", code=code)
    return (str(row[0]), int(row[1])) if row else None


def set_tube(tx: Tx, code: str, state: str) -> None:
    tx.run("UPDATE tube SET state = :state WHERE code = :code", code=code, state=state)


def move_tube(tx: Tx, code: str, state: str) -> None:
    """On its way to the laboratory; a tube that has a result goes nowhere any more."""
    tx.run(
        "UPDATE tube SET state = :state WHERE code = :code AND state IN ('sealed', 'boxed')",
        code=code,
        state=state,
    )


def unreceived(tx: Tx, sealed_before: int) -> int:
    """Tubes sealed before this time that are not at a laboratory and have no result."""
    row = tx.one(
        "SELECT COUNT(*) FROM tube WHERE state IN ('sealed', 'boxed') AND sealed_at <= :sealed",
        sealed=sealed_before,
    )
    assert row is not None  # noqa: S101 - a count always has a row
    return int(row[0])


def set_people(tx: Tx, code: str, people: int) -> None:
    """People were added: whatever it was, it is a mixed tube for screening now."""
    tx.run(
        "UPDATE tube SET kind = 'mixed', purpose = 'screen', parent_pool = '', people = :people WHERE code = :code",
        code=code, people=people,
    )  # fmt: skip


def set_conflict(tx: Tx, code: str, in_conflict: int) -> None:
    tx.run("UPDATE tube SET in_conflict = :n WHERE code = :code", code=code, n=in_conflict)


def add_members(tx: Tx, code: str, members: Iterable[tuple[int, str, int]]) -> None:
    tx.many(
        "INSERT INTO tube_member (code, pos, subject_id, at) VALUES (:code, :pos, :subject, :at)",
        [{"code": code, "pos": pos, "subject": subject, "at": at} for pos, subject, at in members],
    )


def drop_members(tx: Tx, code: str) -> None:
    tx.run("DELETE FROM tube_member WHERE code = :code", code=code)


def members(tx: Tx, code: str) -> list[str]:
    return [
        row[0] for row in tx.all("SELECT subject_id FROM tube_member WHERE code = :c ORDER BY pos", c=code)
    ]


def open_pools(tx: Tx, subject_id: str, sealed_before: int) -> list[str]:
    """Pools of this person that wait for a single tube, the latest first."""
    rows = tx.all(
        "SELECT t.code FROM tube_member x JOIN tube t ON t.code = x.code JOIN tube_state s ON s.code = t.code"
        " WHERE x.subject_id = :subject AND t.kind = 'mixed' AND t.sealed_at < :at"
        " AND s.told_outcome IN ('positive', 'indeterminate') AND s.state <> 'closed'"
        " ORDER BY t.sealed_at DESC, t.code",
        subject=subject_id, at=sealed_before,
    )  # fmt: skip
    return [row[0] for row in rows]


def unsettled_members(tx: Tx, pool: str, analyte: str) -> int:
    """Members of a pool without a final single result sampled after it."""
    row = tx.one(
        "SELECT COUNT(*) FROM tube_member x JOIN tube p ON p.code = x.code WHERE x.code = :pool AND NOT EXISTS ("
        "SELECT 1 FROM tube_member y JOIN tube t ON t.code = y.code JOIN tube_state s ON s.code = t.code"
        " WHERE y.subject_id = x.subject_id AND t.kind = 'single' AND t.sealed_at > p.sealed_at"
        " AND s.analyte = :analyte AND s.state IN ('negative', 'positive'))",
        pool=pool, analyte=analyte,
    )  # fmt: skip
    assert row is not None  # noqa: S101 - a count always has a row
    return int(row[0])


def positive_singles(tx: Tx, pool: str, analyte: str) -> int:
    row = tx.one(
        "SELECT COUNT(*) FROM tube_member x JOIN tube p ON p.code = x.code JOIN tube_member y"
        " ON y.subject_id = x.subject_id JOIN tube t ON t.code = y.code JOIN tube_state s ON s.code = t.code"
        " WHERE x.code = :pool AND t.kind = 'single' AND t.sealed_at > p.sealed_at AND s.analyte = :analyte"
        " AND s.state = 'positive'",
        pool=pool, analyte=analyte,
    )  # fmt: skip
    assert row is not None  # noqa: S101 - a count always has a row
    return int(row[0])


# Events of devices


def event_by_id(tx: Tx, event_id: str) -> tuple[str, str] | None:
    row = tx.one("SELECT hash, outcome FROM tube_event WHERE id = :id", id=event_id)
    return (str(row[0]), str(row[1])) if row else None


def event_at(tx: Tx, device_id: str, seq: int) -> str | None:
    row = tx.one("SELECT id FROM tube_event WHERE device_id = :d AND seq = :seq", d=device_id, seq=seq)
    return str(row[0]) if row else None


def add_event(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO tube_event (device_id, seq, id, hash, code, outcome, received_at)"
        " VALUES (:device_id, :seq, :id, :hash, :code, :outcome, :received_at)",
        **row,
    )


def change_event(tx: Tx, event_id: str, outcome: str) -> None:
    tx.run("UPDATE tube_event SET outcome = :outcome WHERE id = :id", id=event_id, outcome=outcome)


def add_conflict(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO tube_conflict (id, code, device_id, sealed_at, members, opened_at)"
        " VALUES (:id, :code, :device_id, :sealed_at, :members, :opened_at) ON CONFLICT (id) DO NOTHING",
        **row,
    )


def conflicts(tx: Tx) -> list[Row]:
    return tx.all(
        "SELECT id, code, sealed_at, members, opened_at FROM tube_conflict WHERE closed_at IS NULL"
        " ORDER BY opened_at, id"
    )


def close_conflict(tx: Tx, conflict_id: str, verdict: str, by: str, now: int) -> Row | None:
    return tx.one(
        "UPDATE tube_conflict SET closed_at = :now, closed_by = :by, verdict = :verdict WHERE id = :id"
        " AND closed_at IS NULL RETURNING code, members, sealed_at",
        id=conflict_id, verdict=verdict, by=by, now=now,
    )  # fmt: skip


def mandate_of_conflict(tx: Tx, conflict_id: str) -> str:
    row = tx.one(
        "SELECT c.mandate_id FROM tube_conflict x JOIN device d ON d.id = x.device_id JOIN site s ON s.id = d.site_id"
        " JOIN campaign c ON c.id = s.campaign_id WHERE x.id = :id",
        id=conflict_id,
    )
    assert row is not None  # noqa: S101 - a conflict comes from an enrolled device
    return str(row[0])


def open_conflicts_of(tx: Tx, code: str) -> int:
    row = tx.one("SELECT COUNT(*) FROM tube_conflict WHERE code = :code AND closed_at IS NULL", code=code)
    assert row is not None  # noqa: S101 - a count always has a row
    return int(row[0])


# Forgetting


def emptiable(tx: Tx, now: int, limit: int) -> list[Row]:
    """(code, site, sealed_at, people) of tubes whose correction window is over."""
    return tx.all(
        "SELECT t.code, t.site_id, t.sealed_at, t.people FROM tube t JOIN campaign c ON c.id = t.campaign_id"
        " WHERE t.emptied_at IS NULL AND t.sealed_at < :now - c.window_days * 86400000 AND NOT EXISTS ("
        "SELECT 1 FROM tube_state s WHERE s.code = t.code AND s.state IN ('waiting', 'held'))"
        " ORDER BY t.sealed_at LIMIT :n",
        now=now, n=limit,
    )  # fmt: skip


def empty(tx: Tx, codes: Sequence[str], now: int) -> None:
    """After this nothing joins a person to a site: members gone, site, device and event link blanked."""
    rows = [{"code": code, "now": now} for code in codes]
    tx.many("DELETE FROM tube_member WHERE code = :code", rows)
    tx.many("DELETE FROM tube_conflict WHERE code = :code", rows)
    tx.many("UPDATE tube_event SET code = '' WHERE code = :code", rows)
    tx.many(
        "UPDATE tube SET site_id = '', device_id = '', lane = 0, reserved_for = '', emptied_at = :now"
        " WHERE code = :code",
        rows,
    )


def count_site(tx: Tx, site_id: str, slot15: int, people: int) -> None:
    tx.run(
        "INSERT INTO site_count (site_id, slot15, tubes, people) VALUES (:site_id, :slot15, 1, :people)"
        " ON CONFLICT (site_id, slot15) DO UPDATE SET tubes = site_count.tubes + 1,"
        " people = site_count.people + :people",
        site_id=site_id, slot15=slot15, people=people,
    )  # fmt: skip


def people_held(tx: Tx) -> list[str]:
    """Everybody whose tube's result waits for a second look."""
    rows = tx.all(
        "SELECT DISTINCT x.subject_id FROM tube_state s JOIN tube_member x ON x.code = s.code"
        " WHERE s.state = 'held' ORDER BY x.subject_id"
    )
    return [row[0] for row in rows]
