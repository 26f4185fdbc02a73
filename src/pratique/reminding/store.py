"""Tables of the room `reminding` (0032_reminding.sql, 0061_reminding.duty.sql). SQL only; decides nothing."""

from collections.abc import Iterable, Sequence

from pratique.reminding.model import ChannelRow, DutyRow, MessageRow
from pratique.store.tx import Row, Tx

CHANNEL = ", ".join(ChannelRow._fields)
MESSAGE = ", ".join(MessageRow._fields)
DUTY = ", ".join(DutyRow._fields)
CHUNK = 200


def put_channel(tx: Tx, row: ChannelRow) -> None:
    tx.run(
        f"INSERT INTO channel ({CHANNEL}) VALUES ({', '.join(':' + name for name in ChannelRow._fields)})",
        **row._asdict(),
    )


def drop_channels(tx: Tx, subject_id: str, kind: str, digest: bytes | None = None) -> int:
    """Channels of one kind (with `digest`: only that one), and what waited for them."""
    which = "subject_id = :id AND kind = :kind" + (" AND digest = :digest" if digest is not None else "")
    tx.run(
        f"DELETE FROM message WHERE channel_id IN (SELECT id FROM channel WHERE {which})",
        id=subject_id,
        kind=kind,
        digest=digest,
    )
    return tx.run(f"DELETE FROM channel WHERE {which}", id=subject_id, kind=kind, digest=digest)


def drop_channel(tx: Tx, channel_id: str) -> None:
    tx.run("DELETE FROM message WHERE channel_id = :id", id=channel_id)
    tx.run("DELETE FROM channel WHERE id = :id", id=channel_id)


def channel(tx: Tx, channel_id: str) -> ChannelRow | None:
    row = tx.one(f"SELECT {CHANNEL} FROM channel WHERE id = :id", id=channel_id)
    return _channel(row) if row else None


def channels_of(tx: Tx, subject_ids: Iterable[str]) -> list[ChannelRow]:
    found = []
    wanted = list(dict.fromkeys(subject_ids))
    for start in range(0, len(wanted), CHUNK):
        part = {f"s{n}": one for n, one in enumerate(wanted[start : start + CHUNK])}
        named = ", ".join(f":{name}" for name in part)
        sql = f"SELECT {CHANNEL} FROM channel WHERE subject_id IN ({named}) ORDER BY id"
        found += [_channel(row) for row in tx.all(sql, **part)]
    return found


def add_messages(tx: Tx, rows: Sequence[MessageRow]) -> None:
    """What waits already is not doubled: several pieces of news are one message."""
    tx.many(
        f"INSERT INTO message ({MESSAGE}) VALUES ({', '.join(':' + name for name in MessageRow._fields)}) "
        "ON CONFLICT (channel_id, what) DO NOTHING",
        [row._asdict() for row in rows],
    )


def due(tx: Tx, now: int, limit: int) -> list[MessageRow]:
    rows = tx.all(
        f"SELECT {MESSAGE} FROM message WHERE due_at <= :now ORDER BY due_at, channel_id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [MessageRow(*row) for row in rows]


def drop_message(tx: Tx, row: MessageRow) -> None:
    tx.run("DELETE FROM message WHERE channel_id = :id AND what = :what", id=row.channel_id, what=row.what)


def put_off(tx: Tx, row: MessageRow, due_at: int) -> None:
    tx.run(
        "UPDATE message SET tries = tries + 1, due_at = :due WHERE channel_id = :id AND what = :what",
        id=row.channel_id,
        what=row.what,
        due=due_at,
    )


def add_duty(tx: Tx, rows: Sequence[DutyRow]) -> None:
    tx.many(
        f"INSERT INTO duty_message ({DUTY}) VALUES ({', '.join(':' + name for name in DutyRow._fields)}) "
        "ON CONFLICT (appeal_id, level) DO NOTHING",
        [row._asdict() for row in rows],
    )


def duty_due(tx: Tx, now: int) -> list[DutyRow]:
    """The rows due, those that end first before the others."""
    sql = f"SELECT {DUTY} FROM duty_message WHERE due_at <= :now ORDER BY ends_at, appeal_id, level"
    return [DutyRow(*row) for row in tx.all(sql, now=now)]


def drop_duty(tx: Tx, rows: Iterable[DutyRow]) -> None:
    tx.many(
        "DELETE FROM duty_message WHERE appeal_id = :id AND level = :level",
        [{"id": row.appeal_id, "level": row.level} for row in rows],
    )


def put_off_duty(tx: Tx, rows: Iterable[DutyRow], due_at: int) -> None:
    tx.many(
        "UPDATE duty_message SET tries = tries + 1, due_at = :due WHERE appeal_id = :id AND level = :level",
        [{"id": row.appeal_id, "level": row.level, "due": due_at} for row in rows],
    )


TABLES = ("message", "channel", "duty_message")


def delete_subject(tx: Tx, subject_id: str) -> dict[str, int]:
    return {table: tx.run(f"DELETE FROM {table} WHERE subject_id = :id", id=subject_id) for table in TABLES}


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    return {table: tx.run(f"DELETE FROM {table} WHERE mandate_id = :id", id=mandate_id) for table in TABLES}


def _channel(row: Row) -> ChannelRow:
    found = ChannelRow(*row)
    return found._replace(digest=bytes(found.digest), sealed=bytes(found.sealed))
