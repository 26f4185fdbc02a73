"""The small part of JOSE that credentials need: base64url, JWK points, thumbprints (RFC 7515, 7517, 7638)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pratique.credentials.reasons import BadText, BadTrust


def b64url(raw: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """The bytes of base64url without padding. Raises BadText for anything that `b64url` would not write."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        raise BadText("not base64url") from None
    if b64url(raw) != text:
        raise BadText("not base64url")
    return raw


def jwk_point(jwk: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a JWK. Coordinates of 33 bytes with a leading zero are read (WHO's lists have them).

    Raises BadTrust for another curve, a bad coordinate or a point that is not on the curve.
    """
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        raise BadTrust("not a P-256 key")
    try:
        point = b"\x04" + b"".join(_coordinate(jwk[name]) for name in ("x", "y"))
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (KeyError, AttributeError, TypeError, ValueError):
        raise BadTrust("the coordinates are not a point of P-256") from None


def _coordinate(text: str) -> bytes:
    raw = unb64url(text.rstrip("="))
    if len(raw) == 33 and raw[0] == 0:
        raw = raw[1:]
    if len(raw) != 32:
        raise ValueError("a coordinate has 32 bytes")
    return raw


def point_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The members of a JWK that name a P-256 point."""
    numbers = key.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
    }


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """RFC 7638 thumbprint with SHA-256, base64url."""
    text = json.dumps(point_jwk(key), separators=(",", ":"), sort_keys=True)
    return b64url(sha256(text.encode()).digest())
