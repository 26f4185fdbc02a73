"""What a witness answers (C2SP tlog-witness v1.0.0): one step as a pure function of what it stored.

Whoever runs it must store the new state in one atomic act (`WHERE size = old`) before answering 200, and answer
409 with the size it finds where that act touched no row.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pratique.mandates.checkpoint import BadRoot, Checkpoint, open_checkpoint, read_hash
from pratique.mandates.cosign import Cosigner
from pratique.mandates.note import BadNote, BadSignature, VerifierKey
from pratique.mandates.tree import EMPTY_ROOT, BadProof, check_consistency

MAX_REQUEST = 131_072


class Seen(NamedTuple):
    """The latest checkpoint of one log; size 0 with the empty root if there was none."""

    size: int
    root: bytes


NOTHING_SEEN = Seen(0, EMPTY_ROOT)


class WitnessAnswer(NamedTuple):
    """HTTP status, body and media type; `store` is what must be stored before a 200 is sent."""

    status: int
    body: bytes
    media: str = "text/plain; charset=utf-8"
    store: Checkpoint | None = None


def add_checkpoint(
    raw: bytes,
    logs: Mapping[str, Sequence[VerifierKey]],
    seen: Mapping[str, Seen],
    cosigners: Sequence[Cosigner],
    time: int,
) -> WitnessAnswer:
    """Answer `POST <prefix>/add-checkpoint`. `logs` and `seen` by origin, `time` in seconds since 1970."""
    try:
        old, proof, signed = _parse(raw)
        origin = signed.split(b"\n", 1)[0].decode()
    except (BadNote, UnicodeDecodeError) as fault:
        return _no(400, f"malformed request: {fault}")
    if origin not in logs:
        return _no(404, "unknown log")
    try:
        _, checkpoint = open_checkpoint(signed, logs[origin], origin)
    except BadSignature as fault:
        return _no(403, f"invalid signature: {fault}")
    except BadRoot as fault:
        return _no(422, f"invalid root: {fault}")
    except BadNote as fault:
        return _no(400, f"malformed checkpoint: {fault}")
    if old > checkpoint.size:
        return _no(400, "malformed request: old is larger than the checkpoint")
    stored = seen.get(origin, NOTHING_SEEN)
    if old != stored.size:
        return WitnessAnswer(409, f"{stored.size}\n".encode(), "text/x.tlog.size")
    if fault_text := _follows(stored, checkpoint, proof):
        return _no(422, f"invalid consistency proof: {fault_text}")
    lines = b"".join(cosigner.cosign(checkpoint, time).line for cosigner in cosigners)
    return WitnessAnswer(200, lines, store=checkpoint)


def _follows(stored: Seen, checkpoint: Checkpoint, proof: list[bytes]) -> str:
    """Empty if the checkpoint continues what was seen; else why not."""
    if stored.size == 0:
        return "a first checkpoint needs no proof" if proof else ""
    try:
        check_consistency(stored.size, checkpoint.size, proof, stored.root, checkpoint.root)
    except BadProof as fault:
        return str(fault)
    return ""


def _parse(raw: bytes) -> tuple[int, list[bytes], bytes]:
    if len(raw) > MAX_REQUEST:
        raise BadNote("the request is too long")
    top, found, signed = raw.partition(b"\n\n")
    first, *lines = top.decode().split("\n")
    old = re.fullmatch(r"old (0|[1-9][0-9]{0,18})", first)
    if not found or old is None or len(lines) > 63:
        raise BadNote("old, at most 63 proof lines, an empty line, the checkpoint")
    return int(old.group(1)), [read_hash(line) for line in lines], signed


def _no(status: int, why: str) -> WitnessAnswer:
    return WitnessAnswer(status, f"{why}\n".encode())
