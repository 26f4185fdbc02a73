"""Is this upload one that a gate can have made? (pure)"""

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pratique.core.errors import Refusal
from pratique.fleet import texts
from pratique.fleet.form import unbase64url
from pratique.fleet.model import (
    ALARMS,
    MAX_ALARMS,
    MAX_COUNT,
    MAX_ROWS,
    PAIRS,
    SLOT_SECONDS,
    CountBatch,
    signed_bytes,
)

AHEAD = 96  # slots a gate's clock may be ahead of ours before its counts are refused


def check_batch(batch: CountBatch, now: datetime) -> None:
    """Raises Refusal, naming the field, for what no gate can have counted."""
    latest = int(now.timestamp()) // SLOT_SECONDS + AHEAD
    if batch.seq < 1 or not 0 <= batch.snapshot < 1 << 53:
        raise Refusal("NOT_A_NUMBER", "seq", texts.NOT_A_NUMBER)
    if len(batch.rows) > MAX_ROWS or len(batch.alarms) > MAX_ALARMS:
        raise Refusal("TOO_MANY_ROWS", "rows", texts.TOO_MANY_ROWS)
    for i, row in enumerate(batch.rows):
        if (row.outcome, row.reason) not in PAIRS:
            raise Refusal("UNKNOWN_OUTCOME", f"rows[{i}].outcome", texts.UNKNOWN_OUTCOME)
        if not 1 <= row.n <= MAX_COUNT or not 0 <= row.policy < 1 << 31:
            raise Refusal("NOT_A_NUMBER", f"rows[{i}].n", texts.NOT_A_NUMBER)
        if not 0 < row.slot15 <= latest:
            raise Refusal("SLOT_AHEAD", f"rows[{i}].slot15", texts.SLOT_AHEAD)
    if len({(row.slot15, row.outcome, row.reason, row.policy) for row in batch.rows}) != len(batch.rows):
        raise Refusal("TWICE", "rows", texts.TWICE)
    for i, alarm in enumerate(batch.alarms):
        if alarm.kind not in ALARMS:
            raise Refusal("UNKNOWN_ALARM", f"alarms[{i}].kind", texts.UNKNOWN_ALARM)


def is_signed(key: bytes, batch: CountBatch) -> bool:
    """True if the device with this public key signed exactly this batch."""
    signature = unbase64url(batch.sig)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature or b"", signed_bytes(batch))
    except InvalidSignature:
        return False
    return True
