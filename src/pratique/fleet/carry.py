"""The server's side of a stick: take signed uploads of gates without a line, leave signed answers and the newest lists.

An upload on a stick is the same as one over a line: checked by the gate's own key, counted once however often it comes.
What cannot be taken stays on the stick, and its sentence is told; it keeps back nothing else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.signer import Signer
from pratique.fleet import service
from pratique.fleet.form import base64url
from pratique.fleet.model import CountBatch, Heard, heard_bytes
from pratique.store.store import Store
from pratique.store.tx import Tx

SNAPSHOT = "snapshot.cbor"
MAX_UPLOAD = 1 << 20


class Taken(NamedTuple):
    """Of one upload: which gate, which number, whether it was new, and the sentence of a refusal or ""."""

    gate_id: str
    seq: int
    fresh: bool
    refused: str = ""


def take(
    store: Store, moment: Callable[[], Moment], signers: Sequence[Signer], pass_signer: Signer, stick: Path
) -> list[Taken]:
    """Take everything on the stick; leave answers and lists. Raises OSError where the stick cannot be written."""
    found = [
        _one(store, moment(), signers, pass_signer, path)
        for path in sorted(stick.glob("*/*.json"), key=lambda p: (p.parent.name, len(p.name), p.name))
        if not path.name.endswith(".ack.json")
    ]
    with store.read() as tx:
        newest = service.newest_snapshot(tx)
        body = service.snapshot_body(tx, newest[0]) if newest else b""
    if body:
        _put(stick / SNAPSHOT, body)
    return found


def _one(store: Store, moment: Moment, signers: Sequence[Signer], pass_signer: Signer, path: Path) -> Taken:
    gate_id = path.parent.name
    try:
        if path.stat().st_size > MAX_UPLOAD:
            return Taken(gate_id, 0, False, "larger than any upload")
        batch = msgspec.json.decode(path.read_bytes(), type=CountBatch)

        def act(tx: Tx) -> tuple[bool, bytes]:
            fresh = service.record_counts(tx, moment, batch)
            return fresh, service.certificate(tx, moment, pass_signer, batch.gate_id)

        fresh, certificate = store.write(act)
    except (msgspec.DecodeError, Refusal) as refused:
        return Taken(gate_id, 0, False, str(refused))
    now = rfc3339(moment.now)
    signature = base64url(signers[0].sign(heard_bytes(batch.gate_id, batch.seq, now)))
    answer = Heard(batch.gate_id, batch.seq, now, signature, base64url(certificate))
    _put(path.with_name(f"{path.stem}.ack.json"), msgspec.json.encode(answer))
    return Taken(batch.gate_id, batch.seq, fresh)


def _put(path: Path, body: bytes) -> None:
    """Whole or not at all: a stick is pulled out when it is pulled out."""
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(body)
    draft.rename(path)
