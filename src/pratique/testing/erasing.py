"""Forgetting (laws 4 and 6): tubes past their correction window, results nobody claimed, everything of a mandate.

After `empty_tubes` no row joins a person to a site: members are deleted, site and device are blanked, counts stay.
"""

from pratique.store.tx import Tx
from pratique.testing import store_tubes
from pratique.testing.booking.store import erase_mandate as erase_bookings

SLOT_MS = 15 * 60_000

# In the order in which rows may go. `:id` is the mandate.
_CODES = "SELECT t.code FROM tube t JOIN campaign c ON c.id = t.campaign_id WHERE c.mandate_id = :id"
_SITES = "SELECT s.id FROM site s JOIN campaign c ON c.id = s.campaign_id WHERE c.mandate_id = :id"
_DEVICES = (
    "SELECT d.id FROM device d JOIN site s ON s.id = d.site_id JOIN campaign c ON c.id = s.campaign_id"
    " WHERE c.mandate_id = :id"
)
_DELETIONS = (
    ("tube_state", f"DELETE FROM tube_state WHERE code IN ({_CODES})"),
    ("result_version", f"DELETE FROM result_version WHERE code IN ({_CODES})"),
    ("lab_message", f"DELETE FROM lab_message WHERE tube IN ({_CODES})"),
    ("custody", f"DELETE FROM custody WHERE thing IN ({_CODES})"),
    ("testing_task", f"DELETE FROM testing_task WHERE about IN ({_CODES})"),
    ("tube_conflict", f"DELETE FROM tube_conflict WHERE code IN ({_CODES}) OR device_id IN ({_DEVICES})"),
    ("tube_member", f"DELETE FROM tube_member WHERE code IN ({_CODES})"),
    ("tube_event", f"DELETE FROM tube_event WHERE device_id IN ({_DEVICES})"),
    ("tube", "DELETE FROM tube WHERE campaign_id IN (SELECT id FROM campaign WHERE mandate_id = :id)"),
    (
        "tube_batch",
        "DELETE FROM tube_batch WHERE campaign_id IN (SELECT id FROM campaign WHERE mandate_id = :id)",
    ),
    ("device_token", f"DELETE FROM device_token WHERE site_id IN ({_SITES})"),
    ("device_lost", f"DELETE FROM device_lost WHERE device_id IN ({_DEVICES})"),
    ("device", f"DELETE FROM device WHERE site_id IN ({_SITES})"),
    ("lane", f"DELETE FROM lane WHERE site_id IN ({_SITES})"),
    ("site_count", f"DELETE FROM site_count WHERE site_id IN ({_SITES})"),
    ("site", "DELETE FROM site WHERE campaign_id IN (SELECT id FROM campaign WHERE mandate_id = :id)"),
    ("lab_quarantine", "DELETE FROM lab_quarantine WHERE sealed_under = :id"),
    ("campaign", "DELETE FROM campaign WHERE mandate_id = :id"),
)
# Without any campaign left, nobody may hold a tube that no site ever registered.
_UNCLAIMED = (
    (
        "result_version",
        "DELETE FROM result_version WHERE code NOT IN (SELECT code FROM tube) AND received_at < :at",
    ),
    (
        "lab_message",
        "DELETE FROM lab_message WHERE tube NOT IN (SELECT code FROM tube) AND received_at < :at",
    ),
    ("custody", "DELETE FROM custody WHERE thing NOT IN (SELECT code FROM tube) AND recorded_at < :at"),
    ("lab_quarantine", "DELETE FROM lab_quarantine WHERE received_at < :at"),
)
_END_OF_TIME = 2**62


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete everything kept under this mandate; rows gone by table. The room `retire` calls it."""
    gone = erase_bookings(tx, mandate_id) | {table: tx.run(sql, id=mandate_id) for table, sql in _DELETIONS}
    if tx.one("SELECT 1 FROM campaign LIMIT 1") is None:
        for table, sql in _UNCLAIMED:
            gone[table] = gone.get(table, 0) + tx.run(sql, at=_END_OF_TIME)
    return gone


def drop_unclaimed(tx: Tx, before_ms: int) -> int:
    """Results of tubes that no site registered in thirty days are deleted, with their messages."""
    return sum(tx.run(sql, at=before_ms) for table, sql in _UNCLAIMED if table != "lab_quarantine")


def empty_tubes(tx: Tx, now_ms: int, limit: int) -> int:
    """Forget who was in tubes whose correction window is over; the number of tubes."""
    due = store_tubes.emptiable(tx, now_ms, limit)
    for _, site_id, sealed_at, people in due:
        if site_id:
            store_tubes.count_site(tx, site_id, int(sealed_at) // SLOT_MS * SLOT_MS, int(people))
    store_tubes.empty(tx, [row[0] for row in due], now_ms)
    return len(due)
