"""Times as laboratories write them: HL7 v2 (`20260105121500+0800`) and FHIR (`2026-01-05T12:15:00+08:00`).

Promises: UTC out, with the precision that was sent; a time without an offset is read in the laboratory's zone.
Raises ValueError, with no value in the text, for anything that is not a time.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple

PRECISIONS = ("year", "month", "day", "hour", "minute", "second", "fraction")

_HL7 = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.(\d{1,6})\d*)?([+-]\d{4})?")
_FHIR = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?"
)


class Timed(NamedTuple):
    """`at` is aware UTC, the first instant that the text can mean; `precision` is one of PRECISIONS."""

    at: datetime
    precision: str


@lru_cache(maxsize=1 << 14)
def read_hl7(text: str, zone: tzinfo) -> Timed:
    """HL7 v2.5.1 TS/DTM: YYYY[MM[DD[HH[MM[SS[.s…]]]]]][±ZZZZ]."""
    found = _HL7.fullmatch(text)
    # The offset of a bare year would be read as month and day were it unsigned; a fraction needs its seconds.
    if not found or (found[7] and not found[6]):
        raise ValueError("not a time of the form YYYYMMDDHHMMSS+ZZZZ")
    return _timed(found.groups(), zone)


def read_fhir(text: str, zone: tzinfo) -> Timed:
    """FHIR dateTime or instant."""
    found = _FHIR.fullmatch(text)
    if not found:
        raise ValueError("not a time of the form YYYY-MM-DDThh:mm:ss+zz:zz")
    return _timed(found.groups(), zone)


def _timed(parts: tuple[str | None, ...], zone: tzinfo) -> Timed:
    *numbers, fraction, offset = parts
    known = [int(n) for n in numbers if n is not None]
    filled = known + [1, 1, 1, 0, 0, 0][len(known) :]
    micro = int(fraction.ljust(6, "0")) if fraction else 0
    if filled[5] == 60:  # a leap second is the last instant we can name
        filled[5], micro = 59, 999_999
    try:
        local = datetime(*filled[:6], micro, tzinfo=_offset(offset) if offset else zone)  # type: ignore[misc,arg-type]
        at = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a day or hour that exists") from None
    return Timed(at, "fraction" if fraction else PRECISIONS[len(known) - 1])


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        raise ValueError("not an offset")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)
