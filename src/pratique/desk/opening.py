"""How a case begins and how it ends by itself: opened about a notice, asked for by nobody, over with its notice."""

from datetime import datetime

from pratique.core.moment import Moment, from_ms, to_ms
from pratique.desk import store
from pratique.desk.model import CaseRow, Place, Why
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.notices.model import NoticeLine
from pratique.store.tx import Tx


def open_case(
    tx: Tx,
    moment: Moment,
    line: NoticeLine,
    subject_id: str,
    kind: str,
    due: datetime,
    by: str,
    owner: str = "",
    why: Why = "",
) -> str:
    """Something to do about a notice; "" where the same is open already."""
    row = CaseRow(
        id=moment.new_id(),
        subject_id=subject_id,
        mandate_id=line.mandate_id,
        kind=kind,
        notice_id=line.id,
        area=area_of(tx, line.mandate_id),
        owner=owner,
        opened_at=moment.now_ms,
        due_at=to_ms(due),
        state="open",
        state_at=moment.now_ms,
        result="",
        attempts=0,
        version=0,
        why=why,
    )
    if store.open_of_notice(tx, line.id, kind) is not None:
        return ""
    store.add(tx, [row], by)
    return row.id


def area_of(tx: Tx, mandate_id: str) -> str:
    """The area whose desk a case belongs to: the first the mandate names. Never a site, never an address."""
    return next(iter(mandates.standing(tx, mandate_id).document.scope.areas), "")


def call_unasked(tx: Tx, moment: Moment, limit: int = 2000) -> int:
    """Open a call for whoever was not reached for a day, and for whose time runs out; how many.

    Where something about the same notice is open, somebody is at it already.
    """
    opened = 0
    for one in notices.to_call(tx, moment, limit):
        if not store.open_about(tx, one.line.id):
            due = from_ms(one.due_at)
            open_case(tx, moment, one.line, one.subject_id, "call", due, "clock", why=one.why)
            opened += 1
    return opened


def sweep(tx: Tx, moment: Moment, limit: int = 500) -> int:
    """Close cases whose notice is over, and calls to people who were reached otherwise before anybody took them, the
    earliest first; how many. Goes round and round over the next 12 hours."""
    after = store.mark(tx, "over")
    rows = store.due_after(tx, after, moment.now_ms + 12 * 3_600_000, limit)
    if not rows:
        store.set_mark(tx, "over", Place())
        return 0
    standing = notices.standing_notices(tx, [row.notice_id for row in rows])
    calls = [row.notice_id for row in rows if row.why == "unreached" and not row.owner]
    reached = notices.reached_among(tx, calls)
    closed = 0
    for row in rows:
        over = row.notice_id not in standing
        if over or (row.notice_id in reached and row.why == "unreached" and not row.owner):
            close_over(tx, moment, row, "notice-over" if over else "reached-otherwise")
            closed += 1
    store.set_mark(tx, "over", Place(rows[-1].due_at, rows[-1].id))
    return closed


def close_over(tx: Tx, moment: Moment, row: CaseRow, why: str = "notice-over") -> None:
    """A case ends by itself."""
    store.save(tx, row._replace(state="done", state_at=moment.now_ms, result=why))
    store.add_event(tx, row.id, moment.now_ms, why, "clock")
