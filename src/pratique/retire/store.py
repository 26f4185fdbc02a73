"""The room's tables, and the two questions asked of every table: is a text in it, which tables are there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pratique.core.moment import from_ms
from pratique.store.tx import Tx

_COLUMNS = (
    "mandate_id, kind, plan, plan_digest, ordered_at, act_at, started_at, found_before, rows_before, rows_gone_at, "
    "secrets_gone_at, secrets, scan, finished_at, certificate, log_seq"
)
_TIMES = ("ordered_at", "act_at", "started_at", "rows_gone_at", "secrets_gone_at", "finished_at")
_BYTES = ("plan", "found_before", "rows_before", "secrets", "scan", "certificate")


class Row(NamedTuple):
    """One destruction; what is None has not happened yet."""

    mandate_id: str
    kind: str
    plan: bytes
    plan_digest: str
    ordered_at: datetime
    act_at: datetime
    started_at: datetime | None
    found_before: bytes | None
    rows_before: bytes | None
    rows_gone_at: datetime | None
    secrets_gone_at: datetime | None
    secrets: bytes | None
    scan: bytes | None
    finished_at: datetime | None
    certificate: bytes | None
    log_seq: int | None


class Approval(NamedTuple):
    """A signature line on an order (`order`) or on a certificate (`attest`)."""

    act: str
    vkey: str
    role: str
    line: str


def add(tx: Tx, mandate_id: str, kind: str, plan: bytes, digest: str, ordered_ms: int, act_ms: int) -> None:
    """A new order to destroy."""
    tx.run(
        "INSERT INTO destruction (mandate_id, kind, plan, plan_digest, ordered_at, act_at) "
        "VALUES (:id, :kind, :plan, :digest, :ordered, :act)",
        id=mandate_id, kind=kind, plan=plan, digest=digest, ordered=ordered_ms, act=act_ms,
    )  # fmt: skip


def replace_early(tx: Tx, mandate_id: str) -> None:
    """An early order that was never acted on gives way to the end itself."""
    tx.run("DELETE FROM destruction_approval WHERE mandate_id = :id AND act = 'order'", id=mandate_id)
    tx.run("DELETE FROM destruction WHERE mandate_id = :id AND started_at IS NULL", id=mandate_id)


def find(tx: Tx, mandate_id: str) -> Row | None:
    """The destruction of a mandate's data, if one was ordered."""
    row = tx.one(f"SELECT {_COLUMNS} FROM destruction WHERE mandate_id = :id", id=mandate_id)
    return _row(row) if row else None


def every(tx: Tx) -> list[Row]:
    """All, oldest order first."""
    return [
        _row(row) for row in tx.all(f"SELECT {_COLUMNS} FROM destruction ORDER BY ordered_at, mandate_id")
    ]


def put(tx: Tx, mandate_id: str, **values: Any) -> None:
    """Set columns that are still empty. Names come from this room, never from outside."""
    places = ", ".join(f"{name} = COALESCE({name}, :{name})" for name in values)
    tx.run(f"UPDATE destruction SET {places} WHERE mandate_id = :id", id=mandate_id, **values)


def put_evidence(tx: Tx, mandate_id: str, raw: bytes) -> None:
    """What the key store said takes the place of what was counted before."""
    tx.run("UPDATE destruction SET secrets = :raw WHERE mandate_id = :id", id=mandate_id, raw=raw)


def add_approval(tx: Tx, mandate_id: str, approval: Approval, now_ms: int) -> None:
    """One more signature; the same again changes nothing."""
    tx.run(
        "INSERT INTO destruction_approval (mandate_id, act, vkey, role, line, approved_at) "
        "VALUES (:id, :act, :vkey, :role, :line, :now) ON CONFLICT (mandate_id, act, vkey) DO NOTHING",
        id=mandate_id, now=now_ms, **approval._asdict(),
    )  # fmt: skip


def approvals(tx: Tx, mandate_id: str, act: str) -> list[Approval]:
    """Signatures of one kind, by role."""
    rows = tx.all(
        "SELECT act, vkey, role, line FROM destruction_approval "
        "WHERE mandate_id = :id AND act = :act ORDER BY role, vkey",
        id=mandate_id, act=act,
    )  # fmt: skip
    return [Approval(*row) for row in rows]


def table_names(tx: Tx) -> list[str]:
    """Every table of the database."""
    if tx.dialect == "sqlite":
        rows = tx.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    else:
        rows = tx.all(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        )
    return [row[0] for row in rows]


def rows_with(tx: Tx, table: str, patterns: Sequence[bytes]) -> int:
    """How many rows of a table hold any of these bytes in any column; the table is read once."""
    if tx.dialect == "sqlite":
        columns = [row[0] for row in tx.all("SELECT name FROM pragma_table_info(:table)", table=table)]
        values: dict[str, Any] = {f"p{i}": pattern for i, pattern in enumerate(patterns)}
        listed = ", ".join(f"(:{name})" for name in values)
        where = " OR ".join(f'instr(CAST(t."{column}" AS BLOB), p.b) > 0' for column in columns)
        found = tx.one(
            f'WITH p (b) AS (VALUES {listed}) SELECT COUNT(*) FROM "{table}" t '
            f"WHERE EXISTS (SELECT 1 FROM p WHERE {where})",
            **values,
        )
    else:
        # A row as text shows binary columns in hex: look for the bytes both ways. OFFSET 0 keeps it one text a row.
        texts = {pattern.hex() for pattern in patterns} | {_plain(pattern) for pattern in patterns}
        values = {f"p{i}": text for i, text in enumerate(sorted(texts))}
        where = " OR ".join(f"position(CAST(:{name} AS text) in r.line) > 0" for name in values)
        found = tx.one(
            f'SELECT COUNT(*) FROM (SELECT CAST(t AS text) AS line FROM "{table}" t OFFSET 0) r WHERE {where}',
            **values,
        )
    return int(found[0]) if found else 0


def _plain(pattern: bytes) -> str:
    """As PostgreSQL text; bytes that are no text there cannot stand in a text column, so hex alone finds them."""
    try:
        text = pattern.decode()
    except UnicodeDecodeError:
        return pattern.hex()
    return pattern.hex() if "\x00" in text else text


def _row(row: tuple[Any, ...]) -> Row:
    values = dict(zip(Row._fields, row, strict=True))
    for name in _TIMES:
        values[name] = None if values[name] is None else from_ms(values[name])
    for name in _BYTES:
        values[name] = None if values[name] is None else bytes(values[name])
    return Row(**values)
