"""Forty laboratories flush four plates each: 14,880 negative tubes of ten, everybody under a "test by" notice.

Claims: every notice cleared and every pass issued within 90 s of the first frame; then, at ten negative tubes a
second, from the frame to the answer (which comes after the commit that clears ten notices and queues ten passes)
p99 within 1 s.

The whole house answers: MLLP listener, intake, gate, fold, policy, notices, passes, on one database. The client is a
process of its own on another core. Limit in the same run: signing as many passes and nothing else, bare P-256.

`python bench/flush.py [TUBES [HOME]]` (default 14,880); PRATIQUE_DATABASE_URL as everywhere. With HOME (SQLite) the
town is prepared there once and a copy of it is flushed, for preparing takes longer than flushing. The last line is
one JSON object.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pratique import town
from pratique.notices import service as notices
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.people import service as people
from pratique.port import Port, open_port, tell
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.mllp import END, START, Listener
from pratique.testing.model import TubeEvent

TUBES, LABS, POOL = 14_880, 40, 10
PACED, RATE = 300, 10  # tubes sent one by one afterwards, a second
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SEALED_BEFORE = timedelta(hours=3)


def code_of(n: int) -> str:
    """The code of the n-th tube."""
    return f"X{n:06d}"


class Clock:
    """A clock that the preparation sets and that runs while the flush is measured."""

    def __init__(self) -> None:
        self.begun, self.base = time.monotonic(), NOW - SEALED_BEFORE

    def __call__(self) -> datetime:
        return self.base + timedelta(seconds=time.monotonic() - self.begun)

    def set(self, base: datetime) -> None:
        self.begun, self.base = time.monotonic(), base


def prepare(home: Path, tubes: int) -> tuple[Port, Clock]:
    """A town in which everybody was asked for a test, gave a sample three hours ago, and waits for its result."""
    clock = Clock()
    settings = Settings(home=home, database_url=os.environ.get("PRATIQUE_DATABASE_URL", ""))
    port = open_port(settings, clock)
    moment = port.moment()
    made = town.found(port, moment)
    device = SiteDevice(made.site_id)

    def begin(tx: Tx) -> None:
        token = testing.make_device_token(tx, moment, made.site_id)
        device.device_id = testing.enrol_device(tx, moment, token, device.public_key).device_id
        testing.add_tube_batch(tx, made.campaign_id, "X", "none")
        for n in range(LABS):
            testing.add_lab(tx, moment, lab_name(n), zone="UTC")

    port.store.write(begin)
    closes = NOW + timedelta(days=20)
    asked = notices.Campaign(
        made.campaign_id, town.CAMPAIGN, made.mandate_id, town.ANALYTE, moment.now, closes
    )
    for first in range(0, tubes, 50):
        numbers = range(first, min(first + 50, tubes))
        holders = [Holder() for _ in range(POOL * len(numbers))]
        port.store.write(lambda tx, n=numbers, h=holders: sample(tx, port, asked, device, n, h))
    return port, clock


def sample(
    tx: Tx, port: Port, asked: notices.Campaign, device: SiteDevice, numbers: range, holders: list[Holder]
) -> None:
    """Some tubes: their people move in, are asked, sampled, and their tubes scanned in at a laboratory."""
    moment = port.moment()
    for holder in holders:
        holder.subject_id = people.create_subject(tx, moment, "wallet", holder.public_key)
    notices.start_campaign(tx, moment, port.house, asked, [holder.subject_id for holder in holders])
    moment = port.moment()
    events = []
    for place, n in enumerate(numbers):
        members = [(h.subject_id, moment.now) for h in holders[POOL * place : POOL * place + POOL]]
        events.append(msgspec.convert(device.seal(moment, code_of(n), members, moment.now), TubeEvent))
    done = testing.take_events(tx, moment, events, tell(port))
    assert all(one.outcome == "stored" for one in done), done
    for n in numbers:
        testing.receive_at_lab(tx, moment, lab_name(n % LABS), [code_of(n)], "courier", tell(port))


def lab_name(n: int) -> str:
    """The n-th laboratory."""
    return f"LAB-{n:02d}"


def prepared(home: Path, tubes: int) -> Port:
    """The town, prepared here or opened as it was prepared before; its clock runs from the start of the flush."""
    if not (home / "signing").exists():
        port, clock = prepare(home, tubes)
    else:
        clock = Clock()
        clock.set(NOW)
        port = open_port(Settings(home=home), clock)
    clock.set(NOW)
    return port


async def serve(home: Path, tubes: int) -> None:
    """The server: prepared, then listening. Prints its port, and on each line read from stdin what stands."""
    port = prepared(home, tubes)
    listener = Listener(port.door)
    print(await listener.open("127.0.0.1", 0), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.readline():
        with port.store.read() as tx:
            print(json.dumps(standing(tx)), flush=True)
    await listener.close()
    port.close()


def standing(tx: Tx) -> dict[str, int]:
    """Notices still open, notices cleared, people whose pass says clear, tubes released, CPU used so far."""

    def count(sql: str) -> int:
        row = tx.one(sql)
        return int(row[0]) if row else 0

    return {
        "open": count("SELECT COUNT(*) FROM notice WHERE state IN ('open', 'waiting')"),
        "cleared": count("SELECT COUNT(*) FROM notice WHERE state = 'cleared'"),
        "passes": count(
            "SELECT COUNT(DISTINCT i.subject_id) FROM issuance i JOIN pass_outbox o ON o.issuance_id = i.id"
            " WHERE i.pass_class = 1"
        ),
        "cpu_ms": round(time.process_time() * 1000),
        "negative": count("SELECT COUNT(*) FROM tube_state WHERE state = 'negative'"),
    }


class Line(asyncio.Protocol):
    """One laboratory's connection: the next frame when the last is answered; seconds to each answer."""

    def __init__(self, frames: list[bytes], waits: list[float]) -> None:
        self.frames, self.waits = iter(frames), waits
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.send()

    def send(self) -> None:
        frame = next(self.frames, None)
        if frame is None:
            self.done.set_result(None)
            self.transport.close()
            return
        self.heard, self.begun = b"", time.perf_counter()
        self.transport.write(frame)

    def data_received(self, chunk: bytes) -> None:
        self.heard += chunk
        if self.heard.endswith(END):
            self.waits.append(time.perf_counter() - self.begun)
            if b"MSA|CA|" not in self.heard:
                self.done.set_exception(SystemExit(f"refused: {self.heard!r}"))
                return
            self.send()


