"""The day of a district, replayed with its faults on each database: `pratique simulate day` as a measured claim.

`--people 2000000` is the claim; a run of that size takes the machine for a while, so the
default is a twentieth of it with as many people a site. Peer in the same run: how fast the same day's tubes and results
go into the bare tables alone, one row each, two hundred tubes a commit. The last line is one JSON object; the ledger of
each run must balance to zero.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.databases import KINDS, database
from pratique.simulate import names
from pratique.simulate.day import Terms, plan

GOAL_S, GOAL_PEOPLE = 1200, 2_000_000


def bare(people: int, sites: int) -> float:
    """People a second into bare tables of SQLite that syncs: a tube, its members, its result; nothing else."""
    day = plan(Terms(people, sites, 1, "B", 0.001, 1, faults=False))
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as home:
        connection = sqlite3.connect(Path(home) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("PRAGMA synchronous=FULL")
        for table in ("tube (code PRIMARY KEY, site)", "member (code, pos, subject, PRIMARY KEY (code, pos))",
                      "result (code PRIMARY KEY, outcome)"):  # fmt: skip
            connection.execute(f"CREATE TABLE {table} WITHOUT ROWID")
        count = min(len(day.size), 4000)
        rows = [
            (names.code(1, n), [names.subject(1, int(day.first[n]) + k) for k in range(day.size[n])])
            for n in range(count)
        ]
        start = time.perf_counter()
        for first in range(0, count, 200):
            connection.execute("BEGIN IMMEDIATE")
            for code, subjects in rows[first : first + 200]:
                connection.execute("INSERT INTO tube VALUES (?, 'site')", (code,))
                connection.executemany(
                    "INSERT INTO member VALUES (?, ?, ?)", [(code, n, one) for n, one in enumerate(subjects)]
                )
                connection.execute("INSERT INTO result VALUES (?, 'negative')", (code,))
            connection.execute("COMMIT")
        seconds = time.perf_counter() - start
        connection.close()
    return int(day.size[:count].sum()) / seconds


def replay(kind: str, people: int, sites: int) -> dict[str, object]:
    """One day in a process of its own."""
    with database(kind) as url:
        run = "from pratique.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", run, "simulate", "day", "--people", str(people), "--sites", str(sites),
             "--profile", "B", "--database", url, "--json"],
            stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
    told: dict[str, object] = json.loads(done.stdout)
    return told


def main() -> int:
    """Run; print a table and the JSON line."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--people", type=int, default=GOAL_PEOPLE // 20)
    reader.add_argument("--database", choices=[*KINDS, "both"], default="both")
    asked = reader.parse_args()
    sites = max(1, round(asked.people / 1516))
    peer = bare(asked.people, sites)
    results = {}
    for kind in KINDS if asked.database == "both" else (asked.database,):
        told = replay(kind, asked.people, sites)
        results[kind] = {
            "people_per_s": told["people_per_s"], "seconds": told["seconds"], "server_cpu_s": told["server_cpu_s"],
            "balances": told["balances"], "load": told["load"],
        }  # fmt: skip
        print(f"{kind}: {results[kind]}")
    line = {
        "claim": f"a day of {asked.people:,} people with faults; goal {GOAL_PEOPLE / GOAL_S:,.0f} people/s",
        "people": asked.people, "sites": sites, "runs": results, "peer": round(peer),
        "peer_name": "bare SQLite tables, 200 tubes a commit",
        "ratio": {kind: round(float(str(row["people_per_s"])) / peer, 4) for kind, row in results.items()},
        "unit": "people/s", "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    print(json.dumps(line))
    return 0 if all(row["balances"] for row in results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
