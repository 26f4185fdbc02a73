"""What feeds the mirror: which subjects changed, which parts are to be made anew. SQL only.

Queued in the transaction of the change itself, and only while a mirror is kept.
"""

from collections.abc import Iterable, Sequence

from pratique.store.tx import Tx

PREFIX = 2  # characters of a subject's random id that say in which part it stands


def keep(tx: Tx, now: int) -> None:
    """From now on changes are queued."""
    tx.run("INSERT INTO policy_mirror (one, since) VALUES (1, :now) ON CONFLICT (one) DO NOTHING", now=now)


def is_kept(tx: Tx) -> bool:
    return tx.one("SELECT 1 FROM policy_mirror") is not None


def stop(tx: Tx) -> None:
    """Nothing is queued any more, and nothing stays queued."""
    for table in ("policy_mirror", "policy_outbox", "policy_mirror_part"):
        tx.run(f"DELETE FROM {table}")


def queue(tx: Tx, subject_ids: Iterable[str]) -> None:
    """These subjects changed."""
    rows = [{"subject_id": one} for one in dict.fromkeys(subject_ids)]
    if rows and is_kept(tx):
        tx.many(
            "INSERT INTO policy_outbox (subject_id, changes) VALUES (:subject_id, 1) "
            "ON CONFLICT (subject_id) DO UPDATE SET changes = policy_outbox.changes + 1",
            rows,
        )


def queue_part(tx: Tx, parts: Iterable[str]) -> None:
    """These parts are to be made anew."""
    rows = [{"part": one} for one in dict.fromkeys(parts)]
    if rows and is_kept(tx):
        tx.many("INSERT INTO policy_mirror_part (part) VALUES (:part) ON CONFLICT (part) DO NOTHING", rows)


def forget(tx: Tx, subject_id: str) -> None:
    """The subject leaves the queue; its part is made anew."""
    tx.run("DELETE FROM policy_outbox WHERE subject_id = :subject_id", subject_id=subject_id)
    queue_part(tx, [subject_id[:PREFIX]])


def forget_mandate(tx: Tx, mandate_id: str) -> int:
    """Before evidence of a mandate is deleted: its subjects leave the queue, their parts are made anew."""
    if is_kept(tx):
        tx.run(
            f"INSERT INTO policy_mirror_part (part) SELECT DISTINCT substr(subject_id, 1, {PREFIX}) FROM evidence "
            "WHERE mandate_id = :mandate_id ON CONFLICT (part) DO NOTHING",
            mandate_id=mandate_id,
        )
    return tx.run(
        "DELETE FROM policy_outbox WHERE subject_id IN "
        "(SELECT subject_id FROM evidence WHERE mandate_id = :mandate_id "
        "UNION SELECT subject_id FROM decision WHERE mandate_id = :mandate_id)",
        mandate_id=mandate_id,
    )


def queued(tx: Tx, limit: int) -> list[tuple[str, int]]:
    """(subject, changes) in order of subjects, so that those of one part come together."""
    rows = tx.all("SELECT subject_id, changes FROM policy_outbox ORDER BY subject_id LIMIT :most", most=limit)
    return [(row[0], row[1]) for row in rows]


def done(tx: Tx, rows: Sequence[tuple[str, int]]) -> None:
    """The mirror holds these; what changed again in between stays."""
    tx.many(
        "DELETE FROM policy_outbox WHERE subject_id = :subject_id AND changes = :changes",
        [{"subject_id": subject_id, "changes": changes} for subject_id, changes in rows],
    )


def queued_parts(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all("SELECT part FROM policy_mirror_part ORDER BY part")]


def part_done(tx: Tx, part: str) -> None:
    tx.run("DELETE FROM policy_mirror_part WHERE part = :part", part=part)


def parts_with_people(tx: Tx) -> list[str]:
    """How the ids of all subjects with evidence or a decision begin."""
    rows = tx.all(
        f"SELECT DISTINCT part FROM (SELECT substr(subject_id, 1, {PREFIX}) AS part FROM evidence "
        f"UNION SELECT substr(subject_id, 1, {PREFIX}) AS part FROM decision WHERE is_current = 1) AS known "
        "ORDER BY part"
    )
    return [row[0] for row in rows]
