"""The room's tables: documents, signatures, mandates, ends, keys of officers, the log's entries."""

from functools import lru_cache
from typing import NamedTuple

from pratique.core.mandate import Mandate
from pratique.core.moment import from_ms, to_ms
from pratique.mandates.document import mandate_of, read_document
from pratique.mandates.model import Document, Signed, Standing
from pratique.store.tx import Row, Tx

_STANDING = (
    "SELECT d.text, d.digest, m.published_at, CASE WHEN m.ends_at < m.end_at THEN m.ends_at END, m.log_seq, "
    "m.destroyed_at FROM mandate_document d JOIN mandate m ON m.id = d.mandate_id "
)
_MANDATE = (
    "SELECT d.text, m.published_at, CASE WHEN m.ends_at < m.end_at THEN m.ends_at END "
    "FROM mandate m JOIN mandate_document d ON d.mandate_id = m.id WHERE m.published_at IS NOT NULL "
)


class Published(NamedTuple):
    """What the log has signed: one row, changed only by compare-and-swap on `size`."""

    origin: str
    size: int
    root: bytes
    checkpoint: bytes | None


class Officer(NamedTuple):
    """A key the deployment trusts to sign mandates, with its times in milliseconds."""

    vkey: str
    name: str
    role: str
    from_at: int
    until_at: int | None


def add_document(
    tx: Tx, document: Document, text: bytes, digest: str, reading: bytes | None, now_ms: int
) -> None:
    """The draft with everything the guards read; not published."""
    tx.run(
        "INSERT INTO mandate_document (mandate_id, text, digest, reading, drafted_at) "
        "VALUES (:id, :text, :digest, :reading, :now)",
        id=document.id, text=text, digest=digest, reading=reading, now=now_ms,
    )  # fmt: skip
    tx.run(
        "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours, extends, supersedes) "
        "VALUES (:id, :start, :end, :end, :grace, :extends, :supersedes)",
        id=document.id, start=to_ms(document.start), end=to_ms(document.end), grace=document.grace_hours,
        extends=document.extends, supersedes=document.supersedes,
    )  # fmt: skip
    for unlock in document.unlocks:
        tx.run(
            "INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, :unlock)",
            id=document.id,
            unlock=unlock,
        )
    for kept in document.data:
        tx.run(
            "INSERT INTO mandate_data (mandate_id, data_class, max_days) VALUES (:id, :class, :days)",
            **{"id": document.id, "class": kept.data_class, "days": kept.max_days},
        )


def add_signature(tx: Tx, mandate_id: str, signed: Signed, now_ms: int) -> None:
    """One signature on a draft."""
    tx.run(
        "INSERT INTO mandate_signature (mandate_id, role, vkey, line, signed_at) "
        "VALUES (:id, :role, :vkey, :line, :now)",
        id=mandate_id, role=signed.role, vkey=signed.vkey, line=signed.line, now=now_ms,
    )  # fmt: skip


def set_published(tx: Tx, mandate_id: str, now_ms: int, seq: int) -> None:
    """From now on it may come into force."""
    tx.run(
        "UPDATE mandate SET published_at = :now, log_seq = :seq WHERE id = :id",
        id=mandate_id,
        now=now_ms,
        seq=seq,
    )


def add_end(tx: Tx, mandate_id: str, note: bytes, reason: str, role: str, ends_ms: int, seq: int) -> None:
    """An early end: the order, and the new end where the guards read it."""
    tx.run(
        "INSERT INTO mandate_end (mandate_id, note, reason, role, ended_at, log_seq) "
        "VALUES (:id, :note, :reason, :role, :ends, :seq)",
        id=mandate_id, note=note, reason=reason, role=role, ends=ends_ms, seq=seq,
    )  # fmt: skip
    tx.run("UPDATE mandate SET ends_at = :ends WHERE id = :id", id=mandate_id, ends=ends_ms)


def set_destroyed(tx: Tx, mandate_id: str, now_ms: int) -> None:
    """Its data is gone."""
    tx.run("UPDATE mandate SET destroyed_at = :now WHERE id = :id", id=mandate_id, now=now_ms)


