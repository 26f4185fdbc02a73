"""The log's checkpoint (C2SP tlog-checkpoint v1.0.0): origin, size, root, as the text of a signed note (pure).

No extension lines: nobody can audit them. A size has no leading zeros and fits 63 bits.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import NamedTuple

from pratique.mandates.note import BadNote, Note, VerifierKey, check_note, parse_note
from pratique.mandates.tree import EMPTY_ROOT

MAX_CHECKPOINT = 65_536
MAX_SIZE = 2**63 - 1


class BadRoot(BadNote):
    """A log without entries has one possible root, and this is another."""


class Checkpoint(NamedTuple):
    """What the log says of itself: `size` entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The note text, final newline included."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


def parse_checkpoint(text: bytes, *, extensions: bool = False) -> Checkpoint:
    """The checkpoint from a note's text. Raises BadNote. `extensions` lets further lines of other logs pass."""
    lines = text.decode().split("\n")
    if len(lines) < 4 or lines[-1] or (len(lines) > 4 and not extensions):
        raise BadNote("a checkpoint is three lines: origin, size, root")
    origin, size, root = lines[:3]
    if not origin:
        raise BadNote("the origin is empty")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", size) or int(size) > MAX_SIZE:
        raise BadNote("the size is not a decimal number without leading zeros")
    made = Checkpoint(origin, int(size), read_hash(root))
    if made.size == 0 and made.root != EMPTY_ROOT:
        raise BadRoot("a log of size 0 has the root of the empty tree")
    return made


def open_checkpoint(raw: bytes, log_keys: Iterable[VerifierKey], origin: str) -> tuple[Note, Checkpoint]:
    """The note and what it says, signed by a key of the log and of this origin. Raises BadNote."""
    note = parse_note(raw, max_bytes=MAX_CHECKPOINT)
    check_note(note, log_keys)
    found = parse_checkpoint(note.text)
    if found.origin != origin:
        raise BadNote("the checkpoint is of another log")
    return note, found


def read_hash(text: str) -> bytes:
    """32 bytes from canonical base64. Raises BadNote."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("a hash is base64") from None
    if len(raw) != 32 or base64.b64encode(raw).decode() != text:
        raise BadNote("a hash is 32 bytes in the one form of base64")
    return raw
