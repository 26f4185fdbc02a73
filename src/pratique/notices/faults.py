"""Declaring that the system was at fault: one row, however many people, and every clock in its scope stops."""

from datetime import datetime

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.notices import store
from pratique.notices.kinds import words
from pratique.people import service as people
from pratique.store.tx import Tx

SCOPES = ("all", "campaign", "tube", "subject")


def declare_fault(
    tx: Tx,
    moment: Moment,
    *,
    scope: str,
    scope_id: str,
    cause: str,
    by: str,
    begins: datetime | None = None,
    ends: datetime | None = None,
    mandate_id: str = "",
) -> str | None:
    """Stop the clocks of a scope from `begins` (now) to `ends` (None: until `end_fault`); the fault's id.

    `scope_id` is a campaign's id, the ref under which a sample was sealed (`tube`), a subject's id, or "" for all.
    Wider scopes (a site, a laboratory) are said as campaigns or tubes by the room that knows them: a notice knows no
    place. The same running fault again changes nothing (None). Raises Refusal for what is not in the lists.
    """
    if scope not in SCOPES or bool(scope_id) == (scope == "all"):
        raise Refusal("BAD_SCOPE", "scope", Text("choose a scope from the list", "请从列表中选择范围"))
    if cause not in words().causes:
        raise Refusal("BAD_CAUSE", "cause", Text("choose a cause from the list", "请从列表中选择原因"))
    start = begins or moment.now
    if ends is not None and ends <= start:
        raise Refusal("BAD_TIME", "ends", Text("a fault ends after it began", "故障的结束时间须晚于开始时间"))
    if ends is None and store.has_running_fault(tx, scope, scope_id, cause):
        return None
    fault_id = moment.new_id()
    store.add_fault(
        tx,
        id=fault_id,
        scope=scope,
        scope_id=scope_id,
        from_at=to_ms(start),
        to_at=None if ends is None else to_ms(ends),
        cause=cause,
        by=by,
        now=moment.now_ms,
        mandate_id=mandate_id,
    )
    _tell(tx, scope, scope_id)
    return fault_id


def end_fault(tx: Tx, moment: Moment, *, scope: str, scope_id: str, cause: str) -> bool:
    """The running fault ends now and the clocks run again. False if there was none."""
    store.drop_fault(tx, scope, scope_id, cause, to=moment.now_ms)
    ended = store.end_fault(tx, scope, scope_id, cause, to=moment.now_ms, now=moment.now_ms)
    _tell(tx, scope, scope_id)
    return bool(ended)


def _tell(tx: Tx, scope: str, scope_id: str) -> None:
    if scope == "subject":
        people.touch(tx, [scope_id])
