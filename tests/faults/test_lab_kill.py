"""kill -9 between commit and acknowledgement, two hundred times: whatever was acknowledged is there, nothing doubles.

Every second kill is aimed: the server dies after the commit and just before it writes an answer. The others come
from outside at a random moment. After each the database is opened afresh and every acknowledged message must be in
it; what was not acknowledged is sent again, as a laboratory would, and is stored once.
"""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.faults.lab_server import NoKeys, moment
from tests.testing.world import NEGATIVE, oru, put_mandate

from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store
from pratique.testing import service
from pratique.testing.client import Answer, read_answer, send
from pratique.testing.mllp import END, START, Door, Listener

KILLS = 200
LANES = 4
AHEAD = 6  # messages on their way on each connection
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def prepare(home: Path) -> Store:
    """A store with a live campaign and a laboratory; the tubes stay unknown, so results wait for their sites."""
    store = open_store("", home)

    def build(tx) -> None:
        mandate = put_mandate(tx, NOW - timedelta(days=1))
        service.open_campaign(
            tx, moment(), mandate_id=mandate, name=Text("round", "采样"), capacity=10, analytes=["94500-6"],
            opens_at=NOW, closes_at=NOW + timedelta(days=9),
        )  # fmt: skip
        service.add_lab(tx, moment(), "LAB-A")

    store.write(build)
    return store


@pytest.fixture
def forker() -> Iterator[subprocess.Popen]:
    """The program that forks servers."""
    program = Path(__file__).with_name("lab_server.py")
    running = subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield running
    running.kill()
    running.wait()


async def blast(port: int, pid: int, queue: list[str], acknowledged: set[str], kill_after: int) -> None:
    """Send what is queued on several connections until the server is gone; -9 after `kill_after` answers if above 0."""
    heard = [0]

    async def lane(mine: list[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for n in range(len(mine) + AHEAD):
                if n < len(mine):
                    writer.write(START + oru(f"X{mine[n]}", NEGATIVE, NOW, control=mine[n]) + END)
                if n >= AHEAD:
                    for answer in read_answer(await reader.readuntil(END)):
                        assert answer.letters == "CA", answer
                        acknowledged.add(answer.control_id)
                    heard[0] += 1
                    if heard[0] == kill_after:
                        os.kill(pid, signal.SIGKILL)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    await asyncio.gather(*(lane(queue[n::LANES]) for n in range(LANES)), return_exceptions=False)


def kept(home: Path) -> list[str]:
    """Control ids in the database, read by a fresh connection as after a crash."""
    connection = sqlite3.connect(home / "pratique.db")
    rows = [row[0] for row in connection.execute("SELECT msh10 FROM lab_message")]
    connection.close()
    return rows


def test_two_hundred_kills_lose_nothing_that_was_acknowledged(
    tmp_path: Path, forker: subprocess.Popen
) -> None:
    prepare(tmp_path).close()
    chance = random.Random(7)
    acknowledged: set[str] = set()
    unanswered = lost_answers = 0
    next_id = 0
    queue: list[str] = []
    for kill in range(KILLS):
        aimed = chance.randint(1, 30) if kill % 2 else 0
        forker.stdin.write(f"{tmp_path} {aimed}\n")
        forker.stdin.flush()
        pid, port = map(int, forker.stdout.readline().split())
        while len(queue) < 60:
            queue.append(f"{next_id:06d}")
            next_id += 1
        before = len(acknowledged)
        asyncio.run(blast(port, pid, queue, acknowledged, 0 if aimed else chance.randint(1, 30)))
        there = kept(tmp_path)
        assert len(there) == len(set(there))
        assert acknowledged <= set(there), f"kill {kill} lost {acknowledged - set(there)}"
        lost_answers += len(set(there) - acknowledged)
        unanswered += len(acknowledged) == before
        queue = [one for one in queue if one not in acknowledged]

    assert lost_answers > KILLS // 4  # the kills did fall between commit and answer
    assert len(acknowledged) > KILLS
    store = open_store("", tmp_path)
    asyncio.run(_send_again(store, queue))
    assert sorted(kept(tmp_path)) == [f"{n:06d}" for n in range(next_id)]
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*), COUNT(DISTINCT code) FROM result_version") == (next_id, next_id)
    store.close()


async def _send_again(store: Store, queue: list[str]) -> None:
    """What a laboratory does with what was never answered."""
    listener = Listener(Door(store, moment, lambda *_: None, Sealer(NoKeys(), os.urandom)))
    port = await listener.open("127.0.0.1", 0)
    frames = [oru(f"X{one}", NEGATIVE, NOW, control=one) for one in queue]
    answers = await send("127.0.0.1", port, frames)
    assert [found[0].letters for found in answers] == ["CA"] * len(queue)
    await listener.close()


async def _one(store: Store, raw: bytes) -> Answer:
    listener = Listener(Door(store, moment, lambda *_: None, Sealer(NoKeys(), os.urandom)))
    port = await listener.open("127.0.0.1", 0)
    ((answer,),) = await send("127.0.0.1", port, [raw])
    await listener.close()
    return answer


def test_a_locked_database_is_answered_with_an_error_and_stores_nothing(tmp_path: Path) -> None:
    store = prepare(tmp_path)
    store.engine.busy_timeout_ms = 50
    store.write(lambda tx: tx.run("PRAGMA busy_timeout=50") and None)
    other = sqlite3.connect(tmp_path / "pratique.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    refused = asyncio.run(_one(store, oru("X1", NEGATIVE, NOW)))

    other.execute("ROLLBACK")
    assert (refused.letters, refused.code) == ("CE", "207")
    assert "nothing was stored" in refused.why
    assert kept(tmp_path) == []
    assert asyncio.run(_one(store, oru("X1", NEGATIVE, NOW))).letters == "CA"
    store.close()


def test_a_full_disk_is_answered_with_an_error_and_stores_nothing(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        store = prepare(place)
        (place / "filler").write_bytes(bytes(3 << 20))
        accepted, refused = [], None
        for n in range(5000):
            answer = asyncio.run(_one(store, oru(f"X{n}", NEGATIVE, NOW, control=f"{n}", name="P" * 50_000)))
            if answer.letters != "CA":
                refused = answer
                break
            accepted.append(f"{n}")
        assert refused is not None
        assert (refused.letters, refused.code) == ("CE", "207")
        assert "disk is full" in refused.why
        assert sorted(kept(place)) == sorted(accepted)
        (place / "filler").unlink()
        assert asyncio.run(_one(store, oru("Y1", NEGATIVE, NOW, control="again"))).letters == "CA"
        assert sorted(kept(place)) == sorted([*accepted, "again"])
        store.close()
    finally:
        subprocess.run(["umount", "-l", place], check=True)
