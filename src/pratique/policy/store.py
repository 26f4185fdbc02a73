"""The tables of the room: policies, evidence, decisions, facts rows. SQL only; sealing is the service's business.

Whether a mandate is in force is read from the mandate's own row, as the guards of the database do.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pratique.policy.model import Mark
from pratique.store.tx import Row, Tx

CHUNK = 256  # subjects read by one statement

LIVE_MANDATE = "m.published_at IS NOT NULL AND m.start_at <= :now AND :now < m.ends_at"


class PolicyRow(NamedTuple):
    """A policy without its body; `ends_at` is the end of its mandate."""

    number: int
    mandate_id: str
    from_at: int
    to_at: int
    hash: str
    ends_at: int


class EvidenceRow(NamedTuple):
    id: str
    subject_id: str
    mandate_id: str
    recorded_at: int
    body: bytes


class DecisionRow(NamedTuple):
    """A decision with its sealed facts row."""

    id: str
    subject_id: str
    mandate_id: str
    policy_number: int
    outcome: str
    facts_row_id: str
    made_at: int
    valid_until: int
    written_at: int
    hash: str
    body: bytes


def mandate_end(tx: Tx, mandate_id: str, now: int) -> int | None:
    """When a mandate that is in force at `now` and allows restrictions ends; None if it is not in force."""
    row = tx.one(
        "SELECT m.ends_at FROM mandate m JOIN mandate_unlock u ON u.mandate_id = m.id "
        f"WHERE m.id = :mandate_id AND u.unlock = 'restriction' AND {LIVE_MANDATE}",
        mandate_id=mandate_id,
        now=now,
    )
    return row[0] if row else None


def live_policy(tx: Tx, now: int) -> PolicyRow | None:
    """The newest policy in force at `now` whose mandate is in force too."""
    row = tx.one(
        "SELECT p.number, p.mandate_id, p.from_at, p.to_at, p.hash, m.ends_at "
        "FROM policy p JOIN mandate m ON m.id = p.mandate_id "
        f"WHERE p.from_at <= :now AND :now < p.to_at AND {LIVE_MANDATE} ORDER BY p.number DESC LIMIT 1",
        now=now,
    )
    return PolicyRow(*row) if row else None


def policy_row(tx: Tx, number: int) -> PolicyRow | None:
    """A published policy by its number."""
    row = tx.one(
        "SELECT p.number, p.mandate_id, p.from_at, p.to_at, p.hash, m.ends_at "
        "FROM policy p JOIN mandate m ON m.id = p.mandate_id WHERE p.number = :number",
        number=number,
    )
    return PolicyRow(*row) if row else None


def policy_body(tx: Tx, number: int) -> bytes | None:
    row = tx.one("SELECT body FROM policy WHERE number = :number", number=number)
    return bytes(row[0]) if row else None


def policy_rows(tx: Tx) -> list[Row]:
    """(number, mandate, published, from, to, hash) of every policy, newest first."""
    return tx.all(
        "SELECT number, mandate_id, published_at, from_at, to_at, hash FROM policy ORDER BY number DESC"
    )


def last_number(tx: Tx) -> int:
    row = tx.one("SELECT COALESCE(MAX(number), 0) FROM policy")
    return int(row[0]) if row else 0


def rule_versions(tx: Tx) -> dict[tuple[str, str], str]:
    """The hash of every version of every rule ever published."""
    return {(row[0], row[1]): row[2] for row in tx.all("SELECT identifier, version, hash FROM policy_rule")}


def add_policy(tx: Tx, **values: Any) -> None:
    tx.run(
        "INSERT INTO policy (number, mandate_id, published_at, from_at, to_at, engine_version, hash, body) "
        "VALUES (:number, :mandate_id, :published_at, :from_at, :to_at, :engine_version, :hash, :body)",
        **values,
    )


def add_rule_versions(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    tx.many(
        "INSERT INTO policy_rule (identifier, version, hash, first_policy) "
        "VALUES (:identifier, :version, :hash, :first_policy) ON CONFLICT (identifier, version) DO NOTHING",
        rows,
    )


def add_evidence(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """The same id again changes nothing."""
    tx.many(
        "INSERT INTO evidence (id, subject_id, mandate_id, ref, recorded_at, body) "
        "VALUES (:id, :subject_id, :mandate_id, :ref, :recorded_at, :body) ON CONFLICT (subject_id, id) DO NOTHING",
        rows,
    )


def withdraw_evidence(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    tx.many(
        "UPDATE evidence SET withdrawn_at = :now "
        "WHERE subject_id = :subject_id AND ref = :ref AND withdrawn_at IS NULL",
        rows,
    )


def evidence_of(tx: Tx, subject_ids: Sequence[str]) -> Iterator[EvidenceRow]:
    """What stands (nothing withdrawn) of each of these subjects."""
    for named, values in _in_chunks(subject_ids):
        for row in tx.all(
            "SELECT id, subject_id, mandate_id, recorded_at, body FROM evidence "
            f"WHERE subject_id IN ({named}) AND withdrawn_at IS NULL",
            **values,
        ):
            yield EvidenceRow._make((*row[:4], bytes(row[4])))


def current_decisions(tx: Tx, subject_ids: Sequence[str]) -> Iterator[DecisionRow]:
    """The current decision of each of these subjects that has one."""
    for named, values in _in_chunks(subject_ids):
        for row in tx.all(_DECISION + f"WHERE d.subject_id IN ({named}) AND d.is_current = 1", **values):
            yield DecisionRow._make((*row[:10], bytes(row[10])))


def marks(tx: Tx, subject_ids: Sequence[str]) -> dict[str, Mark]:
    """What stands unsealed of the current decision of each of these subjects that has one."""
    return {
        row[0]: Mark._make(row[1:])
        for named, values in _in_chunks(subject_ids)
        for row in tx.all(
            "SELECT subject_id, outcome, policy_number, mandate_id, valid_until FROM decision "
            f"WHERE subject_id IN ({named}) AND is_current = 1",
            **values,
        )
    }


def decision_of_facts(tx: Tx, facts_row_id: str) -> DecisionRow | None:
    """The decision that a facts row was written with, current or not."""
    row = tx.one(_DECISION + "WHERE f.id = :id", id=facts_row_id)
    return DecisionRow._make((*row[:10], bytes(row[10]))) if row else None


_DECISION = (
    "SELECT d.id, d.subject_id, d.mandate_id, d.policy_number, d.outcome, d.facts_row_id, d.made_at, "
    "d.valid_until, f.written_at, f.hash, f.body FROM decision d "
    "JOIN facts_row f ON f.id = d.facts_row_id AND d.id = f.decision_id "
)


def replace_decisions(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Write decisions with their facts rows; the earlier current ones become history."""
    if not rows:
        return
    retire_decisions(tx, [row["subject_id"] for row in rows])
    tx.many(
        "INSERT INTO facts_row (id, decision_id, subject_id, mandate_id, written_at, hash, body) "
        "VALUES (:facts_row_id, :id, :subject_id, :mandate_id, :made_at, :hash, :body)",
        [
            _only(row, "facts_row_id", "id", "subject_id", "mandate_id", "made_at", "hash", "body")
            for row in rows
        ],
    )
    tx.many(
        "INSERT INTO decision (id, subject_id, mandate_id, policy_number, outcome, facts_row_id, made_at, "
        "valid_until, is_current) VALUES (:id, :subject_id, :mandate_id, :policy_number, :outcome, "
        ":facts_row_id, :made_at, :valid_until, 1)",
        [
            _only(
                row,
                *("id", "subject_id", "mandate_id", "policy_number", "outcome"),
                *("facts_row_id", "made_at", "valid_until"),
            )
            for row in rows
        ],
    )


