"""Snapshots as they go out: whole, or as a delta from the one that is held (RFC 3229, instance manipulation `gdiff`).

A change reaches every gate within a minute, so each delta is made once and kept. Owned by the event loop.
"""

import asyncio
from typing import Any

from pratique.credentials import gdiff
from pratique.fleet import service
from pratique.store.store import Store
from pratique.store.tx import Tx

KEPT = 32
WORTH = 0.9  # a delta larger than this share of the whole is not sent


class Deltas:
    """Bodies of the newest snapshots and the deltas that lead to them."""

    def __init__(self, store: Store) -> None:
        self._store, self._one = store, asyncio.Lock()
        self._bodies: dict[int, bytes] = {}
        self._deltas: dict[tuple[str, int], bytes | None] = {}

    async def body(self, number: int) -> bytes:
        """The signed bytes of a snapshot."""
        if number not in self._bodies:
            async with self._one:
                if number not in self._bodies:
                    body = await self._store.aread(lambda tx: service.snapshot_body(tx, number))
                    _keep(self._bodies, number, body, 4)
        return self._bodies[number]

    async def between(self, tag: str, number: int) -> bytes | None:
        """The delta from the snapshot with this ETag; None where that is not kept, or the whole is hardly larger."""
        if (tag, number) not in self._deltas:
            new = await self.body(number)
            async with self._one:
                if (tag, number) not in self._deltas:
                    delta = await self._store.aread(lambda tx: _delta(tx, tag, new))
                    _keep(self._deltas, (tag, number), delta, KEPT)
        return self._deltas[(tag, number)]


def _delta(tx: Tx, tag: str, new: bytes) -> bytes | None:
    held = service.snapshot_of_tag(tx, tag)
    if held is None:
        return None
    made = gdiff.make(held, new)
    return made if len(made) < WORTH * len(new) else None


def _keep(kept: dict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]
