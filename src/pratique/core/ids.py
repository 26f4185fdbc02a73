"""Random 128-bit ids, written as 26 characters of Crockford base32.

An id says nothing about what it names: no time, no counter, no place. Twenty-six characters hold 130 bits,
so the first character is 0 to 7.
"""

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [
    high + low for high in ALPHABET for low in ALPHABET
]  # two characters at a time: every call mints or reads ids
_VALUE = {c: i for i, c in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0}
ID_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def encode_id(raw: bytes) -> str:
    """The 26-character form of 16 bytes."""
    n = int.from_bytes(raw, "big")
    return "".join([_PAIRS[(n >> shift) & 1023] for shift in range(120, -1, -10)])


def decode_id(text: str) -> bytes:
    """The 16 bytes of an id. Raises ValueError for anything that is not exactly an id."""
    if not is_id(text):
        raise ValueError("an id is 26 characters of Crockford base32, the first one 0 to 7")
    n = 0
    for c in text:
        n = n << 5 | _VALUE[c]
    return n.to_bytes(16, "big")


def is_id(text: str) -> bool:
    """True for the canonical form only: upper case, no I, L, O, U."""
    return ID_PATTERN.fullmatch(text) is not None


def tidy_typed(text: str) -> str:
    """What a person typed, as the alphabet means it: upper case, I and L are 1, O is 0, no spaces or hyphens."""
    kept = (c for c in text.upper() if c not in " -\t")
    return "".join({"I": "1", "L": "1", "O": "0"}.get(c, c) for c in kept)
