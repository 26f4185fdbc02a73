"""Tables of the room `notices` (0006_notices.sql, 0030_notices.sql). SQL only; decides nothing. Statements
that touch many people are written once for all of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pratique.notices.clock import Stop
from pratique.notices.model import NoticeRow
from pratique.people.service import WALLET_VERSION
from pratique.store.tx import Row, Tx

CHUNK = 256
Values = Mapping[str, Any]

NOTICE = ", ".join("class" if name == "class_" else name for name in NoticeRow._fields)
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


def desk_due(tx: Tx, now: int, limit: int) -> list[NoticeRow]:
    """Notices the desk has to look at."""
    rows = tx.all(
        f"SELECT {NOTICE} FROM notice WHERE desk_at IS NOT NULL AND desk_at <= :now ORDER BY desk_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [_notice(row) for row in rows]


def look_again(tx: Tx, looks: Sequence[Values]) -> None:
    tx.many("UPDATE notice SET desk_at = CAST(:at AS BIGINT) WHERE id = :id", looks)


def unreached(tx: Tx, subject_id: str) -> bool:
    """True where an open notice of this person has not reached them that anybody is called about."""
    sql = f"SELECT 1 FROM notice WHERE subject_id = :id AND reached_at = 0 AND {OPEN} LIMIT 1"
    return tx.one(sql, id=subject_id) is not None


def set_reached(tx: Tx, subject_id: str, now: int) -> int:
    sql = f"UPDATE notice SET reached_at = :now WHERE subject_id = :id AND reached_at = 0 AND {OPEN}"
    return tx.run(sql, id=subject_id, now=now)


def reached_among(tx: Tx, notice_ids: Iterable[str]) -> set[str]:
    """Those of these that have reached their person."""
    found: set[str] = set()
    for named, values in chunks(notice_ids):
        found.update(
            row[0]
            for row in tx.all(f"SELECT id FROM notice WHERE id IN ({named}) AND reached_at > 0", **values)
        )
    return found


def postpone(tx: Tx, dues: Sequence[Values]) -> None:
    tx.many("UPDATE notice SET due_at = :due WHERE id = :id", dues)


def set_states(tx: Tx, changes: Sequence[Ended]) -> None:
    """Move notices on and write it into their history. Who comes second changes nothing and writes nothing."""
    if not changes:
        return
    states, last = _standing_now(tx, [change.notice_id for change in changes])
    lines, moved = [], []
    for one in changes:
        state = states.get(one.notice_id)
        if state != "open" and (state != "waiting" or one.state == "waiting"):
            continue
        states[one.notice_id], last[one.notice_id] = one.state, last[one.notice_id] + 1
        moved.append({"state": one.state, "at": one.at, "notice_id": one.notice_id})
        lines.append(
            {
                "notice_id": one.notice_id,
                "seq": last[one.notice_id],
                "at": one.at,
                "what": one.what,
                "by": one.by,
                "reference": one.reference,
            }
        )
    tx.many(
        "INSERT INTO notice_event (notice_id, seq, at, what, by, reference) "
        "VALUES (:notice_id, :seq, :at, :what, :by, :reference)",
        lines,
    )
    tx.many("UPDATE notice SET state = :state, state_at = :at WHERE id = :notice_id", moved)


def _standing_now(tx: Tx, notice_ids: Sequence[str]) -> tuple[dict[str, str], dict[str, int]]:
    """The state of each of these notices, and the number of the last line of its history. There is one writer, so both
    stay true until it has written."""
    states: dict[str, str] = {}
    last: dict[str, int] = {}
    for named, values in chunks(notice_ids):
        sql = (
            "SELECT n.id, n.state, (SELECT COALESCE(MAX(e.seq), 0) FROM notice_event e WHERE e.notice_id = n.id) "
            f"FROM notice n WHERE n.id IN ({named})"
        )
        for notice_id, state, seq in tx.all(sql, **values):
            states[notice_id], last[notice_id] = state, int(seq)
    return states, last


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


def standing(tx: Tx, notice_ids: Iterable[str]) -> set[str]:
    """Those of these that are open or wait."""
    found: set[str] = set()
    for named, values in chunks(notice_ids):
        found.update(
            row[0] for row in tx.all(f"SELECT id FROM notice WHERE id IN ({named}) AND {OPEN}", **values)
        )
    return found


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


def add_faults(tx: Tx, rows: Sequence[Values]) -> None:
    tx.many(
        "INSERT INTO fault (id, scope, scope_id, from_at, to_at, cause, declared_by, declared_at, changed_at, "
        "mandate_id) VALUES (:id, :scope, :scope_id, :from_at, :to_at, :cause, :by, :now, :now, :mandate_id)",
        rows,
    )


def stopped_people(tx: Tx, cause: str) -> set[str]:
    """Everybody whose clock stands for this cause now."""
    rows = tx.all(
        "SELECT scope_id FROM fault WHERE scope = 'subject' AND cause = :cause AND to_at IS NULL", cause=cause
    )
    return {row[0] for row in rows}


def end_faults(tx: Tx, scope: str, scope_ids: Iterable[str], cause: str, *, to: int) -> int:
    """End running faults now; one that would end before it began never was one."""
    done = 0
    for named, values in chunks(scope_ids):
        running = f"scope = :scope AND scope_id IN ({named}) AND cause = :cause AND to_at IS NULL"
        where = {**values, "scope": scope, "cause": cause}
        tx.run(f"DELETE FROM fault WHERE {running} AND from_at >= :to", to=to, **where)
        done += tx.run(f"UPDATE fault SET to_at = :to, changed_at = :to WHERE {running}", to=to, **where)
    return done


def running_faults(tx: Tx, scope: str, scope_ids: Iterable[str], cause: str) -> set[str]:
    """Which of these ids have a fault of this cause that lasts."""
    found: set[str] = set()
    for named, values in chunks(scope_ids):
        sql = (
            f"SELECT scope_id FROM fault WHERE scope = :scope AND scope_id IN ({named}) "
            "AND cause = :cause AND to_at IS NULL"
        )
        found.update(row[0] for row in tx.all(sql, scope=scope, cause=cause, **values))
    return found


def faults_of(tx: Tx, notices: Sequence[NoticeRow]) -> dict[str, list[Stop]]:
    """The faults that reach each notice: of everybody, of its campaign, of its subject."""
    found: dict[tuple[str, str], list[Stop]] = {}
    wanted = {
        "campaign": {row.campaign_id for row in notices} - {""},
        "subject": {row.subject_id for row in notices},
    }
    for scope, ids in wanted.items():
        for named, values in chunks(ids):
            sql = f"SELECT scope_id, from_at, to_at, cause FROM fault WHERE scope = :scope AND scope_id IN ({named})"
            for row in tx.all(sql, scope=scope, **values):
                found.setdefault((scope, row[0]), []).append(Stop(*row[1:]))
    everybody = [Stop(*row) for row in tx.all("SELECT from_at, to_at, cause FROM fault WHERE scope = 'all'")]
    return {
        row.id: everybody
        + found.get(("campaign", row.campaign_id), [])
        + found.get(("subject", row.subject_id), [])
        for row in notices
    }


def look_back_later(tx: Tx, fault_ids: Iterable[str], from_at: int) -> None:
    """A fault that began in the past: duties that lapsed since then are to be looked at."""
    tx.many(
        "INSERT INTO fault_look_back (fault_id, after_at) VALUES (:id, :at) ON CONFLICT (fault_id) DO NOTHING",
        [{"id": one, "at": from_at - 1} for one in fault_ids],
    )


def next_look_back(tx: Tx) -> Row | None:
    """(fault_id, after_at, after_id) to go on with."""
    return tx.one("SELECT fault_id, after_at, after_id FROM fault_look_back ORDER BY fault_id LIMIT 1")


def go_on_looking_back(tx: Tx, fault_id: str, at: int, notice_id: str) -> None:
    tx.run(
        "UPDATE fault_look_back SET after_at = :at, after_id = :notice WHERE fault_id = :id",
        id=fault_id,
        at=at,
        notice=notice_id,
    )


def end_look_back(tx: Tx, fault_id: str) -> None:
    tx.run("DELETE FROM fault_look_back WHERE fault_id = :id", id=fault_id)


def lapsed_duties(tx: Tx, after: tuple[int, str], limit: int) -> list[NoticeRow]:
    """Duties that were lifted, in the order they ended, from the place `after` on."""
    rows = tx.all(
        f"SELECT {NOTICE} FROM notice WHERE class = 'duty' AND state = 'lifted' "
        "AND (state_at > :at OR (state_at = :at AND id > :id)) ORDER BY state_at, id LIMIT :limit",
        at=after[0],
        id=after[1],
        limit=limit,
    )
    return [_notice(row) for row in rows]


def restrictions_from(tx: Tx, notice_ids: Iterable[str]) -> list[NoticeRow]:
    """Open restrictions that came of these duties."""
    found = []
    for named, values in chunks(notice_ids):
        sql = (
            f"SELECT {NOTICE} FROM notice WHERE class = 'restriction' AND source_ref <> '' "
            f"AND source_ref IN ({named}) AND {OPEN}"
        )
        found += [_notice(row) for row in tx.all(sql, **values)]
    return found


OVERDUE = f"SELECT COUNT(*) FROM notice WHERE subject_id = :subject_id AND {OPEN} AND due_at <= :now"
FAULT_STAMP = "SELECT COALESCE(MAX(changed_at), 0) FROM fault WHERE scope <> 'subject'"


def wallet_stamps(tx: Tx, subject_id: str, now: int) -> Row | None:
    """What the ETag of a wallet is made of, in one statement: (version of the subject, or None where unknown;
    a stamp that grows when a fault of more than one person is declared or ends; whether something is due by `now`)"""
    return tx.one(f"SELECT ({WALLET_VERSION}), ({FAULT_STAMP}), ({OVERDUE})", subject_id=subject_id, now=now)


def overdue(tx: Tx, subject_id: str, now: int) -> bool:
    """True if something of this person is due that the sweep has not reached."""
    row = tx.one(OVERDUE, subject_id=subject_id, now=now)
    return bool(row and row[0])


# Forgetting


def delete_subject(tx: Tx, subject_id: str) -> dict[str, int]:
    return {
        "appeal_event": tx.run(
            "DELETE FROM appeal_event WHERE appeal_id IN (SELECT id FROM appeal WHERE subject_id = :id)",
            id=subject_id,
        ),
        "appeal_attachment": tx.run("DELETE FROM appeal_attachment WHERE subject_id = :id", id=subject_id),
        "order_family": tx.run("DELETE FROM order_family WHERE subject_id = :id", id=subject_id),
        "care_order": tx.run("DELETE FROM care_order WHERE subject_id = :id", id=subject_id),
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
        "appeal_attachment": tx.run("DELETE FROM appeal_attachment WHERE mandate_id = :id", id=mandate_id),
        "order_family": tx.run("DELETE FROM order_family WHERE mandate_id = :id", id=mandate_id),
        "care_order": tx.run("DELETE FROM care_order WHERE mandate_id = :id", id=mandate_id),
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
