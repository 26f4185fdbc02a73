"""C2SP signed notes (signed-note v1.0.0): a text, an empty line, signature lines.

Promise: bytes in, values out; what is accepted is exactly the specification's form, and every refusal says why
without repeating what was refused. Must not know what a note says. Key type 0x01 (Ed25519) signs here; the
cosignature types 0x04 and 0x06 are in `cosign`. ECDSA (0x02) is not built.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519, COSIGN_ED25519, COSIGN_MLDSA44 = 0x01, 0x04, 0x06
KEY_SIZES = {ED25519: 32, COSIGN_ED25519: 32, COSIGN_MLDSA44: 1312}
MAX_NOTE, MAX_SIGNATURES = 65_536, 64
_DASH = "— ".encode()


class BadNote(ValueError):  # noqa: N818 - names what it is
    """Not a signed note, or not signed as needed. The text says what is wrong."""


class BadSignature(BadNote):
    """A signature is malformed, a known key's signature is wrong, or no known key signed."""


class VerifierKey(NamedTuple):
    """A public key with its name. `text` is the vkey form."""

    name: str
    type: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ 0x0A ‖ type ‖ public key)[0:4]."""
        return key_id(self.name, self.type, self.public_key)

    @property
    def text(self) -> str:
        """`name+hex(key id)+base64(type ‖ public key)`."""
        packed = base64.b64encode(bytes([self.type]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{packed}"


class Signature(NamedTuple):
    """One signature line: key name, key id, signature bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> bytes:
        """The line as it stands in a note, newline included."""
        packed = base64.b64encode(self.key_id + self.signature)
        return _DASH + self.name.encode() + b" " + packed + b"\n"


