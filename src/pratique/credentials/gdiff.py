"""The generic diff format GDIFF (W3C NOTE-gdiff-19970901): how to make new bytes from held ones. Pure.

    magic d1 ff d1 ff, version 04, then commands: 0 ends · 1–246 take that many bytes · 247, 248 take as many as the
    next 2, 4 bytes say · 249–255 copy held bytes: place in 2, 2, 2, 4, 4, 4, 8 bytes, length in 1, 2, 4, 1, 2, 4, 4

A delta is trusted for nothing: what it makes counts only if it is, byte for byte, a file that the roots signed.
"""

import struct

MAGIC = b"\xd1\xff\xd1\xff\x04"
_TAKES = {247: struct.Struct(">H"), 248: struct.Struct(">I")}
_COPIES = {
    code: struct.Struct(form)
    for code, form in zip(range(249, 256), (">HB", ">HH", ">HI", ">IB", ">IH", ">II", ">QI"), strict=True)
}
_SMALL, _LARGE, _CHUNK = 16, 64, 4096


class BadDelta(ValueError):  # noqa: N818 - an answer about a delta, not an error of the program
    """Not a GDIFF, or not one for these bytes."""


def make(old: bytes, new: bytes) -> bytes:
    """A delta from `old` to `new`: copies of what stands in both, the rest taken along.

    Places are found by blocks of `old` (16 bytes; 64 in files above a mebibyte); time and memory are linear.
    """
    block = _SMALL if len(old) < 1 << 20 else _LARGE
    places: dict[bytes, int] = {}
    for at in range(0, len(old) - block + 1, block):
        places.setdefault(old[at : at + block], at)
    parts = [MAGIC]
    start = at = 0
    while at + block <= len(new):
        held = places.get(new[at : at + block])
        if held is None:
            at += 1
            continue
        while at > start and held > 0 and new[at - 1] == old[held - 1]:
            at, held = at - 1, held - 1
        length = _common(old, held, new, at)
        parts += _take(new[start:at])
        parts.append(_copy(held, length))
        start = at = at + length
    return b"".join((*parts, *_take(new[start:]), b"\x00"))


def apply(old: bytes, delta: bytes, largest: int) -> bytes:
    """What `delta` makes of `old`, at most `largest` bytes. Raises BadDelta."""
    if not delta.startswith(MAGIC):
        raise BadDelta("not a GDIFF of version 4")
    made, at = bytearray(), len(MAGIC)
    try:
        while (code := delta[at]) != 0:
            at += 1
            if code >= 249:
                place, length = _COPIES[code].unpack_from(delta, at)
                at += _COPIES[code].size
                part = old[place : place + length]
            else:
                length = code
                if code > 246:
                    (length,) = _TAKES[code].unpack_from(delta, at)
                    at += _TAKES[code].size
                part = delta[at : at + length]
                at += length
            if len(part) != length or len(made) + length > largest:
                raise BadDelta("reaches beyond the held bytes, the delta or the limit")
            made += part
    except (IndexError, struct.error):
        raise BadDelta("cut short") from None
    if at + 1 != len(delta):
        raise BadDelta("something stands after the end")
    return bytes(made)


def wants_delta(field: str) -> bool:
    """True if an A-IM field names what we can make (RFC 3229 §10.5.3); a quality of 0 is a no."""
    asked = (one.strip().partition(";") for one in field.split(","))
    return any(name.strip() == "gdiff" and rest.strip() != "q=0" for name, _, rest in asked)


def _common(old: bytes, held: int, new: bytes, at: int) -> int:
    """How many bytes are the same from here on."""
    length = 0
    while (part := old[held + length : held + length + _CHUNK]) and part == new[
        at + length : at + length + len(part)
    ]:
        length += len(part)
    rest = zip(
        old[held + length : held + length + _CHUNK], new[at + length : at + length + _CHUNK], strict=False
    )
    for one, other in rest:
        if one != other:
            break
        length += 1
    return length


def _take(part: bytes) -> list[bytes]:
    if not part:
        return []
    if len(part) <= 246:
        return [bytes((len(part),)), part]
    if len(part) < 1 << 16:
        return [b"\xf7", _TAKES[247].pack(len(part)), part]
    return [b"\xf8", _TAKES[248].pack(len(part)), part]


def _copy(place: int, length: int) -> bytes:
    near = 0 if place < 1 << 16 else 3
    code = 249 + near + (0 if length < 1 << 8 else 1 if length < 1 << 16 else 2)
    return bytes((code,)) + _COPIES[code].pack(place, length)
