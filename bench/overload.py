"""Five times as many polls as the server can answer: polls are sent away with Retry-After, intake goes on.

One server process: HTTP with every route, MLLP beside it, one database. Offered for as long as each part lasts:
`quiet`: negative tubes of ten over MLLP at a fixed rate, nothing else. `loaded`: the same, while a thousand wallets
poll at five times the rate that the server was just seen to answer. A wallet that is told Retry-After waits that long.

Claims: intake loses less than 10 % (answers a second, loaded over quiet); a poll that is sent away is answered within
20 ms at the median. The clients run on the other core; where cores are few they take part of what they measure.
The last line is one JSON object.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.serve import _wait_for, get
from pratique import town
from pratique.app import web_app
from pratique.demo import hand_in
from pratique.peers import Holder, Laboratory, SiteDevice, free_port
from pratique.people import service as people
from pratique.port import open_port
from pratique.settings import Settings
from pratique.testing import service as testing
from pratique.testing.mllp import END, START

SECONDS, RATE, WALLETS, TIMES, POOL = 15, 15, 1000, 5, 10
TUBES = 2 * SECONDS * RATE
ABLE_FOR = 5.0  # seconds in which it is seen how many polls the server can answer


def settings(home: Path, number: int) -> Settings:
    """The server's."""
    return Settings(home=home, port=number, lab_port=number + 1)


def prepare(home: Path) -> tuple[list[bytes], list[bytes]]:
    """Polls of wallets, and frames about tubes that are at the laboratory."""
    port = open_port(settings(home, 1))
    moment = port.moment()
    made = town.found(port, moment)
    wallets = [Holder() for _ in range(max(WALLETS, POOL * TUBES))]
    town.settle(port, moment, wallets)
    device = SiteDevice(made.site_id)

    def begin(tx: Any) -> str:
        testing.add_tube_batch(tx, made.campaign_id, "X", "none")
        token = testing.make_device_token(tx, moment, made.site_id)
        return testing.enrol_device(tx, moment, token, device.public_key).device_id

    device.device_id = port.store.write(begin)
    codes = [f"X{n:06d}" for n in range(TUBES)]
    for n, code in enumerate(codes):
        members = [(one.subject_id, moment.now) for one in wallets[POOL * n : POOL * n + POOL]]
        hand_in(port, moment, device.seal(moment, code, members, moment.now))
    port.store.write(
        lambda tx: testing.receive_at_lab(tx, moment, town.LAB, codes, "courier", lambda *_: None)
    )
    lab = Laboratory(town.LAB, town.LAB_OID)
    frames = [START + lab.report(code, "negative", moment.now) + END for code in codes]
    tokens = [people.token_for(port.secret, one.subject_id, moment.now)[0] for one in wallets[:WALLETS]]
    port.close()
    return [get("/v1/wallet", f"Authorization: Bearer {token}") for token in tokens], frames


def serve(home: Path, number: int) -> None:
    """Child process: the whole house."""
    pin(0)
    uvicorn.run(
        web_app(open_port(settings(home, number))),
        port=number,
        access_log=False,
        log_level="error",
        lifespan="on",
    )


class Line(asyncio.Protocol):
    """Frames sent at their times over one connection, whatever was answered so far; the time of each answer."""

    def __init__(self, answers: list[float]) -> None:
        self.answers, self.buffer = answers, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, chunk: bytes) -> None:
        self.buffer += chunk
        n = self.buffer.count(END)
        if n:
            if b"MSA|CE" in self.buffer:
                raise SystemExit(f"refused: {self.buffer!r}")
            self.answers += [time.perf_counter()] * n
            self.buffer = self.buffer.rpartition(END)[2]


class Wallet(asyncio.Protocol):
    """One phone: polls at its interval, waits where it is told to."""

    def __init__(self, raw: bytes, every: float, until: float, seen: dict[str, list[float]]) -> None:
        self.raw, self.every, self.until, self.seen = raw, every, until, seen
        self.buffer, self.busy = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.loop = asyncio.get_running_loop()
        self.due = time.perf_counter() + self.every * (hash(self.raw) % 1000) / 1000
        self.loop.call_later(self.due - time.perf_counter(), self.poll)

    def poll(self) -> None:
        if time.perf_counter() > self.until or self.transport.is_closing():
            self.transport.close()
            return
        self.buffer, self.begun = b"", time.perf_counter()
        self.transport.write(self.raw)

    def data_received(self, chunk: bytes) -> None:
        self.buffer += chunk
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if len(rest) < length:
            return
        took = time.perf_counter() - self.begun
        if b" 503 " in lines[0]:
            wait = next((float(line[12:]) for line in lines if line.startswith(b"retry-after:")), None)
            if wait is None:
                raise SystemExit("sent away without Retry-After")
            self.seen["shed"].append(took)
            self.due = time.perf_counter() + wait
        else:
            self.seen["answered"].append(took)
            self.due += self.every
        self.loop.call_later(max(0.0, self.due - time.perf_counter()), self.poll)


