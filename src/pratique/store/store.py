"""The store: read a snapshot, write a use case. What `write` returned is on disk."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from pratique.store.commit import Writer
from pratique.store.engine import Engine, Readers, SqliteEngine, engine_for
from pratique.store.migrate import migrate
from pratique.store.tx import Tx

T = TypeVar("T")


class Store:
    """One database. Use cases are functions of a Tx; they hold no connection and keep no Tx."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._readers = Readers(engine)
        self._writer = Writer(engine)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect

    def read(self) -> AbstractContextManager[Tx]:
        """A consistent view for one answer."""
        return self._readers.read()

    def submit(self, act: Callable[[Tx], T]) -> "Future[T]":
        """Queue a use case; its future completes after the commit that holds it. Raises Busy."""
        return self._writer.submit(act)

    def write(self, act: Callable[[Tx], T]) -> T:
        """Run a use case and wait until it is durable. Raises whatever it refused."""
        return self.submit(act).result()

    async def awrite(self, act: Callable[[Tx], T]) -> T:
        """`write` for the event loop."""
        return await asyncio.wrap_future(self.submit(act))

    async def aread(self, act: Callable[[Tx], T]) -> T:
        """One read for the event loop: in place on SQLite (microseconds), in a thread on PostgreSQL (a round trip)."""
        if self.dialect == "sqlite":
            return self._readers.run(act)
        return await asyncio.to_thread(self._readers.run, act)

    async def apeek(self, act: Callable[[Tx], T]) -> T:
        """`aread` without a common moment of its statements: no BEGIN, no COMMIT; for what is asked very often."""
        if self.dialect == "sqlite":
            return self._readers.peek(act)
        return await asyncio.to_thread(self._readers.peek, act)

    def truncate_wal(self) -> None:
        """After a deletion run: nothing deleted may stay in SQLite's WAL. PostgreSQL: see docs/mandates.md."""
        if isinstance(self.engine, SqliteEngine):
            self._readers.close()
            connection = self.engine.connect(writer=True)
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.close()
            if busy:
                raise RuntimeError("a reader holds the WAL: it could not be truncated")

    def close(self) -> None:
        """Finish what waits, close every connection."""
        self._writer.close()
        self._readers.close()


def open_store(url: str, home: Path) -> Store:
    """Open the database named by `url` (empty: `home/pratique.db`) and bring its tables up to date."""
    engine = engine_for(url, home)
    migrate(engine)
    if isinstance(engine, SqliteEngine):
        sync_folder(engine.path.parent)
    return Store(engine)


def sync_folder(folder: Path) -> None:
    """A new file is on disk only when its folder is: a power cut may otherwise bring back what was there before."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
