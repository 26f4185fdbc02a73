"""A pass of an organisation's door against one snapshot, at one moment: signatures, times, status. Pure.

It says nothing about doors and hours; the gate knows which door it is.
"""

from collections.abc import Container
from hashlib import sha256

from pratique.credentials import membership, pq1
from pratique.credentials.cose import ES256, is_signed
from pratique.credentials.membership import Shown
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import Snapshot, TrustKey


def check_member(text: str, now: float, snapshot: Snapshot, nonces: Container[bytes] = ()) -> Shown:
    """The pass in `text` if it is genuine and in force at `now` (seconds since 1970).

    `nonces` are the challenges that are open. An invitation that has not begun is in force: the gate names the hour.
    Raises CredentialError with a code of `reasons.REASONS`; signatures are asked before times, times before status.
    """
    shown = membership.read(text)
    key = _signer_of(shown, snapshot)
    _check_chain(shown)
    _check_times(shown, key, now, snapshot, nonces)
    status = shown.membership.status
    if status is not None:
        statuses = snapshot.status.get((key.issuer, status[0]))
        if statuses is None:
            raise CredentialError("STATUS_UNKNOWN", "its status list is not in the snapshot")
        if statuses.value(status[1]):
            raise CredentialError("REVOKED")
    return shown


def replay_name(shown: Shown) -> bytes:
    """One name for one showing, for the gate's memory; empty for paper. Named by what was signed: ECDSA signatures can
    be rewritten into other good ones."""
    if shown.shown is None:
        return b""
    return sha256(membership.proof_message(shown.chain, shown.shown, shown.nonce)).digest()


def _signer_of(shown: Shown, snapshot: Snapshot) -> TrustKey:
    keys = snapshot.keys_for("member", shown.membership.kid)
    if not keys:
        raise CredentialError("UNKNOWN_KEY", snapshot.lacks(shown.membership.kid))
    signed = shown.membership.signed
    for key in keys:
        if key.alg == ES256 and is_signed(ES256, key.public, signed.signature, signed.message):
            return key
    raise CredentialError("BAD_SIGNATURE")


def _check_chain(shown: Shown) -> None:
    host = pq1.holder_public_key(shown.membership.holder)
    invitation = shown.invitation
    if invitation is not None and not (
        shown.membership.hosts
        and is_signed(ES256, host, invitation.signed.signature, invitation.signed.message)
    ):
        raise CredentialError("BAD_SIGNATURE", "not invited by a member who may invite")
    if shown.holder is None or shown.shown is None:
        return
    message = membership.proof_message(shown.chain, shown.shown, shown.nonce)
    if not is_signed(ES256, pq1.holder_public_key(shown.holder), shown.proof or b"", message):
        raise CredentialError("PROOF_BAD")


def _check_times(
    shown: Shown, key: TrustKey, now: float, snapshot: Snapshot, nonces: Container[bytes]
) -> None:
    member, visit = shown.membership, shown.invitation
    if now >= member.expires or (visit is not None and now >= visit.expires):
        raise CredentialError("EXPIRED")
    if visit is not None and not 0 < visit.expires - visit.begins <= membership.MAX_VISIT_S:
        raise CredentialError("BAD_COSE", "a visit lasts at most 72 hours")
    if now < member.issued - snapshot.skew_s:
        raise CredentialError("NOT_YET_VALID")
    if not key.covers(member.issued):
        raise CredentialError("KEY_NOT_VALID")
    if shown.nonce is not None and shown.nonce not in nonces:
        raise CredentialError("PROOF_TIME", "an answer to a challenge that is not open here")
    if shown.shown is not None and shown.nonce is None and abs(shown.shown - now) > snapshot.skew_s:
        raise CredentialError("PROOF_TIME")
