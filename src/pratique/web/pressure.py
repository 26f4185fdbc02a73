"""When more is asked than can be answered: what can wait is sent away at once, so that what cannot is served.

The event loop itself is the gauge. A tick that is due every few milliseconds comes late exactly when work queues up in
front of it. Showing a status needs no request at all, so a wallet's poll can always wait; a sealed tube, a result, a
gate's counts never are sent away here.
"""

import asyncio

EVERY = 0.02  # seconds between ticks
HIGH = 0.4  # a tick this late: what can wait is sent away
RETRY_AFTER = 5


class Pressure:
    """`is_high()` from the event loop that serves. The first call starts the gauge."""

    def __init__(self, high: float = HIGH) -> None:
        self._high = high
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = 0.0
        self._late = 0.0

    def is_high(self) -> bool:
        """True while the loop runs late: by its last tick, or because the next one is overdue already."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._late = loop, 0.0
            self._schedule(loop)
        return max(self._late, loop.time() - self._due) > self._high

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + EVERY
        loop.call_at(self._due, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        # Falls slowly, so that a lull between two bursts does not let everybody back in at once.
        self._late = max(loop.time() - self._due, self._late * 0.9)
        self._schedule(loop)
