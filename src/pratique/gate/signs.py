"""What stands around the screen and says the same: lamp tower, voice, slip printer.

Each has a thread of its own and sees the newest sign only, so that a slow or broken one holds up neither the door nor
the others. What it is told is what the screen shows: no code, no name, no time.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from pratique.core.text import Text
from pratique.gate.ports import Sign, Teller

Silent = Callable[[str, bool], None]


def sign_of(status: dict[str, Any]) -> Sign:
    """The sign in a screen status."""
    text = status["text"]
    return Sign(
        status["state"],
        status["lamp"],
        status["outcome"] or "",
        status["reason"] or "",
        Text(text["en"], text["zh-Hans"]),
    )


class Signs:
    """Feeds every teller. `show` never waits.

    `silent(name, True)` is told once when one fails, `silent(name, False)` when it is back.
    """

    def __init__(self, tellers: Sequence[tuple[str, Teller]], silent: Silent) -> None:
        self._posts = [_Post(name, teller, silent) for name, teller in tellers]
        self._last: Sign | None = None

    def show(self, status: dict[str, Any]) -> None:
        """A status of the screen; what says the same as before is not told again."""
        sign = sign_of(status)
        if sign != self._last:
            self._last = sign
            for post in self._posts:
                post.put(sign)

    def close(self) -> None:
        """The last sign is told, then the threads end."""
        for post in self._posts:
            post.put(None)
        for post in self._posts:
            post.thread.join(5)


class _Post:
    """A place for one sign: a newer one takes the place of an older one that waits."""

    def __init__(self, name: str, teller: Teller, silent: Silent) -> None:
        self._name, self._teller, self._silent = name, teller, silent
        self._next: list[Sign | None] = []
        self._there = threading.Condition()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def put(self, sign: Sign | None) -> None:
        with self._there:
            self._next = [*self._next[:1], None] if sign is None and self._next else [sign]
            self._there.notify()

    def _run(self) -> None:
        failed = False
        while True:
            with self._there:
                self._there.wait_for(lambda: bool(self._next))
                sign = self._next.pop(0)
            if sign is None:
                return
            try:
                self._teller.tell(sign)
            except OSError:
                if not failed:
                    self._silent(self._name, True)
                failed = True
            else:
                if failed:
                    self._silent(self._name, False)
                failed = False
