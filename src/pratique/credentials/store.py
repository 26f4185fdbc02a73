"""The room's tables: issuer_key, status_list, issuance, revocation, pass_outbox, trust_bundle."""

from collections.abc import Iterable, Mapping
from typing import Any

from pratique.store.tx import Row, Tx

CHUNK = 256  # subjects of one statement


def add_key(tx: Tx, **row: Any) -> None:
    tx.run(
        "INSERT INTO issuer_key (kid, purpose, alg, public_key, valid_from, valid_to, max_per_day) "
        "VALUES (:kid, :purpose, :alg, :public_key, :valid_from, :valid_to, :max_per_day) "
        "ON CONFLICT (kid) DO NOTHING",
        **row,
    )


def key_row(tx: Tx, kid: bytes) -> Row | None:
    return tx.one(
        "SELECT purpose, valid_from, valid_to, cut_at, max_per_day FROM issuer_key WHERE kid = :kid", kid=kid
    )


def keys(tx: Tx, now: int) -> list[Row]:
    return tx.all(
        "SELECT kid, purpose, public_key, valid_from, valid_to FROM issuer_key "
        "WHERE cut_at IS NULL AND valid_to > :now ORDER BY valid_from, kid",
        now=now,
    )


def cut_key(tx: Tx, kid: bytes, at: int) -> int:
    return tx.run("UPDATE issuer_key SET cut_at = :at WHERE kid = :kid AND cut_at IS NULL", kid=kid, at=at)


def issued_since(tx: Tx, kid: bytes, since: int) -> int:
    row = tx.one(
        "SELECT COUNT(*) FROM issuance WHERE kid = :kid AND issued_at >= :since", kid=kid, since=since
    )
    return int(row[0]) if row else 0


def open_list(tx: Tx) -> Row | None:
    """The newest list with free places: list_no, size, shuffle_key, handed_out."""
    return tx.one(
        "SELECT list_no, size, shuffle_key, handed_out FROM status_list WHERE handed_out < size "
        "ORDER BY list_no DESC LIMIT 1",
    )


def add_list(tx: Tx, size: int, shuffle_key: bytes) -> int:
    row = tx.one("SELECT COALESCE(MAX(list_no), 0) + 1 FROM status_list")
    number = int(row[0]) if row else 1
    tx.run(
        "INSERT INTO status_list (list_no, bits, size, shuffle_key, handed_out, last_expires_at) "
        "VALUES (:number, 1, :size, :shuffle_key, 0, 0)",
        number=number,
        size=size,
        shuffle_key=shuffle_key,
    )
    return number


def take_places(tx: Tx, list_no: int, handed_out: int, expires: int) -> None:
    tx.run(
        "UPDATE status_list SET handed_out = :handed_out, "
        "last_expires_at = CASE WHEN last_expires_at < :expires THEN :expires ELSE last_expires_at END "
        "WHERE list_no = :list_no",
        list_no=list_no,
        handed_out=handed_out,
        expires=expires,
    )


def live_lists(tx: Tx, now: int) -> list[Row]:
    return tx.all(
        "SELECT list_no, bits, size FROM status_list WHERE last_expires_at > :now ORDER BY list_no", now=now
    )


def revoked_places(tx: Tx, list_no: int, now: int) -> list[int]:
    rows = tx.all(
        "SELECT status_index FROM revocation WHERE status_list = :list_no AND ends_at > :now",
        list_no=list_no,
        now=now,
    )
    return [row[0] for row in rows]


