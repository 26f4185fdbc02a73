"""What a wallet's poll and a site's upload cost, beside a bare Starlette route on the same server in the same run.

Ours: token check, limits, two reads for the ETag, headers, 304; and for tubes: signature, chain, ten members,
evidence, decisions, durable commit. Bare: the same uvicorn, one route, one JSON answer. Rounds alternate; the ratio
is of CPU time per request of the server process, which noise moves least. Any other status than the wanted voids
the run. Last line: one JSON object.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pratique import town
from pratique.app import web_app
from pratique.peers import Holder, SiteDevice, free_port
from pratique.people import service as people
from pratique.port import open_port
from pratique.settings import Settings
from pratique.testing import service as testing
from pratique.testing import tubecode

CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")


def bare_app() -> Starlette:
    """The yardstick: one GET and one POST that answer a small JSON object."""

    async def get(_: Request) -> Response:
        return JSONResponse({"now": "2026-01-05T00:00:00Z", "state": "clear"})

    async def post(request: Request) -> Response:
        await request.json()
        return JSONResponse({"outcome": "stored"})

    return Starlette(routes=[Route("/bare", get), Route("/bare", post, methods=["POST"])])


def serve(kind: str, home: str, number: int) -> None:
    """Child process: serve one of the two."""
    import uvicorn

    app = bare_app() if kind == "bare" else web_app(open_port(Settings(home=Path(home), port=number)))
    uvicorn.run(
        app, port=number, access_log=False, log_level="error", lifespan="on" if kind == "ours" else "off"
    )


def prepare(home: Path, holders: int, tubes: int) -> tuple[list[bytes], list[bytes]]:
    """Wallets with tokens and ETags to ask with, and sealed events to hand in."""
    port = open_port(Settings(home=home))
    moment = port.moment()
    made = town.found(port, moment)
    wallets = [Holder() for _ in range(max(holders, 10 * tubes))]
    town.settle(port, moment, wallets)
    tokens = [people.token_for(port.secret, one.subject_id, moment.now)[0] for one in wallets[:holders]]
    device = SiteDevice(made.site_id)
    token = port.store.write(lambda tx: testing.make_device_token(tx, moment, made.site_id))
    device.device_id = port.store.write(
        lambda tx: testing.enrol_device(tx, moment, token, device.public_key)
    ).device_id
    events = []
    for n in range(tubes):
        members = [(one.subject_id, moment.now) for one in wallets[10 * n : 10 * n + 10]]
        event = device.seal(moment, tubecode.make(moment), members, moment.now)
        events.append(json.dumps({"events": [event]}).encode())
    port.close()
    return [token.encode() for token in tokens], events


async def ask(number: int, requests: list[bytes], wanted: bytes, lanes: int) -> tuple[float, list[bytes]]:
    """Send all requests over `lanes` kept connections; seconds, and the ETags that came. Stops on a wrong status."""
    tags: list[bytes] = []

    async def lane(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        for raw in mine:
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 " + wanted):
                raise RuntimeError(f"a wrong answer voids the run: {head[:60]!r}")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                if line.startswith(b"etag:"):
                    tags.append(line.split(b":", 1)[1].strip())
            if length:
                await reader.readexactly(length)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(lane(requests[n::lanes]) for n in range(lanes)))
    return time.perf_counter() - start, tags


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join((*head, "", "")).encode() + body


def measure(
    pid: int, number: int, requests: list[bytes], wanted: bytes, lanes: int = CONNECTIONS
) -> tuple[float, float]:
    """(CPU µs a request of the server, requests a second)."""
    before = cpu_seconds(pid)
    seconds, _ = asyncio.run(ask(number, requests, wanted, lanes))
    return (cpu_seconds(pid) - before) / len(requests) * 1e6, len(requests) / seconds


def main() -> int:
    """Run, print each round, end with one JSON object."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--serve", choices=["ours", "bare"])
    reader.add_argument("--home", default="")
    reader.add_argument("--port", type=int, default=0)
    reader.add_argument("--requests", type=int, default=8000)
    reader.add_argument("--tubes", type=int, default=300)
    reader.add_argument("--rounds", type=int, default=3)
    asked = reader.parse_args()
    if asked.serve:
        serve(asked.serve, asked.home, asked.port)
        return 0
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        tokens, events = prepare(Path(folder), 400, asked.tubes * asked.rounds)
        numbers = {"ours": free_port(38080), "bare": free_port(38090)}
        children = {
            kind: subprocess.Popen(
                [sys.executable, __file__, "--serve", kind, "--home", folder, "--port", str(number)]
            )
            for kind, number in numbers.items()
        }
        try:
            for number in numbers.values():
                _wait_for(number)
            return _measure_all(asked, children, numbers, tokens, events)
        finally:
            for child in children.values():
                child.terminate()
                child.wait(20)


def _wait_for(number: int) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
            return
        time.sleep(0.1)
    raise RuntimeError("a server did not start")


def _measure_all(
    asked: argparse.Namespace,
    children: dict[str, "subprocess.Popen[bytes]"],
    numbers: dict[str, int],
    tokens: list[bytes],
    events: list[bytes],
) -> int:
    bearer = [f"Authorization: Bearer {token.decode()}" for token in tokens]
    first = [get("/v1/wallet", line) for line in bearer]
    bare_polls = [get("/bare")] * asked.requests
    ours_poll, bare_poll, ours_rate, ours_tube, tube_rate, bare_tube = [], [], [], [], [], []
    for n in range(asked.rounds):
        _, tags = asyncio.run(ask(numbers["ours"], first, b"200", 1))
        known = [
            get("/v1/wallet", line, f"If-None-Match: {tag.decode()}")
            for line, tag in zip(bearer, tags, strict=True)
        ]
        polls = [known[one % len(known)] for one in range(asked.requests)]
        cost, rate = measure(children["ours"].pid, numbers["ours"], polls, b"304")
        ours_poll.append(cost)
        ours_rate.append(rate)
        bare_poll.append(measure(children["bare"].pid, numbers["bare"], bare_polls, b"200")[0])
        mine = [post("/v1/tube-events", body) for body in events[n * asked.tubes : (n + 1) * asked.tubes]]
        cost, rate = measure(children["ours"].pid, numbers["ours"], mine, b"200", 1)
        ours_tube.append(cost)
        tube_rate.append(rate)
        bare_tube.append(
            measure(
                children["bare"].pid,
                numbers["bare"],
                [post("/bare", body) for body in events[: asked.tubes]],
                b"200",
                1,
            )[0]
        )
        load = os.getloadavg()[0]
        print(
            f"round {n + 1}: poll {ours_poll[-1]:.0f} µs (bare {bare_poll[-1]:.0f}), "
            f"{ours_rate[-1]:.0f}/s; "
            f"tube of ten {ours_tube[-1]:.0f} µs (bare {bare_tube[-1]:.0f}), "
            f"{10 * tube_rate[-1]:.0f} people/s; load {load:.1f}"
        )
    median = statistics.median
    print(
        json.dumps(
            {
                "claim": "a wallet's poll costs at most twice a bare Starlette route",
                "poll_us": round(median(ours_poll), 1),
                "bare_us": round(median(bare_poll), 1),
                "ratio_to_bare": round(median(b / o for o, b in zip(ours_poll, bare_poll, strict=True)), 3),
                "polls_per_s": round(median(ours_rate)),
                "tube_us": round(median(ours_tube), 1),
                "bare_post_us": round(median(bare_tube), 1),
                "people_per_s": round(10 * median(tube_rate)),
                "runs": asked.rounds,
                "load": round(os.getloadavg()[0], 2),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