def standing(tx: Tx, mandate_id: str) -> Standing | None:
    """The mandate as it stands, drafts too."""
    row = tx.one(_STANDING + "WHERE d.mandate_id = :id", id=mandate_id)
    return _standing(tx, row) if row else None


def standings(tx: Tx) -> list[Standing]:
    """All, the newest end first."""
    return [_standing(tx, row) for row in tx.all(_STANDING + "ORDER BY m.end_at DESC, m.id")]


def ended(tx: Tx, mandate_id: str) -> bool:
    """True if an early end was ordered."""
    return tx.one("SELECT 1 FROM mandate_end WHERE mandate_id = :id", id=mandate_id) is not None


def published(tx: Tx, mandate_id: str) -> Mandate | None:
    """The mandate, if it was published."""
    row = tx.one(_MANDATE + "AND m.id = :id", id=mandate_id)
    return _mandate(row) if row else None


def published_between(tx: Tx, at_ms: int) -> list[Mandate]:
    """All published whose time includes `at_ms`."""
    rows = tx.all(
        _MANDATE
        + "AND m.published_at <= :at AND m.start_at <= :at AND m.ends_at > :at ORDER BY m.ends_at, m.id",
        at=at_ms,
    )
    return [_mandate(row) for row in rows]


def overdue(tx: Tx, at_ms: int) -> list[Mandate]:
    """Published, past end and grace, not destroyed."""
    rows = tx.all(
        _MANDATE
        + "AND m.destroyed_at IS NULL AND m.ends_at + m.grace_hours * 3600000 <= :at ORDER BY m.ends_at",
        at=at_ms,
    )
    return [_mandate(row) for row in rows]


def reading(tx: Tx, mandate_id: str) -> bytes | None:
    """What residents read, where it is kept here."""
    row = tx.one("SELECT reading FROM mandate_document WHERE mandate_id = :id", id=mandate_id)
    return bytes(row[0]) if row and row[0] is not None else None


def add_officer(tx: Tx, officer: Officer, seq: int) -> None:
    """Trust a key."""
    tx.run(
        "INSERT INTO officer_key (vkey, name, role, from_at, until_at, log_seq) "
        "VALUES (:vkey, :name, :role, :from_at, :until_at, :seq)",
        seq=seq, **officer._asdict(),
    )  # fmt: skip


def stop_officer(tx: Tx, vkey: str, until_ms: int) -> int:
    """Stop trusting a key from a time on; 0 if it was never trusted or is stopped already."""
    return tx.run(
        "UPDATE officer_key SET until_at = :until WHERE vkey = :vkey AND until_at IS NULL",
        vkey=vkey,
        until=until_ms,
    )


def officers(tx: Tx) -> list[Officer]:
    """Every key ever trusted."""
    return [
        Officer(*row)
        for row in tx.all("SELECT vkey, name, role, from_at, until_at FROM officer_key ORDER BY name")
    ]


def last_entry(tx: Tx, kind: str) -> bytes | None:
    """The newest entry of one type."""
    row = tx.one("SELECT entry FROM log_entry WHERE type = :kind ORDER BY seq DESC LIMIT 1", kind=kind)
    return bytes(row[0]) if row else None


def add_entry(tx: Tx, kind: str, entry: bytes, leaf: bytes, now_ms: int) -> int:
    """Append to the log; its index. There is one writer, so the indexes have no holes."""
    row = tx.one(
        "INSERT INTO log_entry (seq, type, entry, leaf, logged_at) "
        "SELECT COALESCE(MAX(seq) + 1, 0), :kind, :entry, :leaf, :now FROM log_entry RETURNING seq",
        kind=kind, entry=entry, leaf=leaf, now=now_ms,
    )  # fmt: skip
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return int(row[0])


def log_size(tx: Tx) -> int:
    """How many entries are committed."""
    row = tx.one("SELECT COALESCE(MAX(seq) + 1, 0) FROM log_entry")
    return int(row[0]) if row else 0


def log_entries(tx: Tx, start: int, end: int) -> list[bytes]:
    """The entries [start, end) in their order."""
    rows = tx.all(
        "SELECT entry FROM log_entry WHERE seq >= :start AND seq < :end ORDER BY seq", start=start, end=end
    )
    return [bytes(row[0]) for row in rows]


