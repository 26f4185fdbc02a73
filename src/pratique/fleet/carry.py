"""The server's side of a stick: take signed uploads of gates without a line, leave signed answers and the newest lists.

An upload on a stick is the very request that would go over a line: checked by the gate's own key, counted once however
often it comes. A stick that was read and came back without its answers gets them again.
What cannot be taken stays on the stick, and its sentence is told; it keeps back nothing else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pratique.core.errors import Conflict, Refusal
from pratique.core.moment import Moment
from pratique.core.signer import Signer
from pratique.credentials.http_signature import BadSignature, read_message
from pratique.fleet import service
from pratique.fleet.api import heard
from pratique.fleet.counts import ADDRESS, Upload, upload
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
        for path in sorted(stick.glob("*/*.http"), key=lambda p: (p.parent.name, len(p.name), p.name))
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
        request = read_message(path.read_bytes())
        if (request.method, request.path) != ("POST", ADDRESS):
            return Taken(gate_id, 0, False, "a request to another address")
        sent = upload(request)

        def act(tx: Tx) -> tuple[bool, bytes, str]:
            fresh, gate_id = _record(tx, moment, sent), sent.batch.gate_id
            certificate = service.certificate(tx, moment, pass_signer, gate_id)
            return fresh, certificate, service.group_of(tx, gate_id)

        fresh, certificate, group = store.write(act)
    except (msgspec.DecodeError, BadSignature, Refusal) as refused:
        return Taken(gate_id, 0, False, str(refused))
    answer = heard(moment, signers[0], sent, certificate, group)
    _put(path.with_name(f"{path.stem}.ack.json"), msgspec.json.encode(answer))
    return Taken(sent.batch.gate_id, sent.batch.seq, fresh)


def _record(tx: Tx, moment: Moment, sent: Upload) -> bool:
    """The same file read twice is no attack: its answer confirms no time, and nothing counts twice."""
    try:
        return service.record_counts(tx, moment, sent)
    except Conflict as refused:
        if refused.code != "REPLAYED":
            raise
        return False


def _put(path: Path, body: bytes) -> None:
    """Whole or not at all: a stick is pulled out when it is pulled out."""
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(body)
    draft.rename(path)
