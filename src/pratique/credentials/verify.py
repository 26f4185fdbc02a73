"""The one verifier: any text that people hold, against one snapshot, at one moment. Pure; always an Outcome.

    outcome = verify(text, datetime.now(UTC), snapshot)

No clock, no network, no memory. The server, the gate and the wallet's twin answer alike.
"""

from collections.abc import Container
from datetime import datetime

from pratique.credentials.hcert import check_hcert
from pratique.credentials.model import Outcome, Stages
from pratique.credentials.pass_check import check_pass
from pratique.credentials.shc import check_jws, check_shc, is_jws
from pratique.credentials.snapshot import Snapshot

MAX_TEXT = 7100  # the largest QR code holds 4,296 letters or 7,089 digits

_NOT_HERE = {
    "LT1:": "Swiss light certificates are not read: their keys were never published outside Switzerland",
    "NO1:": "Norwegian domestic certificates are not read",
}


def verify(text: str, now: datetime, snapshot: Snapshot, nonces: Container[bytes] = ()) -> Outcome:
    """What `text` (HC1, SHC or PQ1) is worth at `now` (aware) by `snapshot`.

    A SMART Health Card may also come as its bare JWS, or as all its chunks with white space between them. `nonces`
    are the challenges a gate has open; a pass that answers another is refused. Never raises for any text.
    """
    at = now.timestamp()
    if text.startswith("HC1:"):
        if len(text) > MAX_TEXT:
            return _too_large("HC1")
        return check_hcert(text, at, snapshot)
    if text.startswith("PQ1:"):
        return check_pass(text, at, snapshot, nonces)
    if text.startswith("shc:/"):
        return check_shc(text.split(), at, snapshot)
    if is_jws(text):
        return check_jws(text, at, snapshot)
    detail = _NOT_HERE.get(text[:4], "")
    return Outcome(ok=False, format=None, reason="UNKNOWN_PREFIX", stages=Stages(prefix=False), detail=detail)


def _too_large(form: str) -> Outcome:
    return Outcome(ok=False, format=form, reason="TOO_LARGE", stages=Stages(prefix=True, base45=False))
