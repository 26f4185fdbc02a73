"""Everybody is decided again; killed at random points, it ends byte for byte as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from pratique.store.store import open_store
from tests.rollout.making_kills import PEOPLE, TESTED, prepare

KILLS = 2
ROOT = Path(__file__).parents[2]


def start(folder: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.rollout.making_kills", str(folder), url, "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


def finish(folder: Path, url: str) -> int:
    """Lets it run to its end; how many transactions it made."""
    told = start(folder, url).communicate(b"g" * 10_000, timeout=120)[0].split()
    assert told[-1] == b"done"
    return len(told) - 1


def kill_at_random(folder: Path, url: str, chance: random.Random, transactions: int) -> None:
    """Kills it so often, each time within one of its transactions or just after, then lets it run to its end."""
    for part in range(KILLS):
        process = start(folder, url)
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(chance.randrange(1, transactions >> (part + 1))):
            assert process.stdout.readline() == b"write\n"
            process.stdin.write(b"g")
            process.stdin.flush()
        time.sleep(chance.uniform(0, 0.03))
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    finish(folder, url)


def everything(folder: Path, url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in one order."""
    data = open_store(url, folder)
    with data.read() as tx:
        if data.dialect == "sqlite":
            names = tx.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        else:
            names = tx.all("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        found = {
            name: sorted(
                (
                    tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                    for row in tx.all(f"SELECT * FROM {name}")
                ),
                key=repr,
            )
            for (name,) in names
        }
    data.close()
    return found


def check(plain: dict[str, list[tuple[object, ...]]], killed: dict[str, list[tuple[object, ...]]]) -> None:
    assert plain.keys() == killed.keys()
    for name in plain:
        assert plain[name] == killed[name], name
    (job,) = plain["redecision"]
    assert job[2:7] == ("done", PEOPLE, PEOPLE, PEOPLE - TESTED, PEOPLE - TESTED)
    assert job[7] == ""  # a job that is over keeps no place
    assert len([row for row in plain["notice"] if row[2] == "N8"]) == PEOPLE - TESTED


def test_on_sqlite(tmp_path: Path) -> None:
    prepare(tmp_path / "base", "")
    for name in ("plain", "killed"):
        shutil.copytree(tmp_path / "base", tmp_path / name)
    transactions = finish(tmp_path / "plain", "")
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    kill_at_random(tmp_path / "killed", "", random.Random(seed), transactions)

    check(everything(tmp_path / "plain", ""), everything(tmp_path / "killed", ""))


def test_on_postgresql(postgres_server: str, tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    names = [f"kill{seed}{part}" for part in ("base", "plain", "killed")]
    urls = [postgres_server.replace("/postgres?", f"/{name}?") for name in names]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        try:
            admin.execute(f"CREATE DATABASE {names[0]}")
            prepare(tmp_path, urls[0])
            for name in names[1:]:
                admin.execute(f"CREATE DATABASE {name} TEMPLATE {names[0]}")
            transactions = finish(tmp_path / "plain", urls[1])
            kill_at_random(tmp_path / "killed", urls[2], random.Random(seed), transactions)
            check(everything(tmp_path, urls[1]), everything(tmp_path, urls[2]))
        finally:
            for name in names:
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
