"""A laboratory listener that is made to be killed. Run as a program: it imports once and forks a fresh server at each
line it reads on stdin, so that two hundred restarts take seconds.

Line: `HOME N`. The child opens the store in HOME, listens, and prints `PID PORT`. With N above 0 it kills itself with
SIGKILL just before it writes its Nth answer: after the commit, before the acknowledgement.
"""

import asyncio
import os
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pratique.core.moment import Moment
from pratique.store.sealing import Sealer
from pratique.store.store import open_store
from pratique.testing import mllp
from pratique.testing.mllp import Door, Listener


class NoKeys:
    """Nothing is sealed in this test."""

    def mandate(self, mandate: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes:
        return bytes(96)


def moment() -> Moment:
    return Moment(datetime(2026, 1, 5, tzinfo=UTC), secrets.token_bytes)


def die_before(answer: int) -> None:
    """Kill this process just before its `answer`th acknowledgement leaves."""
    send, sent = mllp._Connection._send, [0]

    def counting(self: mllp._Connection, frame: mllp._Frame) -> None:
        sent[0] += 1
        if sent[0] == answer:
            os.kill(os.getpid(), signal.SIGKILL)
        send(self, frame)

    mllp._Connection._send = counting


async def serve(home: Path) -> None:
    store = open_store("", home)
    listener = Listener(Door(store, moment, lambda *_: None, Sealer(NoKeys(), secrets.token_bytes)))
    port = await listener.open("127.0.0.1", 0)
    print(os.getpid(), port, flush=True)
    await asyncio.sleep(3600)


def main() -> None:
    for line in sys.stdin:
        home, answer = line.split()
        child = os.fork()
        if child == 0:
            if int(answer):
                die_before(int(answer))
            asyncio.run(serve(Path(home)))
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.002)


if __name__ == "__main__":
    main()
