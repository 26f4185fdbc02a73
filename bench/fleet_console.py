"""The page of gates with a hundred thousand of them: every statement behind it, on SQLite and on PostgreSQL.

Gates in twenty groups, a tenth of them late or lost, two alarms in a hundred, twelve hours of flow. Beside it, in the
same run, what the page would cost by reading every gate (what it did before). Times are medians and 95th percentiles
of whole pages, in milliseconds. Last line: one JSON object.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.databases import KINDS, database
from pratique import town
from pratique.console import fleet as page_of
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.fleet import groups, overview, service
from pratique.fleet import store as tables
from pratique.fleet.overview import Search
from pratique.store.store import Store, open_store
from pratique.store.tx import Tx

GROUPS, ROUNDS = 20, 20


def fill(store: Store, moment: Moment, gates: int) -> list[str]:
    """The fleet; ids of its groups."""
    officers = town.Officers(moment)
    mandate_id = town.order(store, moment, officers, town.mandate_document(moment, officers))

    def a_group(tx: Tx, n: int) -> str:
        return groups.save_group(
            tx, moment, group_id="", name=Text(f"Group {n}", f"分组{n}"), accepts=("pass",), paper=True,
            channel="steady", who="bench",
        )  # fmt: skip

    made = [store.write(lambda tx, n=n: a_group(tx, n)) for n in range(GROUPS)]
    slot = int(moment.now.timestamp()) // 900
    for start in range(0, gates, 5000):
        part = range(start, min(start + 5000, gates))
        rows = [
            {
                "id": f"{n:026}", "m": mandate_id, "place": f"Gate {n % 997} of {n // 997}",
                "key": secrets.token_bytes(32),
                "at": moment.now_ms, "g": made[n % GROUPS], "seen": moment.now_ms - (n % 10 == 0) * (n % 97) * 60_000,
                "snap": 1 + n % 16, "c": n % 50 != 0, "sw": f"1.{n % 4}",
            }
            for n in part
        ]  # fmt: skip
        alarms = [{"id": f"{n:026}", "slot": slot} for n in part if n % 50 == 7]

        def put(
            tx: Tx, rows: list[dict[str, object]] = rows, alarms: list[dict[str, object]] = alarms
        ) -> None:
            tx.many(
                "INSERT INTO gate (id, mandate_id, place_en, place_zh, public_key, state, enrolled_at, confirmed_at, "
                "last_seen_at, snapshot, group_id, config, software) "
                "VALUES (:id, :m, :place, '哨位', :key, 'up', :at, :at, :seen, :snap, :g, :c, :sw)",
                [row | {"c": int(bool(row["c"]))} for row in rows],
            )
            tx.many(
                "INSERT INTO gate_alarm (gate_id, kind, first_slot) VALUES (:id, 'storage', :slot)", alarms
            )

        store.write(put)
    flow = [
        {"slot15": slot - n, "mandate_id": mandate_id, "group_id": g, "outcome": outcome, "n": 100}
        for n in range(96) for g in made for outcome in page_of.OUTCOMES
    ]  # fmt: skip
    store.write(lambda tx: tables.add_flow(tx, flow))
    return made


def timed(store: Store, act: Callable[[Tx], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """(median, 95th percentile) in milliseconds of reading one page."""
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        with store.read() as tx:
            act(tx)
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    return round(median(took), 1), round(took[int(len(took) * 0.95)], 1)


def measure(store: Store, kind: str, moment: Moment, gates: int, found: dict[str, object]) -> None:
    """One database: whole pages, the parts of one, every gate, and an action on a twentieth of them."""
    made = fill(store, moment, gates)
    store.write(lambda tx: tx.run("ANALYZE"))
    pages = {
        "page": (Search(), ("", "")),
        "last_page": (Search(), ("Gate 996", "")),
        "of_a_group": (Search(group_id=made[3]), ("", "")),
        "lost": (Search(state="lost"), ("", "")),
        "drift": (Search(state="drift"), ("", "")),
        "search": (Search(text="gate 77 of"), ("", "")),
    }
    for name, (search, after) in pages.items():
        act = partial(page_of._read, now=moment.now, search=search, after=after)
        found[f"{kind}_{name}_ms"] = timed(store, act)
    parts: dict[str, Callable[[Tx], object]] = {
        "sums": lambda tx: overview.sums(tx, moment.now),
        "flow": lambda tx: overview.flow(tx, moment.now - timedelta(hours=12), moment.now),
        "ages": lambda tx: overview.snapshot_ages(tx, moment.now, page_of.AGES),
        "software": overview.software,
        "alarms": overview.alarms,
        "rows": lambda tx: overview.page(tx, moment.now, Search()),
    }
    for name, part in parts.items():
        found[f"{kind}_part_{name}_ms"] = timed(store, part, 10)
    found[f"{kind}_every_gate_ms"] = timed(store, service.gates, 3)
    start = time.process_time()
    store.write(lambda tx: groups.begin(tx, moment, "move", made[0], Search(group_id=made[1]), "bench"))
    while store.write(lambda tx: groups.go_on(tx, moment)):
        pass
    found[f"{kind}_bulk_ms_per_1000"] = round((time.process_time() - start) * 1e6 / (gates / GROUPS), 1)


def main() -> int:
    """Both databases, then one JSON object."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--gates", type=int, default=100_000)
    gates = reader.parse_args().gates
    moment = Moment(datetime.now(UTC), secrets.token_bytes)
    found: dict[str, object] = {
        "claim": "the page of gates costs the same sums with 100,000 gates",
        "gates": gates,
    }
    for kind in KINDS:
        with database(kind) as address, tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
            store = open_store(address, Path(folder))
            measure(store, kind, moment, gates, found)
            store.close()
        print(json.dumps({k: v for k, v in found.items() if k.startswith(kind)}), flush=True)
    found["load"] = round(os.getloadavg()[0], 2)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
