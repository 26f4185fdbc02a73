"""What feeds the mirror: which subjects changed, which parts are to be made anew. SQL only.

Queued in the transaction of the change itself, and only while a mirror is kept.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pratique.store.tx import Tx


class Kept(NamedTuple):
    """The mirror that is kept: its name, how often it was brought level, how many characters of an id make a part."""

    name: str
    level: int
    width: int


class Queued(NamedTuple):
    """A subject that changed so many times; `evidence` 0: nothing but its decision did."""

    subject_id: str
    changes: int
    evidence: int


def kept(tx: Tx) -> Kept | None:
    row = tx.one("SELECT name, level, width FROM policy_mirror")
    return None if row is None else Kept(*row)


def keep(tx: Tx, now: int, name: str, width: int) -> None:
    """A mirror of this name from now on, with nothing in it: every part is to be made."""
    stop(tx)
    tx.run(
        "INSERT INTO policy_mirror (one, since, name, level, width) VALUES (1, :now, :name, 0, :width)",
        now=now,
        name=name,
        width=width,
    )
    tx.run(
        "INSERT INTO policy_mirror_part (part) SELECT DISTINCT part FROM "
        "(SELECT substr(subject_id, 1, CAST(:width AS INTEGER)) AS part FROM evidence "
        "UNION SELECT substr(subject_id, 1, CAST(:width AS INTEGER)) AS part FROM decision WHERE is_current = 1) "
        "AS known",
        width=width,
    )


def stop(tx: Tx) -> None:
    """Nothing is queued any more, and nothing stays queued."""
    for table in ("policy_mirror", "policy_outbox", "policy_mirror_part"):
        tx.run(f"DELETE FROM {table}")


def queue(tx: Tx, subject_ids: Iterable[str], *, evidence: bool = True) -> None:
    """These subjects changed; without `evidence` nothing but their decision did."""
    rows = [{"subject_id": one, "evidence": int(evidence)} for one in dict.fromkeys(subject_ids)]
    if rows and kept(tx) is not None:
        tx.many(
            "INSERT INTO policy_outbox (subject_id, changes, evidence) VALUES (:subject_id, 1, :evidence) "
            "ON CONFLICT (subject_id) DO UPDATE SET changes = policy_outbox.changes + 1, evidence = "
            "CASE WHEN excluded.evidence > policy_outbox.evidence THEN 1 ELSE policy_outbox.evidence END",
            rows,
        )


def forget(tx: Tx, subject_id: str) -> None:
    """The subject leaves the queue; its part is made anew."""
    tx.run("DELETE FROM policy_outbox WHERE subject_id = :subject_id", subject_id=subject_id)
    if (mirror := kept(tx)) is not None:
        tx.run(
            "INSERT INTO policy_mirror_part (part) VALUES (:part) ON CONFLICT (part) DO NOTHING",
            part=subject_id[: mirror.width],
        )


def forget_mandate(tx: Tx, mandate_id: str) -> int:
    """Before evidence of a mandate is deleted: its subjects leave the queue, their parts are made anew."""
    if (mirror := kept(tx)) is not None:
        tx.run(
            "INSERT INTO policy_mirror_part (part) "
            "SELECT DISTINCT substr(subject_id, 1, CAST(:width AS INTEGER)) FROM evidence "
            "WHERE mandate_id = :mandate_id ON CONFLICT (part) DO NOTHING",
            mandate_id=mandate_id,
            width=mirror.width,
        )
    return tx.run(
        "DELETE FROM policy_outbox WHERE subject_id IN "
        "(SELECT subject_id FROM evidence WHERE mandate_id = :mandate_id "
        "UNION SELECT subject_id FROM decision WHERE mandate_id = :mandate_id)",
        mandate_id=mandate_id,
    )


def queued(tx: Tx, limit: int) -> list[Queued]:
    """In order of subjects, so that those of one part come together."""
    rows = tx.all(
        "SELECT subject_id, changes, evidence FROM policy_outbox ORDER BY subject_id LIMIT :most", most=limit
    )
    return [Queued(*row) for row in rows]


def done(tx: Tx, rows: Sequence[Queued], parts: Sequence[str], level: int) -> None:
    """The mirror holds these and is level for the `level`th time; what changed again in between stays queued."""
    tx.many(
        "DELETE FROM policy_outbox WHERE subject_id = :subject_id AND changes = :changes",
        [{"subject_id": one.subject_id, "changes": one.changes} for one in rows],
    )
    tx.many("DELETE FROM policy_mirror_part WHERE part = :part", [{"part": one} for one in parts])
    tx.run("UPDATE policy_mirror SET level = :level", level=level)


def queued_parts(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all("SELECT part FROM policy_mirror_part ORDER BY part")]


def waiting_otherwise(tx: Tx, number: int, after: str, limit: int) -> list[str]:
    """Queued subjects whose current decision is not of policy `number`, in their order."""
    rows = tx.all(
        "SELECT o.subject_id FROM policy_outbox o "
        "LEFT JOIN decision d ON d.subject_id = o.subject_id AND d.is_current = 1 "
        "WHERE o.subject_id > :after AND (d.policy_number IS NULL OR d.policy_number <> :number) "
        "ORDER BY o.subject_id LIMIT :most",
        after=after,
        number=number,
        most=limit,
    )
    return [row[0] for row in rows]
