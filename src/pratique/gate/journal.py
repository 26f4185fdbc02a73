"""The gate's journal: counts per quarter of an hour, durable, without identity.

A decision is one transaction: the counter goes up and one row without identity is written; `record` returns when it
is on disk (WAL, synchronous=FULL). Rows fold into the counters when their slot closes. No token, no hash of one, no
name and no time finer than fifteen minutes is ever written. When the storage fails, counting goes on in memory and in
a ring file whose space was taken beforehand, and comes back by itself. One owner: the loop's thread.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pratique.core.canonical import canonical_json
from pratique.gate import database as db
from pratique.gate.model import EVERY_PAIR, SLOT_CLOSES_AFTER, SLOT_SECONDS, Decision
from pratique.gate.ring import Ring, Row

T = TypeVar("T")
Sign = Callable[[bytes], bytes]

KEEP_SLOTS = 30 * 96

_COUNT = (
    "INSERT INTO counter (slot15, outcome, reason, policy, n) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (slot15, outcome, reason, policy) DO UPDATE SET n = n + excluded.n"
)
_TAKE_BACK = (
    "UPDATE counter SET n = n - 1 "
    "WHERE slot15 = ? AND outcome = ? AND reason = ? AND policy = ? AND n > closed"
)
_ROW = "INSERT INTO decision (seq, slot15, pair, policy, snapshot) VALUES (?, ?, ?, ?, ?)"
_PLACE = {pair: place for place, pair in enumerate(EVERY_PAIR)}


class Journal:
    """`healthy` is false while counts live in memory and the ring only."""

    def __init__(self, path: Path, sign: Sign | None = None, *, sends: bool = True) -> None:
        """Open or create `path`. A disk that is full or read-only does not stop the gate: see `healthy`.

        A door reader `sends` nothing: its counts stay where they are, for thirty days.
        """
        self.path, self._sends = path, sends
        self.healthy = True
        self._sign = sign
        self._connection: sqlite3.Connection | None = None
        self._alarms: dict[str, tuple[bool, int]] = {}
        self._ring = Ring(path.with_name(path.name + ".ring"))
        number, counts = self._ring.read()
        kept = self.read(lambda c: int(db.setting(c, "ring", "0")), 0)
        self._memory: Counter[Row] = counts if number > kept else Counter()
        self._ring.number = max(number, kept)
        self._seq = self.read(_last_seq, 0)
        self.recover()

    def record(self, decision: Decision, slot15: int) -> int:
        """Count one decision; its number. On return it is on disk or, with `healthy` false, in memory and the ring."""
        self.recover()
        self._seq += 1
        row = (slot15, decision.outcome, decision.reason, decision.policy)
        try:
            with db.transaction(self._open()) as connection:
                connection.execute(_COUNT, (*row, 1))
                pair = _PLACE[decision.outcome, decision.reason]
                connection.execute(_ROW, (self._seq, slot15, pair, decision.policy, decision.snapshot))
        except sqlite3.Error:
            self._remember({row: 1})
        return self._seq

    def annul(self, seq: int, decision: Decision, slot15: int) -> None:
        """Nobody went through: take the count back and count an annulled one beside it."""
        row = (slot15, decision.outcome, decision.reason, decision.policy)
        instead = (slot15, "annulled", "annulled", decision.policy)
        if self._memory[row] > 0:
            self._remember({row: -1, instead: 1})
            return
        try:
            with db.transaction(self._open()) as connection:
                connection.execute("DELETE FROM decision WHERE seq = ?", (seq,))
                connection.execute(_TAKE_BACK, row)
                connection.execute(_COUNT, (*instead, 1))
        except sqlite3.Error:
            self._remember({row: -1, instead: 1})

    def recover(self) -> bool:
        """Bring to disk what is in memory. True if nothing is left there. Runs before every decision."""
        if self.healthy and not self._memory:
            return True
        try:
            with db.transaction(self._open()) as connection:
                connection.executemany(_COUNT, [(*row, n) for row, n in self._memory.items() if n])
                db.put_setting(connection, "ring", str(self._ring.number))
        except sqlite3.Error:
            self.healthy = False
            return False
        self._memory.clear()
        self.healthy = True
        for kind, (stands, slot15) in list(self._alarms.items()):
            self.alarm(kind, stands, slot15)
        return True

    def close_slots(self, now: float, snapshot: int, *, all_of_them: bool = False) -> int:
        """Fold every slot that is over; how many. A slot closes 60 s after its end.

        `all_of_them` closes the running one too: the clock stepped, or the gate ends.
        """
        last = int(now) // SLOT_SECONDS if all_of_them else int(now - SLOT_CLOSES_AFTER) // SLOT_SECONDS - 1
        if not self.recover():
            return 0
        try:
            connection = self._open()
            slots = [row[0] for row in connection.execute(
                "SELECT DISTINCT slot15 FROM counter WHERE n <> closed AND slot15 <= ? ORDER BY slot15", (last,)
            )]  # fmt: skip
            for slot15 in slots:
                self._close(connection, slot15, snapshot)
            old = last - KEEP_SLOTS
            if connection.execute("SELECT 1 FROM counter WHERE slot15 < ? LIMIT 1", (old,)).fetchone():
                connection.execute("DELETE FROM counter WHERE slot15 < ? AND n = closed", (old,))
        except sqlite3.Error:
            self.healthy = False
            return 0
        if slots:
            self._blur(slots[-1])
        return len(slots)

    def _close(self, connection: sqlite3.Connection, slot15: int, snapshot: int) -> None:
        rows = connection.execute(
            "SELECT outcome, reason, policy, n - closed FROM counter WHERE slot15 = ? AND n <> closed "
            "ORDER BY outcome, reason, policy",
            (slot15,),
        ).fetchall()
        head = connection.execute("SELECT body_hash FROM slot_chain ORDER BY seq DESC LIMIT 1").fetchone()
        prev = head[0] if head else bytes(32)
        body_hash = chain_hash(prev, slot15, rows)
        signature = self._sign(body_hash) if self._sign else b""
        with db.transaction(connection):
            connection.execute("DELETE FROM decision WHERE slot15 = ?", (slot15,))
            connection.execute("UPDATE counter SET closed = n WHERE slot15 = ?", (slot15,))
            connection.execute(
                "INSERT INTO slot_chain (slot15, body_hash, prev_hash, signature) VALUES (?, ?, ?, ?)",
                (slot15, body_hash, prev, signature),
            )
            end = (slot15 + 1) * SLOT_SECONDS
            if self._sends:
                db.post(connection, db.batch(_count_rows(slot15, rows), [], snapshot, end))
            db.put_setting(connection, "last_seq", str(self._seq))

    def _blur(self, slot15: int) -> None:
        # The times of the files would tell the last passage to the second.
        end = (slot15 + 1) * SLOT_SECONDS
        for suffix in ("", "-wal", "-shm", ".ring"):
            with suppress(OSError):
                os.utime(f"{self.path}{suffix}", (end, end))

    def counts(self, slot15: int) -> dict[str, int]:
        """Counts of one slot by outcome, those in memory included."""
        rows: list[tuple[str, int]] = self.read(
            lambda c: c.execute("SELECT outcome, n FROM counter WHERE slot15 = ?", (slot15,)).fetchall(), []
        )
        found = Counter[str]()
        for outcome, n in rows + [(row[1], n) for row, n in self._memory.items() if row[0] == slot15]:
            found[outcome] += n
        return {outcome: n for outcome, n in sorted(found.items()) if n}

    def alarm(self, kind: str, stands: bool, slot15: int) -> None:
        """Raise or clear an alarm. One that cannot be written waits in memory for the disk."""
        try:
            (db.raise_alarm if stands else db.clear_alarm)(self._open(), kind, slot15)
            self._alarms.pop(kind, None)
        except sqlite3.Error:
            self.healthy = False
            self._alarms[kind] = (stands, slot15)

    def post_alarms(self, slot15: int, snapshot: int) -> None:
        """Send alarms that were not sent yet, without waiting for a slot to close."""
        if not self._sends:
            return
        try:
            db.post_alarms(self._open(), slot15, snapshot)
        except sqlite3.Error:
            self.healthy = False

    def setting(self, key: str, default: str = "") -> str:
        """A stored setting."""
        return self.read(lambda c: db.setting(c, key, default), default)

    def put_setting(self, key: str, value: str) -> None:
        """Store a setting. A disk that is full keeps the old value."""
        with suppress(sqlite3.Error), db.transaction(self._open()) as connection:
            db.put_setting(connection, key, value)

    def floor(self) -> int:
        """The newest time that was certain, at slot grain; 0 if none."""
        return self.read(lambda c: int(c.execute("SELECT max(unix) FROM time_floor").fetchone()[0] or 0), 0)

    def raise_floor(self, unix: float) -> None:
        """Keep a certain time, at slot grain: law 4 allows no finer one."""
        at = int(unix) // SLOT_SECONDS * SLOT_SECONDS
        with suppress(sqlite3.Error), db.transaction(self._open()) as connection:
            connection.execute(
                "INSERT INTO time_floor (kind, unix) VALUES ('certain', ?) "
                "ON CONFLICT (kind) DO UPDATE SET unix = max(unix, excluded.unix)",
                (at,),
            )

    def last_slot(self) -> int:
        """The latest slot with a count; 0 if none."""
        return self.read(
            lambda c: int(c.execute("SELECT coalesce(max(slot15), 0) FROM counter").fetchone()[0]), 0
        )

    def decisions(self) -> int:
        """All decisions counted in the last thirty days, those taken back among them."""
        return self.read(lambda c: int(c.execute("SELECT coalesce(sum(n), 0) FROM counter").fetchone()[0]), 0)

    def last_hash(self) -> bytes:
        """The end of the chain of closed slots; 32 zero bytes if none was closed."""
        row = self.read(
            lambda c: c.execute("SELECT body_hash FROM slot_chain ORDER BY seq DESC LIMIT 1").fetchone(), None
        )
        return bytes(row[0]) if row else bytes(32)

    def read(self, act: Callable[[sqlite3.Connection], T], default: T) -> T:
        """One reading, or the default while the file cannot be read."""
        try:
            return act(self._open())
        except sqlite3.Error:
            self.healthy = False
            return default

    def close(self) -> None:
        """Let go of the files."""
        if self._connection is not None:
            self._connection.close()
        self._ring.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = db.connect(self.path)
        return self._connection

    def _remember(self, rows: dict[Row, int]) -> None:
        self.healthy = False
        self._memory.update(rows)
        self._ring.write(self._memory)


def chain_hash(prev: bytes, slot15: int, rows: list[tuple[str, str, int, int]]) -> bytes:
    """SHA-256(prev ‖ slot15 as 8 bytes ‖ canonical rows): one link per closed slot."""
    return sha256(prev + slot15.to_bytes(8, "big") + canonical_json([list(row) for row in rows])).digest()


def _last_seq(connection: sqlite3.Connection) -> int:
    highest = int(connection.execute("SELECT coalesce(max(seq), 0) FROM decision").fetchone()[0])
    return max(highest, int(db.setting(connection, "last_seq", "0")))


def _count_rows(slot15: int, rows: list[tuple[str, str, int, int]]) -> list[dict[str, object]]:
    return [
        {"slot15": slot15, "outcome": outcome, "reason": reason, "policy": policy, "n": n}
        for outcome, reason, policy, n in rows
    ]
