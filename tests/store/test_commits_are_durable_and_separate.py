"""Group commit: one bad use case fails alone, a bounded queue sheds, after-commit acts run only after a commit."""

import threading
from concurrent.futures import Future, wait

import pytest

from pratique.core.errors import Busy
from pratique.store.commit import Writer
from pratique.store.store import Store
from pratique.store.tx import Tx, percent_style


def _table(tx: Tx) -> None:
    tx.run("CREATE TABLE thing (name TEXT PRIMARY KEY, n INTEGER)")


def _put(name: str, n: int = 1):
    def act(tx: Tx) -> str:
        tx.run("INSERT INTO thing (name, n) VALUES (:name, :n)", name=name, n=n)
        return name

    return act


def _names(store: Store) -> set[str]:
    with store.read() as tx:
        return {row[0] for row in tx.all("SELECT name FROM thing")}


def test_it_works(store: Store) -> None:
    store.write(_table)

    assert store.write(_put("a")) == "a"
    assert _names(store) == {"a"}


def test_one_bad_use_case_fails_alone(store: Store) -> None:
    store.write(_table)
    gate = threading.Event()
    first = store.submit(lambda tx: gate.wait(5))
    futures: list[Future] = [store.submit(_put(name)) for name in ("a", "b", "a", "c")]

    gate.set()
    wait([first, *futures])

    assert [f.exception() is None for f in futures] == [True, True, False, True]
    assert _names(store) == {"a", "b", "c"}


def test_a_use_case_that_raises_leaves_nothing(store: Store) -> None:
    store.write(_table)

    def half(tx: Tx) -> None:
        _put("half")(tx)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        store.write(half)
    assert _names(store) == set()


def test_after_commit_runs_after_and_only_after(store: Store) -> None:
    store.write(_table)
    seen: list[set[str]] = []

    def good(tx: Tx) -> None:
        _put("a")(tx)
        tx.after_commit(lambda: seen.append(_names(store)))

    def bad(tx: Tx) -> None:
        tx.after_commit(lambda: seen.append({"never"}))
        raise RuntimeError

    store.write(good)
    with pytest.raises(RuntimeError):
        store.write(bad)
    assert seen == [{"a"}]


def test_a_sequel_that_fails_harms_nobody(sqlite_store: Store) -> None:
    sqlite_store.write(_table)

    def breaks() -> None:
        raise RuntimeError("sequel")

    def act(tx: Tx) -> str:
        tx.after_commit(breaks)
        return _put("a")(tx)

    assert sqlite_store.write(act) == "a"
    assert sqlite_store.write(_put("b")) == "b"
    assert _names(sqlite_store) == {"a", "b"}


def test_who_stopped_waiting_is_left_out_and_harms_nobody(sqlite_store: Store) -> None:
    sqlite_store.write(_table)
    gate = threading.Event()
    first = sqlite_store.submit(lambda tx: gate.wait(5))
    stopped_waiting = sqlite_store.submit(_put("a"))
    waits = sqlite_store.submit(_put("b"))

    assert stopped_waiting.cancel()
    gate.set()
    wait([first, waits])

    assert waits.result() == "b"
    assert sqlite_store.write(_put("c")) == "c"
    assert _names(sqlite_store) == {"b", "c"}


def test_a_full_queue_sheds(sqlite_store: Store) -> None:
    writer = Writer(sqlite_store.engine, waiting=2)
    gate = threading.Event()
    started = threading.Event()

    def hold(tx: Tx) -> None:
        started.set()
        gate.wait(5)

    first = writer.submit(hold)
    started.wait(5)
    waiting = [writer.submit(lambda tx: None), writer.submit(lambda tx: None)]
    with pytest.raises(Busy) as refusal:
        writer.submit(lambda tx: None)
    gate.set()
    wait([first, *waiting])
    writer.close()

    assert refusal.value.retry_after >= 1


def test_parameters_are_rewritten_and_casts_are_not() -> None:
    assert (
        percent_style("SELECT a::text, :b_1 WHERE c LIKE '50%'")
        == "SELECT a::text, %(b_1)s WHERE c LIKE '50%%'"
    )
