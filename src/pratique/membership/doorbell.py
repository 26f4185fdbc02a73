"""The relay between a door and a visitor's host: sealed bytes, in memory, for seconds. Nothing is stored or logged.

A host that waits at a box shows its secret; a ring stays until that host says it was heard, six seconds at most. So the
door is told truly whether somebody was reached. The relay knows neither who waits nor which door rings.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import NamedTuple

HEARD_WITHIN = 6.0  # seconds
WAITS_FOR = 8.0  # seconds of one question, then the host asks again: a server that stops is not held up by it
MOST_WAITING, MOST_RINGS = 10_000, 4  # in all; at one box


class Ringing(NamedTuple):
    """A ring that stands. `heard` is set once the host says so."""

    id: str
    sealed: str
    heard: "asyncio.Event"


class Full(Exception):  # noqa: N818 - names the state
    """No more can wait or ring here now."""


class Relay:
    """One per server process, on its one event loop."""

    def __init__(self) -> None:
        self._rings: dict[bytes, list[Ringing]] = {}
        self._waiting: defaultdict[bytes, set[asyncio.Event]] = defaultdict(set)
        self._waits = 0

    async def ring(self, box: bytes, ring_id: str, sealed: str, within: float = HEARD_WITHIN) -> bool:
        """True if the host of this box said that it heard. Raises Full."""
        standing = self._rings.setdefault(box, [])
        if len(standing) >= MOST_RINGS or len(self._rings) > MOST_WAITING:
            self._drop(box)
            raise Full
        made = Ringing(ring_id, sealed, asyncio.Event())
        standing.append(made)
        for woken in self._waiting.get(box, ()):
            woken.set()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(made.heard.wait(), within)
        finally:
            standing.remove(made)
            self._drop(box)
        return made.heard.is_set()

    async def wait(self, box: bytes, seconds: float = WAITS_FOR) -> list[tuple[str, str]]:
        """Id and sealed bytes of what rings at this box, once something does; nothing after a while. Raises Full."""
        if not self._rings.get(box):
            if self._waits >= MOST_WAITING:
                raise Full
            woken = asyncio.Event()
            self._waits += 1
            self._waiting[box].add(woken)
            try:
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), seconds)
            finally:
                self._waits -= 1
                self._waiting[box].discard(woken)
                if not self._waiting[box]:
                    del self._waiting[box]
        return [(one.id, one.sealed) for one in self._rings.get(box, ())]

    def heard(self, box: bytes, ring_id: str) -> bool:
        """The host of this box heard a ring. False where it no longer stands."""
        found = [one for one in self._rings.get(box, ()) if one.id == ring_id]
        for one in found:
            one.heard.set()
        return bool(found)

    def __len__(self) -> int:
        return len(self._rings) + len(self._waiting)

    def _drop(self, box: bytes) -> None:
        if not self._rings.get(box):
            self._rings.pop(box, None)
