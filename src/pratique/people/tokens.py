"""Bearer tokens that need no table: who, until when, and an HMAC over both. Pure.

Form: 16 bytes of id, 4 of expiry (seconds), 32 of HMAC-SHA256, in base64url: 70 characters. The kind of caller is
part of what is authenticated, so a holder's token never works as a gate's. A token cannot be called back
before it expires; what it opens is checked against the subject's row each time.
"""

import hmac
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from hashlib import sha256

from pratique.core.ids import decode_id, encode_id
from pratique.people.binding import to_b64

_LENGTH = 52


def make_token(secret: bytes, kind: str, owner_id: str, expires: datetime) -> str:
    """A token for `owner_id` (a 26-character id) as `kind`, good before `expires` (whole seconds)."""
    head = decode_id(owner_id) + int(expires.timestamp()).to_bytes(4, "big")
    return to_b64(head + _tag(secret, kind, head))


def read_token(secret: bytes, kind: str, token: str, now: datetime) -> str | None:
    """The id the token was made for, or None: not ours, changed, of another kind, or expired.

    The comparison takes the same time whatever differs.
    """
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        return None
    if len(raw) != _LENGTH or to_b64(raw) != token:
        return None
    if not hmac.compare_digest(_tag(secret, kind, raw[:20]), raw[20:]):
        return None
    if now >= datetime.fromtimestamp(int.from_bytes(raw[16:20], "big"), UTC):
        return None
    return encode_id(raw[:16])


def _tag(secret: bytes, kind: str, head: bytes) -> bytes:
    return hmac.digest(secret, b"token\x00" + kind.encode() + b"\x00" + head, sha256)
