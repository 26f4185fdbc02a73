"""The sites of the day in a process of their own: sealed tubes become signed, chained events and go out over HTTP.

Told a bin, it seals what that bin seals, sends what waits at every site that has a network, and says what came of it.
Nothing is dropped before the server has said that it has it.
"""

import asyncio
from base64 import urlsafe_b64encode
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from multiprocessing.connection import Connection
from typing import NamedTuple

import msgspec
import numpy as np

from pratique.simulate import names
from pratique.simulate.day import Day, Terms, plan
from pratique.simulate.wire import HttpLine

BATCH = 50
LINES = 12


class Ground(NamedTuple):
    """Where a worker works: the sites n with n % workers == worker, their ids and devices, the server."""

    terms: Terms
    worker: int
    workers: int
    site_ids: list[str]
    device_ids: list[str]
    host: str
    port: int


class Told(NamedTuple):
    """What came of a bin: outcomes of events, tubes that wait still, tries that failed, refusals in words."""

    outcomes: dict[str, int]
    waiting: int
    failed: int
    refusals: list[str]


class _Said(msgspec.Struct):
    id: str
    outcome: str
    code: str = ""
    field: str = ""


class _Answer(msgspec.Struct):
    results: list[_Said]


_read = msgspec.json.Decoder(_Answer)


class Device:
    """A site's phone: its key, its chain, its clock, and what the server does not have yet."""

    def __init__(self, ground: Ground, site: int, skew: int) -> None:
        self.key = names.device_key(ground.terms.seed, site)
        self.site_id, self.device_id = ground.site_ids[site], ground.device_ids[site]
        self.skew = timedelta(seconds=skew)
        self.seq, self.prev = 0, ""
        self.waiting: deque[bytes] = deque()

    def clock(self) -> str:
        """What the phone shows now."""
        here = datetime.now(UTC) + self.skew  # the far side of the wire has a clock of its own
        return here.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def seal(self, seed: int, day: Day, tube: int) -> None:
        """Sign the event of a tube and keep it. Canonical JSON is written by hand: the keys are known."""
        at = self.clock()
        first = int(day.first[tube])
        people = ",".join(
            f'{{"at":"{at}","p":{n + 1},"s":"{names.subject(seed, first + n)}"}}'
            for n in range(day.size[tube])
        )
        self.seq += 1
        plain = (
            f'{{"code":"{names.code(seed, tube)}","dev":"{self.device_id}","id":"{names.event(seed, tube)}","lane":1,'
            f'"m":[{people}],"opened":"{at}","prev":"{self.prev}","sealed":"{at}","seq":{self.seq},'
            f'"site":"{self.site_id}"}}'
        ).encode()
        self.prev = sha256(plain).hexdigest()
        sig = urlsafe_b64encode(self.key.sign(plain)).rstrip(b"=")
        self.waiting.append(plain[:-1] + b',"sig":"' + sig + b'"}')

    def batch(self) -> bytes:
        """The oldest events, as one request."""
        events = [self.waiting[n] for n in range(min(BATCH, len(self.waiting)))]
        return b'{"events":[' + b",".join(events) + b'],"now":"' + self.clock().encode() + b'"}'


class Sites:
    """All sites of this worker."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.day = plan(ground.terms)
        mine = range(ground.worker, ground.terms.sites, ground.workers)
        self.devices = {site: Device(ground, site, int(self.day.skew[site])) for site in mine}
        order = np.argsort(self.day.sealed, kind="stable")
        self.order, self.upto = order, np.searchsorted(self.day.sealed[order], np.arange(self.day.bins + 1))
        self.lines = [
            HttpLine(ground.host, ground.port, f"127.0.{1 + ground.worker}.{1 + n}") for n in range(LINES)
        ]

    async def step(self, n: int, *, connected: bool) -> Told:
        """Seal what bin n seals, send what waits. `connected` is false after the day: every site has its network."""
        seed = self.ground.terms.seed
        for tube in map(int, self.order[self.upto[n] : self.upto[n + 1]]) if n < self.day.bins else ():
            if (device := self.devices.get(int(self.day.site[tube]))) is not None:
                device.seal(seed, self.day, tube)
        sends: deque[Device] = deque(
            device
            for site, device in self.devices.items()
            if device.waiting
            and (connected or not self.day.offline[site, 0] <= n < self.day.offline[site, 1])
        )
        outcomes: Counter[str] = Counter()
        refusals: list[str] = []
        failed = sum(await asyncio.gather(*(_serve(line, sends, outcomes, refusals) for line in self.lines)))
        waiting = sum(len(device.waiting) for device in self.devices.values())
        return Told(dict(outcomes), waiting, failed, refusals[:5])


async def _serve(line: HttpLine, sends: deque[Device], outcomes: Counter[str], refusals: list[str]) -> int:
    """Empty one device after the other over one connection; how many tries failed."""
    failed = 0
    while sends:
        device = sends.popleft()
        while device.waiting:
            try:
                reply = await line.post("/v1/tube-events", device.batch())
            except OSError:
                failed += 1
                break  # it keeps everything and comes again with the next bin
            if reply.status in (429, 503):
                failed += 1
                await asyncio.sleep(min(reply.retry_after or 0.5, 5))
                continue
            if reply.status != 200:
                refusals.append(f"{reply.status} {reply.body[:200]!r}")
                break
            for said in _read.decode(reply.body).results:
                outcomes[said.outcome] += 1
                if said.outcome in ("stored", "already"):
                    device.waiting.popleft()
                else:
                    refusals.append(f"{said.outcome} {said.code} {said.field}")
                    outcomes["lost"] += 1
                    device.waiting.popleft()
    return failed


def work(ground: Ground, pipe: Connection) -> None:
    """The process: bins come in through the pipe, what came of them goes out; None ends it."""

    async def run() -> None:
        sites = Sites(ground)
        pipe.send("ready")
        while (asked := await asyncio.to_thread(pipe.recv)) is not None:
            pipe.send(await sites.step(asked[0], connected=asked[1]))

    asyncio.run(run())
