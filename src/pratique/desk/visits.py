"""Visits without a network: the day's own cases go along, results come back when there is a network again.

The phone keeps them sealed and throws the key away after a day (`web/visit`). A result for a case that a colleague has
closed meanwhile is kept beside the colleague's and shown: none is lost.
"""

from datetime import timedelta

from pratique.core.moment import Moment, rfc3339
from pratique.desk import store
from pratique.desk.model import RESULTS, Package, Place, Taken, Visit, VisitResult
from pratique.desk.script import script
from pratique.desk.service import open_file, record
from pratique.notices.model import House
from pratique.people.model import Staff
from pratique.store.tx import Tx

LASTS = timedelta(hours=24)
MOST = 60


def package(tx: Tx, moment: Moment, house: House, staff: Staff) -> Package:
    """The worker's own visits that are due within a day; each is a look its subject sees. Raises NotAllowed, StepUp."""
    visits = []
    until = int((moment.now + LASTS).timestamp() * 1000)
    for row in store.page(tx, staff.id, None, "visit", Place(), MOST):
        if row.due_at > until:
            break
        file = open_file(tx, moment, house, staff, row.id)
        visits.append(
            Visit(
                case_id=row.id,
                title=file.title,
                reason=file.reason,
                script=tuple(file.script),
                due_at=rfc3339(file.due_at),
                card=file.card,
                answers=script().results_of.get(row.why, {}),
            )
        )
    return Package(
        visits=tuple(visits),
        results=RESULTS,
        ends_at=rfc3339(moment.now + LASTS),
        now=rfc3339(moment.now),
    )


def take_result(tx: Tx, moment: Moment, house: House, staff: Staff, told: VisitResult) -> Taken:
    """One result from a phone. Sent twice it is kept once."""
    row = store.case(tx, told.case_id)
    mine = row is not None and (
        row.owner == staff.id or any(line[3] == staff.id for line in store.events(tx, row.id))
    )
    if row is None or not mine:
        return Taken(key=told.key, what="not-yours")
    if any(line[4] == told.key for line in store.events(tx, row.id)):
        return Taken(key=told.key, what="known")
    if row.state != "open" or row.owner not in ("", staff.id):
        store.add_event(tx, row.id, moment.now_ms, told.result, staff.id, reference=told.key)
        store.add_event(tx, row.id, moment.now_ms, "conflict", staff.id, reference=told.key)
        return Taken(key=told.key, what="conflict", other=row.result)
    record(tx, moment, house, staff, told.case_id, told.result, note=told.note)
    store.add_event(tx, row.id, moment.now_ms, "visited", staff.id, reference=told.key)
    return Taken(key=told.key, what="stored")
