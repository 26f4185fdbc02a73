"""What a trust list needs of a certificate, read leniently (RFC 5280).

Strict readers refuse every extension of some real signing certificates over a default value that is written out
(Finland) or an empty list of usages. Nothing here decides trust by a certificate's chain: being on a signed list does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from pratique.credentials.reasons import BadTrust

_SEQUENCE, _OID, _OCTETS, _BOOLEAN, _UTC_TIME, _TIME = 0x30, 0x06, 0x04, 0x01, 0x17, 0x18
_URI, _VERSION, _EXTENSIONS = 0x86, 0xA0, 0xA3
_KEY_USAGE, _ALTERNATIVE_NAME = b"\x55\x1d\x25", b"\x55\x1d\x11"
# 1.3.6.1.4.1.1847.2021.1.x and the second arc 1.3.6.1.4.1.0.1847.2021.1.x: 1 test, 2 vaccination, 3 recovery
_ARCS = (b"\x2b\x06\x01\x04\x01\x8e\x37\x8f\x65\x01", b"\x2b\x06\x01\x04\x01\x00\x8e\x37\x8f\x65\x01")
_TYPES = {1: "t", 2: "v", 3: "r"}


class Certificate(NamedTuple):
    """`usages` is empty where every type is allowed; times are seconds since 1970."""

    der: bytes
    spki: bytes
    valid_from: int
    valid_to: int
    usages: tuple[str, ...]
    uris: tuple[str, ...]


class _Part(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


def read_certificate(der: bytes) -> Certificate:
    """Raises BadTrust for anything that is not shaped like an X.509 certificate."""
    try:
        return _certificate(der)
    except (IndexError, ValueError, UnicodeDecodeError):
        raise BadTrust("not an X.509 certificate") from None


def _certificate(der: bytes) -> Certificate:
    signed = _first(_open(_first(der), _SEQUENCE))
    fields = list(_parts(_open(signed, _SEQUENCE)))
    if fields[0].tag == _VERSION:
        fields = fields[1:]
    validity, key = fields[3], fields[5]
    begins, ends = (_time(part) for part in _parts(_open(validity, _SEQUENCE)))
    usages: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    for field in fields[6:]:
        if field.tag == _EXTENSIONS:
            found = dict(_extensions(field))
            usages = _usages(found.get(_KEY_USAGE))
            uris = _uris(found.get(_ALTERNATIVE_NAME))
    return Certificate(der, key.whole, begins, ends, usages, uris)


def _first(raw: bytes) -> _Part:
    for part in _parts(raw):
        return part
    raise ValueError("empty")


def _parts(raw: bytes) -> Iterator[_Part]:
    at = 0
    while at < len(raw):
        tag, size, start = raw[at], raw[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("a length that DER does not write")
            size = int.from_bytes(raw[start : start + count], "big")
            start += count
        if start + size > len(raw):
            raise ValueError("cut short")
        yield _Part(tag, raw[start : start + size], raw[at : start + size])
        at = start + size


def _open(part: _Part, tag: int) -> bytes:
    if part.tag != tag:
        raise ValueError("another kind of element")
    return part.content


def _time(part: _Part) -> int:
    text = part.content.decode("ascii")
    if part.tag == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    elif part.tag != _TIME:
        raise ValueError("not a time")
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())


def _extensions(field: _Part) -> Iterator[tuple[bytes, bytes]]:
    for extension in _parts(_open(_first(field.content), _SEQUENCE)):
        name, *rest = _parts(_open(extension, _SEQUENCE))
        yield _open(name, _OID), _open(rest[-1], _OCTETS)


def _usages(value: bytes | None) -> tuple[str, ...]:
    if not value:
        return ()
    types = set()
    for part in _parts(_open(_first(value), _SEQUENCE)):
        oid = _open(part, _OID)
        if oid[:-1] in _ARCS and oid[-1] in _TYPES:
            types.add(_TYPES[oid[-1]])
    return tuple(sorted(types))


def _uris(value: bytes | None) -> tuple[str, ...]:
    if not value:
        return ()
    names = _parts(_open(_first(value), _SEQUENCE))
    return tuple(name.content.decode("ascii") for name in names if name.tag == _URI)
