"""Synthetic signers, passes and snapshots for the tests of this room. Every key here is made for one run."""

import zlib
from datetime import UTC, datetime, timedelta

import cbor2

from pratique.credentials import base45, pq1
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


def certificate(**changes: object) -> dict[str, object]:
    """A synthetic vaccination certificate of version 1.3.0."""
    entry = {
        "tg": "840539006",
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 2,
        "sd": 2,
        "dt": "2025-11-18",
        "co": "AT",
        "is": "Muster-Behörde",
        "ci": "URN:UVCI:01:AT:SYNTHETIC000000000000000001#8",
    }
    name = {"fn": "Muster-Gößinger", "fnt": "MUSTER<GOESSINGER", "gn": "Erika", "gnt": "ERIKA"}
    top: dict[str, object] = {"ver": "1.3.0", "nam": name, "dob": "1998-02-26", "v": [entry]}
    return {key: value for key, value in (top | changes).items() if value is not None}


def sampled() -> dict[str, object]:
    """A synthetic test certificate."""
    entry = {
        "tg": "840539006",
        "tt": "LP6464-4",
        "sc": "2026-01-04T12:34:56Z",
        "tr": "260415000",
        "co": "AT",
        "is": "Muster-Behörde",
        "ci": "URN:UVCI:01:AT:SYNTHETIC000000000000000002#6",
    }
    return certificate(v=None, t=[entry])


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