class Note(NamedTuple):
    """`text` ends in a newline; `signatures` in the order of their lines."""

    text: bytes
    signatures: tuple[Signature, ...]

    @property
    def raw(self) -> bytes:
        """The whole note."""
        return self.text + b"\n" + b"".join(s.line for s in self.signatures)


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """The 4 bytes that tell keys of one name apart."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:4]


def is_key_name(name: str) -> bool:
    """A name is not empty and has no space, no `+` and no control character."""
    return bool(name) and "+" not in name and not re.search(r"[\s\x00-\x1f]", name)


def parse_vkey(text: str) -> VerifierKey:
    """A verifier key from its text. Raises BadNote."""
    parts = text.split("+", 2)  # base64 may hold a plus sign: split at the first two only
    if len(parts) != 3:
        raise BadNote("a verifier key is name+id+key")
    name, shown_id, packed = parts
    if not is_key_name(name):
        raise BadNote("a key name has no space and no plus sign")
    raw = _base64(packed)
    if not raw or len(raw) - 1 != KEY_SIZES.get(raw[0], -1):
        raise BadNote("the key is not of a known type (0x01, 0x04, 0x06) or has the wrong length")
    key = VerifierKey(name, raw[0], raw[1:])
    if shown_id != key.key_id.hex():
        raise BadNote("the key id does not belong to this name and key")
    return key


def parse_note(raw: bytes, *, max_bytes: int = MAX_NOTE, max_signatures: int = MAX_SIGNATURES) -> Note:
    """Text and signature lines, nothing checked but the form. Raises BadNote."""
    if len(raw) > max_bytes:
        raise BadNote(f"a note has at most {max_bytes} bytes")
    try:
        plain = raw.decode()
    except UnicodeDecodeError:
        raise BadNote("a note is UTF-8") from None
    if re.search(r"[\x00-\x09\x0b-\x1f]", plain):
        raise BadNote("a note has no control characters but the newline")
    at = raw.rfind(b"\n\n")
    if at < 0 or not raw.endswith(b"\n"):
        raise BadNote("a note ends with an empty line and signature lines")
    lines = raw[at + 2 : -1].split(b"\n")
    if len(lines) > max_signatures:
        raise BadNote(f"a note has at most {max_signatures} signatures")
    return Note(raw[: at + 1], tuple(map(parse_signature, lines)))


def parse_signature(line: bytes) -> Signature:
    """One signature line without its newline. Raises BadNote."""
    if not line.startswith(_DASH):
        raise BadNote("a signature line starts with a dash (U+2014) and a space")
    parts = line[len(_DASH) :].decode().split(" ")
    if len(parts) != 2 or not is_key_name(parts[0]):
        raise BadNote("a signature line is dash, key name, base64")
    try:
        raw = _base64(parts[1])
    except BadNote as fault:
        raise BadSignature(str(fault)) from None
    if len(raw) < 5:
        raise BadSignature("a signature is longer than its key id")
    return Signature(parts[0], raw[:4], raw[4:])


def verify_ed25519(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    """RFC 8032 over `message`."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_note(note: Note, known: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """The known keys (type 0x01) that signed, each once.

    Unknown keys are ignored, also where only name or only id match. Raises BadNote if a known key's signature is
    wrong or no known key signed.
    """
    keys = {(key.name, key.key_id): key for key in known if key.type == ED25519}
    good: dict[tuple[str, bytes], VerifierKey] = {}
    for found in note.signatures:
        key = keys.get((found.name, found.key_id))
        if key is None:
            continue
        if not verify_ed25519(key, note.text, found.signature):
            raise BadSignature("the signature of a known key is wrong")
        good[found.name, found.key_id] = key
    if not good:
        raise BadSignature("no known key signed")
    return tuple(good.values())


def open_note(raw: bytes, known: Iterable[VerifierKey], *, max_bytes: int = MAX_NOTE) -> Note:
    """Parse and check in one step. Raises BadNote."""
    note = parse_note(raw, max_bytes=max_bytes)
    check_note(note, known)
    return note


class NoteSigner:
    """An Ed25519 key with a name (type 0x01). Satisfies `core.signer.Signer`."""

    def __init__(self, name: str, seed: bytes) -> None:
        if not is_key_name(name):
            raise BadNote("a key name has no space and no plus sign")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.vkey = VerifierKey(name, ED25519, self._key.public_key().public_bytes_raw())

    @classmethod
    def read(cls, text: str) -> "NoteSigner":
        """From the private form `PRIVATE+KEY+name+id+base64(0x01 ‖ seed)`. Raises BadNote."""
        parts = text.strip().split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise BadNote("this is not a private note key")
        raw = _base64(parts[4])
        if len(raw) != 33 or raw[0] != ED25519:
            raise BadNote("the private key is not Ed25519")
        made = cls(parts[2], raw[1:])
        if made.kid.hex() != parts[3]:
            raise BadNote("the key id does not belong to this name and key")
        return made

    def private_text(self) -> str:
        """The form that `read` takes. Belongs in a file that only its owner may read."""
        packed = base64.b64encode(bytes([ED25519]) + self._key.private_bytes_raw()).decode()
        return f"PRIVATE+KEY+{self.name}+{self.kid.hex()}+{packed}"

    @property
    def name(self) -> str:
        """The key's name."""
        return self.vkey.name

    @property
    def kid(self) -> bytes:
        """The 4-byte key id."""
        return self.vkey.key_id

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self.vkey.public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes (RFC 8032)."""
        return self._key.sign(message)

    def signature(self, text: bytes) -> Signature:
        """This key's line for a note text, which ends in a newline."""
        return Signature(self.name, self.kid, self.sign(text))

    def note(self, text: bytes) -> Note:
        """A note with this one signature."""
        return sign_note(text, self)


def sign_note(text: bytes, *signers: NoteSigner) -> Note:
    """A note over `text`, signed by each. Raises BadNote if `text` cannot be a note's text."""
    made = Note(text, tuple(signer.signature(text) for signer in signers))
    if not text.endswith(b"\n") or parse_note(made.raw, max_bytes=2 * MAX_NOTE + len(text)) != made:
        raise BadNote("a note text is UTF-8 without control characters and ends with a newline")
    return made


def _base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("base64 is malformed") from None
    if base64.b64encode(raw).decode() != text:
        raise BadNote("base64 is not in its one canonical form")
    return raw
