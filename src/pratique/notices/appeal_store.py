"""Tables `appeal` and `appeal_event` (0006_notices.sql, 0030_notices.sql). SQL only; decides nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from pratique.notices.model import AppealRow
from pratique.notices.store import chunks
from pratique.store.tx import Row, Tx

APPEAL = ", ".join(AppealRow._fields)


def add(tx: Tx, row: AppealRow) -> None:
    tx.run(
        f"INSERT INTO appeal ({APPEAL}) VALUES ({', '.join(':' + name for name in AppealRow._fields)})",
        **row._asdict(),
    )


def save(tx: Tx, row: AppealRow) -> None:
    """Write back what may change; what the appeal is about never does. A new stage begins with nobody told."""
    tx.run(
        "UPDATE appeal SET stage = :stage, stage_at = :stage_at, due_at = :due_at, next_at = :next_at, "
        "escalated = :escalated, told = CASE WHEN :escalated = 0 THEN 0 ELSE told END, state = :state, "
        "reviewer = :reviewer, first_reviewer = :first_reviewer, "
        "outcome = :outcome, reason_code = :reason_code, closed_at = :closed_at, "
        "sealed_answer = :sealed_answer, answered_at = :answered_at WHERE id = :id",
        **{name: getattr(row, name) for name in _CHANGING},
    )


_CHANGING = (
    "id", "stage", "stage_at", "due_at", "next_at", "escalated", "state", "reviewer", "first_reviewer", "outcome",
    "reason_code", "closed_at", "sealed_answer", "answered_at",
)  # fmt: skip


def add_event(tx: Tx, appeal_id: str, at: int, what: str, by: str, *, reference: str = "") -> None:
    tx.run(
        "INSERT INTO appeal_event (appeal_id, seq, at, what, by, reference) "
        "SELECT :id, COALESCE(MAX(seq), 0) + 1, CAST(:at AS BIGINT), :what, :by, :reference "
        "FROM appeal_event WHERE appeal_id = :id",
        id=appeal_id,
        at=at,
        what=what,
        by=by,
        reference=reference,
    )


def by_id(tx: Tx, appeal_id: str) -> AppealRow | None:
    row = tx.one(f"SELECT {APPEAL} FROM appeal WHERE id = :id", id=appeal_id)
    return _appeal(row) if row else None


def of_subject(tx: Tx, subject_id: str) -> list[AppealRow]:
    """All of one subject, newest first."""
    rows = tx.all(
        f"SELECT {APPEAL} FROM appeal WHERE subject_id = :id ORDER BY opened_at DESC, id", id=subject_id
    )
    return [_appeal(row) for row in rows]


def about(tx: Tx, notice_id: str) -> list[AppealRow]:
    """Those about one notice, oldest first."""
    rows = tx.all(f"SELECT {APPEAL} FROM appeal WHERE notice_id = :id ORDER BY opened_at, id", id=notice_id)
    return [_appeal(row) for row in rows]


def open_about(tx: Tx, notice_ids: Iterable[str]) -> list[AppealRow]:
    found = []
    for named, values in chunks(notice_ids):
        sql = f"SELECT {APPEAL} FROM appeal WHERE notice_id IN ({named}) AND state = 'open'"
        found += [_appeal(row) for row in tx.all(sql, **values)]
    return found


def due(tx: Tx, now: int, limit: int) -> list[AppealRow]:
    rows = tx.all(
        f"SELECT {APPEAL} FROM appeal WHERE state = 'open' AND next_at <= :now ORDER BY next_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [_appeal(row) for row in rows]


def by_due(tx: Tx, state: str, limit: int) -> list[AppealRow]:
    rows = tx.all(
        f"SELECT {APPEAL} FROM appeal WHERE state = :state ORDER BY due_at, id LIMIT :limit",
        state=state,
        limit=limit,
    )
    return [_appeal(row) for row in rows]


def untold(tx: Tx, limit: int) -> list[Row]:
    """(id, subject_id, mandate_id, level, due_at) of open appeals that escalated since the duty officer was told."""
    return tx.all(
        "SELECT id, subject_id, mandate_id, escalated, due_at FROM appeal WHERE state = 'open' AND escalated > told "
        "ORDER BY next_at, id LIMIT :limit",
        limit=limit,
    )


def standing(tx: Tx, appeal_ids: Iterable[str]) -> set[str]:
    """Those of these that are open."""
    found: set[str] = set()
    for named, values in chunks(appeal_ids):
        sql = f"SELECT id FROM appeal WHERE id IN ({named}) AND state = 'open'"
        found.update(row[0] for row in tx.all(sql, **values))
    return found


def set_told(tx: Tx, told: Iterable[tuple[str, int]]) -> None:
    tx.many(
        "UPDATE appeal SET told = :level WHERE id = :id", [{"id": one, "level": level} for one, level in told]
    )


# Attachments


def add_attachment(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.run(
        "INSERT INTO appeal_attachment (id, appeal_id, subject_id, mandate_id, added_at, media, size, digest, sealed) "
        "VALUES (:id, :appeal_id, :subject_id, :mandate_id, :added_at, :media, :size, :digest, :sealed)",
        **row,
    )


def attachments(tx: Tx, appeal_id: str) -> list[Row]:
    """(id, media, size, added_at, digest) of one appeal, oldest first."""
    rows = tx.all(
        "SELECT id, media, size, added_at, digest FROM appeal_attachment WHERE appeal_id = :id "
        "ORDER BY added_at, id",
        id=appeal_id,
    )
    return [(*row[:4], bytes(row[4])) for row in rows]


def attachment(tx: Tx, attachment_id: str) -> Row | None:
    return tx.one(
        "SELECT id, appeal_id, subject_id, mandate_id, added_at, media, size, digest, sealed "
        "FROM appeal_attachment WHERE id = :id",
        id=attachment_id,
    )


# Statistics


def opened_in(tx: Tx, start: int, end: int) -> list[Row]:
    """(kind, how many) of the appeals opened in [start, end)."""
    return tx.all(
        "SELECT n.kind, COUNT(*) FROM appeal a JOIN notice n ON n.id = a.notice_id "
        "WHERE a.opened_at >= :start AND a.opened_at < :end GROUP BY n.kind",
        start=start,
        end=end,
    )


def closed_in(tx: Tx, start: int, end: int) -> list[Row]:
    """(kind, outcome, opened_at, closed_at, due_at) of the appeals that closed in [start, end)."""
    return tx.all(
        "SELECT n.kind, a.outcome, a.opened_at, a.closed_at, a.due_at FROM appeal a JOIN notice n "
        "ON n.id = a.notice_id WHERE a.state = 'closed' AND a.closed_at >= :start AND a.closed_at < :end",
        start=start,
        end=end,
    )


def first_opened(tx: Tx) -> int | None:
    row = tx.one("SELECT MIN(opened_at) FROM appeal")
    return row[0] if row else None


def last_week(tx: Tx) -> str:
    """The newest week that is published; "" for none."""
    row = tx.one("SELECT COALESCE(MAX(week), '') FROM appeal_week")
    return str(row[0]) if row else ""


WEEK = (
    "week", "kind", "opened", "closed", "upheld", "changed", "withdrawn", "silence", "in_time", "median_minutes",
)  # fmt: skip


def add_weeks(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    tx.many(
        f"INSERT INTO appeal_week ({', '.join(WEEK)}) VALUES ({', '.join(':' + name for name in WEEK)}) "
        "ON CONFLICT (week, kind) DO NOTHING",
        rows,
    )


def weeks(tx: Tx, limit: int) -> list[Row]:
    """Published weeks, newest first."""
    return tx.all(
        f"SELECT {', '.join(WEEK)} FROM appeal_week ORDER BY week DESC, kind LIMIT :limit", limit=limit
    )


def _appeal(row: Row) -> AppealRow:
    found = AppealRow(*row)
    return found._replace(
        sealed_text=bytes(found.sealed_text),
        text_digest=bytes(found.text_digest),
        sealed_answer=bytes(found.sealed_answer) if found.sealed_answer is not None else None,
    )