def log_published(tx: Tx) -> Published | None:
    """What was signed last, or None before the first time."""
    row = tx.one("SELECT origin, size, root, checkpoint FROM log_state WHERE id = 1")
    return (
        Published(row[0], int(row[1]), bytes(row[2]), None if row[3] is None else bytes(row[3]))
        if row
        else None
    )


def swap_log_state(tx: Tx, old: int | None, origin: str, size: int, root: bytes, now_ms: int) -> bool:
    """Set size and root if the size is still `old` (None: no row yet). False if another was faster."""
    if old is None:
        return tx.run(
            "INSERT INTO log_state (id, origin, size, root, published_at) VALUES (1, :origin, :size, :root, :now) "
            "ON CONFLICT (id) DO NOTHING",
            origin=origin, size=size, root=root, now=now_ms,
        ) == 1  # fmt: skip
    return tx.run(
        "UPDATE log_state SET size = :size, root = :root, published_at = :now, checkpoint = NULL "
        "WHERE id = 1 AND size = :old AND origin = :origin",
        old=old, origin=origin, size=size, root=root, now=now_ms,
    ) == 1  # fmt: skip


def set_checkpoint(tx: Tx, size: int, checkpoint: bytes) -> None:
    """Keep the signed bytes beside the size they belong to."""
    tx.run("UPDATE log_state SET checkpoint = :raw WHERE id = 1 AND size = :size", raw=checkpoint, size=size)


def public_documents(tx: Tx) -> list[tuple[str, bytes]]:
    """(name, reading) of every published mandate's text, and (name, note) of every early end."""
    readings = tx.all(
        "SELECT d.mandate_id, d.reading FROM mandate_document d JOIN mandate m ON m.id = d.mandate_id "
        "WHERE m.published_at IS NOT NULL AND d.reading IS NOT NULL"
    )
    ends = tx.all("SELECT mandate_id, note FROM mandate_end")
    return [(f"{row[0]}.reading", bytes(row[1])) for row in readings] + [
        (f"{row[0]}.end", bytes(row[1])) for row in ends
    ]


def _standing(tx: Tx, row: Row) -> Standing:
    document = _document(bytes(row[0]))
    rows = tx.all(
        "SELECT role, vkey, line FROM mandate_signature WHERE mandate_id = :id ORDER BY role", id=document.id
    )
    times = [None if ms is None else from_ms(ms) for ms in (row[2], row[3], row[5])]
    return Standing(document, row[1], tuple(Signed(*r) for r in rows), times[0], times[1], row[4], times[2])


def _mandate(row: Row) -> Mandate:
    return _made(bytes(row[0]), int(row[1]), None if row[2] is None else int(row[2]))


@lru_cache(maxsize=256)
def _made(text: bytes, published_ms: int, ended_ms: int | None) -> Mandate:
    return mandate_of(_document(text), from_ms(published_ms), None if ended_ms is None else from_ms(ended_ms))


@lru_cache(maxsize=256)
def _document(text: bytes) -> Document:
    return read_document(text)


# Areas


def areas(tx: Tx) -> list[Row]:
    """(code, name_en, name_zh)"""
    return tx.all("SELECT code, name_en, name_zh FROM area ORDER BY code")


def put_area(tx: Tx, code: str, en: str, zh: str, now: int) -> None:
    tx.run(
        "INSERT INTO area (code, name_en, name_zh, added_at) VALUES (:code, :en, :zh, :now) "
        "ON CONFLICT (code) DO UPDATE SET name_en = :en, name_zh = :zh",
        code=code, en=en, zh=zh, now=now,
    )  # fmt: skip


def published_documents(tx: Tx) -> list[Document]:
    """The documents of all mandates that were published, the oldest first."""
    rows = tx.all(
        "SELECT d.text FROM mandate_document d JOIN mandate m ON m.id = d.mandate_id "
        "WHERE m.published_at IS NOT NULL ORDER BY m.published_at, m.id"
    )
    return [read_document(bytes(row[0])) for row in rows]
