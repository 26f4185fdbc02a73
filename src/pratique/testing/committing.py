"""Messages in, verdicts out, many in one commit: what arrives while a commit runs goes into the next one together.

A verdict is handed out only after the commit that holds its message. Should a group fail as a whole, each of its
messages is tried once more by itself, so that one cannot take others down. What waits is bounded.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from pratique.core.errors import Busy, Refusal
from pratique.core.moment import Moment
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing.intake import Judged, LabChannel, receive
from pratique.testing.releasing import Tell
from pratique.testing.telling import Gathered

GROUP = 256
AT_ONCE = 2  # one group is being committed while the next is being prepared
WORTH_ANOTHER = (
    24  # messages that wait before a second group is begun: two small ones cost more than one of both
)
MAX_WAITING = 8192

Verdict = Judged | BaseException


class Door(NamedTuple):
    """What the laboratory's door needs of the house; `port.py` makes it."""

    store: Store
    moment: Callable[[], Moment]
    tell: Tell
    sealer: Sealer


class _Item(NamedTuple):
    raw: bytes
    channel: LabChannel
    batch_key: str
    then: Callable[[Verdict], None]


class Committer:
    """Lives in one event loop; all methods are called from it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Item] = deque()
        self._running = 0
        self._called = False

    def submit(
        self, raw: bytes, channel: LabChannel, batch_key: str, then: Callable[[Verdict], None]
    ) -> None:
        """Queue one message; `then` is called in the loop with its verdict, or the fault that kept it from being
        stored. Raises Busy when too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            raise Busy
        self._waiting.append(_Item(raw, channel, batch_key, then))
        if not self._called:  # after everything else that this turn of the loop reads
            self._called = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        self._called = False
        while self._waiting and self._running < (AT_ONCE if len(self._waiting) >= WORTH_ANOTHER else 1):
            self._start([self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP))])

    def _start(self, group: list[_Item]) -> None:
        self._running += 1
        try:
            future = self._door.store.submit(partial(self._receive, group))
        except Refusal as refusal:
            self._loop.call_soon(self._done, group, refusal)
        else:
            future.add_done_callback(partial(self._hand_over, group))

    def _receive(self, group: list[_Item], tx: Tx) -> list[Judged]:
        door, moment = self._door, self._door.moment()
        tell = Gathered(door.tell)
        judged = [
            receive(tx, moment, item.raw, item.channel, tell, door.sealer, item.batch_key) for item in group
        ]
        tell.finish(tx, moment)
        return judged

    def _hand_over(self, group: list[_Item], future: "Future[list[Judged]]") -> None:
        """From the writer's thread into the loop."""
        self._loop.call_soon_threadsafe(self._done, group, future.exception() or future.result())

    def _done(self, group: list[_Item], outcome: list[Judged] | BaseException) -> None:
        self._running -= 1
        if not isinstance(outcome, BaseException):
            for item, judged in zip(group, outcome, strict=True):
                item.then(judged)
        elif len(group) == 1:
            group[0].then(outcome)
        else:
            for item in group:
                self._start([item])
        self._next()
