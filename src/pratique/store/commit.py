"""Group commit: one writer thread owns the one writing connection.

It takes a waiting use case, then all others that wait (at most `GROUP`), runs each in a savepoint inside one
transaction, commits, and only then tells each caller. One bad use case fails alone. A commit that fails reaches
every waiter, after each has been tried once more by itself. The queue is bounded: beyond it callers get `Busy`.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Full, Queue, SimpleQueue
from typing import Any, TypeVar

from pratique.core.errors import Busy
from pratique.store.engine import Engine
from pratique.store.tx import Tx

T = TypeVar("T")
_log = logging.getLogger("pratique.store")
Act = Callable[[Tx], Any]

GROUP = 1024
WAITING = 8192


class Writer:
    """Owns the writing connection. `submit` from any thread; `close` drains and stops."""

    def __init__(self, engine: Engine, waiting: int = WAITING) -> None:
        self._engine = engine
        self._queue: Queue[tuple[Act, Future[Any]] | None] = Queue(waiting)
        self._connection: Any = None
        started: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, args=(started,), name="writer", daemon=True)
        self._thread.start()
        if fault := started.get():
            raise fault

    def submit(self, act: Callable[[Tx], T]) -> "Future[T]":
        """Queue one use case. The future holds its result once it is durable, or its refusal.

        Raises Busy when too many wait.
        """
        if not self._thread.is_alive():
            raise Busy(retry_after=5)
        future: Future[T] = Future()
        try:
            self._queue.put_nowait((act, future))
        except Full:
            raise Busy() from None
        return future

    def close(self) -> None:
        """Finish what waits, then stop."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _work(self, started: "SimpleQueue[BaseException | None]") -> None:
        try:
            self._connection = self._engine.connect(writer=True)
        except BaseException as fault:
            started.put(self._engine.translate(fault))
            return
        started.put(None)
        open_for_work = True
        while open_for_work:
            group: list[tuple[Act, Future[Any]]] = []
            item = self._queue.get()
            while item is not None:
                group.append(item)
                if len(group) >= GROUP or self._queue.empty():
                    break
                item = self._queue.get()
            open_for_work = item is not None
            if group:
                self._flush(group)
        self._connection.close()

    def _flush(self, group: list[tuple[Act, "Future[Any]"]]) -> None:
        # Whoever stopped waiting is left out; from here on nobody can.
        group = [item for item in group if item[1].running() or item[1].set_running_or_notify_cancel()]
        if not group:
            return
        try:
            outcomes, then = self._attempt([act for act, _ in group])
        except BaseException as fault:
            self._roll_back()
            if len(group) > 1:
                for item in group:
                    self._flush([item])
            else:
                group[0][1].set_exception(self._engine.translate(fault))
            return
        for act in then:
            try:
                act()
            except Exception:
                # The commit stands whatever its sequel does; the writer must live on for everybody else.
                _log.exception("what should follow a commit failed")
        for (_, future), (result, refusal) in zip(group, outcomes, strict=True):
            if refusal is not None:
                future.set_exception(refusal)
            else:
                future.set_result(result)

    def _attempt(
        self, acts: list[Act]
    ) -> tuple[list[tuple[Any, BaseException | None]], list[Callable[[], None]]]:
        """All acts in one transaction, each in its savepoint. Raises if the transaction as a whole cannot commit."""
        engine, connection = self._engine, self._connection
        outcomes: list[tuple[Any, BaseException | None]] = []
        then: list[Callable[[], None]] = []
        engine.begin(connection, writer=True)
        for act in acts:
            engine.savepoint(connection, "SAVEPOINT")
            tx = engine.tx(connection)
            try:
                result = act(tx)
            except Exception as fault:
                if not engine.in_transaction(connection):
                    raise
                engine.savepoint(connection, "ROLLBACK TO SAVEPOINT")
                engine.savepoint(connection, "RELEASE SAVEPOINT")
                outcomes.append((None, engine.translate(fault)))
            else:
                engine.savepoint(connection, "RELEASE SAVEPOINT")
                outcomes.append((result, None))
                then.extend(tx.then)
        connection.execute("COMMIT")
        return outcomes, then

    def _roll_back(self) -> None:
        try:
            if self._engine.in_transaction(self._connection):
                self._connection.execute("ROLLBACK")
            if getattr(self._connection, "closed", False):
                self._connection = self._engine.connect(writer=True)
        except Exception:
            with suppress(Exception):  # the next group meets the same fault and reports it
                self._connection = self._engine.connect(writer=True)
