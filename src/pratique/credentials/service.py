"""Use cases of the room: give out passes, revoke them, say what a verifier must know.

Every function works inside the caller's transaction. A pass is issued in the same transaction as the decision it
stands for, and a pass that says more than the newest decision is revoked there too.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.signer import Signer
from pratique.credentials import store
from pratique.credentials.cose import EDDSA, ES256
from pratique.credentials.issuing import (
    BACKDATED_MOST,
    PAPER_LIFE,
    PASS_LIFE,
    PassOrder,
    issue_for_the_day,
    issue_paper,
    renew_many,
    renew_passes,
)
from pratique.credentials.jose import b64url
from pratique.credentials.model import HeldPass
from pratique.credentials.revoking import TooMuch, check_said, revocation_row, revoke_many, revoke_rows
from pratique.credentials.snapshot import Bundle, KeyEntry, Purpose, StatusEntry
from pratique.credentials.status import build
from pratique.credentials.trust import make_bundle
from pratique.store.tx import Tx

_APPEAL_TIME = timedelta(days=30)
_KIDS_OWN_ISSUER = ""


class KeySigner(Signer, Protocol):
    """A signer that also tells its key as DER SubjectPublicKeyInfo."""

    @property
    def spki(self) -> bytes: ...


def register_key(
    tx: Tx, moment: Moment, signer: KeySigner, purpose: Purpose, valid_to: datetime, max_per_day: int = 0
) -> None:
    """Make a key known as ours from now until `valid_to`; again is harmless. `max_per_day` 0 means no quota."""
    store.add_key(
        tx,
        kid=signer.kid,
        purpose=purpose,
        alg=ES256 if len(signer.public_key) == 65 else EDDSA,
        public_key=signer.spki,
        valid_from=moment.now_ms,
        valid_to=to_ms(valid_to),
        max_per_day=max_per_day,
    )


def public_keys(tx: Tx, now: datetime) -> list[KeyEntry]:
    """Our own keys that verifiers must know now. A key's validity reaches back over backdated passes."""
    return [
        KeyEntry(
            kid=bytes(kid),
            key=bytes(public),
            purpose=purpose,
            issuer=_KIDS_OWN_ISSUER,
            valid_from=(begins - to_ms_span(BACKDATED_MOST)) // 1000,
            valid_to=ends // 1000,
        )
        for kid, purpose, public, begins, ends in store.keys(tx, to_ms(now))
    ]


def revoke_passes(
    tx: Tx, moment: Moment, *, subject_id: str, mandate_id: str, reason: str, notice_id: str | None
) -> int:
    """Revoke every live credential of the subject. Returns how many. A revocation ends with what it revokes."""
    rows = store.live_issuances(tx, subject_id, moment.now_ms)
    store.clear_outbox(tx, subject_id)
    return revoke_rows(tx, moment, rows, subject_id, mandate_id, reason, notice_id)


def revoke_batch(tx: Tx, moment: Moment, *, batch_id: str, mandate_id: str, reason: str) -> int:
    """Revoke every live credential of one batch. Returns how many."""
    rows = store.live_of_batch(tx, batch_id, moment.now_ms)
    store.drop_from_outbox(tx, [(row[6], row[0]) for row in rows])
    return revoke_rows(tx, moment, rows, None, mandate_id, reason, None)


def live_batches(tx: Tx, now: datetime) -> list[dict[str, Any]]:
    """Batches with something alive in them: id, key, kind, when, how many. No subjects."""
    return [
        {"batch": batch, "kid": b64url(bytes(kid)), "kind": kind, "issued_at": issued, "alive": alive}
        for batch, kid, kind, issued, alive in store.live_batches(tx, to_ms(now))
    ]


