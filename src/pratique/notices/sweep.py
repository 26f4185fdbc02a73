"""What time does by itself: deadlines, appeal clocks, ends of mandates, decisions that run out.

Everything due is done with the time it was due, not with the time of the run, so that an hour without a sweeper costs
nobody anything. Each run does a bounded number; running it again goes on. Who comes second changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from pratique.core.moment import Moment, from_ms
from pratique.notices import appeal_store, store
from pratique.notices.answering import run_clock
from pratique.notices.change import ends_by_rule, finish
from pratique.notices.clear import Standing, clears
from pratique.notices.clock import Stop, effective_deadline
from pratique.notices.closing import end_notices
from pratique.notices.kinds import read_kind
from pratique.notices.looking_back import look_back
from pratique.notices.model import House, NoticeRow
from pratique.notices.store import Ended
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.store.tx import Tx

AT_ONCE = 500


def sweep(tx: Tx, moment: Moment, house: House, limit: int = AT_ONCE) -> int:
    """Do what is due, at most `limit` of each; how many things were done. 0 means nothing is left."""
    done = 0
    for mandate_id, ended_at in store.ended_mandates(tx, moment.now_ms):
        done += end_mandate(tx, moment, mandate_id, from_ms(ended_at), limit)
    done += _end_notices(tx, moment, limit)
    for appeal in appeal_store.due(tx, moment.now_ms, limit):
        run_clock(tx, moment, house, appeal)
        done += 1
    done += look_back(tx, moment, house, limit)
    return done + _decide_again(tx, moment, house, limit)


def end_mandate(tx: Tx, moment: Moment, mandate_id: str, ended_at: datetime, limit: int = AT_ONCE) -> int:
    """Lift notices under a mandate that ended, with the time it ended; how many. 0 means none is left."""
    rows = store.open_under(tx, mandate_id, limit)
    at = min(int(ended_at.timestamp() * 1000), moment.now_ms)
    ended = [
        Ended(row.id, "lifted", max(at, row.opened_at), "mandate-ended", "clock", mandate_id) for row in rows
    ]
    end_notices(tx, moment, ended)
    people.touch(tx, [row.subject_id for row in rows])
    return len(rows)


def deadline_of(row: NoticeRow, stops: list[Stop], now: int) -> int:
    """When the notice is due: for a duty with lost time given back, and never after its end. Pure."""
    if row.class_ != "duty":
        return min(row.deadline_at, row.ends_at)
    return min(effective_deadline(row.opened_at, row.duration_ms, stops, now), row.ends_at)


def lapse(row: NoticeRow, body: str, deadline: int) -> Ended:
    """How a notice ends whose time is over: cleared where its condition says so, else lifted. Pure.

    Who gave the sample in time, or could not because of us, is never the cause.
    """
    if deadline >= row.ends_at and row.class_ == "restriction":
        return Ended(row.id, "lifted", deadline, "end", "clock")
    at = from_ms(deadline)
    standing = Standing(row.analyte, from_ms(row.since_at), at)
    if why := clears(read_kind(body).clears, standing, (), at):
        return Ended(row.id, "cleared", deadline, why, "clock")
    ours = row.state == "waiting" or row.cause == "system"
    return Ended(row.id, "lifted", deadline, "deadline-system" if ours else "deadline", "clock")


def _end_notices(tx: Tx, moment: Moment, limit: int) -> int:
    return _end(tx, moment, store.notices_due(tx, moment.now_ms, limit))


def end_own(tx: Tx, moment: Moment, subject_id: str) -> int:
    """What is due of one person ends as soon as that person looks, however long the sweep's queue is; how many."""
    return _end(
        tx, moment, [row for row in store.open_notices(tx, [subject_id]) if row.due_at <= moment.now_ms]
    )


def _end(tx: Tx, moment: Moment, rows: Sequence[NoticeRow]) -> int:
    if not rows:
        return 0
    stops, bodies = store.faults_of(tx, rows), store.kind_bodies(tx)
    ended, later = [], []
    for row in rows:
        deadline = deadline_of(row, stops[row.id], moment.now_ms)
        if deadline > moment.now_ms:
            later.append({"id": row.id, "due": deadline})
        else:
            ended.append(lapse(row, bodies[row.kind, row.kind_version], deadline))
    store.postpone(tx, later)
    end_notices(tx, moment, ended)
    people.touch(tx, [row.subject_id for row in rows])
    return len(rows)


def _decide_again(tx: Tx, moment: Moment, house: House, limit: int) -> int:
    results = policy.sweep_due(tx, moment, house.sealer, limit)
    if not results:
        return 0
    decided = {new.subject_id: (new, old) for new, old in results}
    rules = policy.live_policy(tx, moment.now)
    finish(tx, moment, house, ends_by_rule(tx, moment, decided, rules), [], decided)
    people.touch(tx, list(decided))
    return len(results)
