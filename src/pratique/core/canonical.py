"""Canonical bytes: what gets signed or hashed has exactly one form.

JSON follows RFC 8785 (keys sorted by UTF-16 code units, shortest escapes). Floats do not occur in signed
documents of the house and are refused, which leaves out the one hard part of the RFC.
CBOR follows RFC 8949 section 4.2.1 (shortest forms, keys sorted bytewise, definite lengths).
"""

import json
from typing import Any

import cbor2
import msgspec

_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes of plain JSON data or of a msgspec struct.

    Raises TypeError for floats and integers beyond 2**53, ValueError for lone surrogates.
    """
    return _write(msgspec.to_builtins(value)).encode()


def _write(value: Any) -> str:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a JSON object has text keys")
        rows = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_PLAIN.encode(k)}:{_write(v)}" for k, v in rows) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, float):
        raise TypeError("signed documents carry no floats: write decimals as text")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        raise TypeError("a whole number beyond 2**53 is not the same in every reader")
    return _PLAIN.encode(value)


def strict_json(raw: bytes) -> Any:
    """Plain data from untrusted JSON bytes. Raises ValueError for duplicate keys, NaN, bad UTF-8 or bad form."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        if len(seen) != len(pairs):
            raise ValueError("the same key stands twice in one object")
        return seen

    def no_constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(raw.decode(), object_pairs_hook=once, parse_constant=no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def canonical_cbor(value: Any) -> bytes:
    """RFC 8949 deterministic bytes of ints, text, bytes, bools, None, lists and dicts of these."""
    return _cbor(value)


def _cbor(value: Any) -> bytes:
    if isinstance(value, dict):
        rows = sorted((_cbor(k), _cbor(v)) for k, v in value.items())
        return _head(5, len(rows)) + b"".join(k + v for k, v in rows)
    if isinstance(value, list | tuple):
        return _head(4, len(value)) + b"".join(map(_cbor, value))
    if isinstance(value, float):
        raise TypeError("signed documents carry no floats")
    return cbor2.dumps(value)


def _head(major: int, n: int) -> bytes:
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError("too long")
