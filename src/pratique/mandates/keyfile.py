"""The records of a key-store file (pure): what is written, what is read back, what a torn write leaves behind.

File: `PQKS1` ‖ u32 root generation, then records: 0xA7 0x51 ‖ u8 kind ‖ u8 length, mandate ‖ u8 length, name ‖
u8 length, wrapped secret ‖ u32 CRC-32 of all before. Secrets are wrapped (RFC 3394) under a key derived from the
root, the kind and the names, so that a record moved to another name does not open.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

MANDATE, DAY, SUBJECT = 1, 2, 3
# Memories of what was destroyed, so that it is not made again. A subject is named until the next rewrite, then veiled.
GONE_MANDATE, GONE_DAYS, GONE_SUBJECT, GONE_VEILED = 4, 5, 6, 7
KIND_NAMES = {MANDATE: "mandate", DAY: "day", SUBJECT: "subject"}
SECRETS = frozenset(KIND_NAMES)
_FILE, _RECORD = b"PQKS1", b"\xa7\x51"
HEAD = len(_FILE) + 4


class Record(NamedTuple):
    """One secret (wrapped, 40 bytes) or one memory of a destroyed one (wrapped is empty)."""

    kind: int
    mandate: str
    name: str
    wrapped: bytes = b""


def head(generation: int) -> bytes:
    """The first bytes of a file."""
    return _FILE + generation.to_bytes(4, "big")


def read_head(raw: bytes) -> int:
    """The root generation. Raises ValueError."""
    if len(raw) < HEAD or not raw.startswith(_FILE):
        raise ValueError("this is not a key store")
    return int.from_bytes(raw[len(_FILE) : HEAD], "big")


def pack(record: Record) -> bytes:
    """The bytes of one record."""
    parts = [_RECORD, bytes([record.kind])]
    for part in (record.mandate.encode(), record.name.encode(), record.wrapped):
        parts += [bytes([len(part)]), part]
    body = b"".join(parts)
    return body + crc32(body).to_bytes(4, "big")


def unpack(raw: bytes, at: int = 0) -> Iterator[tuple[Record, int]]:
    """Every whole record from `at` on, with the offset behind it.

    A damaged stretch is skipped where a whole record follows; at the end it is left, for a writer may be at work.
    """
    while at < len(raw):
        found = _one(raw, at)
        start = at
        while found is None:
            start = raw.find(_RECORD, start + 1)
            if start < 0:
                return
            found = _one(raw, start)
        yield found
        at = found[1]


def _one(raw: bytes, at: int) -> tuple[Record, int] | None:
    if raw[at : at + 2] != _RECORD or at + 6 > len(raw):
        return None
    kind, position, parts = raw[at + 2], at + 3, []
    for _ in range(3):
        if position >= len(raw):
            return None
        end = position + 1 + raw[position]
        parts.append(raw[position + 1 : end])
        position = end
    if raw[position : position + 4] != crc32(raw[at:position]).to_bytes(4, "big"):
        return None
    return Record(kind, parts[0].decode(), parts[1].decode(), parts[2]), position + 4


def wrap(root: bytes, kind: int, mandate: str, name: str, secret: bytes) -> bytes:
    """40 bytes (RFC 3394) that open only under this root, for this kind and these names."""
    return aes_key_wrap(_wrapping_key(root, kind, mandate, name), secret)


def unwrap(root: bytes, record: Record) -> bytes:
    """The 32 bytes. Raises ValueError if the record was changed or moved, or another root wrapped it."""
    try:
        key = _wrapping_key(root, record.kind, record.mandate, record.name)
        return aes_key_unwrap(key, record.wrapped)
    except InvalidUnwrap:
        raise ValueError("a secret of the key store does not open: the file was changed") from None


def _wrapping_key(root: bytes, kind: int, mandate: str, name: str) -> bytes:
    return hmac.digest(root, bytes([kind]) + mandate.encode() + b"\x00" + name.encode(), sha256)
