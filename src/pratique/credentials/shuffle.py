"""An order of 0 … size−1 that nobody without the key can foresee, and in which nothing comes twice.

A balanced Feistel network over an even number of bits (Luby and Rackoff); numbers beyond `size` walk on until they fall
inside. So the n-th status place needs no table of places taken. The round function is AES-128 with a key of 16 bytes,
for many places at once; lists that were begun with a key of 32 bytes go on with HMAC-SHA-256.
"""

import hmac
from hashlib import sha256

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

KEY_BYTES = 16
_ROUNDS = 6


def place_of(key: bytes, n: int, size: int) -> int:
    """The place of the n-th entry. Raises IndexError unless 0 ≤ n < size."""
    return places_of(key, n, 1, size)[0]


def places_of(key: bytes, first: int, count: int, size: int) -> list[int]:
    """The places of `count` entries from the `first` on. Raises IndexError unless all are inside."""
    if not 0 <= first <= first + count <= size or first == size:
        raise IndexError("outside the list")
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    if len(key) != KEY_BYTES:
        return [_inside(key, n, size, half) for n in range(first, first + count)]
    places = _walk_all(key, np.arange(first, first + count, dtype=np.uint64), half)
    while len(outside := np.flatnonzero(places >= size)):
        places[outside] = _walk_all(key, places[outside], half)
    return [int(place) for place in places]


def _walk_all(key: bytes, numbers: NDArray[np.uint64], half: int) -> NDArray[np.uint64]:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - a round function, not a message
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    left, right = numbers >> shift, numbers & mask
    blocks = np.zeros((len(numbers), 2), dtype=">u8")
    for number in range(_ROUNDS):
        blocks[:, 0], blocks[:, 1] = number, right
        mixed = np.frombuffer(encryptor.update(blocks.tobytes()), dtype=">u8")[::2]
        left, right = right, left ^ (mixed.astype(np.uint64) & mask)
    return np.asarray(left << shift | right)


def _inside(key: bytes, n: int, size: int, half: int) -> int:
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
