"""COSE_Sign1 (RFC 9052): take it apart, check its signature. What was signed is never encoded again."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from cbor2 import CBORTag, frozendict
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from pratique.credentials.cbor import read, read_first
from pratique.credentials.reasons import BadCbor, BadCose, CredentialError

ES256, EDDSA, PS256 = -7, -8, -37
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_ALG, _CRIT, _KID = 1, 2, 4
_MAPS = (frozendict, dict)
_SIGN1, _CWT = 18, 61
ECDSA = ec.ECDSA(SHA256())
_PSS, _SHA256 = padding.PSS(padding.MGF1(SHA256()), 32), SHA256()


class Sign1(NamedTuple):
    """The four parts as received."""

    protected: bytes
    unprotected: Mapping[Any, Any]
    payload: bytes
    signature: bytes


class Header(NamedTuple):
    """Algorithm (COSE number) and key id; the protected header wins over the unprotected one."""

    alg: int
    kid: bytes


def unwrap(raw: bytes) -> Sign1:
    """Take COSE_Sign1 bytes apart: untagged, tag 18, tags 61(18(…)), or a byte string inside the tag.

    Raises BadCbor, TooLarge or BadCose. Bytes after the outermost value are ignored.
    """
    value = read_first(raw)
    for _ in range(4):
        kind = type(value)
        if kind is CBORTag and value.tag in (_SIGN1, _CWT):
            value = value.value
        elif kind is bytes:
            value = read_first(value)
        else:
            break
    if type(value) not in (list, tuple) or len(value) != 4:
        raise BadCose("not an array of four")
    protected, unprotected, payload, signature = value
    # Exact types: what cbor2 makes inside and outside of tags.
    if not type(protected) is type(payload) is type(signature) is bytes or type(unprotected) not in _MAPS:
        raise BadCose("the parts are not bytes, map, bytes, bytes")
    return Sign1(protected, unprotected, payload, signature)


def header(sign1: Sign1) -> Header:
    """Algorithm and key id. Raises CredentialError BAD_HEADER where one is missing or not of its type."""
    protected: Any = {}
    if sign1.protected:
        try:
            protected = read(sign1.protected)
        except BadCbor:
            raise CredentialError("BAD_HEADER", "the protected header is not CBOR") from None
        if not isinstance(protected, Mapping):
            raise CredentialError("BAD_HEADER", "the protected header is not a map")
    if _CRIT in protected:
        raise CredentialError("BAD_HEADER", "a critical header that is not understood")
    alg = protected[_ALG] if _ALG in protected else sign1.unprotected.get(_ALG)
    kid = protected[_KID] if _KID in protected else sign1.unprotected.get(_KID)
    if type(alg) is not int:
        raise CredentialError("BAD_HEADER", "no algorithm")
    if not isinstance(kid, bytes):
        raise CredentialError("BAD_HEADER", "no key id")
    return Header(alg, kid)


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Sig_structure of RFC 9052 section 4.4 from the bytes as received; an empty map counts as no header."""
    return signed_prefix(protected) + bytes_head(len(payload)) + payload


def signed_prefix(protected: bytes) -> bytes:
    """The Sig_structure up to the payload."""
    if protected == b"\xa0":
        protected = b""
    return b"\x84\x6aSignature1%b%b\x40" % (bytes_head(len(protected)), protected)


def bytes_head(n: int) -> bytes:
    """The head of a byte string of `n` bytes."""
    if 255 < n < 65536:
        return b"\x59%c%c" % (n >> 8, n & 255)
    if n < 24:
        return b"%c" % (0x40 | n)
    if n < 256:
        return b"\x58%c" % n
    return b"\x5a" + n.to_bytes(4, "big")


def sign1_bytes(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """COSE_Sign1 with tag 18 and an empty unprotected header, as we issue it."""
    return b"\xd2\x84%b%b\xa0%b%b%b%b" % (
        bytes_head(len(protected)),
        protected,
        bytes_head(len(payload)),
        payload,
        bytes_head(len(signature)),
        signature,
    )


def algorithm_of(key: PublicKey) -> int:
    """The one algorithm a key is used with here: ES256 with P-256, PS256 with RSA of 2048 bits or more, or 0."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return ES256 if isinstance(key.curve, ec.SECP256R1) else 0
    if isinstance(key, rsa.RSAPublicKey):
        return PS256 if key.key_size >= 2048 else 0
    return EDDSA


def check_algorithm(alg: int, key: PublicKey) -> None:
    """The algorithm follows the key. Raises CredentialError ALG_NOT_ALLOWED or ALG_KEY_MISMATCH."""
    if alg not in (ES256, PS256):
        raise CredentialError("ALG_NOT_ALLOWED")
    if algorithm_of(key) != alg:
        raise CredentialError("ALG_KEY_MISMATCH")


def is_signed(alg: int, key: Any, signature: bytes, message: bytes) -> bool:
    """True if `signature` (r‖s, PSS or Ed25519, by `alg`, which must be the key's own) is good."""
    try:
        if alg == ES256:
            if len(signature) != 64:
                return False
            key.verify(der(signature), message, ECDSA)
        elif alg == PS256:
            key.verify(signature, message, _PSS, _SHA256)
        else:
            key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


_INTEGER = (b"\x02\x20", b"\x02\x21\x00")  # before 32 bytes whose first bit is 0, or 1
_PAIR = (b"\x30\x44", b"\x30\x45", b"\x30\x46")


def der(signature: bytes) -> bytes:
    """r‖s (64 bytes) as the SEQUENCE of two INTEGERs that OpenSSL wants."""
    first, second = signature[0], signature[32]
    if first and second:
        first, second = first >> 7, second >> 7
        start = _PAIR[first + second] + _INTEGER[first]
        return start + signature[:32] + _INTEGER[second] + signature[32:]
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    return encode_dss_signature(r, s)


def from_der(signature: bytes) -> bytes:
    """r‖s (64 bytes) of what OpenSSL made with a P-256 key: a SEQUENCE of two INTEGERs of at most 33 bytes."""
    middle = 4 + signature[3]
    r, s = signature[4:middle], signature[middle + 2 :]
    return r[-32:].rjust(32, b"\0") + s[-32:].rjust(32, b"\0")


def spki(key: PublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def kid_of(spki_or_certificate: bytes) -> bytes:
    """The first 8 bytes of SHA-256, as HCERT does with certificates and we do with our own public keys."""
    return sha256(spki_or_certificate).digest()[:8]


def public_key(spki_der: bytes) -> PublicKey:
    """The key in DER SubjectPublicKeyInfo. Raises ValueError for kinds that no credential here uses."""
    try:
        key = load_der_public_key(spki_der)
    except UnsupportedAlgorithm:
        raise ValueError("a kind of key or curve that is not supported") from None
    if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        return key
    raise ValueError("neither elliptic curve, RSA nor Ed25519")
