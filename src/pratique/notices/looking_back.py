"""A fault that is found afterwards: who lapsed because of it gets the lost time back from now on, with an apology.

Nothing goes back: a lapsed duty stays as it ended, and a new notice that names it takes its place for as long as was
lost. A restriction that came of such a duty is withdrawn. One batch at a time, so that two million take no lock.
"""

from datetime import timedelta

from pratique.core.mandate import Mandate
from pratique.core.moment import Moment, to_ms
from pratique.mandates import service as mandates
from pratique.notices import store
from pratique.notices.clock import effective_deadline
from pratique.notices.closing import end_notices
from pratique.notices.kinds import kind_of
from pratique.notices.model import House, NoticeRow
from pratique.notices.opening import open_facts, sealed_again
from pratique.notices.store import Ended
from pratique.people import service as people
from pratique.store.tx import Tx

LAPSED = ("deadline", "deadline-system", "time")
SHORTEST = timedelta(hours=1)  # less than this given back is of no use to anybody


def look_back(tx: Tx, moment: Moment, house: House, limit: int) -> int:
    """Go on with the oldest fault that was found afterwards; how many duties were looked at."""
    found = store.next_look_back(tx)
    if found is None:
        return 0
    fault_id, after_at, after_id = found
    rows = store.lapsed_duties(tx, (after_at, after_id), limit)
    if not rows:
        store.end_look_back(tx, fault_id)
        return 0
    stops, how = store.faults_of(tx, rows), store.events(tx, [row.id for row in rows])
    reopened: list[tuple[NoticeRow, int]] = []
    for row in rows:
        lines = [line[1] for line in how.get(row.id, [])]
        if not set(lines) & set(LAPSED) or "fault-found" in lines:
            continue
        due = min(
            effective_deadline(row.opened_at, row.duration_ms, stops[row.id], moment.now_ms), row.ends_at
        )
        if due > row.state_at:
            reopened.append((row, due - row.state_at))
    _give_back(tx, moment, house, reopened)
    store.go_on_looking_back(tx, fault_id, rows[-1].state_at, rows[-1].id)
    return len(rows)


def _give_back(tx: Tx, moment: Moment, house: House, lapsed: list[tuple[NoticeRow, int]]) -> None:
    live: dict[str, Mandate | None] = {}
    fresh, lines = [], []
    for row, lost in lapsed:
        if row.mandate_id not in live:
            mandate = mandates.mandate_by_id(tx, row.mandate_id)
            live[row.mandate_id] = (
                mandate if mandate and mandate.in_force(moment.now, "restriction") else None
            )
        if (mandate := live[row.mandate_id]) is None:
            continue  # its mandate is over: nothing is asked of anybody any more
        renewed = _renewed(moment, house, row, max(lost, int(SHORTEST / timedelta(milliseconds=1))), mandate)
        if renewed is not None:
            fresh.append(renewed)
        lines.append((row.id, renewed.id if renewed else ""))
    store.add_notices(tx, fresh)
    for old, new in lines:
        store.add_line(tx, old, moment.now_ms, "fault-found", "fault", reference=new)
    for row in fresh:
        store.add_line(tx, row.id, moment.now_ms, "time-returned", "fault", reference=row.replaces)
    came = store.restrictions_from(tx, [row.id for row, _ in lapsed])
    end_notices(
        tx, moment, [Ended(one.id, "withdrawn", moment.now_ms, "fault-found", "fault") for one in came]
    )
    people.touch(tx, [row.subject_id for row, _ in lapsed])


def _renewed(moment: Moment, house: House, row: NoticeRow, lost: int, mandate: Mandate) -> NoticeRow | None:
    """The duty again, for as long as was lost; None where its mandate ends sooner than anybody could act."""
    now, ends = moment.now_ms, to_ms(mandate.ends())
    if ends - now < lost:
        return None
    notice_id = moment.new_id()
    kind = kind_of(row.kind)
    return row._replace(
        id=notice_id,
        kind_version=kind.version,
        appeal_path=f"/v1/notices/{notice_id}/appeals",
        opened_at=now,
        duration_ms=lost,
        deadline_at=now + lost,
        ends_at=ends,
        due_at=now + lost,
        state="open",
        state_at=now,
        cause="system",
        replaces=row.id,
        sealed_facts=sealed_again(house, notice_id, row, open_facts(house, row), now),
    )
