"""Is this PQ1 pass good here and now? Everything the gate's decision needs, from the snapshot alone.

Whether a showing was seen before is for the caller to remember (`Outcome.replay`): a pure function has no memory.
"""

from collections.abc import Container
from hashlib import sha256
from typing import Any

from pratique.credentials import pq1
from pratique.credentials.cose import ES256, is_signed, to_be_signed
from pratique.credentials.model import Outcome, Stages
from pratique.credentials.reasons import BadText, CredentialError, TooLarge
from pratique.credentials.snapshot import Snapshot, TrustKey

STALE = "LISTS_STALE"


def check_pass(text: str, now: float, snapshot: Snapshot, nonces: Container[bytes] = ()) -> Outcome:
    """Verify a PQ1 text. `now` in seconds since 1970; `nonces` are the challenges this gate has open."""
    try:
        shown = pq1.read(text)
    except (BadText, TooLarge) as fault:
        return _refused(fault, Stages(prefix=True, base45=False))
    except CredentialError as fault:
        return _refused(fault, Stages(prefix=True, base45=True, cose=False))
    key = _signer_of(shown, snapshot)
    if isinstance(key, CredentialError):
        return _refused(key, Stages(prefix=True, base45=True, cose=True, signature=False))
    try:
        _check_holder(shown)
    except CredentialError as fault:
        return _refused(fault, Stages(prefix=True, base45=True, cose=True, signature=False))
    late = _time_fault(shown, key, now, snapshot, nonces)
    status, stale = _status_fault(shown, key, now, snapshot)
    stages = Stages(
        prefix=True, base45=True, cose=True, signature=True, expiry=late is None, key_usage=True, schema=True
    )
    why = late or status or _paper_fault(shown, snapshot)
    return Outcome(
        ok=why is None,
        format="PQ1",
        reason=why.code if why else None,
        stages=stages,
        claims=_claims(shown, key),
        findings=(STALE,) if stale else (),
        detail=why.detail if why else "",
        replay=_replay(shown),
    )


def _refused(fault: CredentialError, stages: Stages) -> Outcome:
    return Outcome(ok=False, format="PQ1", reason=fault.code, stages=stages, detail=fault.detail)


def _signer_of(shown: pq1.Presentation, snapshot: Snapshot) -> TrustKey | CredentialError:
    keys = snapshot.keys_for("pass", shown.kid)
    if not keys:
        return CredentialError("UNKNOWN_KEY", snapshot.lacks(shown.kid))
    message = to_be_signed(shown.sign1.protected, shown.sign1.payload)
    for key in keys:
        if key.alg == ES256 and is_signed(ES256, key.public, shown.sign1.signature, message):
            return key
    return CredentialError("BAD_SIGNATURE")


def _check_holder(shown: pq1.Presentation) -> None:
    claims = shown.claims
    if shown.proof is None or shown.shown is None:
        if claims.holder is not None:
            raise CredentialError("PROOF_MISSING")
        return
    if claims.holder is None:
        raise CredentialError("PROOF_BAD", "the pass is not bound to a device")
    message = pq1.proof_message(shown.credential, shown.shown, shown.nonce)
    if not is_signed(ES256, pq1.holder_public_key(claims.holder), shown.proof, message):
        raise CredentialError("PROOF_BAD")


def _paper_fault(shown: pq1.Presentation, snapshot: Snapshot) -> CredentialError | None:
    claims = shown.claims
    too_long = claims.expires - claims.issued > pq1.MAX_PAPER_DAYS * 86400
    if claims.holder is None and (too_long or not snapshot.paper):
        return CredentialError("PAPER_NOT_ALLOWED", "longer than 28 days" if too_long else "")
    return None


def _time_fault(
    shown: pq1.Presentation, key: TrustKey, now: float, snapshot: Snapshot, nonces: Container[bytes]
) -> CredentialError | None:
    claims = shown.claims
    if now >= claims.expires:
        return CredentialError("EXPIRED")
    if now < claims.issued - snapshot.skew_s:
        return CredentialError("NOT_YET_VALID")
    if not key.covers(claims.issued):
        return CredentialError("KEY_NOT_VALID")
    if shown.nonce is not None and shown.nonce not in nonces:
        return CredentialError("PROOF_TIME", "an answer to a challenge that is not open here")
    if shown.shown is not None and shown.nonce is None and abs(shown.shown - now) > snapshot.skew_s:
        return CredentialError("PROOF_TIME")
    return None


def _status_fault(
    shown: pq1.Presentation, key: TrustKey, now: float, snapshot: Snapshot
) -> tuple[CredentialError | None, bool]:
    """The fault, and whether the lists are older than they may be (then the mandate's fail table decides)."""
    stale = snapshot.expires <= now
    if shown.claims.status is None:
        return None, stale
    list_no, index = shown.claims.status
    statuses = snapshot.status.get((key.issuer, list_no))
    if statuses is None:
        return CredentialError("STATUS_UNKNOWN", "its status list is not in the snapshot"), stale
    try:
        if statuses.value(index):
            return CredentialError("REVOKED"), stale
    except CredentialError as fault:
        return fault, stale
    if stale and snapshot.fail.get("lists_stale", "admit") != "admit":
        return CredentialError("STATUS_UNKNOWN", "the lists are older than they may be"), stale
    return None, stale


def _claims(shown: pq1.Presentation, key: TrustKey) -> dict[str, Any]:
    claims = shown.claims
    return {
        "class": claims.pass_class,
        "iat": claims.issued,
        "exp": claims.expires,
        "bound_to": "paper" if claims.holder is None else "device",
        "hints": None if claims.hints is None else list(claims.hints),
        "status": None if claims.status is None else list(claims.status),
        "kid": key.kid_text,
    }


def _replay(shown: pq1.Presentation) -> bytes | None:
    # Named by what was signed, not by the signature: ECDSA signatures can be rewritten into other good ones.
    if shown.shown is None:
        return None
    return sha256(pq1.proof_message(shown.credential, shown.shown, shown.nonce)).digest()