def live_revocations(tx: Tx, now: datetime) -> list[dict[str, Any]]:
    """Revocations that have not ended: what, under which mandate, why, until when. No subjects."""
    return [
        {
            "id": id_,
            "scope": scope,
            "kid": b64url(bytes(kid)) if kid is not None else None,
            "mandate": mandate_id,
            "reason": reason,
            "revoked_at": revoked,
            "ends_at": ends,
        }
        for id_, scope, kid, mandate_id, reason, revoked, ends in store.live_revocations(tx, to_ms(now))
    ]


def revoke_key(tx: Tx, moment: Moment, *, kid: bytes, mandate_id: str, reason: str) -> bool:
    """Take one of our keys off the list: all that it signed ends with the next bundle. False if it was off already."""
    check_said(mandate_id, reason)
    row = store.key_row(tx, kid)
    if row is None or not store.cut_key(tx, kid, moment.now_ms):
        return False
    revocation = revocation_row(moment, mandate_id, reason) | {
        "scope": "kid",
        "kid": kid,
        "ends_at": max(row[2], moment.now_ms + 1),
    }
    store.add_revocations(tx, [revocation])
    return True


def passes_of(tx: Tx, subject_id: str, now: datetime) -> list[HeldPass]:
    """The passes that wait for the subject's devices, the longest-lived first."""
    return [
        HeldPass(credential=bytes(credential), issued=from_ms(issued), expires=from_ms(expires))
        for credential, issued, expires in store.outbox(tx, subject_id, to_ms(now))
    ]


def status_lists(tx: Tx, now: datetime) -> list[StatusEntry]:
    """Every list with a live credential, for the bundle. One bit an entry; 1 is revoked."""
    at = to_ms(now)
    made = []
    for list_no, bits, size in store.live_lists(tx, at):
        marks = [(index, 1) for index in store.revoked_places(tx, list_no, at)]
        made.append(StatusEntry(_KIDS_OWN_ISSUER, list_no, bits, build(bits, size, marks).pack(), size))
    return made


def publish_bundle(
    tx: Tx, moment: Moment, signers: Sequence[Signer], expires: datetime, rest: Callable[[int], Bundle]
) -> tuple[int, bytes]:
    """A new bundle under the next number. `rest(number)` makes it; number, times, our keys and lists are set here."""
    number = store.highest_bundle(tx) + 1
    made = rest(number)
    issued = int(moment.now.timestamp())
    fields = {name: getattr(made, name) for name in made.__struct_fields__} | {
        "number": number,
        "issued": issued,
        "expires": int(expires.timestamp()),
        "keys": (*made.keys, *public_keys(tx, moment.now)),
        "status": (*made.status, *status_lists(tx, moment.now)),
    }
    raw = make_bundle(Bundle(**fields), signers)
    store.add_bundle(tx, number, moment.now_ms, to_ms(expires), sha256(raw).digest())
    return number, raw


def sweep(tx: Tx, moment: Moment) -> int:
    """Delete issuance and revocation rows whose credential expired longer ago than an appeal can take."""
    return store.sweep(tx, to_ms(moment.now - _APPEAL_TIME))


def forget_subject(tx: Tx, subject_id: str) -> None:
    """Cut the tie between a subject and what was issued to it. That something was issued, and that it is revoked, stays
    until it expires, under nobody's id."""
    store.forget_subject(tx, subject_id)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete what was issued and revoked under a mandate; rows deleted per table. No index is handed out again."""
    return store.erase_mandate(tx, mandate_id)


def to_ms_span(span: timedelta) -> int:
    """A span in milliseconds."""
    return int(span.total_seconds() * 1000)


__all__ = [
    "PAPER_LIFE",
    "PASS_LIFE",
    "KeySigner",
    "PassOrder",
    "TooMuch",
    "erase_mandate",
    "forget_subject",
    "issue_for_the_day",
    "issue_paper",
    "live_batches",
    "live_revocations",
    "passes_of",
    "public_keys",
    "publish_bundle",
    "register_key",
    "renew_many",
    "renew_passes",
    "revoke_batch",
    "revoke_key",
    "revoke_many",
    "revoke_passes",
    "status_lists",
    "sweep",
    "to_ms_span",
]
