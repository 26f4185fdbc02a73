"""SQLite on a disk that is full, and behind another process's lock: refused, nothing half stored, then well again."""

import os
import sqlite3
from pathlib import Path

import pytest

from pratique.core.errors import Busy, StorageFull
from pratique.store.engine import SqliteEngine
from pratique.store.store import Store
from pratique.store.tx import Tx

CHUNK = 64 << 10


def _make(tx: Tx) -> None:
    tx.run("CREATE TABLE thing (n INTEGER PRIMARY KEY, body BLOB)")


def _put(n: int, size: int = CHUNK):
    return lambda tx: tx.run("INSERT INTO thing (n, body) VALUES (:n, :body)", n=n, body=os.urandom(size))


def _numbers(store: Store) -> list[int]:
    with store.read() as tx:
        return [row[0] for row in tx.all("SELECT n FROM thing ORDER BY n")]


def test_a_full_disk_refuses_keeps_what_it_acknowledged_and_recovers(small_disk: Path) -> None:
    store = Store(SqliteEngine(small_disk / "p.db"))
    store.write(_make)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1 << 20))
    acknowledged, refused = [], None
    for n in range(1000):
        try:
            store.write(_put(n))
        except StorageFull as refusal:
            refused = refusal
            break
        acknowledged.append(n)

    assert refused is not None
    assert refused.status == 507
    assert acknowledged
    assert _numbers(store) == acknowledged
    filler.unlink()
    store.write(_put(5000))
    assert _numbers(store) == [*acknowledged, 5000]
    store.close()


def test_a_locked_database_says_busy(tmp_path: Path) -> None:
    store = Store(SqliteEngine(tmp_path / "p.db", busy_timeout_ms=50))
    store.write(_make)
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Busy):
        store.write(_put(1))

    other.execute("ROLLBACK")
    store.write(_put(1))
    assert _numbers(store) == [1]
    store.close()
