"""The tables of the room: orders and their signatures, re-decisions, rollouts. SQL only."""

from typing import Any

from pratique.core.moment import from_ms
from pratique.rollout.model import Job, Order, Rollout, SignedBy
from pratique.rollout.order import time_of
from pratique.store.tx import Row, Tx

_ORDER = (
    "SELECT id, mandate_id, body, hash, drafted_at, drafted_by, previewed_at, preview, preview_hash, people, lead_ms, "
    "back_number, back_hash, back_until, text, published_at, policy_number, withdrawn_at FROM policy_order "
)
_JOB = (
    "SELECT policy_number, mandate_id, state, total, done, changed, told, place, started_at, beat_at, finished_at "
    "FROM redecision "
)
_ROLLOUT = (
    "SELECT policy_number, order_id, mandate_id, before_number, state, stage, stage_at, snapshot, base_holds, low, "
    "high, why, by_whom, alarmed FROM rollout "
)


def add_order(tx: Tx, **values: Any) -> None:
    tx.run(
        "INSERT INTO policy_order (id, mandate_id, body, hash, drafted_at, drafted_by, lead_ms) "
        "VALUES (:id, :mandate_id, :body, :hash, :drafted_at, :drafted_by, :lead_ms)",
        **values,
    )


def set_body(tx: Tx, order_id: str, body: bytes, digest: str, mandate_id: str) -> None:
    """Another text of a draft; what was previewed of the former one is gone."""
    tx.run(
        "UPDATE policy_order SET body = :body, hash = :digest, mandate_id = :mandate_id, previewed_at = NULL, "
        "preview = NULL, preview_hash = NULL, people = NULL, text = NULL, back_number = NULL, back_hash = NULL "
        "WHERE id = :id",
        id=order_id,
        body=body,
        digest=digest,
        mandate_id=mandate_id,
    )


def set_preview(tx: Tx, **values: Any) -> None:
    tx.run(
        "UPDATE policy_order SET previewed_at = :previewed_at, preview = :preview, preview_hash = :preview_hash, "
        "people = :people, lead_ms = :lead_ms, back_number = :back_number, back_hash = :back_hash, text = :text "
        "WHERE id = :id",
        **values,
    )


def set_published(tx: Tx, order_id: str, number: int, now: int, back_until: int) -> None:
    tx.run(
        "UPDATE policy_order SET published_at = :now, policy_number = :number, back_until = :back_until WHERE id = :id",
        id=order_id,
        number=number,
        now=now,
        back_until=back_until,
    )


def withdraw(tx: Tx, order_id: str, now: int) -> None:
    tx.run("UPDATE policy_order SET withdrawn_at = :now WHERE id = :id", id=order_id, now=now)


def order(tx: Tx, order_id: str) -> Order | None:
    row = tx.one(_ORDER + "WHERE id = :id", id=order_id)
    return None if row is None else _order(tx, row)


def orders(tx: Tx, limit: int) -> list[Order]:
    """The newest first."""
    return [
        _order(tx, row)
        for row in tx.all(_ORDER + "ORDER BY drafted_at DESC, id DESC LIMIT :most", most=limit)
    ]


def add_signature(tx: Tx, order_id: str, signed: SignedBy, now: int) -> None:
    tx.run(
        "INSERT INTO policy_order_signature (order_id, role, vkey, line, by_whom, signed_at) "
        "VALUES (:order_id, :role, :vkey, :line, :by_whom, :now)",
        order_id=order_id,
        role=signed.role,
        vkey=signed.vkey,
        line=signed.line,
        by_whom=signed.by_whom,
        now=now,
    )