async def intake(port: int, frames: list[bytes]) -> tuple[float, float]:
    """Frames at their rate; answers a second within the time they were offered in, and the slowest answer."""
    answers: list[float] = []
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(lambda: Line(answers), "127.0.0.1", port))[1] for _ in range(8)]
    begun = time.perf_counter()
    for n, frame in enumerate(frames):
        await asyncio.sleep(max(0.0, begun + n / RATE - time.perf_counter()))
        lines[n % len(lines)].transport.write(frame)
    ends = begun + len(frames) / RATE + 0.5
    await asyncio.sleep(max(0.0, ends - time.perf_counter()))
    done = sum(at <= ends for at in answers)
    for _ in range(600):
        if len(answers) >= len(frames):
            break
        await asyncio.sleep(0.05)
    for line in lines:
        line.transport.close()
    return done / (len(frames) / RATE), max(answers, default=0.0) - begun


async def loaded(
    number: int, polls: list[bytes], frames: list[bytes], offered: float
) -> tuple[float, dict[str, list[float]]]:
    """Intake while the wallets poll at `offered` a second."""
    seen: dict[str, list[float]] = {"answered": [], "shed": []}
    loop = asyncio.get_running_loop()
    until = time.perf_counter() + SECONDS + 1
    for raw in polls:
        await loop.create_connection(
            lambda raw=raw: Wallet(raw, len(polls) / offered, until, seen), "127.0.0.1", number
        )
    rate, _ = await intake(number + 1, frames)
    return rate, seen


async def able(number: int, polls: list[bytes]) -> float:
    """Polls a second that the server answers to a few wallets, each asking again as soon as it is answered."""
    seen: dict[str, list[float]] = {"answered": [], "shed": []}
    until = time.perf_counter() + ABLE_FOR
    for raw in polls[:8]:
        await asyncio.get_running_loop().create_connection(
            lambda raw=raw: Wallet(raw, 0.0, until, seen), "127.0.0.1", number
        )
    await asyncio.sleep(ABLE_FOR + 0.2)
    return len(seen["answered"]) / ABLE_FOR


def main() -> None:
    """Print the JSON line."""
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        polls, frames = prepare(Path(folder))
        number = free_port(30000 + os.getpid() % 9000)
        child = subprocess.Popen([sys.executable, "-m", "bench.overload", folder, str(number)])
        pin(1)
        try:
            _wait_for(number)
            _wait_for(number + 1)
            capacity = uvloop.run(able(number, polls))
            half = len(frames) // 2
            quiet, _ = uvloop.run(intake(number + 1, frames[:half]))
            rate, seen = uvloop.run(loaded(number, polls, frames[half:], TIMES * capacity))
        finally:
            child.terminate()
            child.wait(30)
    report(capacity, quiet, rate, {name: sorted(each) for name, each in seen.items()})


def report(capacity: float, quiet: float, rate: float, seen: dict[str, list[float]]) -> None:
    """The last line."""

    def at(name: str, share: float) -> float:
        each = seen[name]
        return round(each[min(len(each) - 1, int(len(each) * share))] * 1000, 1) if each else 0.0

    print(json.dumps({
        "claim": "5 x overload of polls: shed with Retry-After, intake loses < 10 %",
        "poll_capacity_per_s": round(capacity), "offered_per_s": round(TIMES * capacity),
        "answered": len(seen["answered"]), "shed": len(seen["shed"]),
        "answered_p99_ms": at("answered", 0.99), "shed_p50_ms": at("shed", 0.5), "shed_p99_ms": at("shed", 0.99),
        "intake_per_s": {"offered": RATE, "quiet": round(quiet, 2), "loaded": round(rate, 2)},
        "intake_lost": round(1 - rate / max(quiet, 1e-9), 3), "people_per_tube": POOL,
        "load": round(os.getloadavg()[0], 1),
    }))  # fmt: skip


def pin(core: int) -> None:
    """Keep this process on one core where there are two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
