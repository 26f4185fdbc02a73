"""How a wallet proves that it holds the key it names. Pure: a challenge is not stored anywhere.

A challenge is 32 bytes: 8 of time (milliseconds), 8 of chance, 16 of HMAC-SHA256 under a secret of the server. It
is good for five minutes. The wallet signs the UTF-8 text `pratique-bind`, a line feed and the challenge as it
was sent, with ES256 (RFC 7518 §3.4: r‖s, 64 bytes). Must not know databases or subjects.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, from_ms
from pratique.core.text import Text

GOOD_FOR = timedelta(minutes=5)
PREFIX = "pratique-bind\n"


def to_b64(raw: bytes) -> str:
    """base64url without padding (RFC 4648 §5)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64(text: str, length: int, field: str) -> bytes:
    """Exactly `length` bytes of base64url without padding. Raises Refusal naming the field."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != length or to_b64(raw) != text:
        raise Refusal(
            "BAD_BASE64",
            field,
            Text(
                f"{field} is {length} bytes in base64url without padding",
                f"{field} 应为 {length} 字节的 base64url(无填充)",
            ),
        )
    return raw


def make_challenge(secret: bytes, moment: Moment) -> str:
    """A fresh challenge, good for `GOOD_FOR` from `moment`."""
    head = moment.now_ms.to_bytes(8, "big") + moment.random(8)
    return to_b64(head + _tag(secret, head))


def check_challenge(secret: bytes, challenge: str, now: datetime) -> None:
    """Raises Refusal where the challenge is not ours, or older than five minutes."""
    raw = from_b64(challenge, 32, "challenge")
    ours = hmac.compare_digest(_tag(secret, raw[:16]), raw[16:])
    if not ours or not timedelta(0) <= now - from_ms(int.from_bytes(raw[:8], "big")) < GOOD_FOR:
        raise Refusal(
            "CHALLENGE_OLD",
            "challenge",
            Text("this challenge is no longer good; fetch a new one", "该质询已失效，请重新获取"),
        )


def check_key(public_key: bytes) -> EllipticCurvePublicKey:
    """The P-256 key of an uncompressed point (SEC 1 §2.3.3). Raises Refusal for any other bytes."""
    try:
        if len(public_key) != 65:
            raise ValueError
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public_key)
    except ValueError:
        raise Refusal(
            "BAD_KEY",
            "public_key",
            Text(
                "public_key is no point of P-256; send the 65 uncompressed bytes",
                "public_key 不是 P-256 曲线上的点，请发送 65 字节未压缩格式",
            ),
        ) from None


def check_binding(public_key: bytes, challenge: str, signature: bytes) -> None:
    """Raises Refusal unless `signature` is the key's ES256 signature over the challenge."""
    key = check_key(public_key)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), (PREFIX + challenge).encode(), ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise Refusal(
            "BAD_SIGNATURE",
            "signature",
            Text(
                "the signature does not fit this key and challenge; sign again",
                "签名与该密钥和质询不符，请重新签名",
            ),
        ) from None


def _tag(secret: bytes, head: bytes) -> bytes:
    return hmac.digest(secret, b"bind\x00" + head, sha256)[:16]
