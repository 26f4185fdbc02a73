"""The canary scan: is a known text still anywhere in these files, in any form a program might have written it?

Forms: as it is (UTF-8), UTF-16 in both byte orders, base64 and base64url at all three alignments, hex in both cases,
JSON- and URL-escaped; each also inside gzip and zlib streams. Knows nothing of rooms or mandates.
A scanner that finds nothing proves nothing: whoever uses it lets it find the text first.
"""

import base64
import json
import mmap
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MAX_INFLATED = 32 * 1024 * 1024
MAX_DEPTH = 2
MAX_HITS = 100  # per needle and file: enough to know, and the report stays small
CHUNK = 1 << 20
_GZIP = b"\x1f\x8b\x08"
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class Needle(NamedTuple):
    """A text to look for, under a name that may be shown."""

    name: str
    text: str


class Hit(NamedTuple):
    """Where: file, offset (of the compressed stream where `form` names one), form. Never the text."""

    file: str
    offset: int
    needle: str
    form: str


class Scan(NamedTuple):
    """What was read and what was found."""

    files: int
    bytes: int
    hits: tuple[Hit, ...]
    unread: tuple[str, ...]


def forms(text: str) -> dict[str, bytes]:
    """Every byte form of a text, by name; forms that look the same stand once."""
    raw = text.encode()
    listed: list[tuple[str, bytes]] = [
        ("utf-8", raw),
        ("utf-16-le", text.encode("utf-16-le")),
        ("utf-16-be", text.encode("utf-16-be")),
        ("hex", raw.hex().encode()),
        ("hex-upper", raw.hex().upper().encode()),
    ]
    for shift in range(3):
        packed = _base64_inside(raw, shift)
        listed += [(f"base64-{shift}", packed), (f"base64url-{shift}", packed.translate(_URL_SAFE))]
    escaped = json.dumps(text)[1:-1]
    listed += [
        ("json", escaped.encode()),
        ("json-utf-8", json.dumps(text, ensure_ascii=False)[1:-1].encode()),
        ("json-slash", escaped.replace("/", "\\/").encode()),
        ("json-upper", _upper_escapes(escaped).encode()),
        ("url", quote(text, safe="").encode()),
        ("url-lower", _lower_percent(quote(text, safe="")).encode()),
        ("url-plus", quote_plus(text, safe="").encode()),
    ]
    found: dict[str, bytes] = {}
    for name, form in listed:
        if form not in found.values():
            found[name] = form
    return found


def search(
    raw: bytes | mmap.mmap, needles: Iterable[tuple[str, dict[str, bytes]]]
) -> Iterator[tuple[int, str, str]]:
    """(offset, needle, form) in bytes, compressed streams not opened."""
    for name, shapes in needles:
        left = MAX_HITS
        for form, pattern in shapes.items():
            at = raw.find(pattern)
            while at >= 0 and left:
                yield at, name, form
                left -= 1
                at = raw.find(pattern, at + 1)


def scan(paths: Iterable[Path], needles: Iterable[Needle]) -> Scan:
    """Read every byte of these files. A file that goes away meanwhile or cannot be read is named, not passed over."""
    patterns = [(needle.name, forms(needle.text)) for needle in needles]
    count = size = 0
    hits: list[Hit] = []
    unread: list[str] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                length = path.stat().st_size
                if length:
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                        hits += (Hit(str(path), *found) for found in _deep(view, patterns, 0))
        except FileNotFoundError:
            continue  # a log or temporary file that its owner removed
        except OSError as fault:
            unread.append(f"{path}: {fault.strerror}")
            continue
        count, size = count + 1, size + length
    return Scan(count, size, tuple(hits), tuple(unread))


def files_below(folders: Iterable[Path], leave_out: Iterable[Path] = ()) -> list[Path]:
    """Every regular file below these folders (or the file itself), sorted; links are not followed."""
    skipped = [path.resolve() for path in leave_out]
    found = set()
    for folder in folders:
        candidates = [folder] if folder.is_file() else folder.rglob("*")
        for path in candidates:
            if path.is_file() and not path.is_symlink():
                real = path.resolve()
                if not any(real == skip or skip in real.parents for skip in skipped):
                    found.add(real)
    return sorted(found)


def _deep(
    raw: bytes | mmap.mmap, patterns: list[tuple[str, dict[str, bytes]]], depth: int
) -> Iterator[tuple[int, str, str]]:
    yield from search(raw, patterns)
    if depth < MAX_DEPTH:
        for at, kind, inside in _streams(raw):
            for _, needle, form in _deep(inside, patterns, depth + 1):
                yield at, needle, f"{kind}/{form}"


def _streams(raw: bytes | mmap.mmap) -> Iterator[tuple[int, str, bytes]]:
    """Every place where a compressed stream may begin and does unpack, with what is in it."""
    for magic, kind, bits in ((_GZIP, "gzip", 31), *((head, "zlib", 15) for head in _ZLIB)):
        at = raw.find(magic)
        while at >= 0:
            inside = _inflate(raw, at, bits)
            if len(inside) > len(magic):
                yield at, kind, inside
            at = raw.find(magic, at + 1)


def _inflate(raw: bytes | mmap.mmap, at: int, bits: int) -> bytes:
    """What unpacks from here, also of a stream whose end is damaged; at most MAX_INFLATED bytes."""
    unpack = zlib.decompressobj(bits)
    made = bytearray()
    chunk = 256  # most heads are chance: they fail within a few bytes
    try:
        while not unpack.eof and at < len(raw) and len(made) < MAX_INFLATED:
            made += unpack.decompress(raw[at : at + chunk], MAX_INFLATED - len(made))
            at, chunk = at + chunk, CHUNK
            while unpack.unconsumed_tail and len(made) < MAX_INFLATED:
                made += unpack.decompress(unpack.unconsumed_tail, MAX_INFLATED - len(made))
    except zlib.error:
        pass
    return bytes(made)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _base64_inside(raw: bytes, shift: int) -> bytes:
    """The characters that stand for `raw` alone when `shift` other bytes stand before it in the stream."""
    packed = base64.b64encode(bytes(shift) + raw)
    first = -(-shift * 8 // 6)
    last = (shift + len(raw)) * 8 // 6
    return packed[first:last]


def _upper_escapes(escaped: str) -> str:
    parts = escaped.split("\\u")
    return parts[0] + "".join("\\u" + part[:4].upper() + part[4:] for part in parts[1:])


def _lower_percent(quoted: str) -> str:
    parts = quoted.split("%")
    return parts[0] + "".join("%" + part[:2].lower() + part[2:] for part in parts[1:])
