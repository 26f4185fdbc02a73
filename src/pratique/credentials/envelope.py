"""Who signed this COSE_Sign1? The long way, which takes every form there is, and the short way for known envelopes.

An issuer writes the same envelope a million times: tag, protected header, an empty map, a payload, a signature of 64
bytes. Its first bytes, once seen with a good signature, say which key to try first. The short way takes nothing that
the long way would not take; where it fails, the long way decides.
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidSignature

from pratique.credentials.cose import (
    ECDSA,
    ES256,
    PS256,
    Header,
    Sign1,
    der,
    is_signed,
    signed_prefix,
    to_be_signed,
)
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import Snapshot, TrustKey

MAX_ENVELOPES = 4096
# What follows the protected header: an empty map, then the head of a payload of 256 to 65535 bytes.
_NO_MAP_THEN_PAYLOAD, _THEN_SIGNATURE = b"\xa0\x59", b"\x58\x40"
_AFTER = 2 + 64


class Signed(NamedTuple):
    """What carries a good signature, and whose."""

    key: TrustKey
    payload: bytes
    signature: bytes


def signed_by(sign1: Sign1, head: Header, snapshot: Snapshot) -> Signed:
    """The long way: every key listed under the kid is tried, with the key's own algorithm only.

    Raises CredentialError: ALG_NOT_ALLOWED, UNKNOWN_KEY, ALG_KEY_MISMATCH, SIGNATURE_FORMAT or BAD_SIGNATURE.
    """
    if head.alg not in (ES256, PS256):
        raise CredentialError("ALG_NOT_ALLOWED")
    keys = snapshot.keys_for("hcert", head.kid)
    if not keys:
        raise CredentialError("UNKNOWN_KEY", snapshot.lacks(head.kid))
    fitting = [key for key in keys if key.alg == head.alg]
    if not fitting:
        raise CredentialError("ALG_KEY_MISMATCH")
    if head.alg == ES256 and len(sign1.signature) != 64:
        raise CredentialError("SIGNATURE_FORMAT")
    message = to_be_signed(sign1.protected, sign1.payload)
    for key in fitting:
        if is_signed(head.alg, key.public, sign1.signature, message):
            return Signed(key, sign1.payload, sign1.signature)
    raise CredentialError("BAD_SIGNATURE")


def signed_as_before(raw: bytes, snapshot: Snapshot) -> Signed | None:
    """The short way; None where `raw` is not in a known envelope, or not signed by the key of that envelope."""
    start = _start(raw)
    known = snapshot.envelopes.get(start)
    if known is None:
        return None
    key, prefix = known
    at = len(start)
    if len(raw) < at + 2 + _AFTER or raw[-66:-64] != _THEN_SIGNATURE:
        return None
    if raw[at] << 8 | raw[at + 1] != len(raw) - at - 2 - _AFTER:
        return None
    signature = raw[-64:]
    try:  # from its head on, the payload stands in the Sig_structure as it does here
        key.public.verify(der(signature), prefix + raw[at - 1 : -_AFTER], ECDSA)  # type: ignore[call-arg, arg-type]
    except InvalidSignature:
        return None
    return Signed(key, raw[at + 2 : -_AFTER], signature)


def remember(raw: bytes, sign1: Sign1, key: TrustKey, snapshot: Snapshot) -> None:
    """Note the envelope of `raw`, which `key` signed, if it is of the plain kind. At most 4,096 are kept."""
    if key.alg != ES256 or not 0 < len(sign1.protected) < 24 or len(snapshot.envelopes) >= MAX_ENVELOPES:
        return
    plain = b"\x84%c%b%b" % (0x40 | len(sign1.protected), sign1.protected, _NO_MAP_THEN_PAYLOAD)
    start = _start(raw)
    if start in (plain, b"\xd2" + plain):
        snapshot.envelopes[start] = (key, signed_prefix(sign1.protected))


def _start(raw: bytes) -> bytes:
    """The envelope up to the payload's length, or whatever stands in its place."""
    at = 2 if raw[:1] == b"\xd2" else 1
    return raw[: at + 3 + (raw[at] & 0x1F)] if len(raw) > at else b""
