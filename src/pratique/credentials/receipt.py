"""What a door hands out: a receipt to the member who came in, a ring to the host of a visitor. Pure.

    text        = "PQR1:" + base45(CBOR [certificate: bstr, statement: bstr])       a receipt
    certificate = that of `challenge.py`, by the organisation's key
    statement   = COSE_Sign1 [bstr({1: -8}), {}, bstr(claims), bstr(64)], untagged, by the gate's own key
    a receipt's = {6: iat, -70031: nonce: bstr(16), -70032: holder: bstr(32)}
    a ring's    = {6: iat, -70033: visit: bstr(32)}

`iat` is a whole minute. `holder` is SHA-256("pratique-receipt\\n" ‖ nonce ‖ point of 33 bytes): whoever holds the key
can show that a receipt is theirs, and two receipts of one member, seen by others, have nothing in common. `visit` is
SHA-256 of the invitation. The gate keeps neither.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pratique.core.canonical import canonical_cbor
from pratique.credentials import base45
from pratique.credentials.cbor import read_exact
from pratique.credentials.challenge import GateCertificate, read_certificate
from pratique.credentials.cose import EDDSA, is_signed, to_be_signed
from pratique.credentials.reasons import BadCose, CredentialError, TooLarge

PREFIX = "PQR1:"
MAX_TEXT = 1500

_IAT, _NONCE, _HOLDER, _VISIT = 6, -70031, -70032, -70033

Keys = Mapping[bytes, Iterable[ec.EllipticCurvePublicKey]]


class Receipt(NamedTuple):
    """A receipt, checked. `at` is the minute by the gate's clock."""

    certificate: GateCertificate
    at: datetime
    nonce: bytes
    holder: bytes

    def is_of(self, holder_point: bytes) -> bool:
        """True if it was handed to the holder of this key (a P-256 point of 33 bytes)."""
        return self.holder == holder_mark(self.nonce, holder_point)


class Ring(NamedTuple):
    """A ring, checked: who rings, when, for which invitation."""

    certificate: GateCertificate
    at: datetime
    visit: bytes


def holder_mark(nonce: bytes, holder_point: bytes) -> bytes:
    """What a receipt says of its holder. A P-256 point of 33 bytes."""
    return sha256(b"pratique-receipt\n" + nonce + holder_point).digest()


def make_receipt(
    sign: Callable[[bytes], bytes], certificate: bytes, nonce: bytes, holder_point: bytes, now: datetime
) -> str:
    """The text of the code on the gate's screen. `sign` is Ed25519 by the device's key; `nonce` 16 fresh bytes."""
    if len(nonce) != 16 or len(holder_point) != 33:
        raise ValueError("a nonce has 16 bytes, a holder's point 33")
    claims = {_IAT: _minute(now), _NONCE: nonce, _HOLDER: holder_mark(nonce, holder_point)}
    return PREFIX + base45.encode(_statement(sign, certificate, claims))


def make_ring(sign: Callable[[bytes], bytes], certificate: bytes, invitation: bytes, now: datetime) -> bytes:
    """What is sealed to the host."""
    return _statement(sign, certificate, {_IAT: _minute(now), _VISIT: sha256(invitation).digest()})


def read_receipt(text: str, keys: Keys) -> Receipt:
    """Check a receipt against the organisation's keys, by key id.

    Raises CredentialError: UNKNOWN_PREFIX, TOO_LARGE, BAD_TEXT, BAD_CBOR, BAD_COSE, UNKNOWN_KEY, BAD_SIGNATURE or
    EXPIRED where the gate's certificate was not in force at that minute.
    """
    if not text.startswith(PREFIX):
        raise CredentialError("UNKNOWN_PREFIX")
    if len(text) > MAX_TEXT:
        raise TooLarge("longer than any receipt")
    certificate, at, claims = _checked(base45.decode(text[len(PREFIX) :]), keys, (_HOLDER, _NONCE))
    nonce, holder = claims[_NONCE], claims[_HOLDER]
    if len(nonce) != 16 or len(holder) != 32:
        raise BadCose("not the claims of a receipt")
    return Receipt(certificate, at, nonce, holder)


def read_ring(raw: bytes, keys: Keys) -> Ring:
    """Check a ring as a host does. Raises CredentialError as `read_receipt`."""
    certificate, at, claims = _checked(raw, keys, (_VISIT,))
    return Ring(certificate, at, claims[_VISIT])


def _statement(sign: Callable[[bytes], bytes], certificate: bytes, claims: dict[int, Any]) -> bytes:
    protected, payload = canonical_cbor({1: EDDSA}), canonical_cbor(claims)
    made = canonical_cbor([protected, {}, payload, sign(to_be_signed(protected, payload))])
    return canonical_cbor([certificate, made])


def _checked(
    raw: bytes, keys: Keys, names: tuple[int, ...]
) -> tuple[GateCertificate, datetime, dict[int, Any]]:
    parts = read_exact(raw)
    if not (isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, bytes) for part in parts)):
        raise BadCose("not a certificate and a statement")
    certificate = read_certificate(parts[0], keys)
    inner = read_exact(parts[1])
    if not (isinstance(inner, list) and len(inner) == 4 and inner[1] == {}):
        raise BadCose("not an array of four")
    protected, _, payload, signature = inner
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)) or len(signature) != 64:
        raise BadCose("the parts are not of their types")
    claims = read_exact(payload)
    if read_exact(protected) != {1: EDDSA} or not isinstance(claims, dict) or claims.keys() != {_IAT, *names}:
        raise BadCose("not what a gate says")
    at = claims[_IAT]
    if type(at) is not int or not 0 <= at < 1 << 40 or not all(type(claims[one]) is bytes for one in names):
        raise BadCose("the claims are not of their types")
    key = Ed25519PublicKey.from_public_bytes(certificate.device_key)
    if not is_signed(EDDSA, key, signature, to_be_signed(protected, payload)):
        raise CredentialError("BAD_SIGNATURE")
    if not certificate.issued - 60 <= at < certificate.expires:
        raise CredentialError("EXPIRED", "the gate's certificate was not in force then")
    return certificate, datetime.fromtimestamp(at, UTC), claims


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60 * 60
