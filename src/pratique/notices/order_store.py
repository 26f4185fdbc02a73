"""Tables `care_order` and `order_family` (0030_notices.sql, 0060_notices.calling.sql). SQL only; decides nothing."""

from pratique.notices.model import OrderRow
from pratique.store.tx import Row, Tx

ORDER = ", ".join(OrderRow._fields)


def add(tx: Tx, row: OrderRow) -> None:
    tx.run(
        f"INSERT INTO care_order ({ORDER}) VALUES ({', '.join(':' + name for name in OrderRow._fields)})",
        **row._asdict(),
    )


def of_subject(tx: Tx, subject_id: str) -> list[OrderRow]:
    rows = tx.all(
        f"SELECT {ORDER} FROM care_order WHERE subject_id = :id ORDER BY opened_at DESC, id", id=subject_id
    )
    return [_order(row) for row in rows]


def of_notice(tx: Tx, notice_id: str) -> OrderRow | None:
    row = tx.one(f"SELECT {ORDER} FROM care_order WHERE notice_id = :id", id=notice_id)
    return _order(row) if row else None


def add_family(tx: Tx, order: OrderRow, what: str, now: int) -> None:
    tx.run(
        "INSERT INTO order_family (notice_id, subject_id, mandate_id, what, said_at) "
        "VALUES (:notice, :subject, :mandate, :what, :now) ON CONFLICT (notice_id) DO NOTHING",
        notice=order.notice_id,
        subject=order.subject_id,
        mandate=order.mandate_id,
        what=what,
        now=now,
    )


def family(tx: Tx, notice_id: str) -> Row | None:
    """(what, said_at)"""
    return tx.one("SELECT what, said_at FROM order_family WHERE notice_id = :id", id=notice_id)


def live(tx: Tx, after: str, limit: int) -> list[OrderRow]:
    rows = tx.all(
        f"SELECT {', '.join('o.' + name for name in OrderRow._fields)} FROM care_order o "
        "JOIN notice n ON n.id = o.notice_id WHERE n.state IN ('open', 'waiting') AND o.id > :after "
        "ORDER BY o.id LIMIT :limit",
        after=after,
        limit=limit,
    )
    return [_order(row) for row in rows]


def _order(row: Row) -> OrderRow:
    found = OrderRow(*row)
    return found._replace(sealed_why=bytes(found.sealed_why))
