"""Changed inputs: bytes anywhere, and what lies under base45, zlib, CBOR or JSON. Chance comes in as `Random`."""

import json
import zlib
from random import Random
from typing import Any

import cbor2

from pratique.credentials import base45
from pratique.credentials.reasons import CredentialError

_ODD_BYTES = (
    0,
    1,
    0x17,
    0x18,
    0x1B,
    0x3B,
    0x5A,
    0x5F,
    0x7F,
    0x80,
    0x9F,
    0xA0,
    0xBF,
    0xD2,
    0xF6,
    0xF9,
    0xFB,
    0xFF,
)
_ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 23, 24, 255, 256, 2**31, 2**32, 2**53, 2**63, 2**64 - 1, -(2**63), 0.0, 1.5, -0.0,
    float("inf"), float("-inf"), float("nan"), "", " ", "\x00", "é", "\U0001f642", "A" * 81, b"", b"\x00" * 9, [], {},
    [[[[]]]], {"": ""}, {1: {1: {1: 1}}},
)  # fmt: skip


def changed(raw: bytes, other: bytes, chance: Random) -> bytes:
    """One to four changes of bytes; `other` is another input to take pieces of."""
    made = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(made) + 1)
        kind = chance.randrange(9)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(made):
            made[at] = chance.choice(_ODD_BYTES)
        elif kind == 2:
            made[at:at] = bytes([chance.randrange(256)]) * chance.choice((1, 2, 8, 300))
        elif kind == 3:
            del made[at : at + chance.choice((1, 1, 2, 8, 64))]
        elif kind == 4:
            del made[at:]
        elif kind == 5 and other:
            start = chance.randrange(len(other))
            made[at:at] = other[start : start + chance.choice((1, 4, 16, 64))]
        elif kind == 6 and other:
            made[at:] = other[min(at, len(other)) :]
        elif kind == 7:
            end = min(len(made), at + chance.choice((2, 8, 32)))
            made[at:at] = made[at:end] * chance.choice((1, 2, 20))
        else:
            made[at : at + 4] = chance.randbytes(4)
    return bytes(made[: 1 << 17])


def inside(text: bytes, other: bytes, chance: Random) -> bytes:
    """A credential's text with a change below its outermost layer, or of the text where there is none below."""
    prefix, body = text[:4], text[4:]
    if prefix in (b"HC1:", b"PQ1:", b"PQG:") and chance.random() < 0.8:
        try:
            raw = base45.decode(body.decode("latin-1"))
            if prefix == b"HC1:" and chance.random() < 0.8:
                return (
                    prefix
                    + base45.encode(zlib.compress(_deeper(zlib.decompress(raw), other, chance), 1)).encode()
                )
            return prefix + base45.encode(_deeper(raw, other, chance)).encode()
        except (CredentialError, zlib.error):
            pass
    return changed(text, other, chance)


def _deeper(raw: bytes, other: bytes, chance: Random) -> bytes:
    return value_changed(raw, chance) if chance.random() < 0.3 else changed(raw, other, chance)


def value_changed(raw: bytes, chance: Random) -> bytes:
    """CBOR or JSON with one value in it replaced, removed, doubled or moved; as it is where it cannot be read."""
    try:
        if raw[:1] in (b"{", b"["):
            value = json.loads(raw)
            return json.dumps(replaced(value, chance), default=str).encode("utf-8", "surrogatepass")
        value = cbor2.loads(raw)
        return cbor2.dumps(replaced(value, chance))
    except Exception:  # whatever a foreign encoder thinks of our odd values
        return raw


def replaced(value: Any, chance: Random, depth: int = 0) -> Any:
    if depth > 8 or chance.random() < 0.15:
        return chance.choice(_ODD_VALUES)
    if isinstance(value, cbor2.CBORTag):
        tag = chance.choice((value.tag, value.tag, 0, 1, 2, 18, 61, 258, 1004))
        return cbor2.CBORTag(tag, replaced(value.value, chance, depth + 1))
    if isinstance(value, bytes) and value[:1] and value[0] >= 0xA0 and chance.random() < 0.7:
        return value_changed(value, chance)
    if isinstance(value, dict | cbor2.frozendict) and value:
        rows = dict(value)
        key = chance.choice(list(rows))
        act = chance.randrange(5)
        if act == 0:
            del rows[key]
        elif act == 1:
            rows[chance.choice(("x", 7, -7, "d", "keys"))] = rows[key]
        else:
            rows[key] = replaced(rows[key], chance, depth + 1)
        return rows
    if isinstance(value, list | tuple) and value:
        rows_ = list(value)
        at = chance.randrange(len(rows_))
        act = chance.randrange(5)
        if act == 0:
            del rows_[at]
        elif act == 1:
            rows_.insert(at, rows_[at])
        else:
            rows_[at] = replaced(rows_[at], chance, depth + 1)
        return rows_
    return chance.choice(_ODD_VALUES)
