"""A gate's journal with a million passages: its size, the work of one more, and the start of a gate on it.

30 days of quarter-hours, a million decisions over the closed list, first all as rows (the largest a journal can be),
then folded as slots close. The rows are put in place and folded in large transactions, since a million forced writes
would measure the disk; one hundred more go the real way, beside a raw fsync, and so does the folding of the first
day. Start is a whole process over the folded journal: interpreter, imports, journal, signed lists, loop, one pass
decided and durable. On a machine under load compare CPU seconds. The last line is one JSON object.

    python bench/journal.py [PASSAGES, 1000000]
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.gate import ROOTS, a_pass, raw_fsync, snapshot
from pratique.core.text import Text
from pratique.gate import database as db
from pratique.gate.enrol import Enrolment, base64url
from pratique.gate.journal import KEEP_SLOTS, Journal
from pratique.gate.model import PAIRS, Decision, slot_of

PASSAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
STARTS = 3
MIB = 1 << 20


def fill(path: Path, rng: np.random.Generator) -> None:
    """PASSAGES decisions, the newest in the present quarter of an hour."""
    journal = Journal(path)
    journal.close()
    last = slot_of(datetime.now(UTC).timestamp())
    slots = last - rng.integers(0, KEEP_SLOTS, PASSAGES)
    slots.sort()
    shares = np.array([60, 5, 8, 3, 2, 1, 6, 1, 1, 4, 1, 5, 3], float)
    pairs = rng.choice(len(PAIRS), PASSAGES, p=shares / shares.sum())
    connection = db.connect(path)
    with db.transaction(connection):
        connection.executemany(
            "INSERT INTO decision (seq, slot15, pair, policy, snapshot) VALUES (?, ?, ?, ?, ?)",
            (
                (number + 1, int(slot), int(pair), 4, 120)
                for number, (slot, pair) in enumerate(zip(slots, pairs, strict=True))
            ),
        )
        counts = connection.execute(
            "SELECT slot15, pair, count(*) FROM decision GROUP BY slot15, pair"
        ).fetchall()
        connection.executemany(
            "INSERT INTO counter (slot15, outcome, reason, policy, n) VALUES (?, ?, ?, 4, ?)",
            [(slot, *PAIRS[pair], n) for slot, pair, n in counts],
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def size(home: Path) -> float:
    """MiB of journal, its log and its ring."""
    return sum(file.stat().st_size for file in home.glob("journal.db*")) / MIB


def a_home(home: Path) -> None:
    """What enrolment leaves."""
    roots = tuple(base64url(root.public_key) for root in ROOTS)
    enrolment = Enrolment("", Text("Bench", "测试"), roots, 2)
    (home / "gate.json").write_bytes(msgspec.json.encode(enrolment))
    (home / "snapshot.cbor").write_bytes(snapshot())


def start(home: Path) -> tuple[float, float]:
    """Wall and CPU seconds from nothing to the first decision told."""
    command = [
        sys.executable,
        "-m",
        "pratique.gate",
        "run",
        "--source",
        "stdin",
        "--home",
        str(home),
        "--json",
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(a_pass(1).encode() + b"\n")
    process.stdin.flush()
    line = json.loads(process.stdout.readline())
    wall = time.perf_counter() - began
    process.stdin.close()
    process.wait()
    process.stdout.close()
    assert line["outcome"] == "clear", line
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Fill, measure, start, fold."""
    rng = np.random.default_rng(2026)
    found: dict[str, Any] = {"bench": "journal", "passages": PASSAGES}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Path(folder)
        a_home(home)
        fill(home / "journal.db", rng)
        found["rows_mib"] = round(size(home), 1)
        journal = Journal(home / "journal.db")
        now = slot_of(datetime.now(UTC).timestamp())
        one: list[float] = []
        for _ in range(100):
            began = time.perf_counter()
            journal.record(Decision("clear", "pass", 4, 120), now)
            one.append(time.perf_counter() - began)
        raw = float(np.median(raw_fsync(home, 100)))
        (home / "raw").unlink()
        found["one_more_p50_ms"] = round(float(np.median(one)) * 1000, 2)
        found["one_more_to_raw_fsync"] = round(float(np.median(one)) / raw, 2)
        began_cpu = time.process_time()
        day = journal.close_slots((now - KEEP_SLOTS + 96) * 900.0, 120)
        found["fold_cpu_ms_per_slot"] = round((time.process_time() - began_cpu) * 1000 / max(1, day), 1)
        journal.read(lambda c: c.execute("DELETE FROM decision WHERE slot15 < ?", (now,)).fetchone(), None)
        journal.read(
            lambda c: c.execute("UPDATE counter SET closed = n WHERE slot15 < ?", (now,)).fetchone(), None
        )
        for what in ("wal_checkpoint(TRUNCATE)", "", "wal_checkpoint(TRUNCATE)"):
            sql = (
                f"PRAGMA {what}" if what else "VACUUM"
            )  # a gate folds slot by slot and never grows to be vacuumed
            journal.read(lambda c, sql=sql: c.execute(sql).fetchone(), None)
        found["folded_mib"] = round(size(home), 1)
        journal.close()
        starts = [start(home) for _ in range(STARTS)]
        found["start_to_first_decision_s"] = round(float(np.median([wall for wall, _ in starts])), 2)
        found["start_cpu_s"] = round(float(np.median([cpu for _, cpu in starts])), 2)
        journal = Journal(home / "journal.db")
        counted = journal.read(lambda c: c.execute("SELECT sum(n) FROM counter").fetchone()[0], 0)
        journal.close()
        assert counted == PASSAGES + 100 + STARTS, counted
    print(json.dumps(found))


if __name__ == "__main__":
    main()
