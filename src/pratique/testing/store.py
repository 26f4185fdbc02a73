"""Tables of the campaign: campaigns, sites, devices, custody, tasks. SQL only, no decisions.

Tubes are in `store_tubes.py`, what laboratories sent in `store_results.py`.
"""

from pratique.core.errors import NoMandate
from pratique.store.tx import Row, Tx

# Campaigns and sites


def add_campaign(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO campaign (id, mandate_id, name_en, name_zh, capacity, analytes, opens_at, closes_at,"
        " window_days, created_at) VALUES (:id, :mandate_id, :name_en, :name_zh, :capacity, :analytes, :opens_at,"
        " :closes_at, :window_days, :created_at)",
        **row,
    )


CAMPAIGN = (
    "SELECT c.id, c.mandate_id, c.name_en, c.name_zh, c.capacity, c.analytes, c.opens_at, c.closes_at,"
    " c.window_days, m.start_at, m.ends_at FROM campaign c JOIN mandate m ON m.id = c.mandate_id"
)


def campaign(tx: Tx, campaign_id: str) -> Row | None:
    return tx.one(CAMPAIGN + " WHERE c.id = :id", id=campaign_id)


def campaigns(tx: Tx) -> list[Row]:
    return tx.all(CAMPAIGN + " ORDER BY c.opens_at, c.id")


def live_campaigns(tx: Tx, at: int) -> list[Row]:
    return tx.all(
        CAMPAIGN
        + " WHERE m.published_at IS NOT NULL AND m.start_at <= :at AND m.ends_at > :at ORDER BY c.id",
        at=at,
    )


def require_mandate(tx: Tx, mandate_id: str, at: int) -> None:
    """Law 1: raises NoMandate unless this mandate is published, in force at `at` and unlocks campaigns."""
    found = tx.one(
        "SELECT 1 FROM mandate m JOIN mandate_unlock u ON u.mandate_id = m.id WHERE m.id = :id"
        " AND u.unlock = 'campaign' AND m.published_at IS NOT NULL AND m.start_at <= :at AND m.ends_at > :at",
        id=mandate_id, at=at,
    )  # fmt: skip
    if found is None:
        raise NoMandate(what="campaign")


def add_site(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO site (id, campaign_id, name_en, name_zh, state, created_at)"
        " VALUES (:id, :campaign_id, :name_en, :name_zh, 'open', :created_at)",
        **row,
    )


def add_lane(tx: Tx, site_id: str, lane: int, per_hour: int) -> None:
    tx.run(
        "INSERT INTO lane (site_id, lane, per_hour) VALUES (:site_id, :lane, :per_hour)",
        site_id=site_id, lane=lane, per_hour=per_hour,
    )  # fmt: skip


def site(tx: Tx, site_id: str) -> Row | None:
    return tx.one("SELECT id, campaign_id, name_en, name_zh, state FROM site WHERE id = :id", id=site_id)


def sites(tx: Tx, campaign_id: str) -> list[Row]:
    return tx.all(
        "SELECT s.id, s.name_en, s.name_zh, s.state, COUNT(t.code), COALESCE(SUM(t.people), 0) FROM site s"
        " LEFT JOIN tube t ON t.site_id = s.id AND t.state <> 'reserved'"
        " WHERE s.campaign_id = :id GROUP BY s.id, s.name_en, s.name_zh, s.state ORDER BY s.id",
        id=campaign_id,
    )


# Devices


def add_token(tx: Tx, token_hash: bytes, site_id: str, made_at: int, expires_at: int) -> None:
    tx.run(
        "INSERT INTO device_token (token_hash, site_id, made_at, expires_at)"
        " VALUES (:token_hash, :site_id, :made_at, :expires_at)",
        token_hash=token_hash, site_id=site_id, made_at=made_at, expires_at=expires_at,
    )  # fmt: skip


def use_token(tx: Tx, token_hash: bytes, device_id: str, now: int) -> str | None:
    """The site of a token that is live and unused; it is used up by this."""
    row = tx.one(
        "UPDATE device_token SET used_at = :now, device_id = :device_id WHERE token_hash = :token_hash"
        " AND used_at IS NULL AND expires_at > :now RETURNING site_id",
        token_hash=token_hash, device_id=device_id, now=now,
    )  # fmt: skip
    return str(row[0]) if row else None


def token_device(tx: Tx, token_hash: bytes) -> str | None:
    row = tx.one("SELECT device_id FROM device_token WHERE token_hash = :h", h=token_hash)
    return str(row[0]) if row and row[0] else None


def add_device(tx: Tx, device_id: str, site_id: str, public_key: bytes, now: int) -> None:
    tx.run(
        "INSERT INTO device (id, site_id, public_key, last_seq, last_hash, skew_ms, state, enrolled_at, seen_at)"
        " VALUES (:id, :site_id, :public_key, 0, '', 0, 'live', :now, :now)",
        id=device_id, site_id=site_id, public_key=public_key, now=now,
    )  # fmt: skip


def device(tx: Tx, device_id: str) -> Row | None:
    return tx.one(
        "SELECT d.id, d.site_id, d.public_key, d.last_seq, d.last_hash, d.skew_ms, d.state, s.campaign_id, s.state"
        " FROM device d JOIN site s ON s.id = d.site_id WHERE d.id = :id",
        id=device_id,
    )


def device_key(tx: Tx, device_id: str) -> bytes | None:
    row = tx.one("SELECT public_key FROM device WHERE id = :id", id=device_id)
    return bytes(row[0]) if row else None


def move_chain(tx: Tx, device_id: str, seq: int, digest: str, skew_ms: int, now: int) -> None:
    tx.run(
        "UPDATE device SET last_seq = :seq, last_hash = :digest, skew_ms = :skew_ms, seen_at = :now WHERE id = :id",
        id=device_id, seq=seq, digest=digest, skew_ms=skew_ms, now=now,
    )  # fmt: skip


# Custody


def add_custody(tx: Tx, **row: object) -> None:
    tx.run(
        "INSERT INTO custody (id, thing, box, lab_id, at, by_id, recorded_at)"
        " VALUES (:id, :thing, :box, :lab_id, :at, :by_id, :recorded_at)",
        **row,
    )


def received_at(tx: Tx, code: str, lab_id: str) -> int | None:
    """When this laboratory first scanned a tube, or the box it lies in."""
    row = tx.one(
        "SELECT MIN(at) FROM custody WHERE lab_id = :lab AND (thing = :code OR thing IN"
        " (SELECT box FROM custody WHERE thing = :code AND box <> ''))",
        code=code, lab=lab_id,
    )  # fmt: skip
    return int(row[0]) if row and row[0] is not None else None


def tubes_in_box(tx: Tx, box: str) -> list[str]:
    return [row[0] for row in tx.all("SELECT DISTINCT thing FROM custody WHERE box = :box", box=box)]


# Tasks of the desks


def open_task(tx: Tx, task_id: str, kind: str, about: str, lab_id: str, now: int) -> None:
    """Opens a task once; the same kind about the same thing is reopened, not doubled."""
    tx.run(
        "INSERT INTO testing_task (id, kind, about, lab_id, opened_at) VALUES (:id, :kind, :about, :lab_id, :now)"
        " ON CONFLICT (kind, about) DO UPDATE SET closed_at = NULL, closed_by = NULL, opened_at = :now"
        " WHERE testing_task.closed_at IS NOT NULL",
        id=task_id, kind=kind, about=about, lab_id=lab_id, now=now,
    )  # fmt: skip


def open_task_once(tx: Tx, task_id: str, kind: str, about: str, lab_id: str, now: int) -> None:
    """Opens a task once and for all: what a person has closed stays closed, what a rule closed opens again."""
    tx.run(
        "INSERT INTO testing_task (id, kind, about, lab_id, opened_at) VALUES (:id, :kind, :about, :lab_id, :now)"
        " ON CONFLICT (kind, about) DO UPDATE SET closed_at = NULL, closed_by = NULL, opened_at = :now"
        " WHERE testing_task.closed_by = 'rule'",
        id=task_id, kind=kind, about=about, lab_id=lab_id, now=now,
    )  # fmt: skip


def close_task(tx: Tx, kind: str, about: str, by: str, now: int) -> None:
    tx.run(
        "UPDATE testing_task SET closed_at = :now, closed_by = :by"
        " WHERE kind = :kind AND about = :about AND closed_at IS NULL",
        kind=kind, about=about, by=by, now=now,
    )  # fmt: skip


def tasks(tx: Tx) -> list[Row]:
    return tx.all(
        "SELECT id, kind, about, lab_id, opened_at FROM testing_task WHERE closed_at IS NULL ORDER BY opened_at, id"
    )
