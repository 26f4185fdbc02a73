"""Wallet keys for tests: made fresh, signing as WebCrypto does."""

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def new_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def point(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def sign(key: EllipticCurvePrivateKey, text: str) -> bytes:
    r, s = decode_dss_signature(key.sign(text.encode(), ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
