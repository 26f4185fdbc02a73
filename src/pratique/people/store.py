"""Tables of the room `people` (0002_people.sql). SQL only; decides nothing.

Three questions are asked of the law's own tables, the ones the guards in the database read too: which mandate
unlocks something now, which mandates exist at all, and whether an area is on the list.
"""

from collections.abc import Iterable, Iterator, Sequence

from pratique.store.tx import Row, Tx

CHUNK = 256  # subjects of one statement


def subject_row(tx: Tx, subject_id: str) -> Row | None:
    """(kind, created_at, version)"""
    return tx.one("SELECT kind, created_at, version FROM subject WHERE id = :id", id=subject_id)


def add_subjects(tx: Tx, kind: str, ids: Sequence[str], now_ms: int) -> None:
    tx.many(
        "INSERT INTO subject (id, kind, created_at) VALUES (:id, :kind, :at)",
        [{"id": i, "kind": kind, "at": now_ms} for i in ids],
    )


def add_key(tx: Tx, public_key: bytes, subject_id: str, now_ms: int) -> None:
    tx.run(
        "INSERT INTO subject_key (public_key, subject_id, added_at) VALUES (:key, :id, :at)",
        key=public_key,
        id=subject_id,
        at=now_ms,
    )


def chunks(ids: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Parameter lists of a few fixed lengths, so that statements are prepared once."""
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        width = next(size for size in (1, 16, CHUNK) if len(part) <= size)
        part += [""] * (width - len(part))
        yield ", ".join(f":s{i}" for i in range(width)), {f"s{i}": one for i, one in enumerate(part)}


def keys_of(tx: Tx, subject_ids: Iterable[str]) -> Iterator[Row]:
    """(subject_id, public_key), oldest key first."""
    for named, values in chunks(subject_ids):
        sql = (
            f"SELECT subject_id, public_key FROM subject_key WHERE subject_id IN ({named}) "
            "ORDER BY added_at, public_key"
        )
        yield from tx.all(sql, **values)


def existing(tx: Tx, subject_ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for named, values in chunks(subject_ids):
        found.update(row[0] for row in tx.all(f"SELECT id FROM subject WHERE id IN ({named})", **values))
    return found


def subjects_after(tx: Tx, after: str, limit: int) -> list[str]:
    rows = tx.all(
        "SELECT id FROM subject WHERE id > :after ORDER BY id LIMIT :limit", after=after, limit=limit
    )
    return [row[0] for row in rows]


def touch(tx: Tx, subject_ids: Iterable[str]) -> None:
    tx.many("UPDATE subject SET version = version + 1 WHERE id = :id", [{"id": i} for i in subject_ids])


def live_mandate(tx: Tx, unlock: str, now_ms: int) -> str | None:
    """The mandate in force that unlocks `unlock` and lasts longest."""
    row = tx.one(
        "SELECT m.id FROM mandate m JOIN mandate_unlock u ON u.mandate_id = m.id "
        "WHERE u.unlock = :unlock AND m.published_at IS NOT NULL AND m.start_at <= :now AND :now < m.ends_at "
        "ORDER BY m.ends_at DESC, m.id LIMIT 1",
        unlock=unlock,
        now=now_ms,
    )
    return row[0] if row else None


def area_known(tx: Tx, code: str) -> bool:
    """True where this area is on the list of the deployment, or no mandate has begun a list yet."""
    row = tx.one(
        "SELECT COUNT(*), COALESCE(MAX(CASE WHEN code = :code THEN 1 ELSE 0 END), 0) FROM area", code=code
    )
    return row is None or not row[0] or bool(row[1])


def mandate_ids(tx: Tx, *, standing: bool = False) -> list[str]:
    """All mandates; with `standing` only published ones whose data is not destroyed yet."""
    where = "WHERE published_at IS NOT NULL AND destroyed_at IS NULL " if standing else ""
    return [row[0] for row in tx.all(f"SELECT id FROM mandate {where}ORDER BY id")]


def put_card(
    tx: Tx, subject_id: str, mandate_id: str, *, written_at: int, phone_index: bytes, sealed: bytes
) -> None:
    """A new card replaces the old one as a new row, so that the guard of law 1 sees each writing."""
    tx.run(
        "DELETE FROM contact_card WHERE subject_id = :id AND mandate_id = :mandate",
        id=subject_id,
        mandate=mandate_id,
    )
    tx.run(
        "INSERT INTO contact_card (subject_id, mandate_id, written_at, phone_index, sealed) "
        "VALUES (:id, :mandate, :at, :phone, :sealed)",
        id=subject_id,
        mandate=mandate_id,
        at=written_at,
        phone=phone_index,
        sealed=sealed,
    )


def cards(tx: Tx, subject_id: str) -> list[Row]:
    """(mandate_id, written_at, sealed), newest first."""
    return tx.all(
        "SELECT mandate_id, written_at, sealed FROM contact_card WHERE subject_id = :id "
        "ORDER BY written_at DESC, mandate_id",
        id=subject_id,
    )


def card_mandates(tx: Tx) -> list[str]:
    """Mandates under which cards are kept."""
    return [row[0] for row in tx.all("SELECT DISTINCT mandate_id FROM contact_card ORDER BY mandate_id")]


def by_phone(tx: Tx, phone_index: bytes) -> list[str]:
    rows = tx.all("SELECT subject_id FROM contact_card WHERE phone_index = :index", index=phone_index)
    return [row[0] for row in rows]


def last_access(tx: Tx) -> Row | None:
    """(n, hash) of the newest entry."""
    return tx.one("SELECT n, hash FROM access_log ORDER BY n DESC LIMIT 1")


ACCESS_COLUMNS = "n, at, who, role, purpose, action, mandate_id, sealed_subject, fields, prev, hash"


def add_access(tx: Tx, entries: list[dict[str, object]], index: list[dict[str, object]]) -> None:
    tx.many(
        f"INSERT INTO access_log ({ACCESS_COLUMNS}) VALUES (:n, :at, :who, :role, :purpose, :action, "
        ":mandate_id, :sealed_subject, :fields, :prev, :hash)",
        entries,
    )
    tx.many(
        "INSERT INTO access_index (subject_id, n, mandate_id) VALUES (:subject_id, :n, :mandate_id)", index
    )


def access_pages(tx: Tx, size: int = 10_000) -> Iterator[list[Row]]:
    """The whole log in order, page by page."""
    after = -1
    while rows := tx.all(
        f"SELECT {ACCESS_COLUMNS} FROM access_log WHERE n > :after ORDER BY n LIMIT :size",
        after=after,
        size=size,
    ):
        yield rows
        after = rows[-1][0]


def accesses_of(tx: Tx, subject_id: str, limit: int) -> list[Row]:
    """(n, at, role, purpose, mandate_id, sealed_subject, fields), newest first."""
    return tx.all(
        "SELECT l.n, l.at, l.role, l.purpose, l.mandate_id, l.sealed_subject, l.fields "
        "FROM access_index i JOIN access_log l ON l.n = i.n WHERE i.subject_id = :id "
        "ORDER BY i.n DESC LIMIT :limit",
        id=subject_id,
        limit=limit,
    )


OF_SUBJECT = ("claim_code", "subject_key", "contact_card", "access_index", "break_glass")


def delete_subject(tx: Tx, subject_id: str) -> dict[str, int]:
    """Rows deleted per table. Log entries stay: without their subject's key they point at nobody."""
    gone = {
        table: tx.run(f"DELETE FROM {table} WHERE subject_id = :id", id=subject_id) for table in OF_SUBJECT
    }
    return gone | {"subject": tx.run("DELETE FROM subject WHERE id = :id", id=subject_id)}
