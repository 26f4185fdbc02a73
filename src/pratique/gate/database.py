"""The gate's one SQLite file: its tables, its settings, and the few values both processes of a gate share.

Functions of a connection. The loop's thread owns the writing; the sync process takes from the outbox.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pratique.core.canonical import canonical_json
from pratique.core.moment import rfc3339
from pratique.gate.model import SLOT_SECONDS

_SETTINGS = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "wal_autocheckpoint": 1000}

_TABLES = """
CREATE TABLE IF NOT EXISTS counter (slot15 INTEGER, outcome TEXT, reason TEXT, policy INTEGER, n INTEGER NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (slot15, outcome, reason, policy)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decision (seq INTEGER PRIMARY KEY, slot15 INTEGER NOT NULL, pair INTEGER NOT NULL,
  policy INTEGER NOT NULL, snapshot INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS slot_chain (seq INTEGER PRIMARY KEY, slot15 INTEGER NOT NULL, body_hash BLOB NOT NULL,
  prev_hash BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS alarm (kind TEXT, first_slot INTEGER, last_slot INTEGER, sent INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, first_slot)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS time_floor (kind TEXT PRIMARY KEY, unix INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


def connect(path: Path, synchronous: int = 2) -> sqlite3.Connection:
    """A connection with every durability setting set and read back, and the tables made.

    `synchronous` is for the test that shows what a weaker setting loses. Raises RuntimeError for an SQLite that
    refuses a setting, sqlite3.Error for a file that cannot be opened.
    """
    fresh = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
    connection.execute("PRAGMA page_size=4096")
    for name, value in (_SETTINGS | {"synchronous": synchronous}).items():
        connection.execute(f"PRAGMA {name}={value}")
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != value:
            raise RuntimeError(f"this SQLite keeps {name}={found} and refuses {value}: use another build")
    _drop_worded_rows(connection)
    connection.executescript(_TABLES)
    if fresh:
        # SQLite deletes the rollback journal it made the file with, but forces the folder to disk only with
        # synchronous=EXTRA: after a power cut that journal could come back and undo everything since.
        sync_folder(path.parent)
    return connection


def _drop_worded_rows(connection: sqlite3.Connection) -> None:
    """A journal of before, whose rows spelled outcome and reason out. The counts are in `counter`: only the number of
    the last row is needed, so that none is used twice."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(decision)")}
    if "outcome" in columns:
        with transaction(connection):
            highest = connection.execute("SELECT coalesce(max(seq), 0) FROM decision").fetchone()[0]
            put_setting(connection, "last_seq", str(max(int(setting(connection, "last_seq", "0")), highest)))
            connection.execute("DROP TABLE decision")


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk: names made, renamed and deleted in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, and on disk afterwards."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def setting(connection: sqlite3.Connection, key: str, default: str = "") -> str:
    """A stored setting."""
    row = connection.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else default


def put_setting(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Store a setting."""
    connection.execute(
        "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def post(connection: sqlite3.Connection, body: dict[str, object]) -> int:
    """Put a batch into the outbox inside the caller's transaction; its number. Numbers are never used twice."""
    seq = int(setting(connection, "outbox_seq", "0")) + 1
    connection.execute("INSERT INTO outbox (seq, body) VALUES (?, ?)", (seq, canonical_json(body)))
    put_setting(connection, "outbox_seq", str(seq))
    return seq


def waiting(connection: sqlite3.Connection, most: int = 100) -> list[tuple[int, bytes]]:
    """Batches not yet acknowledged, oldest first."""
    return connection.execute("SELECT seq, body FROM outbox ORDER BY seq LIMIT ?", (most,)).fetchall()


def acknowledged(connection: sqlite3.Connection, seq: int) -> None:
    """The server has this batch on disk: only now may it go."""
    with transaction(connection):
        connection.execute("DELETE FROM outbox WHERE seq = ?", (seq,))


def raise_alarm(connection: sqlite3.Connection, kind: str, slot15: int) -> None:
    """An alarm stands. Raised twice it stays one; raised again in the slot it was cleared in, it goes on."""
    with transaction(connection):
        standing = connection.execute(
            "SELECT 1 FROM alarm WHERE kind = ? AND last_slot IS NULL", (kind,)
        ).fetchone()
        if not standing:
            connection.execute(
                "INSERT INTO alarm (kind, first_slot) VALUES (?, ?) "
                "ON CONFLICT (kind, first_slot) DO UPDATE SET last_slot = NULL, sent = 0",
                (kind, slot15),
            )


def clear_alarm(connection: sqlite3.Connection, kind: str, slot15: int) -> None:
    """The alarm's cause is gone."""
    with transaction(connection):
        connection.execute(
            "UPDATE alarm SET last_slot = ?, sent = 0 WHERE kind = ? AND last_slot IS NULL", (slot15, kind)
        )


def post_alarms(connection: sqlite3.Connection, slot15: int, snapshot: int) -> bool:
    """Put alarms not yet sent into a batch of their own at once; False if there are none."""
    rows = connection.execute("SELECT kind, first_slot, last_slot FROM alarm WHERE sent = 0").fetchall()
    if not rows:
        return False
    alarms: list[dict[str, object]] = [
        {"kind": kind, "first_slot": first, "last_slot": last} for kind, first, last in rows
    ]
    with transaction(connection):
        connection.execute("UPDATE alarm SET sent = 1 WHERE sent = 0")
        post(connection, batch([], alarms, snapshot, slot15 * SLOT_SECONDS))
    return True


def batch(
    rows: list[dict[str, object]], alarms: list[dict[str, object]], snapshot: int, at: int
) -> dict[str, object]:
    """The fields of an upload but for gate, number and signature. `at` (seconds since 1970) is at slot grain."""
    when = rfc3339(datetime.fromtimestamp(at // SLOT_SECONDS * SLOT_SECONDS, UTC))
    return {"rows": rows, "alarms": alarms, "snapshot": snapshot, "at": when}
