"""Bookings by 200 clients at once: nothing overbooked, no place lost, at least 1,000 operations a second.

Each client books, moves, gives back and asks for its own people, in shares that keep windows half full however long
it runs; popular windows are full. Every operation is a
use case of the room, durable before it is answered (group commit). Peer in the same run: the same two statements
bare, one commit a booking, without checks, marks or answers. The last line is one JSON object; `--operations 1000000`
is the claim, the default is a tenth of it. Afterwards tickets and counts are compared window by window.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.databases import KINDS, database
from pratique import town
from pratique.core.errors import Busy, Conflict
from pratique.core.text import Text
from pratique.port import Port, open_port
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import service

CLIENTS, PEOPLE, PLACES = 200, 40_000, 20
BARE = 3000


def prepare(port: Port) -> list[str]:
    """Twenty sites with windows for twelve hours; their ids."""
    made = town.found(port, port.moment())

    def build(tx: Tx) -> list[str]:
        moment = port.moment()
        area = service.add_area(tx, moment, made.campaign_id, Text("bench", "测试片区"))
        opens = moment.now + timedelta(hours=1)
        for n in range(PLACES):
            site = testing.add_site(tx, moment, made.campaign_id, Text(f"site {n}", f"点{n}"), lanes=1)
            service.add_site_place(tx, area, site)
            service.open_windows(
                tx, moment, site, opens_at=opens, closes_at=opens + timedelta(hours=12), zone=ZoneInfo("UTC")
            )
        return [row[0] for row in tx.all("SELECT id FROM booking_slot ORDER BY id")]

    return port.store.write(build)


async def client(port: Port, place: int, slots: list[str], operations: int, done: Counter[str]) -> None:
    """One client for its own people: of ten operations three book, one moves, three give back, three ask, so that a
    run of any length finds windows neither all full nor all empty."""
    chance, sealer, now = random.Random(place), port.sealer, port.moment()
    kept: dict[str, str] = {}  # whoever has a ticket, and where
    for _ in range(operations):
        slot, act = chance.choice(slots), chance.random()
        who = f"PERSON-{place}-{chance.randrange(PEOPLE // CLIENTS)}"
        if kept and 0.3 <= act < 0.7:
            who = chance.choice(list(kept))
        try:
            if act < 0.4:
                await port.store.awrite(lambda tx, w=who, s=slot: service.book(tx, now, sealer, w, s))
                done["moved" if who in kept else "booked"] += 1
                kept[who] = slot
            elif act < 0.7:
                held = kept.pop(who, slot)
                gone = await port.store.awrite(lambda tx, w=who, s=held: service.cancel(tx, sealer, w, s))
                done["given back" if gone else "nothing to give back"] += 1
            else:
                await port.store.aread(lambda tx, w=who: service.tickets_of(tx, now.now_ms, sealer, w))
                done["asked"] += 1
        except Conflict:
            done["full"] += 1
        except Busy:
            done["busy"] += 1


async def crowd(port: Port, slots: list[str], operations: int, done: Counter[str]) -> float:
    """All clients at once; seconds."""
    start = time.perf_counter()
    await asyncio.gather(*(client(port, n, slots, operations // CLIENTS, done) for n in range(CLIENTS)))
    return time.perf_counter() - start


def bare(port: Port, slots: list[str]) -> float:
    """Bookings a second of the two statements alone, one commit each."""
    start = time.perf_counter()
    for n in range(BARE):
        slot, mark, name = slots[n % len(slots)], secrets.token_bytes(32), secrets.token_hex(13)

        def act(tx: Tx, slot: str = slot, mark: bytes = mark, name: str = name) -> None:
            if tx.run(
                "UPDATE booking_slot SET booked = booked + 1 WHERE id = :id AND booked < capacity", id=slot
            ):
                tx.run(
                    "INSERT INTO booking_ticket (mark, id, slot_id, purpose) VALUES (:m, :n, :s, 'screen')",
                    m=mark, n=name, s=slot,
                )  # fmt: skip

        port.store.write(act)
    return BARE / (time.perf_counter() - start)


def wrong(port: Port) -> dict[str, int]:
    """Windows with more tickets than places, and places without a ticket or tickets without a place."""
    with port.store.read() as tx:
        rows = tx.all(
            "SELECT s.capacity, s.booked, COUNT(t.mark) FROM booking_slot s LEFT JOIN booking_ticket t"
            " ON t.slot_id = s.id GROUP BY s.id, s.capacity, s.booked"
        )
    return {
        "overbooked": sum(max(0, int(tickets) - int(capacity)) for capacity, _, tickets in rows),
        "lost": sum(abs(int(booked) - int(tickets)) for _, booked, tickets in rows),
    }


def main() -> int:
    """Run; print a table and the JSON line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--operations", type=int, default=100_000)
    reader.add_argument("--database", choices=KINDS, default="sqlite")
    asked = reader.parse_args()
    done: Counter[str] = Counter()
    with database(asked.database) as url, tempfile.TemporaryDirectory(prefix="pratique-bench-") as home:
        port = open_port(Settings(home=Path(home), database_url=url))
        try:
            slots = prepare(port)
            baseline = bare(port, slots)
            seconds = asyncio.run(crowd(port, slots, asked.operations, done))
            found = wrong(port)
        finally:
            port.close()
    rate = sum(done.values()) / seconds
    for name, n in sorted(done.items()):
        print(f"{name:24} {n:>10,}")
    print(
        f"{rate:,.0f} operations/s by {CLIENTS} clients; bare, one commit a booking: {baseline:,.0f}/s; {found}"
    )
    line = {
        "claim": "bookings by 200 clients: 0 overbooked, 0 lost, operations a second", "database": asked.database,
        "operations": sum(done.values()), "ours": round(rate), "peer": round(baseline),
        "peer_name": "bare UPDATE and INSERT, one commit each", "ratio": round(rate / baseline, 2), **found,
        "unit": "1/s", "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    print(json.dumps(line))
    return 0 if not any(found.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
