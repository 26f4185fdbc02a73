"""A city's gates against one server: polls, one change of the lists to all, a quarter-hour's counts through a kill.

Every gate is a real device: a key of its own, an address of its own on loopback, uploads signed as RFC 9421 says.
Beside it a bare Starlette route in the same run. A new snapshot goes to every gate as a delta, and what it makes is
compared with the whole. The server is killed once (kill -9) in the middle of the counts and started again; then it is
away for six hours (24 quarter-hours that `--behind` gates kept come at once). What was not acknowledged is sent again,
signed anew, as a gate does; in the end every count must be there once. The clock is compressed: loads run one after
another as fast as they go, and `server_share` says what polls every 60 s and counts every 15 min of all gates cost of
this machine, by CPU time. Last line: one JSON object.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.serve import _wait_for, cpu_seconds, get, post, serve
from pratique import town
from pratique.core.moment import to_ms
from pratique.credentials import gdiff
from pratique.credentials.http_signature import Request, sign
from pratique.fleet import service
from pratique.fleet import store as fleet_store
from pratique.fleet.counts import ADDRESS
from pratique.peers import free_port
from pratique.port import open_port
from pratique.settings import Settings

LANES = 64
POLL_EVERY, COUNT_EVERY = 60, 900


def prepare(home: Path, gates: int) -> list[tuple[str, Ed25519PrivateKey]]:
    """A deployment with `gates` enrolled devices and a published snapshot."""
    port = open_port(Settings(home=home))
    moment = port.moment()
    made = town.found(port, moment)
    devices = [(moment.new_id(), Ed25519PrivateKey.generate()) for _ in range(gates)]
    for start in range(0, gates, 5000):
        part = devices[start : start + 5000]

        def enrol(tx: object, part: list[tuple[str, Ed25519PrivateKey]] = part) -> None:
            for gate_id, key in part:
                fleet_store.add_gate(
                    tx, id=gate_id, mandate_id=made.mandate_id, place_en="Gate", place_zh="哨位",  # type: ignore[arg-type]
                    public_key=key.public_key().public_bytes_raw(), enrolled_at=to_ms(moment.now),
                    pairing=b"", confirmed_at=to_ms(moment.now),
                )  # fmt: skip

        port.store.write(enrol)
    port.store.write(lambda tx: service.publish_snapshot(tx, moment, port.signing_roots))
    port.close()
    return devices


def uploads(devices: list[tuple[str, Ed25519PrivateKey]], first: int = 1, quarters: int = 1) -> list[bytes]:
    """Signed quarter-hours of each gate, numbered from `first`: three rows, 18 people each."""
    now = int(time.time()) // 900 * 900
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = []
    for seq in range(first, first + quarters):
        rows = [
            {"slot15": now // 900 - seq, "outcome": outcome, "reason": reason, "policy": 1, "n": n}
            for outcome, reason, n in (
                ("clear", "pass", 15),
                ("hold", "expired", 2),
                ("see_staff", "clock", 1),
            )
        ]
        for gate_id, key in devices:
            told = {
                "gate_id": gate_id,
                "seq": seq,
                "snapshot": 1,
                "at": at,
                "alarms": [],
                "rows": rows,
                "software": "1",
            }
            body = json.dumps(told).encode()
            signed = sign(
                Request("POST", ADDRESS, {}, body),
                key.sign,
                keyid=gate_id,
                nonce=secrets.token_urlsafe(16),
                created=now,
            )
            made.append(post(ADDRESS, body, *(f"{name}: {value}" for name, value in signed.items())))
    return made


async def send(number: int, requests: list[bytes], wanted: bytes, answered: Callable[[int], None]) -> float:
    """All requests, each lane from an address of its own that changes every fifty; seconds. A lost line ends a lane."""

    async def lane(first: int) -> None:
        for block in range(first, len(requests), LANES * 50):
            mine = range(block, min(block + LANES * 50, len(requests)), LANES)
            source = f"127.{1 + block // 62500 % 200}.{block // 250 % 250}.{1 + block % 250}"
            reader, writer = await asyncio.open_connection("127.0.0.1", number, local_addr=(source, 0))
            for at in mine:
                writer.write(requests[at])
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 " + wanted):
                    raise RuntimeError(f"a wrong answer voids the run: {head[:80]!r}")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.split(b":")[1]))
                answered(at)
            writer.close()

    start = time.perf_counter()
    done = await asyncio.gather(*(lane(n) for n in range(LANES)), return_exceptions=True)
    for fault in done:
        if isinstance(fault, RuntimeError):
            raise fault
    return time.perf_counter() - start


class Server:
    """The server in a process of its own; `kill` is kill -9."""

    def __init__(self, kind: str, home: str) -> None:
        self.kind, self.home, self.number = kind, home, free_port(38180 if kind == "ours" else 38190)
        self.start()

    def start(self) -> None:
        self.child = subprocess.Popen(
            [
                sys.executable,
                __file__,
                "--serve",
                self.kind,
                "--home",
                self.home,
                "--port",
                str(self.number),
            ]
        )
        _wait_for(self.number)

    def kill(self) -> None:
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def measured(self, requests: list[bytes], wanted: bytes) -> tuple[float, float]:
        """(CPU µs of the server a request, seconds)."""
        before = cpu_seconds(self.child.pid)
        seconds = asyncio.run(send(self.number, requests, wanted, lambda _: None))
        return (cpu_seconds(self.child.pid) - before) / len(requests) * 1e6, seconds


def counts_through_a_kill(
    server: Server, batches: list[bytes], devices: list[tuple[str, Ed25519PrivateKey]]
) -> tuple[float, float]:
    """(CPU µs an upload before the kill, seconds in all). What was not acknowledged is signed and sent again until it is."""  # noqa: E501
    acknowledged: set[int] = set()
    start, cpu, before = time.perf_counter(), 0.0, cpu_seconds(server.child.pid)

    async def first_half() -> None:
        work = asyncio.ensure_future(send(server.number, batches, b"200", acknowledged.add))
        while len(acknowledged) < len(batches) // 2 and not work.done():
            await asyncio.sleep(0.01)
        nonlocal cpu
        cpu = (cpu_seconds(server.child.pid) - before) / max(1, len(acknowledged)) * 1e6
        server.kill()
        await work

    asyncio.run(first_half())
    server.start()
    for _ in range(10):
        left = [n for n in range(len(batches)) if n not in acknowledged]
        if not left:
            break
        asyncio.run(
            send(
                server.number,
                uploads([devices[n] for n in left]),
                b"200",
                lambda at, left=left: acknowledged.add(left[at]),
            )  # type: ignore[misc]
        )
    return cpu, time.perf_counter() - start


def main() -> int:
    """Run, end with one JSON object; 1 if a count was lost or came twice."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--serve", choices=["ours", "bare"])
    reader.add_argument("--home", default="")
    reader.add_argument("--port", type=int, default=0)
    reader.add_argument("--gates", type=int, default=94_314)
    reader.add_argument(
        "--counting", type=int, default=0, help="how many of them count (0: all), on a busy machine"
    )
    reader.add_argument("--behind", type=int, default=500)
    asked = reader.parse_args()
    if asked.serve:
        serve(asked.serve, asked.home, asked.port)
        return 0
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        devices = prepare(Path(folder), asked.gates)
        counting = devices[: asked.counting or asked.gates]
        batches = uploads(counting)
        late = uploads(devices[: asked.behind], 2, 24)
        ours, bare = Server("ours", folder), Server("bare", folder)
        try:
            found = run(len(devices), counting, ours, bare, batches, late, folder)
        finally:
            for server in (ours, bare):
                server.child.terminate()
                server.child.wait(20)
    print(json.dumps(found))
    return 0 if found["counts_right"] and found["delta_right"] else 1


