"""Bearer tokens that need no table: who, until when, and an HMAC over both. Pure.

Form: 16 bytes of id, 4 of expiry (seconds), 32 of HMAC-SHA256, in base64url: 70 characters. The kind of caller is
part of what is authenticated, so a holder's token never works as a gate's. A token cannot be called back
before it expires; what it opens is checked against the subject's row each time.
"""

import hmac
from binascii import a2b_base64, b2a_base64
from datetime import datetime
from hashlib import sha256

from pratique.core.ids import decode_id, encode_id
from pratique.people.binding import to_b64

_CHARACTERS = 70  # of 52 bytes
_STANDARD = bytes.maketrans(
    b"-_+/", b"+/  "
)  # base64url as the C decoder reads it; what is no base64url stays none


def make_token(secret: bytes, kind: str, owner_id: str, expires: datetime) -> str:
    """A token for `owner_id` (a 26-character id) as `kind`, good before `expires` (whole seconds)."""
    head = decode_id(owner_id) + int(expires.timestamp()).to_bytes(4, "big")
    return to_b64(head + _tag(secret, kind, head))


def read_token(secret: bytes, kind: str, token: str, now: datetime) -> str | None:
    """The id the token was made for, or None: not ours, changed, of another kind, or expired.

    The comparison takes the same time whatever differs.
    """
    if len(token) != _CHARACTERS:
        return None
    try:
        plain = token.encode("ascii").translate(_STANDARD) + b"=="
        raw = a2b_base64(plain)
    except ValueError:
        return None
    if b2a_base64(raw, newline=False) != plain:  # one spelling only: nothing skipped, no spare bits
        return None
    if not hmac.compare_digest(_tag(secret, kind, raw[:20]), raw[20:]):
        return None
    if now.timestamp() >= int.from_bytes(raw[16:20], "big"):
        return None
    return encode_id(raw[:16])


def _tag(secret: bytes, kind: str, head: bytes) -> bytes:
    return hmac.digest(secret, b"token\x00" + kind.encode() + b"\x00" + head, sha256)
