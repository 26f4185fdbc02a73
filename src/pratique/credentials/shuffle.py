"""An order of 0 … size−1 that nobody without the key can foresee, and in which nothing comes twice.

A balanced Feistel network over an even number of bits with HMAC-SHA-256 as its round function (Luby and Rackoff);
numbers beyond `size` walk on until they fall inside. So the n-th status place needs no table of places taken.
"""

import hmac
from hashlib import sha256

_ROUNDS = 6


def place_of(key: bytes, n: int, size: int) -> int:
    """The place of the n-th entry. Raises IndexError unless 0 ≤ n < size."""
    if not 0 <= n < size:
        raise IndexError("outside the list")
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    place = _walk(key, n, half)
    while place >= size:
        place = _walk(key, place, half)
    return place


def _walk(key: bytes, n: int, half: int) -> int:
    mask = (1 << half) - 1
    left, right = n >> half, n & mask
    for number in range(_ROUNDS):
        mixed = hmac.digest(key, b"%d:%d" % (number, right), sha256)
        left, right = right, left ^ (int.from_bytes(mixed[:4], "big") & mask)
    return left << half | right
