"""The access chain at a million entries, and the mark of exports over a million simulated leaks.

Chain: entries are written straight into the table as `log_looks` writes them, then `first_bad_entry` reads and checks
all of them; beside it a bare loop of SHA-256 over the same bytes already in memory. One bit is then turned and must be
found. Leaks: copies of one export with real keyed bits; each leak is twenty random rows with one bit in twenty misread.
Traced: how often the true copy is named. Innocent: the same leaks held against all other copies; how often anybody is
named at the bar for 10,000 copies. A share goes the whole way through rendering, reading and `trace`. Seconds are of
the processor; the wall clock stands beside them.
Last line: one JSON object.
"""

import argparse
import json
import random
import secrets
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np

from pratique.core.ids import ALPHABET
from pratique.exports.marks import Line, Observed, bits_of, observe, render
from pratique.exports.trace import Copy, needed, tail, trace
from pratique.people import service as people
from pratique.people import store as tables
from pratique.people.looks import FIRST_PREV, _hash, entry_bytes
from pratique.store.store import open_store

ROWS, SHARE, BATCH = 20, 0.05, 500
PROMISED_COPIES = 10_000


def fill_chain(store: object, n: int) -> None:
    """`n` entries with a correct chain, 20,000 a transaction."""
    prev, at = FIRST_PREV, 1_780_000_000_000
    for start in range(1, n + 1, 20_000):
        rows = []
        for k in range(start, min(start + 20_000, n + 1)):
            row = (
                k, at + k, "01K7W0RKER0000000000000000", "case-worker", "call", "card",
                "01K7MANDATE000000000000000", secrets.token_bytes(55), "name,phone,language", prev,
            )  # fmt: skip
            prev = _hash(row)
            rows.append(dict(zip(tables.ACCESS_COLUMNS.split(", "), (*row, prev), strict=True)))
        store.write(lambda tx, r=rows: tables.add_access(tx, r, []))  # type: ignore[attr-defined]


def chain(n: int) -> dict[str, object]:
    """Seconds to verify `n` entries, beside the bare hashing of the same bytes."""
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder:
        store = open_store("", Path(folder))
        fill_chain(store, n)
        with store.read() as tx:
            raw = [entry_bytes(row[:10]) for page in tables.access_pages(tx) for row in page]
        start = time.process_time()
        for one in raw:
            sha256(one).digest()
        bare = time.process_time() - start
        del raw
        start, wall = time.process_time(), time.perf_counter()
        with store.read() as tx:
            whole = people.first_bad_entry(tx)
        seconds, wall = time.process_time() - start, time.perf_counter() - wall
        place = n // 2
        store.write(lambda tx: tx.run("DROP TRIGGER append_only_access_log"))
        store.write(lambda tx: tx.run("UPDATE access_log SET at = at + 1 WHERE n = :n", n=place))
        with store.read() as tx:
            found = people.first_bad_entry(tx)
        store.close()
    if whole is not None or found != place:
        raise RuntimeError(f"the chain said {whole} and {found}: the run is void")
    return {
        "chain_entries": n,
        "chain_s": round(seconds, 2),
        "chain_wall_s": round(wall, 2),
        "bare_sha256_s": round(bare, 2),
    }


def leaks(n: int, copies: int, rows: int, chance: np.random.Generator) -> dict[str, object]:
    """Simulated leaks against a table of real keyed bits."""
    names = ["".join(random.choices(ALPHABET, k=16)) for _ in range(rows)]
    seeds = [secrets.token_bytes(32) for _ in range(copies)]
    table = np.array([[bits_of(seed, name) for name in names] for seed in seeds], np.uint8)
    ones = np.array([v.bit_count() for v in range(16)], np.uint8)
    bar = needed(4 * ROWS, PROMISED_COPIES)
    traced = accused = both = best_innocent = 0
    stratum = rows // ROWS  # one row from each: any twenty different rows
    starts = np.arange(ROWS) * stratum
    for start in range(0, n, BATCH):
        size = min(BATCH, n - start)
        true = chance.integers(copies, size=size)
        picked = starts + chance.integers(stratum, size=(size, ROWS))
        wrong = (chance.random((size, ROWS, 4), np.float32) < SHARE) @ np.array([1, 2, 4, 8])
        seen = table[true[:, None], picked] ^ wrong.astype(np.uint8)
        apart = ones[table[:, picked] ^ seen].sum(axis=2, dtype=np.uint16)
        matching = 4 * ROWS - apart.astype(np.int32)
        own = matching[true, np.arange(size)]
        matching[true, np.arange(size)] = 0
        other = matching.max(axis=0)
        best_innocent = max(best_innocent, int(other.max()))
        traced += int(((own >= bar) & (other < bar)).sum())
        both += int(((own >= bar) & (other >= bar)).sum())
        accused += int((other >= bar).sum())
    return {
        "leaks": n,
        "copies": copies,
        "bar_of_80": bar,
        "traced": round(traced / n, 6),
        "falsely_accused": accused,
        "two_fit": both,
        "best_innocent_of_80": best_innocent,
        "innocent_chance_at_10000_copies": tail(4 * ROWS, bar) * PROMISED_COPIES,
    }


def whole_way(n: int) -> dict[str, object]:
    """Rendering, cutting, sorting, reading and `trace` itself."""
    day = date(2026, 1, 5)
    rows = [
        Line(
            "".join(random.choices(ALPHABET, k=16)), "N2", "open",
            day + timedelta(random.randrange(200)), day + timedelta(200 + random.randrange(90)),
        )
        for _ in range(2000)
    ]  # fmt: skip
    copies = [Copy(f"C{k}", secrets.token_bytes(32)) for k in range(500)]
    named, took = 0, []
    for _ in range(n):
        copy = random.choice(copies)
        text = "\n".join(sorted(",".join(render(copy.seed, row)) for row in random.sample(rows, ROWS)))
        found = [
            Observed(one.pseudonym, {b: v ^ (random.random() < SHARE) for b, v in one.bits.items()})
            for one in observe(text)
        ]
        start = time.perf_counter()
        verdict = trace(copies, found)
        took.append(time.perf_counter() - start)
        if verdict.copy_id not in ("", copy.id):
            raise RuntimeError("an innocent was named: the run is void")
        named += verdict.copy_id == copy.id
    return {
        "whole_way": n,
        "whole_way_traced": round(named / n, 4),
        "trace_ms": round(1e3 * statistics.median(took), 1),
    }


def main() -> int:
    """Run, print, end with one JSON object."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--entries", type=int, default=1_000_000)
    reader.add_argument("--leaks", type=int, default=1_000_000)
    reader.add_argument("--copies", type=int, default=500)
    reader.add_argument("--rows", type=int, default=2000)
    asked = reader.parse_args()
    started = datetime.now(UTC)
    said: dict[str, object] = {
        "claim": "a leak is traced, nobody innocent is named, a million looks are checked in 10 s"
    }
    said |= chain(asked.entries)
    print(said, flush=True)
    said |= leaks(asked.leaks, asked.copies, asked.rows, np.random.default_rng(20260105))
    said |= whole_way(200)
    said["seconds"] = round((datetime.now(UTC) - started).total_seconds())
    print(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