def run(
    gates: int,
    devices: list[tuple[str, Ed25519PrivateKey]],
    ours: Server,
    bare: Server,
    batches: list[bytes],
    late: list[bytes],
    folder: str,
) -> dict[str, object]:
    """The loads, one after the other."""
    bare_us, _ = bare.measured([get("/bare")] * min(gates, 20_000), b"200")
    raw, tag = asyncio.run(lists_of(ours.number))
    poll_us, poll_s = ours.measured([get("/v1/snapshot", f"If-None-Match: {tag}")] * gates, b"304")
    print(f"polls: {poll_us:.0f} µs each (bare {bare_us:.0f}), all in {poll_s:.1f} s", flush=True)
    port = open_port(Settings(home=Path(folder)))
    port.store.write(lambda tx: service.publish_snapshot(tx, port.moment(), port.signing_roots))
    port.close()
    whole, newest = asyncio.run(lists_of(ours.number))
    delta, _ = asyncio.run(lists_of(ours.number, f"If-None-Match: {tag}", "A-IM: gdiff"))
    right = gdiff.apply(raw, delta, 1 << 24) == whole and newest != tag
    changed = get("/v1/snapshot", f"If-None-Match: {tag}", "A-IM: gdiff")
    delta_us, delta_s = ours.measured([changed] * gates, b"226")
    print(
        f"a delta of {len(delta)} of {len(whole)} bytes to all: {delta_us:.0f} µs each, {delta_s:.1f} s",
        flush=True,
    )
    count_us, count_s = counts_through_a_kill(ours, batches, devices)
    print(f"counts: {count_us:.0f} µs each, all in {count_s:.1f} s with one kill", flush=True)
    ours.kill()  # six hours without a server: what came due meanwhile waits in the gates
    ours.start()
    late_us, late_s = ours.measured(late, b"200") if late else (0.0, 0.0)
    port = open_port(Settings(home=Path(folder)))
    with port.store.read() as tx:
        row = tx.one("SELECT coalesce(sum(n), 0), count(DISTINCT gate_id) FROM slot_count")
    port.close()
    total, told = (int(row[0]), int(row[1])) if row else (0, 0)
    share = (gates / POLL_EVERY * poll_us + gates / COUNT_EVERY * count_us) / 1e6 / (os.cpu_count() or 1)
    return {
        "claim": "a city's gates cost one server less than half of this machine",
        "gates": gates,
        "poll_us": round(poll_us, 1),
        "ratio_to_bare": round(bare_us / poll_us, 3),
        "delta_us": round(delta_us, 1),
        "delta_to_all_s": round(delta_s, 1),
        "delta_cpu_of_machine_s": round(delta_us * gates / 1e6 / (os.cpu_count() or 1), 1),
        "delta_bytes": len(delta),
        "lists_bytes": len(whole),
        "delta_right": right,
        "count_us": round(count_us, 1),
        "counts_s": round(count_s, 1),
        "outage_uploads": len(late),
        "outage_count_us": round(late_us, 1),
        "outage_s": round(late_s, 1),
        "counting": len(devices),
        "counts_right": total == 18 * (len(devices) + len(late)) and told == len(devices),
        "server_share": round(share, 3),
        "load": round(os.getloadavg()[0], 2),
    }


async def lists_of(number: int, *fields: str) -> tuple[bytes, str]:
    """The snapshot, or the delta that is asked for, and its ETag."""
    reader, writer = await asyncio.open_connection("127.0.0.1", number)
    writer.write(get("/v1/snapshot", *fields))
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in head.split("\r\n"))}
    raw = await reader.readexactly(int(fields["content-length"]))
    writer.close()
    return raw, fields["etag"]


if __name__ == "__main__":
    sys.exit(main())
