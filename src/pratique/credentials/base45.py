"""base45 (RFC 9285): two bytes as three of the characters a QR code packs tightly.

Decoding is strict: every text has one meaning, and a text that no encoder writes is refused. The space is a
character like any other; nothing is trimmed.
"""

import numpy as np

from pratique.credentials.reasons import BadText

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

# A foreign character becomes 255, which alone lifts any group of three beyond 65535 in its last place and is
# looked for in the first two, where it would not.
_VALUE = bytes(ALPHABET.index(c) if c in ALPHABET else 255 for c in range(256))
_FOREIGN = b"\xff"
_WEIGHT = np.array([1, 45, 2025], dtype=np.float32)  # at most 528,105: exact in float32
_BYTE, _FLOAT, _PAIR = np.dtype(np.uint8), np.dtype(np.float32), np.dtype(">u2")
_GROUP = np.array(
    [[ALPHABET[n % 45], ALPHABET[n // 45 % 45], ALPHABET[n // 2025]] for n in range(65536)], dtype=np.uint8
)


def decode(text: str) -> bytes:
    """The bytes of a base45 text. Raises BadText for a foreign character, a value too large, or a bad length."""
    try:
        values = text.encode("ascii").translate(_VALUE)
    except UnicodeEncodeError:
        raise BadText("a character outside base45") from None
    if _FOREIGN in values:
        raise BadText("a character outside base45")
    rest = len(values) % 3
    if rest == 1:
        raise BadText("one character too many or too few")
    tail = b""
    if rest:
        last = values[-2] + 45 * values[-1]
        if last > 255:
            raise BadText("the last two characters stand for more than a byte")
        tail = bytes((last,))
        values = values[:-2]
    if not values:
        return tail
    groups = np.frombuffer(values, _BYTE).astype(_FLOAT).reshape(-1, 3).dot(_WEIGHT)
    if groups[groups.argmax()] > 65535:
        raise BadText("three characters stand for more than two bytes")
    decoded: bytes = groups.astype(_PAIR).tobytes()
    return decoded + tail if tail else decoded


def encode(raw: bytes) -> str:
    """The base45 text of `raw`."""
    even = len(raw) // 2 * 2
    text = _GROUP[np.frombuffer(raw, _PAIR, even // 2)].tobytes() if even else b""
    if even != len(raw):
        text += bytes((ALPHABET[raw[-1] % 45], ALPHABET[raw[-1] // 45]))
    return text.decode("ascii")
