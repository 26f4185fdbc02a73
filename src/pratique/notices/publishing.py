"""Publishing the statistics of appeals: each finished week once, suppressed before it is stored."""

import msgspec

from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.notices import appeal_store
from pratique.notices.kinds import kind_of
from pratique.notices.statistics import Closed, finished_weeks, told, week_span
from pratique.store.tx import Tx

NAMES = {
    "upheld": "upheld",
    "changed": "changed",
    "withdrawn": "withdrawn",
    "lifted-by-silence": "silence",
}
SHOWN = 400


class WeekView(msgspec.Struct, frozen=True, kw_only=True):
    """Appeals about one kind of notice in one week; null means too few to say. `median_minutes` to the end."""

    week: str
    kind: str
    title: Text
    opened: int | None
    closed: int | None
    upheld: int | None
    changed: int | None
    withdrawn: int | None
    silence: int | None
    in_time: int | None
    median_minutes: int | None

    @property
    def share_upheld(self) -> float | None:
        """The share of the appeals that ended in which the notice stood."""
        return self.upheld / self.closed if self.closed and self.upheld is not None else None


def publish_weeks(tx: Tx, moment: Moment) -> int:
    """Publish every week that is over; how many rows. Again: 0."""
    first = appeal_store.first_opened(tx)
    if first is None:
        return 0
    rows = []
    for week in finished_weeks(from_ms(first), appeal_store.last_week(tx), moment.now):
        start, end = (to_ms(at) for at in week_span(week))
        opened = {row[0]: int(row[1]) for row in appeal_store.opened_in(tx, start, end)}
        closed: dict[str, list[Closed]] = {}
        for kind, outcome, opened_at, closed_at, due_at in appeal_store.closed_in(tx, start, end):
            if outcome in NAMES:
                closed.setdefault(kind, []).append(Closed(NAMES[outcome], opened_at, closed_at, due_at))
        for kind in sorted(opened.keys() | closed.keys()):
            shown = told(opened.get(kind, 0), closed.get(kind, []))
            if shown is not None:
                rows.append({"week": week, "kind": kind} | shown._asdict())
    appeal_store.add_weeks(tx, rows)
    return len(rows)


def appeal_weeks(tx: Tx) -> list[WeekView]:
    """What is published, newest first."""
    return [
        WeekView(**dict(zip(appeal_store.WEEK, row, strict=True)), title=kind_of(row[1]).title)
        for row in appeal_store.weeks(tx, SHOWN)
    ]
