"""Column `notice.said` (0030_notices.sql): how far a person was told. SQL only; decides nothing."""

from collections.abc import Iterable

from pratique.store.tx import Row, Tx


def began(tx: Tx, limit: int) -> list[Row]:
    """(id, subject_id, state, due_at) of notices of which nothing was said."""
    return tx.all(
        "SELECT id, subject_id, state, due_at FROM notice WHERE said = 0 ORDER BY opened_at, id LIMIT :limit",
        limit=limit,
    )


def near(tx: Tx, said: int, until: int, limit: int) -> list[Row]:
    """(id, subject_id, state, due_at, class) of notices said so far and due up to `until`."""
    return tx.all(
        "SELECT id, subject_id, state, due_at, class FROM notice WHERE state IN ('open', 'waiting') "
        "AND said IN (1, 2) AND said = :said AND due_at <= :until ORDER BY due_at, id LIMIT :limit",
        said=said,
        until=until,
        limit=limit,
    )


def ended(tx: Tx, limit: int) -> list[Row]:
    """(id, subject_id, what ended it) of notices that are over and of which that was not said."""
    return tx.all(
        "SELECT n.id, n.subject_id, (SELECT e.what FROM notice_event e WHERE e.notice_id = n.id "
        "ORDER BY e.seq DESC LIMIT 1) FROM notice n WHERE n.state NOT IN ('open', 'waiting') AND n.said < 9 "
        "ORDER BY n.state_at, n.id LIMIT :limit",
        limit=limit,
    )


def mark(tx: Tx, said: Iterable[tuple[str, int]]) -> None:
    tx.many(
        "UPDATE notice SET said = :said WHERE id = :id", [{"id": one, "said": level} for one, level in said]
    )
