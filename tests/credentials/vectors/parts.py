"""Synthetic keys and parts of credentials, the same in every run, so that the file of vectors can be made again.

No key here was ever used for anything: each is the hash of its own name.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.credentials import base45, pq1
from pratique.credentials.cose import kid_of, spki
from pratique.credentials.jose import b64url, point_jwk, thumbprint
from pratique.credentials.status import build

AT = 1767614400  # 2026-01-05T12:00:00Z
DAY = 86400
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Case(NamedTuple):
    """One text to verify: at which time, by which snapshot, with which open challenges."""

    id: str
    text: str
    trust: str = "main"
    at: float = AT
    nonces: tuple[bytes, ...] = ()


class Es256:
    """A P-256 key made of its name. Signs deterministically (RFC 6979)."""

    def __init__(self, name: str) -> None:
        secret = (
            int.from_bytes(sha256(f"pratique synthetic {name}".encode()).digest(), "big") % (_ORDER - 1) + 1
        )
        self.private = ec.derive_private_key(secret, ec.SECP256R1())
        public = self.private.public_key()
        self.spki = spki(public)
        self.kid = kid_of(self.spki)
        self.public_key = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def der(self, message: bytes) -> bytes:
        return self.private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.der(message))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Ps256:
    """An RSA key of 2048 bits from two fixed primes. Signs with a fixed salt, so that nothing is left to chance."""

    def __init__(self, p: int, q: int) -> None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

        self._n, self._d = p * q, pow(65537, -1, (p - 1) * (q - 1))
        self.spki = spki(RSAPublicNumbers(65537, self._n).public_key())
        self.kid = kid_of(self.spki)
        self.public_key = b""

    def sign(self, message: bytes, salt: bytes = bytes(32)) -> bytes:
        """EMSA-PSS of RFC 8017, section 9.1.1, with SHA-256."""
        bits = self._n.bit_length() - 1
        size = (bits + 7) // 8
        hashed = sha256(bytes(8) + sha256(message).digest() + salt).digest()
        block = bytes(size - len(salt) - 34) + b"\x01" + salt
        mask = b"".join(sha256(hashed + n.to_bytes(4, "big")).digest() for n in range(-(-len(block) // 32)))
        masked = bytearray(a ^ b for a, b in zip(block, mask, strict=False))
        masked[0] &= 0xFF >> 8 * size - bits
        signed = pow(int.from_bytes(bytes(masked) + hashed + b"\xbc", "big"), self._d, self._n)
        return signed.to_bytes((self._n.bit_length() + 7) // 8, "big")


def _prime(name: str, offset: int) -> int:
    """The prime `offset` above a number made of hashes."""
    hashes = b"".join(sha256(f"pratique synthetic {name} {n}".encode()).digest() for n in range(4))
    return (int.from_bytes(hashes, "big") | 3 << 1022 | 1) + offset


RSA = Ps256(_prime("p", 2242), _prime("q", 762))
ISSUER, OTHER, STRANGER, HOLDER = (Es256(name) for name in ("issuer", "other issuer", "stranger", "holder"))
ROOT = ed25519.Ed25519PrivateKey.from_private_bytes(sha256(b"pratique synthetic root").digest())


def seconds(at: float) -> str:
    """RFC 3339 with as much fraction as there is."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


# --- HC1 ---------------------------------------------------------------------------------------------------------


def certificate(**changes: object) -> dict[str, Any]:
    """A synthetic vaccination certificate of version 1.3.0; None takes a field away."""
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
    top: dict[str, Any] = {"ver": "1.3.0", "nam": name, "dob": "1998-02-26", "v": [entry]}
    return {key: value for key, value in (top | changes).items() if value is not None}


def sampled() -> dict[str, Any]:
    entry = {
        "tg": "840539006",
        "tt": "LP6464-4",
        "nm": "Synthetic PCR",
        "sc": "2026-01-04T12:34:56Z",
        "tr": "260415000",
        "tc": "Muster-Testzentrum",
        "co": "AT",
        "is": "Muster-Behörde",
        "ci": "URN:UVCI:01:AT:SYNTHETIC000000000000000002#6",
    }
    return certificate(v=None, t=[entry])


def recovered() -> dict[str, Any]:
    entry = {
        "tg": "840539006",
        "fr": "2025-10-01",
        "df": "2025-10-11",
        "du": "2026-03-30",
        "co": "AT",
        "is": "Muster-Behörde",
        "ci": "URN:UVCI:01:AT:SYNTHETIC000000000000000003#4",
    }
    return certificate(v=None, r=[entry])


def claims(content: object = None, iat: object = AT - DAY, exp: object = AT + DAY) -> dict[Any, Any]:
    return {1: "AT", 4: exp, 6: iat, -260: {1: certificate() if content is None else content}}


