"""Is this upload one that a gate can have made? (pure)

An upload is an HTTP request with a signature of its own; over a line, through a hub or on a stick it is the same.
"""

from datetime import datetime
from typing import NamedTuple

import msgspec

from pratique.core.errors import Refusal
from pratique.credentials.http_signature import BadSignature, Request, Signed, read_upload
from pratique.fleet import texts
from pratique.fleet.model import (
    ALARMS,
    MAX_ALARMS,
    MAX_COUNT,
    MAX_ROWS,
    PAIRS,
    SLOT_SECONDS,
    CountBatch,
)

ADDRESS = "/v1/gate-counts"

MAX_SOFTWARE = 40
AHEAD = 96  # slots a gate's clock may be ahead of ours before its counts are refused


def check_batch(batch: CountBatch, now: datetime) -> None:
    """Raises Refusal, naming the field, for what no gate can have counted."""
    latest = int(now.timestamp()) // SLOT_SECONDS + AHEAD
    if batch.seq < 1 or not 0 <= batch.snapshot < 1 << 53:
        raise Refusal("NOT_A_NUMBER", "seq", texts.NOT_A_NUMBER)
    if (
        not 0 <= batch.config < 1 << 31
        or len(batch.software) > MAX_SOFTWARE
        or not batch.software.isprintable()
    ):
        raise Refusal("NOT_A_NUMBER", "config", texts.NOT_A_NUMBER)
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


class Upload(NamedTuple):
    """A request that was read: who says to have signed it, and what is in it. Not yet checked against a key."""

    signed: Signed
    batch: CountBatch


def upload(request: Request, batch: CountBatch | None = None) -> Upload:
    """`batch` is the body where it was decoded already. Raises Refusal for a signature of no or another form."""
    try:
        signed = read_upload(request)
    except BadSignature as fault:
        raise Refusal("NOT_SIGNED", fault.field, texts.NOT_SIGNED) from None
    return Upload(signed, msgspec.json.decode(request.body, type=CountBatch) if batch is None else batch)
