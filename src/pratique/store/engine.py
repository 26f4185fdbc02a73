"""The two databases behind one door.

SQLite (WAL, synchronous=FULL, secure_delete=ON, all read back at start) and PostgreSQL do the same things: many
readers, one writer at a time, a commit that is on disk before anybody is told.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import urlsplit

from pratique.core.errors import Busy, NoMandate, StorageFull
from pratique.store.tx import PostgresTx, SqliteTx, Tx

T = TypeVar("T")

# The writer touches random pages of a city's 750 MB; with SQLite's own 2 MB each is read and spilled again.
WRITER_CACHE_KIB = 128 << 10
# A release touches a few thousand random pages a commit. With SQLite's own 1,000 each commit copies them into the
# database file at once, and the next commit the same ones again; 64 MB of WAL copies a page once for many commits.
CHECKPOINT_PAGES = 16 << 10
WRITER_LOCK = 0x5052_4154  # one writer among all processes on a PostgreSQL database


class Engine(Protocol):
    """How one kind of database connects, begins, commits and names its faults."""

    dialect: str

    def connect(self, *, writer: bool) -> Any: ...
    def tx(self, connection: Any) -> Any: ...
    def begin(self, connection: Any, *, writer: bool) -> None: ...
    def savepoint(self, connection: Any, verb: str) -> None: ...
    def in_transaction(self, connection: Any) -> bool: ...
    def translate(self, fault: BaseException) -> BaseException: ...


class SqliteEngine:
    """One file. `wanted` settings are set and read back: a build that ignores one is refused at start."""

    dialect = "sqlite"
    wanted: ClassVar = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}

    def __init__(self, path: Path, busy_timeout_ms: int = 5000) -> None:
        self.path = path
        self.busy_timeout_ms = busy_timeout_ms

    def connect(self, *, writer: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.execute(f"PRAGMA busy_timeout={self.busy_timeout_ms}")
        if writer:
            connection.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        for name, value in self.wanted.items():
            connection.execute(f"PRAGMA {name}={value}")
            found = connection.execute(f"PRAGMA {name}").fetchone()[0]
            if found != value:
                raise RuntimeError(f"this SQLite keeps {name}={found} and refuses {value}: use another build")
        return connection

    def tx(self, connection: sqlite3.Connection) -> SqliteTx:
        return SqliteTx(connection)

    def begin(self, connection: sqlite3.Connection, *, writer: bool) -> None:
        connection.execute("BEGIN IMMEDIATE" if writer else "BEGIN")

    def savepoint(self, connection: sqlite3.Connection, verb: str) -> None:
        connection.execute(f"{verb} item")

    def in_transaction(self, connection: sqlite3.Connection) -> bool:
        return connection.in_transaction

    def translate(self, fault: BaseException) -> BaseException:
        if isinstance(fault, sqlite3.IntegrityError) and str(fault).startswith("NO_MANDATE"):
            return NoMandate(what=str(fault).removeprefix("NO_MANDATE "))
        if isinstance(fault, sqlite3.OperationalError):
            code = getattr(fault, "sqlite_errorname", "")
            if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                return Busy()
            if code.startswith(("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR_WRITE", "SQLITE_CANTOPEN")):
                return StorageFull()
        return fault


class PostgresEngine:
    """A server, 15 or newer. The writer takes one advisory lock a transaction, so processes never interleave."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url

    def connect(self, *, writer: bool) -> Any:
        import psycopg

        connection = psycopg.connect(self.url, autocommit=True)
        if writer:
            connection.execute("SET synchronous_commit = on")
        return connection

    def tx(self, connection: Any) -> PostgresTx:
        return PostgresTx(connection)

    def begin(self, connection: Any, *, writer: bool) -> None:
        if writer:
            connection.execute("BEGIN")
            connection.execute(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        else:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def savepoint(self, connection: Any, verb: str) -> None:
        connection.execute(f"{verb} item")

    def in_transaction(self, connection: Any) -> bool:
        return not connection.closed and int(connection.info.transaction_status) in (2, 3)

    def translate(self, fault: BaseException) -> BaseException:
        import psycopg

        if isinstance(fault, psycopg.errors.RaiseException) and "NO_MANDATE" in str(fault):
            return NoMandate(what=str(fault).split("NO_MANDATE ", 1)[-1].splitlines()[0])
        if isinstance(fault, psycopg.errors.DiskFull | psycopg.errors.ReadOnlySqlTransaction):
            return StorageFull()
        if isinstance(fault, psycopg.errors.LockNotAvailable | psycopg.errors.SerializationFailure):
            return Busy()
        if isinstance(fault, psycopg.OperationalError):
            return Busy(retry_after=5)
        return fault


def engine_for(url: str, home: Path) -> Engine:
    """The engine named by PRATIQUE_DATABASE_URL: empty or `sqlite:PATH`, or `postgresql://…`."""
    scheme = urlsplit(url).scheme
    if scheme in ("postgresql", "postgres"):
        return PostgresEngine(url)
    if scheme == "sqlite":
        return SqliteEngine(Path(url.removeprefix("sqlite:").removeprefix("//")))
    if url:
        raise ValueError("PRATIQUE_DATABASE_URL is empty, sqlite:PATH or postgresql://…")
    return SqliteEngine(home / "pratique.db")


class Readers:
    """A small pool of read connections; each read is one snapshot."""

    def __init__(self, engine: Engine, keep: int = 8) -> None:
        self._engine = engine
        self._idle: deque[Any] = deque()  # append and pop are atomic: no lock on the hot path
        self._keep = keep

    def run(self, act: Callable[[Tx], T]) -> T:
        """`act` on one consistent view. Faults of the database come out as refusals."""
        connection = self._take()
        try:
            self._engine.begin(connection, writer=False)
            result = act(self._engine.tx(connection))
            connection.execute("COMMIT")
        except BaseException as fault:
            if (undone := self._undone(connection, fault)) is not fault:
                raise undone from fault
            raise
        finally:
            self._give_back(connection)
        return result

    def peek(self, act: Callable[[Tx], T]) -> T:
        """`act`, each of its statements by itself: for reads that need not be of one moment."""
        connection = self._take()
        try:
            return act(self._engine.tx(connection))
        except BaseException as fault:
            if (undone := self._undone(connection, fault)) is not fault:
                raise undone from fault
            raise
        finally:
            self._give_back(connection)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """The same for a `with` block."""
        connection = self._take()
        try:
            self._engine.begin(connection, writer=False)
            yield self._engine.tx(connection)
            connection.execute("COMMIT")
        except BaseException as fault:
            if (undone := self._undone(connection, fault)) is not fault:
                raise undone from fault
            raise
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close every idle connection, so that the WAL can be truncated."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.connect(writer=False)

    def _give_back(self, connection: Any) -> None:
        if len(self._idle) < self._keep:
            self._idle.append(connection)
        else:
            connection.close()

    def _undone(self, connection: Any, fault: BaseException) -> BaseException:
        if self._engine.in_transaction(connection):
            connection.execute("ROLLBACK")
        return self._engine.translate(fault)
