"""Law 1 in the schema: raw SQL meets it too, on both databases, in every guarded table."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.mandates import making

from pratique.core.errors import NoMandate
from pratique.core.moment import Moment, to_ms
from pratique.mandates import service
from pratique.store.guards import APPEND_ONLY, GUARDS, KEPT, Guard, guarded_tables
from pratique.store.store import Store
from pratique.store.tx import Tx

HOUR = 3_600_000


def _tables(tx: Tx) -> set[str]:
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if tx.dialect == "sqlite"
        else "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    return {row[0] for row in tx.all(catalogue)}


def _columns(tx: Tx, table: str) -> dict[str, str]:
    """Name and kind (text, int, bytes) of each column."""
    if tx.dialect == "sqlite":
        rows = [(row[1], row[2]) for row in tx.all(f"PRAGMA table_info({table})")]
    else:
        rows = tx.all(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = :t "
            "AND table_schema = 'public' ORDER BY ordinal_position",
            t=table,
        )
    kinds = {"text": "text", "blob": "bytes", "bytea": "bytes"}
    return {name: kinds.get(kind.lower(), "int") for name, kind in rows}


def _values(columns: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
    plain = {"text": "0" * 26, "int": 1, "bytes": b"0"}
    return {name: given.get(name, plain[kind]) for name, kind in columns.items()}


def _insert(tx: Tx, table: str, values: dict[str, Any]) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    tx.run(f"INSERT INTO {table} ({names}) VALUES ({places})", **values)


def _refusal(store: Store, act: Callable[[Tx], Any]) -> BaseException:
    with pytest.raises(Exception) as refusal:  # noqa: PT011 - either database's own fault, read by the caller
        store.write(act)
    return refusal.value


def _try(store: Store, guard: Guard, mandate_id: str, at: int) -> BaseException | None:
    """The guard runs before constraints, so whether it let the row through shows in the kind of the refusal."""
    with store.read() as tx:
        given = {"mandate_id": mandate_id, guard.at: at, "ends_at": at + HOUR}
        values = _values(_columns(tx, guard.table), given)
    try:
        store.write(lambda tx: _insert(tx, guard.table, values))
    except Exception as fault:
        return fault
    return None


def test_it_works(store: Store) -> None:
    with store.read() as tx:
        missing = guarded_tables() - _tables(tx)

    assert missing == set()


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.table)
def test_no_mandate_no_row(store: Store, moment: Moment, guard: Guard) -> None:
    others = tuple(unlock for unlock in making.ALL if unlock != guard.unlock)
    mandate = store.write(lambda tx: making.live(tx, moment, days=2))
    wrong_kind = store.write(lambda tx: making.live(tx, moment, unlocks=others))
    draft = making.document(moment)
    store.write(lambda tx: service.draft(tx, moment, draft))
    future = store.write(lambda tx: making.live(tx, moment, start=moment.now.replace(year=2027), days=2))
    earlier = store.write(lambda tx: making.live(tx, moment, start=moment.now - timedelta(days=2)))
    now = moment.now_ms
    refused = [
        _try(store, guard, earlier.id, now - 1),  # its start lies before, but nobody could read it yet
        _try(store, guard, moment.new_id(), now),
        _try(store, guard, draft.id, now),
        _try(store, guard, wrong_kind.id, now),
        _try(store, guard, future.id, now),
        _try(store, guard, mandate.id, now - 1),
        _try(store, guard, mandate.id, to_ms(mandate.end)),
        _try(store, guard, mandate.id, to_ms(mandate.end) + 400 * 24 * HOUR),
    ]

    assert [type(fault) for fault in refused] == [NoMandate] * len(refused)
    for at in (now, to_ms(mandate.end) - 1):
        assert not isinstance(_try(store, guard, mandate.id, at), NoMandate)


def test_a_row_cannot_be_moved_out_of_its_mandate(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment, days=2))
    values = {"id": moment.new_id(), "mandate_id": mandate.id, "enrolled_at": moment.now_ms, "state": "up"}
    with store.read() as tx:
        row = _values(_columns(tx, "gate"), values)
    store.write(lambda tx: _insert(tx, "gate", row))

    late = _refusal(
        store, lambda tx: tx.run("UPDATE gate SET enrolled_at = :at WHERE id = :id", at=1, id=row["id"])
    )
    moved = _refusal(
        store, lambda tx: tx.run("UPDATE gate SET mandate_id = :m WHERE id = :id", m="0" * 26, id=row["id"])
    )

    assert isinstance(late, NoMandate)
    assert isinstance(moved, NoMandate)


@pytest.mark.parametrize(
    "change",
    [
        "start_at = start_at - 1",
        "start_at = start_at + 1",
        "end_at = end_at + 1",
        "end_at = end_at - 1, ends_at = ends_at - 1",
        "ends_at = ends_at + 1",
        "published_at = NULL",
        "published_at = published_at - 1",
        "log_seq = 0",
        "grace_hours = 72",
        "id = '1'",
        "extends = 'x'",
    ],
)
def test_a_mandate_is_never_made_longer(store: Store, moment: Moment, change: str) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment, days=2))
    store.write(
        lambda tx: tx.run("UPDATE mandate SET ends_at = ends_at - 1000 WHERE id = :id", id=mandate.id)
    )

    fault = _refusal(store, lambda tx: tx.run(f"UPDATE mandate SET {change} WHERE id = :id", id=mandate.id))

    assert "MANDATE_FIXED" in str(fault)


def test_a_mandate_is_never_made_wider(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment, unlocks=("gate",)))
    tries: list[tuple[str, dict[str, Any]]] = [
        ("INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, 'campaign')", {}),
        ("UPDATE mandate_unlock SET unlock = 'campaign' WHERE mandate_id = :id", {}),
        ("INSERT INTO mandate_data (mandate_id, data_class, max_days) VALUES (:id, 'x', 9)", {}),
        ("UPDATE mandate_data SET max_days = 900 WHERE mandate_id = :id", {}),
        ("UPDATE mandate_signature SET role = 'court' WHERE mandate_id = :id", {}),
    ]

    for sql, values in tries:
        assert "MANDATE_FIXED" in str(
            _refusal(store, lambda tx, s=sql, v=values: tx.run(s, id=mandate.id, **v))
        )


def test_ninety_days_are_the_limit_in_the_table_too(store: Store, moment: Moment) -> None:
    def insert(days: int, ends: int) -> Callable[[Tx], Any]:
        return lambda tx: tx.run(
            "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours) VALUES (:id, 0, :end, :ends, 24)",
            id=moment.new_id(),
            end=days * 24 * HOUR,
            ends=ends * 24 * HOUR,
        )

    store.write(insert(90, 90))
    for days, ends in ((91, 91), (90, 91), (0, 0)):
        _refusal(store, insert(days, ends))


@pytest.mark.parametrize("table", [table for table, _ in KEPT])
def test_the_public_trace_is_never_deleted_or_replaced(store: Store, moment: Moment, table: str) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment))
    key = dict(KEPT)[table]
    if table == "mandate_end":
        store.write(
            lambda tx: tx.run(
                "INSERT INTO mandate_end (mandate_id, note, reason, role, ended_at, log_seq) "
                "VALUES (:id, :note, 'r', 'legal', 1, 1)",
                id=mandate.id,
                note=b"n",
            )
        )
    verbs = [f"DELETE FROM {table}"]
    if store.dialect == "sqlite":
        verbs.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    else:
        verbs.append(f"TRUNCATE {table} CASCADE")

    for verb in verbs:
        assert "KEPT" in str(_refusal(store, lambda tx, v=verb: tx.run(v)))
    with store.read() as tx:
        assert tx.one(f"SELECT {', '.join(key)} FROM {table}") is not None


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only_rows_do_not_change(store: Store, table: str) -> None:
    """No row is needed to see the trigger: it stands on the table. Rows are tried in the rooms' own tests."""
    with store.read() as tx:
        if tx.dialect == "sqlite":
            found = tx.one(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :n", n=f"append_only_{table}"
            )
        else:
            found = tx.one(
                "SELECT tgname FROM pg_trigger WHERE tgname = :n AND tgenabled = 'O'",
                n=f"append_only_{table}",
            )

    assert found is not None


def test_an_entry_of_the_log_does_not_change(store: Store, moment: Moment) -> None:
    store.write(lambda tx: making.live(tx, moment))

    fault = _refusal(store, lambda tx: tx.run("UPDATE log_entry SET logged_at = 1"))

    assert "APPEND_ONLY" in str(fault)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.table)
def test_every_guard_also_watches_changes(store: Store, guard: Guard) -> None:
    with store.read() as tx:
        if tx.dialect == "sqlite":
            row = tx.one("SELECT sql FROM sqlite_master WHERE name = :n", n=f"guard_{guard.table}_update")
        else:
            row = tx.one(
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = :n", n=f"guard_{guard.table}"
            )

    assert row is not None
    assert f"UPDATE OF mandate_id, {guard.at}" in row[0]
