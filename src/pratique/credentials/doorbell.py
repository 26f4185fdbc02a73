"""Sealing to the host of a visitor, so that a relay carries what it cannot read. Pure but for the chance it is given.

    sealed = ephemeral point (65) ‖ AES-256-GCM(key, nonce, message)
    key ‖ nonce = HKDF-SHA256(ECDH(ephemeral, host), salt = ephemeral ‖ host, info = "pratique-doorbell", 44 bytes)

A box in the relay is named by the first 16 bytes of SHA-256 of a secret that only the host has; who waits at a box
shows the secret. Keys and secret are made for one visit.
"""

from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.credentials.reasons import BadCose

BOX, SECRET, EPHEMERAL = 16, 32, 65  # a browser reads no shorter form of a point
MAX_SEALED = 2048  # bytes


def box_of(secret: bytes) -> bytes:
    """The name of the box that opens to this secret."""
    return sha256(secret).digest()[:BOX]


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """The 33 bytes of a public key."""
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def seal(host: bytes, message: bytes) -> bytes:
    """The message, sealed to the host's point. Raises BadCose where that is not a point of P-256."""
    try:
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), host)
    except ValueError:
        raise BadCose("the host's key is not a point of P-256") from None
    ours = ec.generate_private_key(ec.SECP256R1())
    ephemeral = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    key, nonce = _keys(ours.exchange(ec.ECDH(), theirs), ephemeral, host)
    return ephemeral + AESGCM(key).encrypt(nonce, message, None)


def unseal(host: ec.EllipticCurvePrivateKey, sealed: bytes) -> bytes:
    """The message. Raises BadCose for what was not sealed to this key, or was changed."""
    ephemeral = sealed[:EPHEMERAL]
    try:
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ephemeral)
        key, nonce = _keys(host.exchange(ec.ECDH(), theirs), ephemeral, point_of(host.public_key()))
        return AESGCM(key).decrypt(nonce, sealed[EPHEMERAL:], None)
    except (ValueError, InvalidTag):
        raise BadCose("not sealed to this key") from None


def _keys(shared: bytes, ephemeral: bytes, host: bytes) -> tuple[bytes, bytes]:
    made = HKDF(SHA256(), 44, ephemeral + host, b"pratique-doorbell").derive(shared)
    return made[:32], made[32:]