async def flush(port: int, frames: list[list[bytes]]) -> tuple[float, list[float]]:
    """All laboratories at once; seconds until the last answer, and to each."""
    waits: list[float] = []
    lines = [Line(some, waits) for some in frames]
    begun = time.perf_counter()
    for line in lines:
        await asyncio.get_running_loop().create_connection(lambda line=line: line, "127.0.0.1", port)
    await asyncio.gather(*(line.done for line in lines))
    return time.perf_counter() - begun, waits


async def paced(port: int, frames: list[bytes]) -> list[float]:
    """One tube every tenth of a second, each over a connection of its own; seconds to each answer."""
    waits: list[float] = []
    lines = []
    begun = time.perf_counter()
    for n, frame in enumerate(frames):
        await asyncio.sleep(max(0.0, begun + n / RATE - time.perf_counter()))
        line = Line([frame], waits)
        lines.append(line)
        await asyncio.get_running_loop().create_connection(lambda line=line: line, "127.0.0.1", port)
    await asyncio.gather(*(line.done for line in lines))
    return waits


def frames_of(tubes: int) -> tuple[list[list[bytes]], list[bytes]]:
    """What each laboratory sends at once, and what is sent one by one afterwards."""
    labs = [Laboratory(lab_name(n), "") for n in range(LABS)]
    made = [START + labs[n % LABS].report(code_of(n), "negative", NOW) + END for n in range(tubes + PACED)]
    return [made[:tubes][n::LABS] for n in range(LABS)], made[tubes:]


def bare_signing(n: int = 3000) -> float:
    """CPU seconds of one P-256 signature."""
    key = ec.generate_private_key(ec.SECP256R1())
    begun = time.process_time()
    for k in range(n):
        key.sign(b"%0200d" % k, ec.ECDSA(hashes.SHA256()))
    return (time.process_time() - begun) / n


def ask(server: "subprocess.Popen[str]") -> dict[str, int]:
    """What stands on the server now."""
    if server.stdin is None or server.stdout is None:
        raise SystemExit("the server has no pipes")
    server.stdin.write("?\n")
    server.stdin.flush()
    return dict(json.loads(server.stdout.readline()))


def main(tubes: int, kept: Path | None = None) -> int:
    """Print the JSON line; 1 if somebody was left waiting."""
    with tempfile.TemporaryDirectory(dir=kept.parent if kept else None) as folder:
        begun = time.perf_counter()
        if kept is not None:
            if not kept.exists():
                prepare(kept, tubes + PACED)[0].close()
            shutil.copytree(kept, folder, dirs_exist_ok=True)
        server = subprocess.Popen(
            [sys.executable, __file__, "serve", folder, str(tubes + PACED)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        pin(1)
        try:
            port = int(server.stdout.readline())
            prepared = time.perf_counter() - begun
            at_once, one_by_one = frames_of(tubes)
            before = ask(server)
            seconds, waits = uvloop.run(flush(port, at_once))
            after = ask(server)
            single = sorted(uvloop.run(paced(port, one_by_one)))
            last = ask(server)
        finally:
            with contextlib.suppress(OSError):
                server.stdin.close()  # type: ignore[union-attr]
            server.wait(30)
    signing = bare_signing() * POOL * tubes
    waits.sort()
    whole = POOL * (tubes + PACED)
    left = last["open"] + whole - last["cleared"] + whole - last["passes"]
    print(json.dumps({
        "claim": "flush of 14,880 tubes <= 90 s; single negative tube p99 <= 1 s at 10 tubes/s",
        "database": "postgresql" if os.environ.get("PRATIQUE_DATABASE_URL") else "sqlite",
        "tubes": tubes, "people": POOL * tubes, "seconds": round(seconds, 1),
        "people_per_s": round(POOL * tubes / seconds),
        "cpu_s": (after["cpu_ms"] - before["cpu_ms"]) / 1000, "after_flush": after, "left_waiting": left,
        "bare_signing_s": round(signing, 1), "ratio_to_bare_signing": round(signing / seconds, 3),
        "ack_p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "ack_p99_ms": round(waits[len(waits) * 99 // 100] * 1000, 1),
        "single_p50_ms": round(single[len(single) // 2] * 1000, 1),
        "single_p99_ms": round(single[len(single) * 99 // 100] * 1000, 1),
        "prepared_s": round(prepared, 1), "load": round(os.getloadavg()[0], 1),
    }))  # fmt: skip
    return int(left != 0)


def pin(core: int) -> None:
    """Keep this process on one core where there are two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        pin(0)
        asyncio.run(serve(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        sys.exit(
            main(
                int(sys.argv[1]) if len(sys.argv) > 1 else TUBES,
                Path(sys.argv[2]) if len(sys.argv) > 2 else None,
            )
        )
