"""Tables of the room `desk` (0031_desk.sql). SQL only; decides nothing. What touches many cases is one statement."""

from collections.abc import Iterable, Sequence

from pratique.desk.model import CaseRow, Place
from pratique.store.tx import Row, Tx

CASE = ", ".join(CaseRow._fields)
NEXT_SEQ = "(SELECT COALESCE(MAX(e.seq), 0) + 1 FROM desk_event e WHERE e.case_id = c.id)"


def add(tx: Tx, rows: Sequence[CaseRow], by: str) -> None:
    """Open cases, each with the first line of its history; where the same thing is open already, nothing happens."""
    tx.many(
        f"INSERT INTO desk_case ({CASE}) VALUES ({', '.join(':' + name for name in CaseRow._fields)}) "
        "ON CONFLICT DO NOTHING",
        [row._asdict() for row in rows],
    )
    tx.many(
        "INSERT INTO desk_event (case_id, seq, at, what, by) SELECT c.id, 1, c.opened_at, 'opened', :by "
        "FROM desk_case c WHERE c.id = :id AND NOT EXISTS (SELECT 1 FROM desk_event e WHERE e.case_id = c.id)",
        [{"id": row.id, "by": by} for row in rows],
    )


def case(tx: Tx, case_id: str) -> CaseRow | None:
    row = tx.one(f"SELECT {CASE} FROM desk_case WHERE id = :id", id=case_id)
    return CaseRow(*row) if row else None


def save(tx: Tx, row: CaseRow) -> None:
    """Write back what may change; whom a case is about never does."""
    tx.run(
        "UPDATE desk_case SET owner = :owner, due_at = :due_at, state = :state, state_at = :state_at, "
        "result = :result, attempts = :attempts, version = version + 1 WHERE id = :id",
        id=row.id,
        owner=row.owner,
        due_at=row.due_at,
        state=row.state,
        state_at=row.state_at,
        result=row.result,
        attempts=row.attempts,
    )


def add_event(
    tx: Tx, case_id: str, at: int, what: str, by: str, *, reference: str = "", note: bytes | None = None
) -> None:
    tx.run(
        "INSERT INTO desk_event (case_id, seq, at, what, by, reference, sealed_note) "
        "SELECT :id, COALESCE(MAX(seq), 0) + 1, CAST(:at AS BIGINT), :what, :by, :reference, :note "
        "FROM desk_event WHERE case_id = :id",
        id=case_id,
        at=at,
        what=what,
        by=by,
        reference=reference,
        note=note,
    )


def events(tx: Tx, case_id: str) -> list[Row]:
    """(seq, at, what, by, reference, sealed_note) in order."""
    return tx.all(
        "SELECT seq, at, what, by, reference, sealed_note FROM desk_event WHERE case_id = :id ORDER BY seq",
        id=case_id,
    )


def open_of_notice(tx: Tx, notice_id: str, kind: str) -> CaseRow | None:
    row = tx.one(
        f"SELECT {CASE} FROM desk_case WHERE notice_id = :id AND kind = :kind AND state = 'open'",
        id=notice_id,
        kind=kind,
    )
    return CaseRow(*row) if row else None


def open_about(tx: Tx, notice_id: str) -> bool:
    """True where anything about this notice is open."""
    return (
        tx.one("SELECT 1 FROM desk_case WHERE notice_id = :id AND state = 'open' LIMIT 1", id=notice_id)
        is not None
    )


def open_of_subjects(tx: Tx, subject_ids: Iterable[str]) -> list[CaseRow]:
    found = []
    for one in subject_ids:
        sql = f"SELECT {CASE} FROM desk_case WHERE subject_id = :id AND state = 'open' ORDER BY due_at, id"
        found += [CaseRow(*row) for row in tx.all(sql, id=one)]
    return found


def page(tx: Tx, owner: str, area: str | None, kind: str, after: Place, limit: int) -> list[CaseRow]:
    """Open cases of one owner ("" is the pool) in one area (None: in any) by due time, from the place `after` on."""
    where = "owner = :owner AND state = 'open' AND (due_at, id) > (:due, :id)"
    if area is not None:
        where += " AND area = :area"
    if kind:
        where += " AND kind = :kind"
    rows = tx.all(
        f"SELECT {CASE} FROM desk_case WHERE {where} ORDER BY due_at, id LIMIT :limit",
        owner=owner,
        area=area,
        kind=kind,
        due=after.due_at,
        id=after.id,
        limit=limit,
    )
    return [CaseRow(*row) for row in rows]


def due_after(tx: Tx, after: Place, until: int, limit: int) -> list[CaseRow]:
    """Open cases due up to `until`, whoever has them, from the place `after` on."""
    rows = tx.all(
        f"SELECT {CASE} FROM desk_case WHERE state = 'open' AND (due_at, id) > (:due, :id) AND due_at <= :until "
        "ORDER BY due_at, id LIMIT :limit",
        due=after.due_at,
        id=after.id,
        until=until,
        limit=limit,
    )
    return [CaseRow(*row) for row in rows]


def mark(tx: Tx, name: str) -> Place:
    row = tx.one("SELECT at, id FROM desk_mark WHERE name = :name", name=name)
    return Place(*row) if row else Place()


def set_mark(tx: Tx, name: str, place: Place) -> None:
    tx.run(
        "INSERT INTO desk_mark (name, at, id) VALUES (:name, :at, :id) "
        "ON CONFLICT (name) DO UPDATE SET at = :at, id = :id",
        name=name,
        at=place.due_at,
        id=place.id,
    )


def delete_subject(tx: Tx, subject_id: str) -> dict[str, int]:
    return _erase(tx, "subject_id", subject_id)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    return _erase(tx, "mandate_id", mandate_id)


def _erase(tx: Tx, column: str, value: str) -> dict[str, int]:
    return {
        "desk_event": tx.run(
            f"DELETE FROM desk_event WHERE case_id IN (SELECT id FROM desk_case WHERE {column} = :value)",
            value=value,
        ),
        "desk_bulk_case": tx.run(f"DELETE FROM desk_bulk_case WHERE {column} = :value", value=value),
        "desk_case": tx.run(f"DELETE FROM desk_case WHERE {column} = :value", value=value),
    }
