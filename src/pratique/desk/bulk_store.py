"""Tables `desk_bulk` and `desk_bulk_case` (0031_desk.sql). SQL only; a part of an action is a few statements."""

from collections.abc import Sequence
from typing import Any

from pratique.store.tx import Row, Tx

BULK = ("id", "by", "action", "target", "total", "done", "state", "made_at", "undo_until")
COLUMNS = ", ".join(BULK)
PART = (
    "SELECT b.case_id FROM desk_bulk_case b JOIN desk_case d ON d.id = b.case_id "
    "WHERE b.bulk_id = :bulk AND b.n > :after AND b.n <= :upto"
)
SAME = f"{PART} AND d.version = b.version AND d.state = 'open'"
TOUCHED = f"{PART} AND d.version = b.version + 1"
WAS = "FROM desk_bulk_case b WHERE b.case_id = c.id AND b.bulk_id = :bulk"
WAS_OWNER, WAS_DUE = f"SELECT b.owner {WAS}", f"SELECT b.due_at {WAS}"


def choose(
    tx: Tx,
    bulk_id: str,
    owners: Sequence[str],
    areas: Sequence[str],
    kinds: Sequence[str],
    due_before: int,
    limit: int,
) -> int:
    """Write down the cases an action takes, the most urgent first, as they are now; how many.

    Cases without an owner count only in these areas.
    """
    given: dict[str, Any] = {"bulk": bulk_id, "before": due_before, "limit": limit}
    own = [f":o{n}" for n, one in enumerate(owners) if one]
    given |= {f"o{n}": one for n, one in enumerate(owners) if one}
    parts = [f"owner IN ({', '.join(own)})"] if own else []
    if "" in owners and areas:
        given |= {f"a{n}": one for n, one in enumerate(areas)}
        parts.append(f"(owner = '' AND area IN ({', '.join(f':a{n}' for n in range(len(areas)))}))")
    if not parts:
        return 0
    where = f"state = 'open' AND due_at < :before AND ({' OR '.join(parts)})"
    if kinds:
        given |= {f"k{n}": one for n, one in enumerate(kinds)}
        where += f" AND kind IN ({', '.join(f':k{n}' for n in range(len(kinds)))})"
    return tx.run(
        "INSERT INTO desk_bulk_case (bulk_id, n, case_id, mandate_id, subject_id, owner, due_at, version) "
        "SELECT :bulk, ROW_NUMBER() OVER (ORDER BY due_at, id), id, mandate_id, subject_id, owner, due_at, version "
        f"FROM (SELECT * FROM desk_case WHERE {where} ORDER BY due_at, id LIMIT :limit) AS chosen",
        **given,
    )


def add(tx: Tx, **row: Any) -> None:
    tx.run(
        "INSERT INTO desk_bulk (id, by, action, target, total, done, state, made_at, undo_until) "
        "VALUES (:id, :by, :action, :target, :total, 0, :state, :made_at, :undo_until)",
        **row,
    )


def by_id(tx: Tx, bulk_id: str) -> Row | None:
    return tx.one(f"SELECT {COLUMNS} FROM desk_bulk WHERE id = :id", id=bulk_id)


def of_staff(tx: Tx, staff_id: str, limit: int) -> list[Row]:
    return tx.all(
        f"SELECT {COLUMNS} FROM desk_bulk WHERE by = :by ORDER BY made_at DESC, id LIMIT :limit",
        by=staff_id,
        limit=limit,
    )


def next_running(tx: Tx) -> Row | None:
    return tx.one(
        f"SELECT {COLUMNS} FROM desk_bulk WHERE state IN ('running', 'undoing') ORDER BY made_at, id LIMIT 1"
    )


def set_state(tx: Tx, bulk_id: str, state: str, done: int) -> None:
    tx.run(
        "UPDATE desk_bulk SET state = :state, done = :done WHERE id = :id", id=bulk_id, state=state, done=done
    )


def act(
    tx: Tx, bulk_id: str, after: int, upto: int, *, now: int, by: str, action: str, target: str, event: str
) -> None:
    """One part of an action, on the cases nobody touched since it was begun. The history goes first."""
    part = {"bulk": bulk_id, "after": after, "upto": upto}
    _history(tx, SAME, now=now, by=by, event=event, reference=bulk_id, **part)
    change = {
        "give": "owner = :target",
        "later": "due_at = due_at + :ms",
        "close": "state = 'done', state_at = :now, result = 'closed'",
    }[action]
    tx.run(
        f"UPDATE desk_case AS c SET {change}, version = version + 1 WHERE c.id IN ({SAME})",
        target=target,
        ms=int(target) * 3_600_000 if action == "later" else 0,
        now=now,
        **part,
    )


def undo(tx: Tx, bulk_id: str, after: int, upto: int, *, now: int, by: str) -> None:
    """One part of an action taken back, on the cases nobody touched since."""
    part = {"bulk": bulk_id, "after": after, "upto": upto}
    _history(tx, TOUCHED, now=now, by=by, event="undone", reference=bulk_id, **part)
    tx.run(
        f"UPDATE desk_case AS c SET owner = ({WAS_OWNER}), due_at = ({WAS_DUE}), "
        "state = 'open', state_at = :now, result = '', version = version + 1 "
        f"WHERE c.id IN ({TOUCHED}) AND NOT EXISTS (SELECT 1 FROM desk_case o "
        "WHERE o.notice_id = c.notice_id AND o.kind = c.kind AND o.state = 'open' AND o.id <> c.id)",
        now=now,
        **part,
    )


def _history(tx: Tx, which: str, *, now: int, by: str, event: str, reference: str, **part: Any) -> None:
    tx.run(
        "INSERT INTO desk_event (case_id, seq, at, what, by, reference) SELECT c.id, "
        "(SELECT COALESCE(MAX(e.seq), 0) + 1 FROM desk_event e WHERE e.case_id = c.id), CAST(:now AS BIGINT), :event, "
        f":by, :reference FROM desk_case c WHERE c.id IN ({which})",
        now=now,
        event=event,
        by=by,
        reference=reference,
        **part,
    )
