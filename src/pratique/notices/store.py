"""Tables of the room `notices` (0006_notices.sql). SQL only; decides nothing. Statements that touch many people are
written once for all of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pratique.notices.clock import Stop
from pratique.notices.model import AppealRow, NoticeRow
from pratique.store.tx import Row, Tx

CHUNK = 256
Values = Mapping[str, Any]

NOTICE = ", ".join("class" if name == "class_" else name for name in NoticeRow._fields)
APPEAL = ", ".join(AppealRow._fields)
OPEN = "state IN ('open', 'waiting')"


class Ended(NamedTuple):
    """How one notice ends, or begins to wait: `at` in milliseconds, `what` a code of its history."""

    notice_id: str
    state: str
    at: int
    what: str
    by: str
    reference: str = ""


def chunks(ids: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Parameter lists of a few fixed lengths, so that statements are prepared once."""
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        width = next(size for size in (1, 16, CHUNK) if len(part) <= size)
        part += [""] * (width - len(part))
        yield ", ".join(f":s{i}" for i in range(width)), {f"s{i}": one for i, one in enumerate(part)}


# Kinds and grounds


def keep_kinds(tx: Tx, rows: Sequence[Values]) -> None:
    tx.many(
        "INSERT INTO notice_kind (code, version, body, published_at) VALUES (:code, :version, :body, :at) "
        "ON CONFLICT (code, version) DO NOTHING",
        rows,
    )


def kind_bodies(tx: Tx) -> dict[tuple[str, int], str]:
    rows = tx.all("SELECT code, version, body FROM notice_kind")
    return {(row[0], row[1]): row[2] for row in rows}


def add_ground(tx: Tx, **row: Any) -> None:
    tx.run(
        "INSERT INTO notice_ground (id, mandate_id, campaign_id, analyte, closes_at, body, hash, made_at) "
        "VALUES (:id, :mandate_id, :campaign_id, :analyte, :closes_at, :body, :hash, :made_at)",
        **row,
    )


def ground(tx: Tx, ground_id: str) -> Row | None:
    """(body, hash)"""
    return tx.one("SELECT body, hash FROM notice_ground WHERE id = :id", id=ground_id)


def running_grounds(tx: Tx, now: int) -> list[Row]:
    """(id, mandate_id, campaign_id, analyte, closes_at) of campaigns that are not closed."""
    return tx.all(
        "SELECT id, mandate_id, campaign_id, analyte, closes_at FROM notice_ground "
        "WHERE campaign_id <> '' AND closes_at > :now ORDER BY id",
        now=now,
    )


def ground_of_campaign(tx: Tx, campaign_id: str) -> str | None:
    row = tx.one("SELECT id FROM notice_ground WHERE campaign_id = :id", id=campaign_id)
    return row[0] if row else None


