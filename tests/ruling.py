"""A signed order for a policy as the room `rollout` leaves it in its tables, for tests of the rooms below it."""

from hashlib import sha256

from pratique.core.moment import Moment
from pratique.policy import service
from pratique.policy.model import Policy
from pratique.store.tx import Tx


def add_order(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> None:
    """Two made-up officers signed this rule set; without it the database takes no policy."""
    order_id = moment.new_id()
    tx.run(
        "INSERT INTO policy_order (id, mandate_id, body, hash, drafted_at, drafted_by, lead_ms) "
        "VALUES (:id, :mandate_id, :body, :hash, :now, 'made up', 0)",
        id=order_id,
        mandate_id=mandate_id,
        body=raw,
        hash=sha256(raw).hexdigest(),
        now=moment.now_ms,
    )
    for role in ("legal", "public-health"):
        tx.run(
            "INSERT INTO policy_order_signature (order_id, role, vkey, line, by_whom, signed_at) "
            "VALUES (:id, :role, :role, 'made up', '', :now)",
            id=order_id,
            role=role,
            now=moment.now_ms,
        )


def publish(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> Policy:
    """A rule set published as if two officers had signed it."""
    add_order(tx, moment, raw, mandate_id)
    return service.publish_policy(tx, moment, raw, mandate_id)
