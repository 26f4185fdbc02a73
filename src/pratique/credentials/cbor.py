"""CBOR from strangers: one value, every key once, nothing behind it, bounded depth (RFC 8949).

`read` is for foreign formats, `read_exact` for our own, where only the deterministic form is accepted.
Tags are read as the text they stand for or not at all: big numbers, fractions, regular expressions and shared
references cost the reader more than the writer, and no credential needs them.
"""

from datetime import UTC, date, datetime
from typing import Any

from cbor2 import CBORError, dumps, loads

from pratique.core.canonical import canonical_cbor
from pratique.credentials.reasons import BadCbor, TooLarge

MAX_DEPTH = 16
_FAULTS = (CBORError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError, MemoryError)


def _refuse(_value: Any, _immutable: bool) -> Any:
    raise ValueError("a tag that no credential needs")


def _date_text(text: Any, _immutable: bool) -> str:
    if not isinstance(text, str):
        raise TypeError("tags 0 and 1004 hold text")
    return text


def _epoch_text(seconds: Any, _immutable: bool) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError("tag 1 holds a number")
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _day_text(days: Any, _immutable: bool) -> str:
    if isinstance(days, bool) or not isinstance(days, int):
        raise TypeError("tag 100 holds whole days")
    return date.fromordinal(days + _DAYS_BEFORE_1970).isoformat()


_DAYS_BEFORE_1970 = 719163
_COSTLY = (2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 256, 258, 260, 261, 43000)
_TAGS: dict[int, Any] = dict.fromkeys(_COSTLY, _refuse) | {
    0: _date_text,
    1: _epoch_text,
    100: _day_text,
    1004: _date_text,
}


# Read behind the value as the second of two: a number that overlaps itself nowhere, so it can stand there only if
# nothing else does. Where its bytes occur in the value, as many zero bytes as there are bytes do the same.
_MARK, _MARK_BYTES = 0x0123456789ABCDEF, b"\x1b\x01\x23\x45\x67\x89\xab\xcd\xef"


def read(raw: bytes) -> Any:
    """The one value in `raw`. Raises BadCbor, or TooLarge beyond 16 levels. Dates become ISO 8601 text."""
    mark: Any = _MARK
    end = _MARK_BYTES
    if end in raw:
        mark = bytes(len(raw))
        end = b"\x5a" + len(raw).to_bytes(4, "big") + mark
    try:
        value, behind = loads(
            b"\x82" + raw + end,
            allow_duplicate_keys=False,
            max_depth=MAX_DEPTH + 1,
            semantic_decoders=_TAGS,
        )
    except _FAULTS as fault:
        raise _fault(fault) from None
    if behind != mark:
        raise BadCbor("bytes after the end")
    return value


def read_first(raw: bytes) -> Any:
    """The first value in `raw`; what follows is ignored. Only for the outermost layer of foreign formats."""
    try:
        return loads(raw, allow_duplicate_keys=False, max_depth=MAX_DEPTH, semantic_decoders=_TAGS)
    except _FAULTS as fault:
        raise _fault(fault) from None


def read_exact(raw: bytes) -> Any:
    """The one value in `raw` if, and only if, `raw` is its deterministic form (RFC 8949 section 4.2.1)."""
    value = read(raw)
    try:
        same = canonical_cbor(value) == raw
    except (TypeError, ValueError, RecursionError):
        same = False
    if not same:
        raise BadCbor("not the deterministic form")
    return value


def encode(value: Any) -> bytes:
    """Definite lengths and shortest forms, map keys in the order given: as foreign readers know their formats."""
    return dumps(value)


# Between two signatures, which empty the processor's caches, the encoder of the library costs twice what these do.
SMALL = tuple(bytes((n,)) for n in range(256))
TEXT_HEADS = tuple(dumps("x" * size)[: -size or None] for size in range(4 * 80 + 1))


def encode_text(text: str) -> bytes:
    """`encode` of a text, quick for a short one."""
    raw = text.encode()
    return TEXT_HEADS[len(raw)] + raw if len(raw) < len(TEXT_HEADS) else dumps(text)


def encode_number(number: int) -> bytes:
    """`encode` of a whole number, quick for times and for doses."""
    if 0 <= number < 24:
        return SMALL[number]
    return b"\x1a" + number.to_bytes(4, "big") if 0xFFFF < number <= 0xFFFFFFFF else dumps(number)


def _fault(fault: BaseException) -> BadCbor | TooLarge:
    if "nesting depth" in str(fault):
        return TooLarge("nested too deeply")
    return BadCbor("not well-formed, or a key stands twice in a map")
