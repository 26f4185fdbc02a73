"""A published mandate straight into the law's tables, for tests of rooms that act under one."""

from datetime import datetime, timedelta

from pratique.core.moment import Moment, to_ms
from pratique.store.tx import Tx

ALL = ("campaign", "gate", "restriction", "enrolment")


def put_mandate(
    tx: Tx, moment: Moment, *, days: float = 30, unlocks: tuple[str, ...] = ALL, start: datetime | None = None
) -> str:
    """A mandate in force from an hour before `moment` for `days` days; its id."""
    mandate_id = moment.new_id()
    begin = start or moment.now - timedelta(hours=1)
    end = begin + timedelta(days=days)
    tx.run(
        "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours) "
        "VALUES (:id, :start, :end, :end, 24)",
        id=mandate_id,
        start=to_ms(begin),
        end=to_ms(end),
    )
    tx.many(
        "INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, :unlock)",
        [{"id": mandate_id, "unlock": unlock} for unlock in unlocks],
    )
    tx.run("UPDATE mandate SET published_at = :at WHERE id = :id", at=to_ms(begin), id=mandate_id)
    return mandate_id
