"""The gate's journal through power cuts, kill -9, a full disk and a read-only one: no acknowledged decision is lost.

The power-cut model is `cut_disk.py`: it trusts sync, as cheap cards may not. That it bites is shown by the same run
with synchronous=NORMAL, which must lose decisions.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from pratique.gate import database as db
from pratique.gate.journal import Journal
from pratique.gate.model import Decision

CLEAR = Decision("clear", "pass", 1, 1)
SLOT = 1_963_000

CHILD = """
import os, sys
from pathlib import Path
from pratique.gate.journal import Journal
from pratique.gate.model import Decision
clear, slot, path, kills = Decision("clear", "pass", 1, 1), 1963000, Path(sys.argv[1]), int(sys.argv[2])
for kill in range(kills):
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        journal = Journal(path)
        while True:
            journal.record(clear, slot + kill // 20)
            os.write(told, b".")
            if kill % 7 == 0:
                journal.close_slots((slot + kill // 20) * 900 + 1, 1, all_of_them=True)
    os.close(told)
    seen, after = 0, 3 + kill * 7 % 23
    while seen < after:
        seen += len(os.read(ready, 64))
    os.kill(child, 9)
    os.waitpid(child, 0)
    while more := os.read(ready, 4096):
        seen += len(more)
    os.close(ready)
    print(seen, flush=True)
"""


def cut(synchronous: int, cuts: int) -> dict[str, int]:
    ran = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("cut_disk.py")),
            "1000",
            str(cuts),
            str(synchronous),
            "7",
        ],
        capture_output=True,
        check=True,
    )
    found: dict[str, int] = json.loads(ran.stdout)
    return found


def test_it_works() -> None:
    found = cut(2, 500)

    assert found["cuts"] == 500
    assert (found["lost"], found["damaged"]) == (0, 0)


def test_the_model_bites_a_weaker_setting_loses_decisions() -> None:
    found = cut(1, 250)

    assert found["lost"] > 25
    assert found["worst"] > 10


def test_two_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    ran = subprocess.run([sys.executable, "-c", CHILD, str(path), "200"], capture_output=True, check=True)
    acknowledged = sum(map(int, ran.stdout.split()))

    began = time.monotonic()
    journal = Journal(path)
    connection = db.connect(path)
    total = connection.execute("SELECT sum(n) FROM counter").fetchone()[0]
    sent = sum(row["n"] for _, body in db.waiting(connection, 10**6) for row in json.loads(body)["rows"])
    closed = connection.execute("SELECT sum(closed) FROM counter").fetchone()[0]

    assert acknowledged > 2000
    assert (
        acknowledged <= total <= acknowledged + 200
    )  # a kill may fall between the commit and the word of it
    assert sent == closed
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert journal.healthy
    assert time.monotonic() - began < 5


def fill(place: Path) -> Path:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


def counted(path: Path) -> int:
    return int(db.connect(path).execute("SELECT coalesce(sum(n), 0) FROM counter").fetchone()[0])


def test_a_full_disk_does_not_stop_the_gate_and_nothing_is_lost(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    journal = Journal(path)
    for _ in range(20):
        journal.record(CLEAR, SLOT)
    filler = fill(small_disk)

    slowest = 0.0
    for n in range(3000):
        began = time.monotonic()
        journal.record(CLEAR, SLOT + n // 300)
        slowest = max(slowest, time.monotonic() - began)

    assert not journal.healthy
    assert sum(journal.counts(SLOT + n).get("clear", 0) for n in range(10)) == 3020
    assert slowest < 1.0
    filler.unlink()
    journal.record(CLEAR, SLOT)
    assert journal.healthy
    assert counted(path) == 3021


def test_a_restart_on_a_full_disk_keeps_the_counts_of_the_ring(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    journal = Journal(path)
    journal.record(CLEAR, SLOT)
    filler = fill(small_disk)
    for _ in range(500):
        journal.record(CLEAR, SLOT)
    assert not journal.healthy
    del journal  # as if killed: nothing is closed in order

    again = Journal(path)
    again.record(CLEAR, SLOT)

    assert again.counts(SLOT) == {"clear": 502}
    filler.unlink()
    assert again.recover()
    assert counted(path) == 502
    assert Journal(path).counts(SLOT) == {"clear": 502}


def test_a_full_disk_from_the_first_moment_counts_in_memory(small_disk: Path) -> None:
    filler = fill(small_disk)
    journal = Journal(small_disk / "journal.db")
    seq = journal.record(CLEAR, SLOT)
    journal.annul(seq, CLEAR, SLOT)
    journal.record(CLEAR, SLOT)
    journal.alarm("storage", True, SLOT)

    assert not journal.healthy
    assert journal.counts(SLOT) == {"annulled": 1, "clear": 1}
    filler.unlink()
    assert journal.recover()
    assert journal.counts(SLOT) == {"annulled": 1, "clear": 1}
    alarms = db.connect(journal.path).execute("SELECT kind, first_slot, last_slot FROM alarm").fetchall()
    assert alarms == [("storage", SLOT, None)]


def test_a_gate_that_starts_on_a_read_only_disk_decides_and_counts_in_memory(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    first = Journal(path)
    first.record(CLEAR, SLOT)
    first.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    journal = Journal(path)
    for _ in range(50):
        journal.record(CLEAR, SLOT)

    assert not journal.healthy
    assert journal.counts(SLOT)["clear"] >= 50
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    journal.record(CLEAR, SLOT)
    assert journal.healthy
    assert counted(path) == 52


def test_a_torn_ring_leaves_its_other_half(tmp_path: Path) -> None:
    from collections import Counter

    from pratique.gate.ring import HALF, Ring

    ring = Ring(tmp_path / "ring")
    for n in (1, 2, 3):
        ring.write(Counter({(SLOT, "clear", "pass", 1): n}))
    with (tmp_path / "ring").open("r+b") as file:  # the third write tore
        file.seek(HALF + 30)
        file.write(b"torn")

    number, counts = Ring(tmp_path / "ring").read()
    assert (number, counts) == (2, {(SLOT, "clear", "pass", 1): 2})


def test_the_running_gate_survives_kill_minus_nine(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from tests.gate.making import a_home, a_pass

    now = datetime.now(UTC)
    home = a_home(tmp_path / "home", now)
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
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for n in range(5):
        process.stdin.write(a_pass(now, status=(1, n)).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["outcome"] == "clear"
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert counted(home / "journal.db") == 5
