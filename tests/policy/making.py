"""What the tests of this room make: a mandate as it stands in its tables, and names of made-up people."""

from datetime import UTC, datetime

from pratique.core.moment import to_ms
from pratique.store.tx import Tx

MANDATE = "0" * 25 + "M"
OTHER_MANDATE = "0" * 25 + "N"
NOW = datetime(2026, 1, 5, tzinfo=UTC)
SUBJECT = "0" * 25 + "S"


def add_mandate(tx: Tx, mandate_id: str, start: datetime, end: datetime, unlock: str = "restriction") -> None:
    """A published mandate as the room `mandates` leaves it in its tables."""
    tx.run(
        "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours) "
        "VALUES (:id, :start_at, :end_at, :end_at, 24)",
        id=mandate_id,
        start_at=to_ms(start),
        end_at=to_ms(end),
    )
    tx.run(
        "INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, :unlock)", id=mandate_id, unlock=unlock
    )
    tx.run("UPDATE mandate SET published_at = start_at WHERE id = :id", id=mandate_id)
