"""Synthetic signers, passes and snapshots for the tests of this room. Every key here is made for one run."""

from datetime import UTC, datetime, timedelta

from pratique.credentials import pq1
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot, StatusEntry
from pratique.credentials.status import build

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


def es256() -> Es256Signer:
    signer = new_signer("ES256")
    assert isinstance(signer, Es256Signer)
    return signer


ISSUER, HOLDER = es256(), es256()


def pass_bytes(**changes: object) -> bytes:
    """A pass of ISSUER for HOLDER, an hour old, class clear, status (1, 5)."""
    parts: dict[str, object] = {
        "signer": ISSUER,
        "holder_key": HOLDER.public_key,
        "pass_class": pq1.CLEAR,
        "issued": NOW - timedelta(hours=1),
        "expires": NOW + timedelta(hours=23),
        "status": (1, 5),
    }
    return pq1.issue_pass(**(parts | changes))  # type: ignore[arg-type]


def show(credential: bytes, at: datetime = NOW, nonce: bytes | None = None, by: Es256Signer = HOLDER) -> str:
    """The text on the holder's screen at `at`."""
    shown = int(at.timestamp())
    return pq1.present(credential, shown, by.sign(pq1.proof_message(credential, shown, nonce)), nonce)


def pass_key(signer: Es256Signer = ISSUER, **changes: object) -> KeyEntry:
    return KeyEntry(**({"kid": signer.kid, "key": signer.spki, "purpose": "pass"} | changes))  # type: ignore[arg-type]


def bundle(**changes: object) -> Bundle:
    parts: dict[str, object] = {
        "number": 7,
        "issued": int(NOW.timestamp()) - 3600,
        "expires": int((NOW + 3 * DAY).timestamp()),
        "keys": (pass_key(),),
        "status": (StatusEntry("", 1, 1, build(1, 1024, []).pack(), 1024),),
    }
    return Bundle(**(parts | changes))  # type: ignore[arg-type]


def snapshot(**changes: object) -> Snapshot:
    return Snapshot(bundle(**changes))