def retire_decisions(tx: Tx, subject_ids: Sequence[str]) -> None:
    """These subjects have no current decision any more."""
    tx.many(
        "UPDATE decision SET is_current = 0 WHERE subject_id = :subject_id AND is_current = 1",
        [{"subject_id": one} for one in subject_ids],
    )


def due_subjects(tx: Tx, now: int, limit: int) -> list[str]:
    """Whose current decision time alone has ended, the longest overdue first."""
    rows = tx.all(
        "SELECT subject_id FROM decision WHERE is_current = 1 AND valid_until <= :now "
        "ORDER BY valid_until LIMIT :most",
        now=now,
        most=limit,
    )
    return [row[0] for row in rows]


def subjects_after(tx: Tx, subject_id: str, limit: int) -> list[str]:
    """The next subjects with evidence or a decision, in order of their random ids."""
    rows = tx.all(
        "SELECT subject_id FROM (SELECT subject_id FROM evidence WHERE subject_id > :after "
        "UNION SELECT subject_id FROM decision WHERE subject_id > :after AND is_current = 1) AS known "
        "ORDER BY subject_id LIMIT :most",
        after=subject_id,
        most=limit,
    )
    return [row[0] for row in rows]


def count_subjects(tx: Tx) -> int:
    """How many have evidence or a decision."""
    row = tx.one(
        "SELECT count(*) FROM (SELECT subject_id FROM evidence "
        "UNION SELECT subject_id FROM decision WHERE is_current = 1) AS known"
    )
    return int(row[0]) if row else 0


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    return {
        table: tx.run(f"DELETE FROM {table} WHERE mandate_id = :mandate_id", mandate_id=mandate_id)
        for table in ("evidence", "decision", "facts_row", "policy_sweep")
    }


def forget_subject(tx: Tx, subject_id: str) -> None:
    for table in ("evidence", "decision", "facts_row"):
        tx.run(f"DELETE FROM {table} WHERE subject_id = :subject_id", subject_id=subject_id)


def _only(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _in_chunks(ids: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parameter lists of a few fixed lengths, so that statements are prepared once."""
    for start in range(0, len(ids), CHUNK):
        part = list(ids[start : start + CHUNK])
        wide = next(size for size in (1, 16, CHUNK) if len(part) <= size)
        part += [""] * (wide - len(part))
        yield ", ".join(f":s{i}" for i in range(wide)), {f"s{i}": one for i, one in enumerate(part)}
