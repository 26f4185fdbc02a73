"""Web push: the message encrypted for one browser (RFC 8291, 8188), signed by who sends (RFC 8292). Pure.

The push service in between learns neither the text nor whom it is about; it sees an address of its own making.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.core.canonical import canonical_json
from pratique.core.signer import Signer

RECORD = 4096
LIVES = timedelta(hours=12)  # of a token; RFC 8292 allows a day
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


class Target(NamedTuple):
    """One browser: where its push service takes messages, its public point (65 bytes), its secret (16 bytes)."""

    endpoint: str
    point: bytes
    auth: bytes


def one_time_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """A private key from 40 unpredictable bytes."""
    return ec.derive_private_key(int.from_bytes(seed, "big") % (ORDER - 1) + 1, ec.SECP256R1())


def encrypt(plain: bytes, target: Target, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of a push message: one aes128gcm record. `key` and `salt` (16 bytes) are used once.

    Raises ValueError for a point off the curve or a text that does not fit one record.
    """
    if len(plain) > RECORD - 17 - 86:
        raise ValueError("a push message is one record of at most 3993 bytes")
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), target.point)
    ours = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), theirs)
    first = hmac.digest(target.auth, shared, sha256)
    secret = hmac.digest(first, b"WebPush: info\x00" + target.point + ours + b"\x01", sha256)
    second = hmac.digest(salt, secret, sha256)
    content = hmac.digest(second, b"Content-Encoding: aes128gcm\x00\x01", sha256)[:16]
    nonce = hmac.digest(second, b"Content-Encoding: nonce\x00\x01", sha256)[:12]
    head = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return head + AESGCM(content).encrypt(nonce, plain + b"\x02", None)


def authorization(signer: Signer, point: bytes, endpoint: str, contact: str, now: datetime) -> str:
    """The header that says who sends: a token for the push service, signed with the key the browser was given."""
    place = urlsplit(endpoint)
    claims = {
        "aud": f"{place.scheme}://{place.netloc}",
        "exp": int((now + LIVES).timestamp()),
        "sub": contact,
    }
    signed = f"{b64(canonical_json({'alg': 'ES256', 'typ': 'JWT'}))}.{b64(canonical_json(claims))}"
    return f"vapid t={signed}.{b64(signer.sign(signed.encode()))}, k={b64(point)}"


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of base64url with or without padding. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
