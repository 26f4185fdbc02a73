"""Synthetic signers, passes and snapshots for the tests of this room. Every key here is made for one run."""

import zlib
from datetime import UTC, datetime, timedelta

import cbor2

from pratique.credentials import base45, pq1
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot, StatusEntry
from pratique.credentials.status import build
from tests.credentials.vectors.parts import certificate, sampled

__all__ = ["certificate", "sampled"]

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


def hcert_text(
    claims: object = None,
    *,
    payload: bytes | None = None,
    protected: object = None,
    unprotected: object = None,
    signer: Es256Signer = ISSUER,
    tags: tuple[int, ...] = (18,),
) -> str:
    """An HC1 text put together by hand, so that every part of it can be wrong."""
    if claims is None:
        claims = hcert_claims()
    body = cbor2.dumps(claims) if payload is None else payload
    head = cbor2.dumps({1: -7, 4: signer.kid}) if protected is None else protected
    assert isinstance(head, bytes)
    signed = cbor2.dumps(["Signature1", b"" if head == b"\xa0" else head, b"", body])
    value: object = [head, {} if unprotected is None else unprotected, body, signer.sign(signed)]
    for tag in tags:
        value = cbor2.CBORTag(tag, value)
    return wrap(cbor2.dumps(value))


def hcert_claims(content: object = None, **changes: object) -> dict[object, object]:
    """CWT claims around a certificate; `iat` and `exp` may be changed."""
    times = {"iat": NOW.timestamp() - 86400, "exp": NOW.timestamp() + 86400} | changes
    inner = {1: certificate() if content is None else content}
    return {1: "AT", 4: times["exp"], 6: times["iat"], -260: inner}


def wrap(cose: bytes) -> str:
    return "HC1:" + base45.encode(zlib.compress(cose, 9))


def hcert_key(signer: Es256Signer = ISSUER, **changes: object) -> KeyEntry:
    return pass_key(signer, purpose="hcert", issuer="AT", **changes)
