"""Requests of events in, results out, many in one commit: what arrives while a commit runs goes into the next together.

So a rush of sites costs two syncs a group (secrets, then rows) instead of two a request. Results are handed out only
after the commit that holds the events. Should a group fail as a whole, each of its requests is tried by itself.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import NamedTuple

from pratique.core.errors import Busy, Refusal
from pratique.core.moment import Moment
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing.model import EventResult, TubeEvent
from pratique.testing.registration import take_events
from pratique.testing.releasing import Tell
from pratique.testing.telling import Gathered

GROUP = 64  # requests, of at most fifty events each
AT_ONCE = 2  # one group is being committed while the next is being prepared
MAX_WAITING = 4096

Outcome = list[EventResult] | BaseException


class _Item(NamedTuple):
    moment: Moment
    events: Sequence[TubeEvent]
    device_now: str
    answer: "asyncio.Future[list[EventResult]]"


class Taker:
    """Called from event loops; knows none of them."""

    def __init__(self, store: Store, tell: Tell) -> None:
        self._store = store
        self._tell = tell
        self._lock = Lock()
        self._waiting: deque[_Item] = deque()
        self._running = 0

    async def take(self, moment: Moment, events: Sequence[TubeEvent], device_now: str) -> list[EventResult]:
        """One result an event, durable. Raises as `take_events`, and Busy when too many requests wait."""
        item = _Item(moment, events, device_now, asyncio.get_running_loop().create_future())
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise Busy
            self._waiting.append(item)
        await asyncio.sleep(0)  # whatever else this turn of the loop brings comes along
        self._next()
        return await item.answer

    def _next(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._running >= AT_ONCE:
                    return
                self._running += 1
                group = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
            self._start(group)

    def _start(self, group: list[_Item]) -> None:
        try:
            future = self._store.submit(partial(self._write, group))
        except Refusal as refusal:
            self._finish(group, refusal)
        else:
            future.add_done_callback(partial(self._done, group))

    def _write(self, group: list[_Item], tx: Tx) -> list[Outcome]:
        gathered = Gathered(self._tell)
        outcomes: list[Outcome] = []
        for item in group:
            try:
                outcomes.append(take_events(tx, item.moment, item.events, gathered, item.device_now))
            except Refusal as refusal:  # raised before anything is written: the others go on
                outcomes.append(refusal)
        gathered.finish(tx, max((item.moment for item in group), key=lambda moment: moment.now))
        return outcomes

    def _done(self, group: list[_Item], future: "Future[list[Outcome]]") -> None:
        """In the writer's thread, after the commit."""
        self._finish(group, future.exception() or future.result())

    def _finish(self, group: list[_Item], outcome: list[Outcome] | BaseException) -> None:
        if isinstance(outcome, BaseException) and len(group) > 1:
            with self._lock:
                self._running += len(group) - 1
            for item in group:
                self._start([item])
            return
        with self._lock:
            self._running -= 1
        outcomes = [outcome] if isinstance(outcome, BaseException) else outcome
        for item, one in zip(group, outcomes, strict=True):
            item.answer.get_loop().call_soon_threadsafe(_hand_over, item.answer, one)
        self._next()


def _hand_over(answer: "asyncio.Future[list[EventResult]]", outcome: Outcome) -> None:
    if answer.done():  # whoever asked has gone; the events are stored all the same
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
