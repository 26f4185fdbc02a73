"""What time alone makes due: deadlines, snapshots, the log, destruction, although nobody asks."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pratique.core.moment import Moment, from_ms
from pratique.credentials import service as credentials
from pratique.desk import service as desk_room
from pratique.fleet import groups as gate_groups
from pratique.fleet import service as fleet
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.people import service as people
from pratique.port import Port, retiring, tell
from pratique.reminding import service as reminding
from pratique.retire import service as retire
from pratique.rollout import service as rollout
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import service as booking

_log = logging.getLogger("pratique.chores")


class Chore(NamedTuple):
    """Something done every so many seconds."""

    name: str
    every: float
    act: Callable[[], object]


def chores(port: Port) -> list[Chore]:
    """Everything that must happen although nobody asks: deadlines, snapshots, the log, destruction."""

    def write(act: Callable[[Tx, Moment], object]) -> Callable[[], object]:
        return lambda: port.store.write(lambda tx: act(tx, port.moment()))

    return [
        Chore("destroy what is due", 5, lambda: retire.destroy_due(retiring(port))),
        Chore("show that we are here", 15, Pulse(port).beat),
        Chore("carry a policy to the gates", 2, write(lambda tx, moment: carry(tx, moment, port))),
        Chore("decide again under a new policy", 1, lambda: redecide(port)),
        Chore("keep the columns level", 60, lambda: follow(port)),
        Chore("lift what is due", 5, lambda: lift_due(port)),
        Chore(
            "sign a snapshot",
            2,
            write(lambda tx, moment: fleet.refresh_snapshot(tx, moment, port.signing_roots)),
        ),
        Chore("draw lots that have closed", 1, write(booking.draw_due)),
        Chore("forget bookings of yesterday", 600, write(booking.sweep)),
        Chore("release what is quiet", 1, lambda: settle_runs(port)),
        Chore("stop the clocks of who waits for us", 5, write(stop_clocks)),
        Chore(
            "ask again where a tube was lost",
            600,
            write(lambda tx, m: testing.give_up_lost(tx, m, tell(port))),
        ),
        Chore("add up the laboratories", 30, lambda: add_up(port)),
        Chore("publish the log", 1, lambda: port.log.pending() and port.log.publish(port.moment())),
        Chore(
            "finish forgetting",
            3600,
            lambda: port.store.write(lambda tx: people.finish_forgetting(tx, port.keys)),
        ),
        Chore("put the head of the looks into the log", 3600, write(log_looks)),
        Chore("lock what nobody reviewed", 30, write(people.lock_unreviewed)),
        Chore("forget what is past its window", 3600, write(testing.sweep)),
        Chore("end cases whose notice is over", 5, write(desk_room.sweep)),
        Chore("call who was not reached", 5, write(desk_room.call_unasked)),
        Chore("go on with actions on many gates", 1, lambda: gate_actions(port)),
        Chore("go on with actions on many cases", 1, lambda: bulk_actions(port)),
        Chore(
            "plan what people are told", 5, write(lambda tx, moment: reminding.plan(tx, moment, port.hands))
        ),
        Chore("tell people that there is news", 5, lambda: reminding.send_due(port.hands, port.moment())),
        Chore(
            "plan what the duty officer is told",
            5,
            write(lambda tx, moment: reminding.plan_duty(tx, moment, port.hands)),
        ),
        Chore("tell the duty officer", 5, lambda: reminding.send_duty(port.hands, port.moment())),
        Chore("publish the week's appeals", 3600, write(notices.publish_weeks)),
        Chore("forget old counts", 600, lambda: forget_counts(port)),
        Chore("drop old issuances", 3600, write(credentials.sweep)),
    ]


def log_looks(tx: Tx, moment: Moment) -> bool:
    """The head of the chain of looks goes into the public log where somebody looked since; whether it did."""
    entries, head = people.chain_head(tx)
    return mandates.log_looks_head(tx, moment, entries, head)


def settle_runs(port: Port) -> None:
    """Each laboratory run that is quiet in a transaction of its own: one that fails holds up no other."""
    moment = port.moment()
    with port.store.read() as tx:
        runs = testing.due(tx, moment)
    for run_id in runs:
        port.store.write(partial(testing.settle_run, moment=moment, run_id=run_id, tell=tell(port)))


def lift_due(port: Port) -> None:
    """What is due, part by part, for most of the time until the next round: very many may end at once."""
    end = time.monotonic() + 4
    while port.store.write(lambda tx: notices.sweep(tx, port.moment(), port.house)):
        if time.monotonic() >= end:
            return


def forget_counts(port: Port) -> None:
    """Two hours of counts in a transaction, for some seconds: the gates go on being heard in between."""
    end = time.monotonic() + 4
    while port.store.write(lambda tx: fleet.sweep(tx, port.moment())) and time.monotonic() < end:
        pass


def bulk_actions(port: Port) -> None:
    """Every action on many cases that runs, part by part, each in a transaction of its own."""
    while port.store.write(lambda tx: desk_room.go_on(tx, port.moment())):
        pass


def gate_actions(port: Port) -> None:
    """Every action on many gates that runs, part by part, each in a transaction of its own."""
    while port.store.write(lambda tx: gate_groups.go_on(tx, port.moment())):
        pass


def carry(tx: Tx, moment: Moment, port: Port) -> object:
    """Bring a policy that came into force to more gates, or stop it."""
    return rollout.carry(
        tx, moment, lambda tx, moment: fleet.publish_snapshot(tx, moment, port.signing_roots)
    )


def redecide(port: Port) -> None:
    """People decided again under a new policy, step by step, for most of the time until the next round."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        job = rollout.redecide(port.store, port.moment, port.house, port.mirror)
        if job is None or job.state not in ("waiting", "running"):
            return


