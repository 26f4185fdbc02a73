"""Counts go when their mandate's days for them are over, and what kept an upload from counting twice goes sooner."""

from datetime import timedelta

from pratique.core.moment import Moment, to_ms
from pratique.fleet.model import SLOT_SECONDS
from pratique.mandates import service as mandates
from pratique.store.tx import Tx

# A gate sends in order and goes on only when it was heard: what is this far behind its newest upload was counted.
# 256 quarters of an hour are more than two days, for copies that come back by another way.
KEPT_UPLOADS = 256
SLOTS_AT_ONCE = 8  # two hours of a fleet of 100,000 are about a million rows


def is_long_counted(seq: int, newest: int) -> bool:
    """True for an upload so old that only a copy of it can still come."""
    return seq <= newest - KEPT_UPLOADS


def drop_uploads(tx: Tx, gate_id: str, newest: int) -> int:
    """Forget the numbers of uploads that are long counted; how many."""
    return tx.run(
        "DELETE FROM count_batch WHERE gate_id = :gate_id AND seq <= :seq",
        gate_id=gate_id,
        seq=newest - KEPT_UPLOADS,
    )


def drop_counts(tx: Tx, moment: Moment) -> int:
    """Drop counts and ended alarms that are older than their mandate lets us keep them; how many rows of counts.

    At most two hours' worth for each mandate in one transaction: call again while it is not 0.
    """
    gone = 0
    for (mandate_id,) in tx.all("SELECT DISTINCT mandate_id FROM slot_flow"):
        mandate = mandates.mandate_by_id(tx, mandate_id)
        days = [kept.max_days for kept in mandate.data if kept.data_class == "count"] if mandate else []
        if days:
            oldest_kept = to_ms(moment.now - timedelta(days=days[0])) // 1000 // SLOT_SECONDS
            gone += _drop_before(tx, mandate_id, oldest_kept)
    return gone


def _drop_before(tx: Tx, mandate_id: str, oldest_kept: int) -> int:
    row = tx.one("SELECT min(slot15) FROM slot_flow WHERE mandate_id = :mandate_id", mandate_id=mandate_id)
    if row is None or row[0] is None or row[0] >= oldest_kept:
        return 0
    before = min(oldest_kept, int(row[0]) + SLOTS_AT_ONCE)
    of_gates = "gate_id IN (SELECT id FROM gate WHERE mandate_id = :mandate_id)"
    values = {"mandate_id": mandate_id, "before": before}
    tx.run(f"DELETE FROM gate_alarm WHERE last_slot < :before AND {of_gates}", **values)
    tx.run("DELETE FROM slot_flow WHERE slot15 < :before AND mandate_id = :mandate_id", **values)
    return tx.run(f"DELETE FROM slot_count WHERE slot15 < :before AND {of_gates}", **values)
