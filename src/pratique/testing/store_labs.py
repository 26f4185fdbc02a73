"""Tables of laboratories as partners: keys, manifests, balances, and where tubes are. SQL only, no decisions."""

from collections.abc import Mapping, Sequence
from typing import Any

from pratique.store.tx import Row, Tx
from pratique.testing.balance import Day

# Keys


def add_key(tx: Tx, key_hash: bytes, lab_id: str, now: int) -> None:
    tx.run(
        "INSERT INTO lab_key (key_hash, lab_id, made_at) VALUES (:hash, :lab, :now)",
        hash=key_hash, lab=lab_id, now=now,
    )  # fmt: skip


def lab_of_key(tx: Tx, key_hash: bytes) -> Row | None:
    """(id, name) of the laboratory with this key."""
    return tx.one(
        "SELECT l.id, l.name FROM lab_key k JOIN lab l ON l.id = k.lab_id"
        " WHERE k.key_hash = :hash AND k.ended_at IS NULL",
        hash=key_hash,
    )


def end_keys(tx: Tx, lab_id: str, now: int) -> int:
    return tx.run(
        "UPDATE lab_key SET ended_at = :now WHERE lab_id = :lab AND ended_at IS NULL", lab=lab_id, now=now
    )


# Manifests


def put_manifest(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO lab_manifest (lab_id, day, run, tubes, wells, controls, sent_at, by_id) VALUES (:lab_id, :day,"
        " :run, :tubes, :wells, :controls, :sent_at, :by_id) ON CONFLICT (lab_id, day, run) DO UPDATE SET"
        " tubes = :tubes, wells = :wells, controls = :controls, sent_at = :sent_at, by_id = :by_id",
        **row,
    )


def manifest_sums(tx: Tx, lab_id: str, day: str) -> tuple[int, int]:
    """(tubes, wells) of all manifests of a day."""
    row = tx.one(
        "SELECT COALESCE(SUM(tubes), 0), COALESCE(SUM(wells), 0) FROM lab_manifest"
        " WHERE lab_id = :lab AND day = :day",
        lab=lab_id, day=day,
    )  # fmt: skip
    return (int(row[0]), int(row[1])) if row else (0, 0)


def controls_right(tx: Tx, run_id: str) -> bool:
    """True if the laboratory said that the controls of this run were right."""
    row = tx.one(
        "SELECT m.controls FROM run r JOIN lab_manifest m ON m.lab_id = r.lab_id"
        " AND r.run_key IN ('run:' || m.run, 'batch:' || m.run, 'instrument:' || m.run)"
        " WHERE r.id = :run ORDER BY m.sent_at DESC LIMIT 1",
        run=run_id,
    )
    return row is not None and int(row[0]) == 1


def held_for_controls(tx: Tx, lab_id: str) -> list[tuple[str, str]]:
    rows = tx.all(
        "SELECT s.code, s.analyte FROM tube_state s JOIN run r ON r.id = s.run_id WHERE s.state = 'held'"
        " AND s.held_because = 'controls' AND r.lab_id = :lab ORDER BY s.code, s.analyte",
        lab=lab_id,
    )
    return [(str(row[0]), str(row[1])) for row in rows]


def held_tubes_of(tx: Tx, lab_id: str) -> list[Row]:
    """(code, because, since) of held tubes whose version is this laboratory's."""
    return tx.all(
        "SELECT DISTINCT s.code, s.held_because, s.since_at FROM tube_state s JOIN result_version v ON v.code = s.code"
        " AND v.analyte = s.analyte AND v.id = s.version_id WHERE s.state = 'held' AND v.lab_id = :lab"
        " ORDER BY s.since_at, s.code",
        lab=lab_id,
    )


def registered_in(tx: Tx, box: str) -> list[Row]:
    """(code, people, sealed at, analytes) of the registered tubes in a box."""
    return tx.all(
        "SELECT DISTINCT t.code, t.people, t.sealed_at, c.analytes FROM custody x JOIN tube t ON t.code = x.thing"
        " JOIN campaign c ON c.id = t.campaign_id WHERE x.box = :box AND x.box <> '' AND t.state <> 'reserved'"
        " ORDER BY t.code",
        box=box,
    )


# The balance

_RECEIVED = (
    "SELECT c.thing AS code, c.at AS at FROM custody c WHERE c.lab_id = :lab AND c.at >= :since AND c.at < :until"
    " AND NOT EXISTS (SELECT 1 FROM custody y WHERE y.box = c.thing AND y.box <> '')"
    " UNION ALL SELECT x.thing, c.at FROM custody c JOIN custody x ON x.box = c.thing AND x.box <> ''"
    " WHERE c.lab_id = :lab AND c.at >= :since AND c.at < :until"
)


def received_with_results(tx: Tx, lab_id: str, since: int, until: int) -> list[Row]:
    """(code, first receipt, outcome, status, reported, Ct, second Ct) of what this laboratory scanned in, one row a
    version; the last five are None where it reported nothing."""
    return tx.all(
        "SELECT r.code, r.at, v.outcome, v.status, v.reported_at, v.ct_milli, v.ct2_milli FROM"
        f" (SELECT code, MIN(at) AS at FROM ({_RECEIVED}) all_scans GROUP BY code) r"
        " LEFT JOIN result_version v ON v.code = r.code AND v.lab_id = :lab",
        lab=lab_id, since=since, until=until,
    )  # fmt: skip


DAY = ", ".join(Day._fields)


def put_day(tx: Tx, lab_id: str, day: str, sums: Day, now: int) -> None:
    named = ", ".join(f":{name}" for name in Day._fields)
    changed = ", ".join(f"{name} = :{name}" for name in Day._fields)
    tx.run(
        f"INSERT INTO lab_day (lab_id, day, {DAY}, computed_at) VALUES (:lab, :day, {named}, :now)"
        f" ON CONFLICT (lab_id, day) DO UPDATE SET {changed}, computed_at = :now",
        lab=lab_id, day=day, now=now, **sums._asdict(),
    )  # fmt: skip


def computed(tx: Tx, days: Sequence[str]) -> dict[tuple[str, str], int]:
    """When each (laboratory, day) was counted last."""
    found: dict[tuple[str, str], int] = {}
    for day in days:
        for row in tx.all("SELECT lab_id, computed_at FROM lab_day WHERE day = :day", day=day):
            found[row[0], day] = int(row[1])
    return found


def days_of(tx: Tx, day: str) -> dict[str, Day]:
    """The balance of every laboratory on one day."""
    rows = tx.all(f"SELECT lab_id, {DAY} FROM lab_day WHERE day = :day ORDER BY lab_id", day=day)
    return {row[0]: Day(*map(int, row[1:])) for row in rows}


def balances(tx: Tx, since_day: str) -> list[Row]:
    """(laboratory, day, sums …, counted at), the latest day first."""
    return tx.all(
        f"SELECT l.name, d.day, {', '.join('d.' + name for name in Day._fields)}, d.computed_at FROM lab_day d"
        " JOIN lab l ON l.id = d.lab_id WHERE d.day >= :since ORDER BY d.day DESC, l.name",
        since=since_day,
    )


# Where tubes are


def on_the_way(tx: Tx, limit: int) -> list[Row]:
    """(box, tubes not received, first sealed, boxed at) of everything no laboratory has, the oldest first."""
    return tx.all(
        "SELECT COALESCE(c.box, ''), COUNT(DISTINCT t.code), MIN(t.sealed_at), MIN(c.at) FROM tube t"
        " LEFT JOIN custody c ON c.thing = t.code AND c.box <> '' WHERE t.state IN ('sealed', 'boxed')"
        " GROUP BY COALESCE(c.box, '') ORDER BY MIN(t.sealed_at), 1 LIMIT :n",
        n=limit,
    )


def box_facts(tx: Tx, box: str) -> Row | None:
    """(tubes put in, taken by a courier at, received at, laboratory) of a box."""
    return tx.one(
        "SELECT (SELECT COUNT(DISTINCT thing) FROM custody WHERE box = :box AND box <> ''),"
        " (SELECT MIN(at) FROM custody WHERE thing = :box AND box = '' AND lab_id = ''),"
        " (SELECT MIN(c.at) FROM custody c WHERE c.lab_id <> '' AND (c.thing = :box OR c.thing IN"
        " (SELECT y.thing FROM custody y WHERE y.box = :box))),"
        " (SELECT MIN(l.name) FROM custody c JOIN lab l ON l.id = c.lab_id WHERE c.lab_id <> '' AND (c.thing = :box"
        " OR c.thing IN (SELECT y.thing FROM custody y WHERE y.box = :box)))",
        box=box,
    )


def missing_in(tx: Tx, box: str, limit: int) -> list[str]:
    """Codes of the tubes of a box that no laboratory has scanned."""
    rows = tx.all(
        "SELECT DISTINCT t.code FROM custody c JOIN tube t ON t.code = c.thing WHERE c.box = :box AND c.box <> ''"
        " AND t.state IN ('sealed', 'boxed') ORDER BY t.code LIMIT :n",
        box=box, n=limit,
    )  # fmt: skip
    return [row[0] for row in rows]


def way_counts(tx: Tx, since: int) -> Row:
    """(put into boxes, received by laboratories, still at sites, in boxes) of tubes sealed since."""
    row = tx.one(
        "SELECT (SELECT COUNT(DISTINCT c.thing) FROM custody c JOIN tube t ON t.code = c.thing WHERE c.box <> ''"
        " AND t.sealed_at >= :since),"
        " (SELECT COUNT(*) FROM tube WHERE state IN ('at-lab', 'final', 'closed') AND sealed_at >= :since"
        " AND parent_pool = ''),"
        " (SELECT COUNT(*) FROM tube WHERE state = 'sealed'), (SELECT COUNT(*) FROM tube WHERE state = 'boxed')",
        since=since,
    )
    assert row is not None  # noqa: S101 - counts always have a row
    return row


# Whose time stands still because of us


def overdue_tubes(tx: Tx, states: Sequence[str], sealed_before: int) -> list[Row]:
    """(code, sealed at, campaign, mandate, analytes) of tubes in these states without any judged result."""
    named: Mapping[str, Any] = {f"s{n}": state for n, state in enumerate(states)}
    listed = ", ".join(f":{name}" for name in named)
    return tx.all(
        "SELECT t.code, t.sealed_at, c.id, c.mandate_id, c.analytes FROM tube t JOIN campaign c ON c.id = t.campaign_id"
        f" WHERE t.state IN ({listed}) AND t.sealed_at < :before AND NOT EXISTS (SELECT 1 FROM tube_state s"
        " WHERE s.code = t.code AND s.state NOT IN ('no-result')) ORDER BY t.sealed_at, t.code",
        before=sealed_before, **named,
    )  # fmt: skip


def first_receipt(tx: Tx, code: str) -> int | None:
    """When any laboratory first had this tube."""
    row = tx.one(
        "SELECT MIN(at) FROM custody WHERE lab_id <> '' AND (thing = :code OR thing IN"
        " (SELECT box FROM custody WHERE thing = :code AND box <> ''))",
        code=code,
    )
    return int(row[0]) if row and row[0] is not None else None


def set_site_state(tx: Tx, site_id: str, state: str, closed_at: int | None, by: str) -> int:
    return tx.run(
        "UPDATE site SET state = :state, closed_at = CAST(:at AS BIGINT), closed_by = :by"
        " WHERE id = :id AND state <> :state",
        id=site_id, state=state, at=closed_at, by=by,
    )  # fmt: skip


def campaigns_shut(tx: Tx, now: int, since: int) -> list[Row]:
    """(campaign, shut: 1 or 0) of campaigns that are open now and have sites at all; shut: none of these is open, or
    one was closed after `since`."""
    return tx.all(
        "SELECT c.id, CASE WHEN SUM(CASE WHEN s.state = 'open' THEN 1 ELSE 0 END) = 0"
        " OR SUM(CASE WHEN s.state = 'closed' AND s.closed_at > :since THEN 1 ELSE 0 END) > 0 THEN 1 ELSE 0 END"
        " FROM campaign c JOIN site s ON s.campaign_id = c.id WHERE c.opens_at <= :now AND :now < c.closes_at"
        " GROUP BY c.id ORDER BY c.id",
        now=now, since=since,
    )  # fmt: skip


def beat(tx: Tx, now: int) -> int | None:
    """Note that the system works; when it last said so."""
    row = tx.one("SELECT at FROM testing_beat WHERE one = 1")
    tx.run(
        "INSERT INTO testing_beat (one, at) VALUES (1, :now) ON CONFLICT (one) DO UPDATE SET at = :now",
        now=now,
    )
    return int(row[0]) if row else None


# Singles that wait for a window


def reserved_for(tx: Tx, subject_id: str) -> Row | None:
    """(campaign, site of the pool) of the single test that is kept for this person."""
    return tx.one(
        "SELECT t.campaign_id, p.site_id FROM tube t JOIN tube p ON p.code = t.parent_pool"
        " WHERE t.reserved_for = :subject AND t.state = 'reserved' ORDER BY t.registered_at DESC, t.code LIMIT 1",
        subject=subject_id,
    )