def follow(port: Port) -> None:
    """The columns for sweeps brought level with the database, for four seconds at most."""
    end = time.monotonic() + 4
    while rollout.follow(port.store, port.moment(), port.mirror) and time.monotonic() < end:
        pass


def stop_clocks(tx: Tx, moment: Moment) -> int:
    """Whoever waits for a second look, a late laboratory, a lost tube or a closed site loses no time by it (law 3)."""
    held = testing.people_held(tx)
    changed = notices.keep_stopped(tx, moment, cause="held-run", subject_ids=held, by="rule:held")
    for cause, waiting in (
        ("late-lab", testing.people_late(tx, moment.now_ms)),
        ("lost-sample", testing.people_missing(tx, moment.now_ms)),
    ):
        since = {one.subject_id: from_ms(one.since) for one in waiting}
        changed += notices.keep_stopped(
            tx, moment, cause=cause, subject_ids=list(since), by=f"rule:{cause}", since=since
        )
    return changed + stop_for_sites(tx, moment)


def stop_for_sites(tx: Tx, moment: Moment) -> int:
    """The clocks of each campaign stand still, or run again, as its closed sites have it; how many changed."""
    changed = 0
    for campaign_id, shut in testing.campaigns_shut(tx, moment.now_ms):
        act = partial(notices.declare_fault, by="rule:closed-site") if shut else notices.end_fault
        changed += act(tx, moment, scope="campaign", scope_ids=[campaign_id], cause="closed-site")
    return changed


class Pulse:
    """Signs of life. Where the last one is too long ago everybody gets the time back in which we were not there.

    At start the stored sign counts; afterwards the machine's own clock says whether we were silent, so that a clock
    that leaps (a replay) is no outage.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._last: float | None = None

    def beat(self) -> int:
        """How many faults were declared: 0, or 1 after an outage."""
        silent = self._last is None or time.monotonic() - self._last > testing.SILENCE_MS / 1000
        moment = self._port.moment()
        done = self._port.store.write(lambda tx: give_back_outage(tx, moment, silent=silent))
        self._last = time.monotonic()
        return done


def give_back_outage(tx: Tx, moment: Moment, *, silent: bool) -> int:
    """Note that we are here; if we were `silent`, stop everybody's clocks for the time since the last note."""
    since = testing.beat(tx, moment)
    if since is None or not silent:
        return 0
    return notices.declare_fault(
        tx, moment, scope="all", cause="outage", by="rule:outage", begins=from_ms(since), ends=moment.now
    )


def add_up(port: Port) -> int:
    """The balance of every laboratory: counted beside the writer, then kept."""
    moment = port.moment()
    with port.store.read() as tx:
        counted = testing.add_up(tx, moment)
    return port.store.write(lambda tx: testing.keep_balance(tx, moment, counted)) if counted else 0


async def run_chores(port: Port, stop: asyncio.Event) -> None:
    """Do each chore when it is due, destruction first. A chore that fails is logged by name and tried again."""
    work = chores(port)
    due = dict.fromkeys((chore.name for chore in work), 0.0)
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        for chore in work:
            if loop.time() >= due[chore.name]:
                due[chore.name] = loop.time() + chore.every
                try:
                    await asyncio.to_thread(chore.act)
                except Exception:  # noqa: BLE001 - one chore must not stop the others
                    _log.exception("%s failed and is tried again in %g s", chore.name, chore.every)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)
