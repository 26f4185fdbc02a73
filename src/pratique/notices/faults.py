"""Declaring that the system was at fault: one row for everybody or a campaign, one a person, and the clocks stop.

A notice knows no site, laboratory or tube. The room that does names the people (or the campaign) concerned.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.notices import store
from pratique.notices.kinds import words
from pratique.people import service as people
from pratique.store.tx import Tx

SCOPES = ("all", "campaign", "subject")


def declare_fault(
    tx: Tx,
    moment: Moment,
    *,
    scope: str,
    scope_ids: Sequence[str] = ("",),
    cause: str,
    by: str,
    begins: datetime | None = None,
    ends: datetime | None = None,
    mandate_id: str = "",
) -> int:
    """Stop the clocks of a scope from `begins` (now) to `ends` (None: until `end_fault`); how many rows were needed.

    `scope_ids` are campaigns' or subjects' ids; for `all` there is none. A fault that lasts already is not declared
    twice. One that began in the past is looked back on: who lapsed in it gets the time back.
    Raises Refusal for a scope or cause outside the lists, or an end before the beginning.
    """
    if scope not in SCOPES or any(bool(one) == (scope == "all") for one in scope_ids):
        raise Refusal("BAD_SCOPE", "scope", Text("choose a scope from the list", "请从列表中选择范围"))
    if cause not in words().causes:
        raise Refusal("BAD_CAUSE", "cause", Text("choose a cause from the list", "请从列表中选择原因"))
    start = begins or moment.now
    if ends is not None and ends <= start:
        raise Refusal("BAD_TIME", "ends", Text("a fault ends after it began", "故障的结束时间须晚于开始时间"))
    running = store.running_faults(tx, scope, scope_ids, cause) if ends is None else set()
    rows = [
        {
            "id": moment.new_id(),
            "scope": scope,
            "scope_id": one,
            "from_at": to_ms(start),
            "to_at": None if ends is None else to_ms(ends),
            "cause": cause,
            "by": by,
            "now": moment.now_ms,
            "mandate_id": mandate_id,
        }
        for one in dict.fromkeys(scope_ids)
        if one not in running
    ]
    store.add_faults(tx, rows)
    if start < moment.now:
        store.look_back_later(tx, [str(row["id"]) for row in rows], to_ms(start))
    if scope == "subject":
        people.touch(tx, [str(row["scope_id"]) for row in rows])
    return len(rows)


def end_fault(tx: Tx, moment: Moment, *, scope: str, scope_ids: Sequence[str] = ("",), cause: str) -> int:
    """Running faults end now and the clocks run again; how many there were."""
    ended = store.end_faults(tx, scope, scope_ids, cause, to=moment.now_ms)
    if scope == "subject":
        people.touch(tx, list(scope_ids))
    return ended


def keep_stopped(
    tx: Tx,
    moment: Moment,
    *,
    cause: str,
    subject_ids: Sequence[str],
    by: str,
    since: Mapping[str, datetime] | None = None,
) -> int:
    """From now on the clocks of exactly these people stand for this cause; how many were stopped or set going.

    `since` names those whose time was lost before anybody noticed: their clocks stand from then on.
    """
    standing = store.stopped_people(tx, cause)
    over = sorted(standing - set(subject_ids))
    changed = end_fault(tx, moment, scope="subject", scope_ids=over, cause=cause) if over else 0
    fresh = [one for one in dict.fromkeys(subject_ids) if one not in standing]
    by_start: dict[datetime, list[str]] = {}
    for one in fresh:
        by_start.setdefault((since or {}).get(one, moment.now), []).append(one)
    for begins, several in by_start.items():
        changed += declare_fault(
            tx, moment, scope="subject", scope_ids=several, cause=cause, by=by, begins=begins
        )
    return changed
