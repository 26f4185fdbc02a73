"""What `pratique lab read` says of a file: one line a result, or one line a refusal. Pure: bytes in, lines out.

The format shows in the bytes (HL7 v2, FHIR JSON, CSV, XLSX), not in the name. `message` counts the messages of a
file from 1; in a table it is the row, the header being row 1.
"""

from collections.abc import Iterator

import msgspec

from pratique.core.errors import Refusal
from pratique.testing import er7, fhir, oru, tables
from pratique.testing.model import Reading


class Result(msgspec.Struct, frozen=True):
    """One result: the fields of the front door, texts as sent."""

    file: str
    message: int
    specimen: str | None
    placer: str | None
    loinc: str | None
    value: str | None
    status: str | None
    collected: str | None
    reported: str | None
    ct: str | None


class Refused(msgspec.Struct, frozen=True):
    """One message or row that could not be read: `segment/field: why`."""

    file: str
    message: int
    refused: str


Line = Result | Refused


def read_file(name: str, raw: bytes) -> Iterator[Line]:
    """Every result and refusal of a file, in order. Never raises for what is in the file."""
    numbered = _numbered(raw)
    while True:
        try:
            message, found = next(numbered)
        except StopIteration:
            return
        except Refusal as refusal:  # the file as a whole
            yield Refused(name, 1, _why(refusal))
            return
        if isinstance(found, Refusal):
            yield Refused(name, message, _why(found))
            continue
        yield Result(
            name, message, found.specimen, found.placer, found.loinc, found.value, found.status,
            found.collected, found.reported, found.ct,
        )  # fmt: skip


def _why(refusal: Refusal) -> str:
    return f"{refusal.field}: {refusal.text.en}"


def _numbered(raw: bytes) -> Iterator[tuple[int, Reading | Refusal]]:
    head = raw[:64].lstrip(b"\xef\xbb\xbf \t\r\n\x0b")
    if head[:3] in (b"MSH", b"FHS", b"BHS") or (
        head[:3].isalpha() and head[3:4] == b"|" and head[:3].isupper()
    ):
        return _hl7(raw)
    if head[:1] in (b"{", b"["):
        return _fhir(raw)
    return tables.readings(raw)


def _hl7(raw: bytes) -> Iterator[tuple[int, Reading | Refusal]]:
    for number, message in enumerate(er7.every(raw), 1):
        if isinstance(message, Refusal):
            yield number, message
            continue
        try:
            found = oru.readings(message)
        except er7.Unreadable as refusal:
            yield number, refusal
            continue
        for reading in found:
            yield number, reading


def _fhir(raw: bytes) -> Iterator[tuple[int, Reading | Refusal]]:
    for number, document in enumerate(fhir.documents(raw), 1):
        try:
            if isinstance(document, Refusal):
                raise document
            found = fhir.readings(fhir.read(document))
        except Refusal as refusal:
            yield number, refusal
            continue
        for reading in found:
            yield number, reading
