"""What reached whom, and whom the desk has to call (`calling.py` says when)."""

from collections.abc import Sequence

from pratique.core.moment import Moment
from pratique.mandates import service as mandates
from pratique.notices import store
from pratique.notices.appeal import HOUR
from pratique.notices.calling import look
from pratique.notices.kinds import kind_of, read_kind
from pratique.notices.listing import line_of
from pratique.notices.model import ToCall
from pratique.notices.sweep import deadline_of
from pratique.store.tx import Tx

CALL_WITHIN = 2 * HOUR  # an unreached person is called within
TO_GO = 3 * HOUR  # what is left to somebody who is called before a deadline, to go and take the test


def to_call(tx: Tx, moment: Moment, limit: int) -> list[ToCall]:
    """Go through what is due to be looked at; whom to call, and by when. Each is named once for each reason."""
    now = moment.now_ms
    rows = store.desk_due(tx, now, limit)
    stops = store.faults_of(tx, rows) if rows else {}
    bodies = store.kind_bodies(tx) if rows else {}
    found, looks = [], []
    for row in rows:
        deadline = deadline_of(row, stops[row.id], now)
        seen = look(kind_of(row.kind), row, deadline, now)
        looks.append({"id": row.id, "at": seen.again_at})
        mandate = mandates.mandate_by_id(tx, row.mandate_id) if seen.why else None
        if seen.why and mandate is not None and mandate.in_force(moment.now, "restriction"):
            by = now + CALL_WITHIN if seen.why == "unreached" else max(now, deadline - TO_GO)
            line = line_of(row, read_kind(bodies[row.kind, row.kind_version]))
            found.append(ToCall(line, row.subject_id, seen.why, by))
    store.look_again(tx, looks)
    return found


def reached(tx: Tx, moment: Moment, subject_id: str) -> int:
    """Something reached this person now: they looked, a message was taken, somebody spoke with them; how many notices
    were new to them."""
    return store.set_reached(tx, subject_id, moment.now_ms)


def reached_among(tx: Tx, notice_ids: Sequence[str]) -> set[str]:
    """Those of these notices that have reached their person by now."""
    return store.reached_among(tx, notice_ids)
