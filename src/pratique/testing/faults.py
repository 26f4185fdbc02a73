"""Whose time stands still because of us: late laboratories, lost tubes, closed sites, outages (law 3).

This room knows tubes; deadlines belong to `notices`. So it only says who waits since when, and `chores.py` has the
clocks of exactly these people stopped, each time anew: who waits no longer runs again by itself.
"""

from typing import NamedTuple

from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import releasing, store, store_labs, store_results, store_tubes
from pratique.testing.campaigns import nothing
from pratique.testing.releasing import Tell
from pratique.testing.store_results import Standing

HOUR_MS = 3_600_000
LATE_MS = 24 * HOUR_MS  # a laboratory has had the tube this long without a result
MISSING_MS = 6 * HOUR_MS  # sealed this long ago and at no laboratory: missing
LOST_MS = 48 * HOUR_MS  # and after this its people are asked for another sample
CLOSED_MS = 3 * HOUR_MS  # what a closed site costs whoever was on the way to it, at most
SILENCE_MS = 60_000  # no sign of life for this long was an outage


class Waiting(NamedTuple):
    """Somebody who waits for us, since when (ms)."""

    subject_id: str
    since: int


def people_late(tx: Tx, now: int) -> list[Waiting]:
    """People of tubes that a laboratory has had for a day without a result; since that day was over."""
    found = []
    for code, *_ in store_labs.overdue_tubes(tx, ("at-lab",), now - LATE_MS):
        received = store_labs.first_receipt(tx, code)
        if received is not None and received <= now - LATE_MS:
            found += [Waiting(one, received + LATE_MS) for one in store_tubes.members(tx, code)]
    return found


def people_missing(tx: Tx, now: int) -> list[Waiting]:
    """People of tubes that no laboratory has seen; since they gave the sample."""
    return [
        Waiting(one, int(sealed))
        for code, sealed, *_ in store_labs.overdue_tubes(tx, ("sealed", "boxed"), now - MISSING_MS)
        for one in store_tubes.members(tx, code)
    ]


def give_up_lost(tx: Tx, moment: Moment, tell: Tell) -> int:
    """Ask the people of tubes that stayed missing for another sample, as nobody's fault but ours; how many tubes.

    Should the tube turn up after all, its result still counts.
    """
    lost = store_labs.overdue_tubes(tx, ("sealed", "boxed"), moment.now_ms - LOST_MS)
    for code, sealed_at, _, mandate_id, analytes in lost:
        analyte = str(analytes).split()[0]
        changes = releasing.ask_again(
            tx, moment, store_tubes.members(tx, code), mandate_id=mandate_id, analyte=analyte,
            sealed_at=int(sealed_at), why=Text("the tube was lost", "采样管遗失"),
        )  # fmt: skip
        store_results.put_standing(
            tx, code, analyte, Standing("unusable", told_outcome="unusable"), moment.now_ms
        )
        store.open_task(tx, moment.new_id(), "lost", code, "", moment.now_ms)
        if changes:
            tell(tx, moment, changes)
    return len(lost)


# Sites and the system itself


def close_site(tx: Tx, moment: Moment, site_id: str, by: str = "") -> str:
    """Nobody is sampled here for now; the campaign whose clocks stand still because of it. Raises NotFound."""
    return _set_site(tx, site_id, "closed", moment.now_ms, by)


def reopen_site(tx: Tx, site_id: str) -> str:
    """Sampling goes on; the site's campaign. Raises NotFound."""
    return _set_site(tx, site_id, "open", None, "")


def _set_site(tx: Tx, site_id: str, state: str, closed_at: int | None, by: str) -> str:
    site = store.site(tx, site_id)
    if site is None:
        raise nothing("site_id")
    store_labs.set_site_state(tx, site_id, state, closed_at, by)
    return str(site[1])


def campaigns_shut(tx: Tx, now: int) -> list[tuple[str, bool]]:
    """Every campaign that is open now, and whether its clocks stand still because of closed sites: as long as all of
    them are, and for `CLOSED_MS` after one of several was.

    Nobody knows who was on the way to that one (law 4), so everybody in the campaign gets the time it takes to reach
    another.
    """
    return [(str(row[0]), bool(row[1])) for row in store_labs.campaigns_shut(tx, now, now - CLOSED_MS)]


def beat(tx: Tx, moment: Moment) -> int | None:
    """A sign of life, several times a minute. Where the last one is too long ago: since when (ms) we were not there."""
    last = store_labs.beat(tx, moment.now_ms)
    return last if last is not None and moment.now_ms - last > SILENCE_MS else None
