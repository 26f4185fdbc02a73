"""Collection: signed tube events over HTTP, one tube a request as sites send them, then a backlog in batches.

Sustained: `--people-per-second` (default 300, Harbin's published record for a city was 297) for `--seconds`, open
loop, each tube from the device of its site; durable answers; the server process's CPU as a share of the machine.
Burst: what phones have kept offline, fifty tubes a request, as fast as it is taken. Bare in the same run: a Starlette
route that parses the same bodies and answers, nothing stored. The members of every tube are compared with the
generator's afterwards. The last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.databases import KINDS, database
from pratique.simulate import books, house
from pratique.simulate.day import Day, Terms, plan
from pratique.simulate.sites import Device, Ground
from pratique.simulate.wire import HttpLine

SITES, LINES = 60, 24
BARE = """
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def take(request):
    events = (await request.json())["events"]
    return JSONResponse({"results": [{"id": e["id"], "outcome": "stored"} for e in events]})
app = Starlette(routes=[Route("/v1/tube-events", take, methods=["POST"])])
uvicorn.run(app, port=PORT, access_log=False, log_level="error")
"""


def lines(host: str, port: int) -> list[HttpLine]:
    return [HttpLine(host, port, f"127.0.3.{1 + n}") for n in range(LINES)]


async def sustained(
    open_lines: list[HttpLine], devices: dict[int, Device], day: Day, tubes: list[int], per_s: float
) -> list[float]:
    """Send one tube after the other at a fixed rate, each as its own request; seconds of each answer."""
    took: list[float] = []
    free: asyncio.Queue[HttpLine] = asyncio.Queue()
    for line in open_lines:
        free.put_nowait(line)
    chains = {site: asyncio.Lock() for site in devices}

    async def one(tube: int) -> None:
        device = devices[int(day.site[tube])]
        begun = time.perf_counter()
        async with chains[int(day.site[tube])]:
            line = await free.get()
            device.seal(day.terms.seed, day, tube)
            reply = await line.post("/v1/tube-events", device.batch())
            free.put_nowait(line)
            if reply.status != 200 or b'"outcome":"stored"' not in reply.body:
                raise SystemExit(f"a wrong answer voids the run: {reply.status} {reply.body[:200]!r}")
            device.waiting.popleft()
        took.append(time.perf_counter() - begun)

    start, tasks = time.perf_counter(), []
    for n, tube in enumerate(tubes):
        await asyncio.sleep(max(0.0, start + n / per_s - time.perf_counter()))
        tasks.append(asyncio.create_task(one(tube)))
    await asyncio.gather(*tasks)
    return took


async def burst(open_lines: list[HttpLine], devices: list[Device], *, keep: bool = False) -> float:
    """Empty every device's queue; seconds. With `keep` the queues stay (the bare server stores nothing)."""
    waiting = list(devices)

    async def serve(line: HttpLine) -> None:
        while waiting:
            device = waiting.pop()
            kept = list(device.waiting)
            while device.waiting:
                reply = await line.post("/v1/tube-events", device.batch())
                if reply.status != 200 or b"refused" in reply.body:
                    raise SystemExit(f"a wrong answer voids the run: {reply.status} {reply.body[:200]!r}")
                for _ in range(min(50, len(device.waiting))):
                    device.waiting.popleft()
            if keep:
                device.waiting.extend(kept)

    start = time.perf_counter()
    await asyncio.gather(*(serve(line) for line in open_lines))
    return time.perf_counter() - start


def bare_rate(devices: list[Device], people: int) -> float:
    """People a second through a route that only parses and answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    child = subprocess.Popen([sys.executable, "-c", BARE.replace("PORT", str(number))])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", number)) == 0:
                    break
            time.sleep(0.1)
        return people / asyncio.run(burst(lines("127.0.0.1", number), devices, keep=True))
    finally:
        child.terminate()
        child.wait()


def main() -> int:
    """Run; print a table and the JSON line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--people-per-second", type=float, default=300)
    reader.add_argument("--seconds", type=float, default=30)
    reader.add_argument("--burst-people", type=int, default=12_000)
    reader.add_argument("--database", choices=KINDS, default="sqlite")
    asked = reader.parse_args()
    people = round(asked.people_per_second * asked.seconds) + asked.burst_people
    day = plan(Terms(people, SITES, 1, "A", 0.0, 5, faults=False))
    with database(asked.database) as url, tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        home = Path(folder)
        port = house.opened(home, url)
        server = house.Server(home, url)
        try:
            district = house.found(port, day)
            server.start()
            ground = Ground(day.terms, 0, 1, district.site_ids, district.device_ids, server.host, server.port)
            devices = {n: Device(ground, n, 0) for n in range(SITES)}
            live = int(asked.people_per_second * asked.seconds / float(day.size.mean()))
            order = sorted(range(len(day.size)), key=lambda n: int(day.sealed[n]))
            cpu, begun = server.seconds(), time.perf_counter()
            sent = sum(int(day.size[tube]) for tube in order[:live])
            rate = asked.people_per_second / (sent / live)
            took = asyncio.run(sustained(lines(server.host, server.port), devices, day, order[:live], rate))
            seconds = time.perf_counter() - begun
            share = (server.seconds() - cpu) / seconds / (os.cpu_count() or 1)
            for tube in order[live:]:
                devices[int(day.site[tube])].seal(day.terms.seed, day, tube)
            queued = list(devices.values())
            left = sum(int(day.size[tube]) for tube in order[live:])
            bare = bare_rate(queued, left)
            cpu = server.seconds()
            rush = asyncio.run(burst(lines(server.host, server.port), queued))
            rush_cpu = server.seconds() - cpu
            books_of = books.balance(port.store, port.sealer, day, district.site_ids, 0)
            wrong = sum(
                line.wrong
                for line in books_of
                if line.name.startswith("people ") and "detected" not in line.name
            )
        finally:
            server.stop()
            port.close()
    took.sort()
    p99 = took[int(len(took) * 0.99)] * 1000
    print(
        f"sustained {sent / seconds:,.0f} people/s for {seconds:.0f} s: {share:.0%} of the machine, answer p50 "
        f"{median(took) * 1000:.0f} ms, p99 {p99:.0f} ms"
    )
    print(
        f"burst {left / rush:,.0f} people/s ({left / rush_cpu:,.0f} a CPU second); bare {bare:,.0f}; wrong {wrong}"
    )
    line = {
        "claim": "tube events: people a second, sustained and in a burst, durable", "database": asked.database,
        "sustained": round(sent / seconds, 1), "machine_share": round(share, 3),
        "p50_ms": round(median(took) * 1000, 1),
        "p99_ms": round(p99, 1), "ours": round(left / rush), "per_cpu_s": round(left / rush_cpu), "peer": round(bare),
        "peer_name": "bare Starlette route, nothing stored", "ratio": round(left / rush / bare, 3), "wrong": wrong,
        "unit": "people/s", "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    print(json.dumps(line))
    return 0 if wrong == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
