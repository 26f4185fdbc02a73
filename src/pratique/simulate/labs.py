"""The laboratories of the day in a process of their own: one ORU a tube over MLLP, kept until it is acknowledged."""

import asyncio
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np

from pratique.peers import Laboratory
from pratique.simulate import names
from pratique.simulate.day import SILENT, Terms, plan
from pratique.simulate.wire import MllpLine


class Bench(NamedTuple):
    """Where the laboratories work."""

    terms: Terms
    names: list[str]
    host: str
    port: int


class Told(NamedTuple):
    """What came of a bin: frames acknowledged so far, frames that wait, tries that failed, refusals in words."""

    sent: int
    accepted: int
    waiting: int
    failed: int
    refusals: list[str]


class Labs:
    """All laboratories; the first one is the one that falls silent."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.day = plan(bench.terms)
        self.labs = [Laboratory(name, "") for name in bench.names]
        self.lines = [MllpLine(bench.host, bench.port) for _ in bench.names]
        self.sent = 0
        order = np.argsort(self.day.reported, kind="stable")
        self.order, self.upto = order, np.searchsorted(self.day.reported[order], np.arange(self.day.bins + 1))

    async def step(self, n: int) -> Told:
        """Report what bin n reports, send what waits."""
        silent = self.bench.terms.faults and SILENT[0] <= n < SILENT[1]
        now, seed = datetime.now(UTC), self.bench.terms.seed  # a laboratory has a clock of its own
        for tube in map(int, self.order[self.upto[n] : self.upto[n + 1]]) if n < self.day.bins else ():
            lab = self.day.lab(tube)
            result = "positive" if self.day.positive[tube] else "negative"
            raw = self.labs[lab].report(names.code(seed, tube), result, now, members=int(self.day.size[tube]))
            self.lines[lab].waiting.append(raw)
            self.sent += 1
        if self.bench.terms.faults and n == SILENT[1]:  # the same bytes once more, as old interfaces do
            self.sent += len(self.lines[0].waiting)
            self.lines[0].waiting.extend(list(self.lines[0].waiting))
        done = await asyncio.gather(
            *(line.drain() for number, line in enumerate(self.lines) if number or not silent)
        )
        return Told(
            self.sent,
            sum(line.accepted for line in self.lines),
            sum(len(line.waiting) for line in self.lines),
            len(done) - sum(done),
            [text for line in self.lines for text in line.refused][:5],
        )


def work(bench: Bench, pipe: Connection) -> None:
    """The process: bins come in through the pipe, what came of them goes out; None ends it."""

    async def run() -> None:
        labs = Labs(bench)
        pipe.send("ready")
        while (asked := await asyncio.to_thread(pipe.recv)) is not None:
            pipe.send(await labs.step(asked[0]))

    asyncio.run(run())
