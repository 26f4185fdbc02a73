"""The draw. Pure: anybody who has the seed and the wishes comes to the same tickets.

Speed gains nothing: wishes are ordered by a digest of seed and mark, not by when they came, and each person has one.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

Wish = tuple[bytes, Sequence[str]]  # mark, slot ids in order of preference


def digest(seed: bytes) -> str:
    """What is shown before the draw."""
    return sha256(seed).hexdigest()


def order(seed: bytes, marks: Sequence[bytes]) -> list[bytes]:
    """The marks in the order in which they are served."""
    return sorted(marks, key=lambda mark: sha256(seed + mark).digest())


def draw(seed: bytes, wishes: Sequence[Wish], free: Mapping[str, int]) -> list[tuple[bytes, str]]:
    """(mark, slot) for everybody who gets a place: the first of their wishes that is still free at their turn."""
    left = dict(free)
    wanted = dict(wishes)
    given = []
    for mark in order(seed, list(wanted)):
        for slot_id in wanted[mark]:
            if left.get(slot_id, 0) > 0:
                left[slot_id] -= 1
                given.append((mark, slot_id))
                break
    return given