def _order(tx: Tx, row: Row) -> Order:
    signed = tx.all(
        "SELECT role, vkey, line, by_whom, signed_at FROM policy_order_signature WHERE order_id = :id ORDER BY role",
        id=row[0],
    )
    return Order(
        id=row[0],
        mandate_id=row[1],
        body=bytes(row[2]),
        hash=row[3],
        drafted_at=from_ms(row[4]),
        drafted_by=row[5],
        previewed_at=time_of(row[6]),
        preview=None if row[7] is None else bytes(row[7]),
        preview_hash=row[8],
        people=row[9],
        lead_ms=row[10],
        back_number=row[11],
        back_hash=row[12],
        back_until=time_of(row[13]),
        text=None if row[14] is None else bytes(row[14]),
        published_at=time_of(row[15]),
        policy_number=row[16],
        withdrawn_at=time_of(row[17]),
        signatures=tuple(SignedBy._make((*one[:4], from_ms(one[4]))) for one in signed),
    )


# Deciding again


def add_job(tx: Tx, number: int, mandate_id: str) -> None:
    tx.run(
        "INSERT INTO redecision (policy_number, mandate_id, state, total, done, changed, told, place) "
        "VALUES (:number, :mandate_id, 'waiting', 0, 0, 0, 0, '')",
        number=number,
        mandate_id=mandate_id,
    )


def job(tx: Tx, number: int) -> Job | None:
    row = tx.one(_JOB + "WHERE policy_number = :number", number=number)
    return None if row is None else _job(row)


def jobs(tx: Tx) -> list[Job]:
    """The newest first."""
    return [_job(row) for row in tx.all(_JOB + "ORDER BY policy_number DESC")]


def save_job(tx: Tx, job: Job, now: int) -> None:
    """As far as it has come; a job that is over keeps no place."""
    over = job.state in ("done", "superseded")
    tx.run(
        "UPDATE redecision SET state = :state, total = :total, done = :done, changed = :changed, told = :told, "
        "place = :place, started_at = COALESCE(started_at, :now), beat_at = :now, finished_at = :finished "
        "WHERE policy_number = :number",
        number=job.policy_number,
        state=job.state,
        total=job.total,
        done=job.done,
        changed=job.changed,
        told=job.told,
        place="" if over else job.place,
        now=now,
        finished=now if over else None,
    )


def _job(row: Row) -> Job:
    return Job._make((*row[:8], *map(time_of, row[8:])))


# Reaching the gates


def add_rollout(tx: Tx, number: int, order_id: str, mandate_id: str, before: int | None) -> None:
    tx.run(
        "INSERT INTO rollout (policy_number, order_id, mandate_id, before_number, state, stage, snapshot, base_holds, "
        "low, high, why, by_whom) VALUES (:number, :order_id, :mandate_id, :before, 'waiting', 0, 0, 0, 0, 0, '', '')",
        number=number,
        order_id=order_id,
        mandate_id=mandate_id,
        before=before,
    )


def rollout(tx: Tx, number: int) -> Rollout | None:
    row = tx.one(_ROLLOUT + "WHERE policy_number = :number", number=number)
    return None if row is None else _rollout(row)


def rollouts(tx: Tx) -> list[Rollout]:
    """The newest first."""
    return [_rollout(row) for row in tx.all(_ROLLOUT + "ORDER BY policy_number DESC")]


def save_rollout(tx: Tx, one: Rollout) -> None:
    tx.run(
        "UPDATE rollout SET state = :state, stage = :stage, stage_at = :stage_at, snapshot = :snapshot, "
        "base_holds = :base_holds, low = :low, high = :high, why = :why, by_whom = :by_whom, alarmed = :alarmed "
        "WHERE policy_number = :policy_number",
        **(
            one._asdict()
            | {"stage_at": None if one.stage_at is None else int(one.stage_at.timestamp() * 1000)}
        ),
    )


def _rollout(row: Row) -> Rollout:
    return Rollout._make((*row[:6], time_of(row[6]), *row[7:]))


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """How far things had come under a mandate. Orders and previews stay: they are public and about nobody."""
    return {
        table: tx.run(f"DELETE FROM {table} WHERE mandate_id = :mandate_id", mandate_id=mandate_id)
        for table in ("redecision", "rollout")
    }
