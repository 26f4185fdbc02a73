"""Cosignatures of checkpoints (C2SP tlog-cosignature v1.1.0-rc.1): a witness saw this size and root, at this time.

Signature bytes are a big-endian uint64 time and the signature. Type 0x04 is Ed25519 and does not commit to the
witness's name; type 0x06 is ML-DSA-44, does, and is safe against quantum computers (pure).
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from pratique.mandates.checkpoint import Checkpoint
from pratique.mandates.note import (
    COSIGN_ED25519,
    COSIGN_MLDSA44,
    BadNote,
    Note,
    Signature,
    VerifierKey,
    is_key_name,
    verify_ed25519,
)

AHEAD_S = 300
LATEST = 2**63 - 1


class Cosignature(NamedTuple):
    """Who saw the checkpoint, and when (seconds since 1970)."""

    key: VerifierKey
    time: int


def message_ed25519(text: bytes, time: int) -> bytes:
    """What a 0x04 key signs: two lines and the whole note text."""
    return f"cosignature/v1\ntime {time}\n".encode() + text


def message_mldsa44(witness: str, checkpoint: Checkpoint, time: int, start: int = 0) -> bytes:
    """What a 0x06 key signs: names, time, and the sub-tree [start, size)."""
    parts = [b"subtree/v1\n\0"]
    for value in (witness.encode(), time, checkpoint.origin.encode(), start, checkpoint.size):
        if isinstance(value, int):
            parts.append(value.to_bytes(8, "big"))
        elif len(value) > 255:
            raise BadNote("a name has at most 255 bytes")
        else:
            parts += [bytes([len(value)]), value]
    return b"".join([*parts, checkpoint.root])


def check_cosignature(key: VerifierKey, note: Note, checkpoint: Checkpoint, now: int) -> Cosignature | None:
    """This witness's cosignature in the note, or None if it has none. Raises BadNote if it is wrong."""
    for found in note.signatures:
        if (found.name, found.key_id) != (key.name, key.key_id):
            continue
        time = int.from_bytes(found.signature[:8], "big")
        if time > LATEST or time > now + AHEAD_S:
            raise BadNote("a cosignature lies in the future")
        if not _verify(key, note.text, checkpoint, time, found.signature[8:]):
            raise BadNote("the cosignature of a known witness is wrong")
        return Cosignature(key, time)
    return None


def _verify(key: VerifierKey, text: bytes, checkpoint: Checkpoint, time: int, signature: bytes) -> bool:
    if key.type == COSIGN_ED25519:
        return verify_ed25519(key, message_ed25519(text, time), signature)
    if key.type == COSIGN_MLDSA44:
        try:
            message = message_mldsa44(key.name, checkpoint, time)
            MLDSA44PublicKey.from_public_bytes(key.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True
    return False


class Cosigner:
    """A witness's key: `kind` is COSIGN_ED25519 or COSIGN_MLDSA44, the seed 32 bytes."""

    def __init__(self, name: str, kind: int, seed: bytes) -> None:
        if not is_key_name(name):
            raise BadNote("a key name has no space and no plus sign")
        self._ed25519 = Ed25519PrivateKey.from_private_bytes(seed)
        self._mldsa44 = MLDSA44PrivateKey.from_seed_bytes(seed)
        public = (self._ed25519 if kind == COSIGN_ED25519 else self._mldsa44).public_key()
        self.vkey = VerifierKey(name, kind, public.public_bytes_raw())

    def cosign(self, checkpoint: Checkpoint, time: int) -> Signature:
        """The signature line over `checkpoint` at `time`, seconds since 1970."""
        if self.vkey.type == COSIGN_ED25519:
            signed = self._ed25519.sign(message_ed25519(checkpoint.text, time))
        else:
            signed = self._mldsa44.sign(message_mldsa44(self.vkey.name, checkpoint, time))
        return Signature(self.vkey.name, self.vkey.key_id, time.to_bytes(8, "big") + signed)
