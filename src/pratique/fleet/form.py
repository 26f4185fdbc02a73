"""base64url without padding, as it stands in the JSON of gates (pure)."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode


def base64url(raw: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes | None:
    """The bytes, or None for anything but the one canonical form."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        return None
    return raw if base64url(raw) == text else None