def told_already(tx: Tx, ground_id: str, subject_ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for named, values in chunks(subject_ids):
        sql = f"SELECT subject_id FROM notice WHERE ground_id = :ground AND ground_id <> '' AND subject_id IN ({named})"
        found.update(row[0] for row in tx.all(sql, ground=ground_id, **values))
    return found


# Notices


def add_notices(tx: Tx, rows: Sequence[NoticeRow]) -> None:
    """Insert notices with the first line of their history."""
    tx.many(
        f"INSERT INTO notice ({NOTICE}) VALUES ({', '.join(':' + name for name in NoticeRow._fields)})",
        [row._asdict() for row in rows],
    )
    tx.many(
        "INSERT INTO notice_event (notice_id, seq, at, what, by, reference) "
        "VALUES (:id, 1, :at, 'opened', :by, :reference)",
        [
            {
                "id": r.id,
                "at": r.opened_at,
                "by": "rule" if r.decider.startswith("rule:") else "person",
                "reference": r.source_ref,
            }
            for r in rows
        ],
    )


def notice(tx: Tx, notice_id: str) -> NoticeRow | None:
    row = tx.one(f"SELECT {NOTICE} FROM notice WHERE id = :id", id=notice_id)
    return _notice(row) if row else None


def open_notices(tx: Tx, subject_ids: Iterable[str]) -> list[NoticeRow]:
    """Every open or waiting notice of these subjects."""
    found = []
    for named, values in chunks(subject_ids):
        sql = f"SELECT {NOTICE} FROM notice WHERE subject_id IN ({named}) AND {OPEN}"
        found += [_notice(row) for row in tx.all(sql, **values)]
    return sorted(found, key=lambda row: (row.opened_at, row.id))


def notices_of(tx: Tx, subject_id: str, limit: int = 200) -> list[NoticeRow]:
    """All of one subject, newest first."""
    rows = tx.all(
        f"SELECT {NOTICE} FROM notice WHERE subject_id = :id ORDER BY opened_at DESC, id LIMIT :limit",
        id=subject_id,
        limit=limit,
    )
    return [_notice(row) for row in rows]


def notices_due(tx: Tx, now: int, limit: int) -> list[NoticeRow]:
    rows = tx.all(
        f"SELECT {NOTICE} FROM notice WHERE {OPEN} AND due_at <= :now ORDER BY due_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [_notice(row) for row in rows]


def postpone(tx: Tx, dues: Sequence[Values]) -> None:
    tx.many("UPDATE notice SET due_at = :due WHERE id = :id", dues)


def wait_for(tx: Tx, waits: Sequence[Values]) -> None:
    """The tube a notice waits for: its faults stop the clock."""
    tx.many("UPDATE notice SET waiting_ref = :ref WHERE id = :id", waits)


def set_states(tx: Tx, changes: Sequence[Ended]) -> None:
    """Move notices on and write it into their history. Who comes second changes nothing and writes nothing."""
    if not changes:
        return
    rows = [change._asdict() for change in changes]
    # The line is written only where the state still allows it, so it goes first.
    tx.many(
        "INSERT INTO notice_event (notice_id, seq, at, what, by, reference) "
        "SELECT n.id, (SELECT COALESCE(MAX(e.seq), 0) + 1 FROM notice_event e WHERE e.notice_id = n.id), "
        "CAST(:at AS BIGINT), :what, :by, :reference FROM notice n WHERE n.id = :notice_id "
        "AND (n.state = 'open' OR (n.state = 'waiting' AND :state <> 'waiting'))",
        rows,
    )
    tx.many(
        "UPDATE notice SET state = :state, state_at = :at WHERE id = :notice_id "
        "AND (state = 'open' OR (state = 'waiting' AND :state <> 'waiting'))",
        [{"state": row["state"], "at": row["at"], "notice_id": row["notice_id"]} for row in rows],
    )


def add_line(tx: Tx, notice_id: str, at: int, what: str, by: str, *, reference: str = "") -> None:
    """One line of history that changes no state."""
    tx.run(
        "INSERT INTO notice_event (notice_id, seq, at, what, by, reference) "
        "SELECT :id, COALESCE(MAX(seq), 0) + 1, CAST(:at AS BIGINT), :what, :by, :reference "
        "FROM notice_event WHERE notice_id = :id",
        id=notice_id,
        at=at,
        what=what,
        by=by,
        reference=reference,
    )


def events(tx: Tx, notice_ids: Iterable[str]) -> dict[str, list[Row]]:
    """(at, what, by, reference) of each notice in order."""
    found: dict[str, list[Row]] = {}
    for named, values in chunks(notice_ids):
        sql = (
            "SELECT notice_id, at, what, by, reference FROM notice_event "
            f"WHERE notice_id IN ({named}) ORDER BY notice_id, seq"
        )
        for row in tx.all(sql, **values):
            found.setdefault(row[0], []).append(row[1:])
    return found


def ended_by(tx: Tx, subject_id: str, reference: str) -> str:
    """The notice of this subject that a result ended, or opened; "" for none."""
    row = tx.one(
        "SELECT n.id FROM notice n JOIN notice_event e ON e.notice_id = n.id "
        "WHERE n.subject_id = :id AND e.reference = :reference AND e.what <> 'sample' ORDER BY e.at DESC, n.id LIMIT 1",
        id=subject_id,
        reference=reference,
    )
    return row[0] if row else ""


def open_under(tx: Tx, mandate_id: str, limit: int) -> list[NoticeRow]:
    rows = tx.all(
        f"SELECT {NOTICE} FROM notice WHERE mandate_id = :id AND {OPEN} ORDER BY id LIMIT :limit",
        id=mandate_id,
        limit=limit,
    )
    return [_notice(row) for row in rows]


def ended_mandates(tx: Tx, now: int) -> list[Row]:
    """(id, ended_at) of mandates that are over and not yet destroyed."""
    return tx.all(
        "SELECT id, ends_at FROM mandate WHERE published_at IS NOT NULL AND destroyed_at IS NULL "
        "AND ends_at <= :now ORDER BY ends_at, id",
        now=now,
    )


def counts(tx: Tx, mandate_id: str) -> list[Row]:
    """(kind, state, how many) under a mandate."""
    return tx.all(
        "SELECT kind, state, COUNT(*) FROM notice WHERE mandate_id = :id GROUP BY kind, state ORDER BY kind, state",
        id=mandate_id,
    )


def lines(tx: Tx, after: tuple[int, str], limit: int) -> list[Row]:
    """Open notices by due time from the place `after` on, as `NoticeLine` needs them."""
    return tx.all(
        "SELECT id, kind, kind_version, state, cause, opened_at, due_at, mandate_id FROM notice "
        f"WHERE {OPEN} AND (due_at > :due OR (due_at = :due AND id > :id)) ORDER BY due_at, id LIMIT :limit",
        due=after[0],
        id=after[1],
        limit=limit,
    )


# Faults


def add_fault(tx: Tx, **row: Any) -> None:
    tx.run(
        "INSERT INTO fault (id, scope, scope_id, from_at, to_at, cause, declared_by, declared_at, changed_at, "
        "mandate_id) VALUES (:id, :scope, :scope_id, :from_at, :to_at, :cause, :by, :now, :now, :mandate_id)",
        **row,
    )


def end_fault(tx: Tx, scope: str, scope_id: str, cause: str, *, to: int, now: int) -> int:
    return tx.run(
        "UPDATE fault SET to_at = :to, changed_at = :now WHERE scope = :scope AND scope_id = :id AND cause = :cause "
        "AND to_at IS NULL AND from_at < :to",
        scope=scope,
        id=scope_id,
        cause=cause,
        to=to,
        now=now,
    )


def drop_fault(tx: Tx, scope: str, scope_id: str, cause: str, *, to: int) -> int:
    """A fault that ends before it began never was one."""
    return tx.run(
        "DELETE FROM fault WHERE scope = :scope AND scope_id = :id AND cause = :cause "
        "AND to_at IS NULL AND from_at >= :to",
        scope=scope,
        id=scope_id,
        cause=cause,
        to=to,
    )


def has_running_fault(tx: Tx, scope: str, scope_id: str, cause: str) -> bool:
    row = tx.one(
        "SELECT 1 FROM fault WHERE scope = :scope AND scope_id = :id AND cause = :cause AND to_at IS NULL",
        scope=scope,
        id=scope_id,
        cause=cause,
    )
    return row is not None


def faults_of(tx: Tx, notices: Sequence[NoticeRow]) -> dict[str, list[Stop]]:
    """The faults that reach each notice: of everybody, its campaign, the tube it waits for, its subject."""
    found: dict[tuple[str, str], list[Stop]] = {}
    wanted = {
        "campaign": {row.campaign_id for row in notices},
        "tube": {row.waiting_ref for row in notices},
        "subject": {row.subject_id for row in notices},
    }
    for scope, ids in wanted.items():
        for named, values in chunks(ids - {""}):
            sql = (
                "SELECT scope_id, from_at, to_at, cause FROM fault "
                f"WHERE scope = :scope AND scope_id IN ({named}) AND scope_id <> ''"
            )
            for row in tx.all(sql, scope=scope, **values):
                found.setdefault((scope, row[0]), []).append(Stop(*row[1:]))
    everybody = [Stop(*row) for row in tx.all("SELECT from_at, to_at, cause FROM fault WHERE scope = 'all'")]
    return {
        row.id: everybody
        + found.get(("campaign", row.campaign_id), [])
        + found.get(("tube", row.waiting_ref), [])
        + found.get(("subject", row.subject_id), [])
        for row in notices
    }


def fault_stamp(tx: Tx) -> int:
    """Grows when a fault of more than one person is declared or ends: part of the ETag of every wallet."""
    row = tx.one("SELECT COALESCE(MAX(changed_at), 0) FROM fault WHERE scope <> 'subject'")
    return int(row[0]) if row else 0


# Appeals


def add_appeal(tx: Tx, row: AppealRow) -> None:
    tx.run(
        f"INSERT INTO appeal ({APPEAL}) VALUES ({', '.join(':' + name for name in AppealRow._fields)})",
        **row._asdict(),
    )


def save_appeal(tx: Tx, row: AppealRow) -> None:
    """Write back what may change; what the appeal is about never does."""
    tx.run(
        "UPDATE appeal SET stage = :stage, stage_at = :stage_at, due_at = :due_at, next_at = :next_at, "
        "escalated = :escalated, state = :state, reviewer = :reviewer, first_reviewer = :first_reviewer, "
        "outcome = :outcome, reason_code = :reason_code, closed_at = :closed_at, "
        "sealed_answer = :sealed_answer, answered_at = :answered_at WHERE id = :id",
        **{name: getattr(row, name) for name in _CHANGING},
    )


_CHANGING = (
    "id", "stage", "stage_at", "due_at", "next_at", "escalated", "state", "reviewer", "first_reviewer", "outcome",
    "reason_code", "closed_at", "sealed_answer", "answered_at",
)  # fmt: skip


def appeal_event(tx: Tx, appeal_id: str, at: int, what: str, by: str, *, reference: str = "") -> None:
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


def appeal(tx: Tx, appeal_id: str) -> AppealRow | None:
    row = tx.one(f"SELECT {APPEAL} FROM appeal WHERE id = :id", id=appeal_id)
    return _appeal(row) if row else None


def appeals_of(tx: Tx, subject_id: str) -> list[AppealRow]:
    """All of one subject, newest first."""
    rows = tx.all(
        f"SELECT {APPEAL} FROM appeal WHERE subject_id = :id ORDER BY opened_at DESC, id", id=subject_id
    )
    return [_appeal(row) for row in rows]


def latest_appeals(tx: Tx, notice_id: str) -> list[AppealRow]:
    """Those about one notice, oldest first."""
    rows = tx.all(f"SELECT {APPEAL} FROM appeal WHERE notice_id = :id ORDER BY opened_at, id", id=notice_id)
    return [_appeal(row) for row in rows]


def open_appeals_about(tx: Tx, notice_ids: Iterable[str]) -> list[AppealRow]:
    found = []
    for named, values in chunks(notice_ids):
        sql = f"SELECT {APPEAL} FROM appeal WHERE notice_id IN ({named}) AND state = 'open'"
        found += [_appeal(row) for row in tx.all(sql, **values)]
    return found


def appeals_next(tx: Tx, now: int, limit: int) -> list[AppealRow]:
    rows = tx.all(
        f"SELECT {APPEAL} FROM appeal WHERE state = 'open' AND next_at <= :now ORDER BY next_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [_appeal(row) for row in rows]


def appeals_by_due(tx: Tx, state: str, limit: int) -> list[AppealRow]:
    rows = tx.all(
        f"SELECT {APPEAL} FROM appeal WHERE state = :state ORDER BY due_at, id LIMIT :limit",
        state=state,
        limit=limit,
    )
    return [_appeal(row) for row in rows]


# Forgetting


def delete_subject(tx: Tx, subject_id: str) -> dict[str, int]:
    return {
        "appeal_event": tx.run(
            "DELETE FROM appeal_event WHERE appeal_id IN (SELECT id FROM appeal WHERE subject_id = :id)",
            id=subject_id,
        ),
        "appeal": tx.run("DELETE FROM appeal WHERE subject_id = :id", id=subject_id),
        "notice_event": tx.run(
            "DELETE FROM notice_event WHERE notice_id IN (SELECT id FROM notice WHERE subject_id = :id)",
            id=subject_id,
        ),
        "notice": tx.run("DELETE FROM notice WHERE subject_id = :id", id=subject_id),
        "fault": tx.run("DELETE FROM fault WHERE scope = 'subject' AND scope_id = :id", id=subject_id),
    }


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    return {
        "appeal_event": tx.run(
            "DELETE FROM appeal_event WHERE appeal_id IN (SELECT id FROM appeal WHERE mandate_id = :id)",
            id=mandate_id,
        ),
        "appeal": tx.run("DELETE FROM appeal WHERE mandate_id = :id", id=mandate_id),
        "notice_event": tx.run(
            "DELETE FROM notice_event WHERE notice_id IN (SELECT id FROM notice WHERE mandate_id = :id)",
            id=mandate_id,
        ),
        "notice": tx.run("DELETE FROM notice WHERE mandate_id = :id", id=mandate_id),
        "notice_ground": tx.run("DELETE FROM notice_ground WHERE mandate_id = :id", id=mandate_id),
        "fault": tx.run("DELETE FROM fault WHERE mandate_id = :id", id=mandate_id),
    }


def _notice(row: Row) -> NoticeRow:
    found = NoticeRow(*row)
    return found._replace(sealed_facts=bytes(found.sealed_facts)) if found.sealed_facts is not None else found


def _appeal(row: Row) -> AppealRow:
    found = AppealRow(*row)
    return found._replace(
        sealed_text=bytes(found.sealed_text),
        text_digest=bytes(found.text_digest),
        sealed_answer=bytes(found.sealed_answer) if found.sealed_answer is not None else None,
    )