def cose(
    body: object = None,
    *,
    payload: bytes | None = None,
    protected: object = None,
    unprotected: object = None,
    signer: Any = ISSUER,
    signature: bytes | None = None,
    tags: Sequence[int] = (18,),
) -> bytes:
    """A COSE_Sign1 put together by hand, so that every part of it can be wrong."""
    payload = cbor2.dumps(claims() if body is None else body) if payload is None else payload
    head = cbor2.dumps({1: -7, 4: signer.kid}) if protected is None else protected
    covered = b"" if head == b"\xa0" else head
    if signature is None:
        signature = signer.sign(cbor2.dumps(["Signature1", covered, b"", payload]))
    value: object = [head, {} if unprotected is None else unprotected, payload, signature]
    for tag in tags:
        value = cbor2.CBORTag(tag, value)
    return cbor2.dumps(value)


def pack(raw: bytes) -> str:
    return "HC1:" + base45.encode(zlib.compress(raw, 9))


def hc1(body: object = None, **parts: Any) -> str:
    return pack(cose(body, **parts))


# --- SHC ---------------------------------------------------------------------------------------------------------

STATUS_URI = "https://status.example/lists/1"
ISS = "https://issuer.example/shc"
CARD = "https://smarthealth.cards#health-card"
BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "resource:0", "resource": {"resourceType": "Patient", "name": [{"family": "Muster"}]}},
        {
            "fullUrl": "resource:1",
            "resource": {
                "resourceType": "Immunization",
                "status": "completed",
                "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "208"}]},
                "patient": {"reference": "resource:0"},
                "occurrenceDateTime": "2025-11-18",
            },
        },
    ],
}


def jwk(signer: Es256 = ISSUER, **changes: object) -> dict[str, Any]:
    key = signer.private.public_key()
    return point_jwk(key) | {"kid": thumbprint(key), "use": "sig", "alg": "ES256"} | changes


def vc(**changes: object) -> dict[str, Any]:
    inner = {"type": [CARD], "credentialSubject": {"fhirVersion": "4.0.1", "fhirBundle": BUNDLE}}
    return {key: value for key, value in (inner | changes).items() if value is not None}


def card_claims(**changes: object) -> dict[str, Any]:
    whole = {"iss": ISS, "nbf": AT - DAY, "vc": vc()} | changes
    return {key: value for key, value in whole.items() if value is not None}


def jws(
    body: object = None,
    *,
    header: dict[str, Any] | None = None,
    packed: bytes | None = None,
    signer: Es256 = ISSUER,
    der: bool = False,
) -> str:
    """A card's JWS put together by hand."""
    body = card_claims() if body is None else body
    raw = (
        body
        if isinstance(body, bytes)
        else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    )
    if packed is None:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflater.compress(raw) + deflater.flush()
    head = {"zip": "DEF", "alg": "ES256", "kid": jwk(signer)["kid"]} if header is None else header
    signed = f"{b64url(json.dumps(head, separators=(',', ':')).encode())}.{b64url(packed)}"
    return f"{signed}.{b64url(signer.der(signed.encode()) if der else signer.sign(signed.encode()))}"


# --- PQ1 ---------------------------------------------------------------------------------------------------------


def pass_of(**changes: Any) -> bytes:
    """A pass of ISSUER for HOLDER, an hour old, class clear, status (1, 5)."""
    parts: dict[str, Any] = {
        "signer": ISSUER,
        "holder_key": HOLDER.public_key,
        "pass_class": pq1.CLEAR,
        "issued": datetime.fromtimestamp(AT - 3600, UTC),
        "expires": datetime.fromtimestamp(AT + 23 * 3600, UTC),
        "status": (1, 5),
    }
    return pq1.issue_pass(**(parts | changes))


def shown(credential: bytes, at: int = AT, nonce: bytes | None = None, by: Es256 = HOLDER) -> str:
    return pq1.present(credential, at, by.sign(pq1.proof_message(credential, at, nonce)), nonce)


# --- snapshots ---------------------------------------------------------------------------------------------------


def key(signer: Any, purpose: str, **changes: object) -> dict[str, Any]:
    return {"kid": signer.kid, "key": signer.spki, "purpose": purpose} | changes


def status_list(*revoked: int, list_no: int = 1, size: int = 1024, bits: int = 1) -> dict[str, Any]:
    packed = build(bits, size, [(place, 1) for place in revoked]).pack()
    return {"issuer": "", "list_no": list_no, "bits": bits, "lst": packed, "size": size}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}, separators=(",", ":")).encode()


def rid_list(*rids: str, ctr: int = 1, **changes: object) -> bytes:
    listed = {"kid": jwk()["kid"], "method": "rid", "ctr": ctr, "rids": list(rids)} | changes
    return json.dumps(listed, separators=(",", ":")).encode()
