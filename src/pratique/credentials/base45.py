"""base45 (RFC 9285): two bytes as three of the characters a QR code packs tightly.

Decoding is strict: every text has one meaning, and a text that no encoder writes is refused. The space is a
character like any other; nothing is trimmed.

All groups of three are added up at once: the text is one long integer with a lane of 24 bits for each group. That is
faster than a loop by far, and than numpy where a signature check has just emptied the processor's caches.
"""

from collections.abc import Callable
from functools import cache

from pratique.credentials.reasons import BadText

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

_FOREIGN = b"\xff"
_VALUE = bytes(ALPHABET.index(c) if c in ALPHABET else 0xFF for c in range(256))
_MAX_LANES = 1 << 12
_LAST = int.from_bytes(b"\x00\x00\xff" * _MAX_LANES, "big")  # of each lane
_OVERFLOW = _LAST << 16


def decode(text: str) -> bytes:
    """The bytes of a base45 text. Raises BadText for a foreign character, a value too large, or a bad length."""
    try:
        values = text.encode("ascii").translate(_VALUE)
    except UnicodeEncodeError:
        raise BadText("a character outside base45") from None
    if _FOREIGN in values:
        raise BadText("a character outside base45")
    rest = len(values) % 3
    if rest == 0:
        return _groups(values)
    if rest == 1:
        raise BadText("one character too many or too few")
    last = values[-2] + 45 * values[-1]
    if last > 255:
        raise BadText("the last two characters stand for more than a byte")
    return _groups(values[:-2]) + bytes((last,))


def _groups(values: bytes) -> bytes:
    size = len(values)
    if size > 3 * _MAX_LANES:
        raise BadText("longer than any code")
    lanes = int.from_bytes(values, "big")
    sums = (lanes >> 16 & _LAST) + 45 * ((lanes >> 8 & _LAST) + 45 * (lanes & _LAST))
    if sums & _OVERFLOW:
        raise BadText("three characters stand for more than two bytes")
    decoded = bytearray(sums.to_bytes(size, "big"))
    del decoded[::3]
    return bytes(decoded)


def encode(raw: bytes) -> str:
    """The base45 text of `raw`."""
    even = len(raw) // 2 * 2
    text = _encoder()(raw, even).decode("ascii") if even else ""
    if even != len(raw):
        text += f"{chr(ALPHABET[raw[-1] % 45])}{chr(ALPHABET[raw[-1] // 45])}"
    return text


@cache
def _encoder() -> Callable[[bytes, int], bytes]:
    """Writes pairs by a table of all 65,536. Made at the first use: who only verifies never needs it."""
    import numpy as np

    letters, n = np.frombuffer(ALPHABET, np.uint8), np.arange(65536)
    table = np.stack([letters[n % 45], letters[n // 45 % 45], letters[n // 2025]], axis=1)
    pairs = np.dtype(">u2")

    def write(raw: bytes, even: int) -> bytes:
        groups: bytes = table.take(np.frombuffer(raw, pairs, even // 2), axis=0).tobytes()
        return groups

    return write