def add_issuances(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    tx.many(
        "INSERT INTO issuance (id, kind, kid, mandate_id, subject_id, pass_class, status_list, status_index, "
        "batch_id, issued_at, expires_at) VALUES (:id, :kind, :kid, :mandate_id, :subject_id, :pass_class, "
        ":status_list, :status_index, :batch_id, :issued_at, :expires_at)",
        rows,
    )


def add_to_outbox(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    tx.many(
        "INSERT INTO pass_outbox (issuance_id, subject_id, mandate_id, credential, issued_at, expires_at) "
        "VALUES (:issuance_id, :subject_id, :mandate_id, :credential, :issued_at, :expires_at)",
        rows,
    )


def clear_outbox(tx: Tx, subject_id: str) -> None:
    tx.run("DELETE FROM pass_outbox WHERE subject_id = :subject_id", subject_id=subject_id)


def clear_outboxes(tx: Tx, subject_ids: Iterable[str]) -> None:
    tx.many(
        "DELETE FROM pass_outbox WHERE subject_id = :subject_id", [{"subject_id": one} for one in subject_ids]
    )


def outbox(tx: Tx, subject_id: str, now: int) -> list[Row]:
    return tx.all(
        "SELECT credential, issued_at, expires_at FROM pass_outbox "
        "WHERE subject_id = :subject_id AND expires_at > :now ORDER BY expires_at DESC, issuance_id",
        subject_id=subject_id,
        now=now,
    )


def live_issuances(tx: Tx, subject_id: str, now: int) -> list[Row]:
    """id, kid, pass_class, status_list, status_index, expires_at of what is neither expired nor revoked."""
    return tx.all(
        "SELECT id, kid, pass_class, status_list, status_index, expires_at FROM issuance "
        "WHERE subject_id = :subject_id AND expires_at > :now AND revoked_at IS NULL ORDER BY id",
        subject_id=subject_id,
        now=now,
    )


_NAMES = [f"s{i}" for i in range(CHUNK)]
_LIVE_OF = {
    width: "SELECT subject_id, id, kid, pass_class, status_list, status_index, expires_at FROM issuance "
    f"WHERE subject_id IN ({', '.join(':' + name for name in _NAMES[:width])}) AND subject_id <> '' "
    "AND expires_at > :now AND revoked_at IS NULL ORDER BY id"
    for width in (1, 16, CHUNK)
}


def live_issuances_of(tx: Tx, subject_ids: Iterable[str], now: int) -> dict[str, list[Row]]:
    """`live_issuances` of many subjects; who has none is left out."""
    found: dict[str, list[Row]] = {}
    wanted = list(dict.fromkeys(subject_ids))
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        width = next(size for size in (1, 16, CHUNK) if len(part) <= size)  # few lengths: prepared once each
        values = dict(zip(_NAMES, part + [""] * (width - len(part)), strict=False))
        for row in tx.all(_LIVE_OF[width], now=now, **values):
            found.setdefault(row[0], []).append(row[1:])
    return found


def live_of_batch(tx: Tx, batch_id: str, now: int) -> list[Row]:
    """As `live_issuances`, with the subject behind, of everybody in one batch."""
    return tx.all(
        "SELECT id, kid, pass_class, status_list, status_index, expires_at, subject_id FROM issuance "
        "WHERE batch_id = :batch_id AND expires_at > :now AND revoked_at IS NULL ORDER BY id",
        batch_id=batch_id,
        now=now,
    )


def live_batches(tx: Tx, now: int) -> list[Row]:
    return tx.all(
        "SELECT batch_id, kid, kind, MIN(issued_at), COUNT(*) FROM issuance "
        "WHERE expires_at > :now AND revoked_at IS NULL GROUP BY batch_id, kid, kind ORDER BY MIN(issued_at), batch_id",
        now=now,
    )


def live_revocations(tx: Tx, now: int) -> list[Row]:
    return tx.all(
        "SELECT id, scope, kid, mandate_id, reason, revoked_at, ends_at FROM revocation "
        "WHERE ends_at > :now ORDER BY revoked_at, id",
        now=now,
    )


def drop_from_outbox(tx: Tx, passes: Iterable[tuple[str, str]]) -> None:
    """These passes, each named by its subject and its issuance, wait for nobody any more."""
    tx.many(
        "DELETE FROM pass_outbox WHERE subject_id = :subject_id AND issuance_id = :id",
        [{"subject_id": subject_id, "id": issuance_id} for subject_id, issuance_id in passes],
    )


def add_revocations(tx: Tx, rows: list[dict[str, Any]]) -> None:
    tx.many(
        "INSERT INTO revocation (id, scope, issuance_id, kid, subject_id, status_list, status_index, mandate_id, "
        "reason, notice_id, revoked_at, ends_at) VALUES (:id, :scope, :issuance_id, :kid, :subject_id, "
        ":status_list, :status_index, :mandate_id, :reason, :notice_id, :revoked_at, :ends_at)",
        rows,
    )
    marked = [
        {"list": row["status_list"], "place": row["status_index"], "at": row["revoked_at"]}
        for row in rows
        if row["issuance_id"]
    ]
    tx.many(
        "UPDATE issuance SET revoked_at = :at WHERE status_list = :list AND status_index = :place", marked
    )


def sweep(tx: Tx, before: int) -> int:
    """Delete what expired before `before`: rows that could serve nobody any more."""
    tx.run("DELETE FROM pass_outbox WHERE expires_at <= :before", before=before)
    tx.run("DELETE FROM revocation WHERE ends_at <= :before", before=before)
    return tx.run("DELETE FROM issuance WHERE expires_at <= :before", before=before)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    return {
        table: tx.run(f"DELETE FROM {table} WHERE mandate_id = :mandate_id", mandate_id=mandate_id)
        for table in ("pass_outbox", "revocation", "issuance")
    }


def forget_subject(tx: Tx, subject_id: str) -> None:
    tx.run("DELETE FROM pass_outbox WHERE subject_id = :id", id=subject_id)
    tx.run("UPDATE issuance SET subject_id = '' WHERE subject_id = :id", id=subject_id)
    tx.run("UPDATE revocation SET subject_id = NULL, notice_id = NULL WHERE subject_id = :id", id=subject_id)


def highest_bundle(tx: Tx) -> int:
    row = tx.one("SELECT COALESCE(MAX(number), 0) FROM trust_bundle")
    return int(row[0]) if row else 0


def add_bundle(tx: Tx, number: int, issued: int, expires: int, hash_: bytes) -> None:
    tx.run(
        "INSERT INTO trust_bundle (number, issued_at, expires_at, hash) VALUES (:number, :issued, :expires, :hash_)",
        number=number,
        issued=issued,
        expires=expires,
        hash_=hash_,
    )
