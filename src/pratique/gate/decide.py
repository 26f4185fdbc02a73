"""One text, one moment, one snapshot → one decision (pure). All input comes in; nothing is asked, nothing is kept.

The credential is verified offline; a pass says its class, a certificate is judged by the snapshot's rules. What the
gate cannot know goes to `see_staff`, never to `hold`: a hold is the house's decision about a person.
"""

from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from pratique.credentials import pq1
from pratique.credentials.model import Outcome as Verified
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.verify import verify
from pratique.gate.lists import Loaded
from pratique.gate.model import OPENS, Decision, FailTable, Grade, Pair
from pratique.gate.rules import by_rules

UNREADABLE: Pair = ("see_staff", "unreadable")
UNKNOWN_ISSUER: Pair = ("see_staff", "unknown_issuer")
BAD_SIGNATURE: Pair = ("see_staff", "bad_signature")
CLOCK: Pair = ("see_staff", "clock")
STALE: Pair = ("see_staff", "stale")
EXPIRED: Pair = ("hold", "expired")
HOLD: Pair = ("hold", "policy")

# Every reason of the verifier. A picture of a pass has an old proof (PROOF_TIME): it cannot be told from a phone with
# a wrong clock, and neither says anything about the person, so both go to staff with "show a fresh code".
PAIR_OF: Mapping[str, Pair] = {
    "UNKNOWN_PREFIX": UNREADABLE,
    "BAD_TEXT": UNREADABLE,
    "BAD_COMPRESSION": UNREADABLE,
    "TOO_LARGE": UNREADABLE,
    "BAD_CBOR": UNREADABLE,
    "BAD_COSE": UNREADABLE,
    "BAD_HEADER": UNREADABLE,
    "CHUNK_MISSING": UNREADABLE,
    "UNREADABLE": UNREADABLE,
    "SCHEMA": UNREADABLE,
    "CODE_UNKNOWN": UNREADABLE,
    "UNKNOWN_KEY": UNKNOWN_ISSUER,
    "KEY_NOT_VALID": UNKNOWN_ISSUER,
    "KEY_USAGE": UNKNOWN_ISSUER,
    "ISSUER_NOT_TRUSTED": UNKNOWN_ISSUER,
    "ISSUER_URL": UNKNOWN_ISSUER,
    "ISSUER_KID_MISMATCH": UNKNOWN_ISSUER,
    "ALG_NOT_ALLOWED": BAD_SIGNATURE,
    "ALG_KEY_MISMATCH": BAD_SIGNATURE,
    "BAD_SIGNATURE": BAD_SIGNATURE,
    "SIGNATURE_FORMAT": BAD_SIGNATURE,
    "PROOF_MISSING": BAD_SIGNATURE,
    "PROOF_BAD": BAD_SIGNATURE,
    "PROOF_TIME": CLOCK,
    "PROOF_REPLAYED": CLOCK,
    "NOT_YET_VALID": CLOCK,
    "EXPIRED": EXPIRED,
    "REVOKED": ("hold", "revoked"),
    "PAPER_NOT_ALLOWED": HOLD,
    "STATUS_UNKNOWN": STALE,
    "BAD_TRUST": STALE,
    "ROLLBACK": STALE,
    "LIST_EXPIRED": STALE,
    "PRIVATE_KEY": STALE,
}


class Judged(NamedTuple):
    """A decision, and what the gate's memory keeps of the showing for `window` seconds: the showing (`replay`) and the
    credential itself (`credential`), each empty where there is none."""

    decision: Decision
    replay: bytes = b""
    credential: bytes = b""
    window: float = 0.0


def decide(
    text: str,
    now: datetime,
    grade: Grade,
    loaded: Loaded,
    fail: FailTable,
    shown_before: Callable[[bytes], bool],
    nonces: Container[bytes] = (),
) -> Judged:
    """What the gate does about `text`. `now` is never below the time floor.

    `shown_before` knows showings by name; `nonces` are the challenges this gate has open.

    Never raises for any text. What would admit is held back by a bad clock or stale lists as the mandate says; what
    would refuse stays as it is.
    """
    snapshot = loaded.snapshot
    found = verify(text, now, snapshot, nonces)
    if grade == "bad" and fail.clock == "admit":
        found = _by_the_phone(text, now, found, snapshot)
    pair = _pair(text, found, now, grade, loaded)
    admits = pair[0] in OPENS
    # A bad clock reads the floor: what had ended by then has ended, all else is unknown.
    if grade == "bad" and (pair == HOLD or (admits and fail.clock != "admit")):
        pair = CLOCK
    elif admits and loaded.stale(now) and fail.stale != "admit":
        pair = STALE
    elif admits and found.replay and shown_before(found.replay):
        pair = PAIR_OF["PROOF_REPLAYED"]
    decision = Decision(*pair, loaded.policy_number, loaded.number)
    named = repr(sorted(found.claims.items())).encode() if found.format == "PQ1" and found.claims else b""
    return Judged(decision, found.replay or b"", named, 2.0 * snapshot.skew_s)


def _pair(text: str, found: Verified, now: datetime, grade: Grade, loaded: Loaded) -> Pair:
    if not found.ok:
        pair = PAIR_OF.get(found.reason or "", UNREADABLE)
        if pair == EXPIRED and grade == "lower_bound":
            # Nobody has confirmed our clock, and the phone disagrees with it: ours may be the wrong one.
            shown = _shown(text)
            if shown is not None and abs(shown - now.timestamp()) > loaded.snapshot.skew_s:
                return CLOCK
        return pair
    if found.format != "PQ1":
        return by_rules(found, now, loaded.rules)
    if found.claims["class"] != pq1.CLEAR:
        return "conditions", "pass"
    return "clear", "paper" if found.claims["bound_to"] == "paper" else "pass"


def _by_the_phone(text: str, now: datetime, found: Verified, snapshot: Snapshot) -> Verified:
    """With no clock of its own the gate takes the latest time that the pass itself and its proof speak of."""
    if found.reason not in ("PROOF_TIME", "NOT_YET_VALID"):
        return found
    spoken = [at for at in (_shown(text), found.claims.get("iat")) if isinstance(at, int | float)]
    at = max([now.timestamp(), *spoken])
    return verify(text, datetime.fromtimestamp(at, UTC), snapshot)


def _shown(text: str) -> int | None:
    try:
        return pq1.read(text).shown
    except CredentialError:
        return None
