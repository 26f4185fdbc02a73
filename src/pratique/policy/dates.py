"""Dates as CertLogic knows them: text in, milliseconds since 1970 in UTC out, calendar arithmetic that rolls over.

CertLogic 1.3.3, sections "plusTime" and "dccDateOfBirth". Days are counted in the proleptic Gregorian calendar
with whole numbers, so that no platform's date type decides anything. There is no local time here: zones are the
business of whoever prepares the context (`context.py`).

Stricter than the reference where the specification leaves it open: text of the right form that names no real day
or time (2021-02-30, 25:00, second 60) is INVALID_DATE, and so is a result beyond ±100,000,000 days from 1970.
"""

import re
from functools import lru_cache

FORM = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:Z|([+-])(?:([0-9]{1,2})|([0-9]{1,2}):?([0-9]{2})))?)?)?)?"
)
UNITS = ("year", "month", "day", "hour")
FURTHEST = 8_640_000_000_000_000  # ECMA-262: the range of a Date
DAY_MS = 86_400_000
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class NotADate(ValueError):  # noqa: N818 - says what the text is
    """`kind` is DATE_FORMAT (not one of the allowed forms) or INVALID_DATE (the form of a date, but no date)."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def read_date(text: str) -> int:
    """Milliseconds of a date or date-time text. A partial date is its last day. Raises NotADate."""
    return _read_date(text) if len(text) <= 40 else _read_date.__wrapped__(text)


@lru_cache(maxsize=4096)
def _read_date(text: str) -> int:
    found = FORM.fullmatch(text)
    if not found:
        raise NotADate("DATE_FORMAT")
    year, month, day, hour, minute, second, fraction, sign, h, hh, mm = found.groups()
    ms = _midnight(year, month, day)
    if hour is None:
        return ms
    clock = (int(hour), int(minute), int(second))
    thousandths = int((fraction or "0")[:3].ljust(3, "0"))
    ends_the_day = clock == (24, 0, 0) and not (fraction or "").strip("0")
    if not ends_the_day and (clock[0] > 23 or clock[1] > 59 or clock[2] > 59):
        raise NotADate("INVALID_DATE")
    ms += ((clock[0] * 60 + clock[1]) * 60 + clock[2]) * 1000 + thousandths
    if sign:
        ahead = (int(h or hh), int(mm or 0))
        if ahead[0] > 23 or ahead[1] > 59:
            raise NotADate("INVALID_DATE")
        ms -= (1 if sign == "+" else -1) * (ahead[0] * 60 + ahead[1]) * 60_000
    return ms


def read_birth(text: str) -> int:
    """Milliseconds of the last day that fits a date of birth `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. Raises NotADate."""
    found = FORM.fullmatch(text)
    if not found or found.group(4) is not None:
        raise NotADate("DATE_FORMAT")
    return _midnight(*found.group(1, 2, 3))


def plus(ms: int, amount: int, unit: str) -> int:
    """`amount` units later, as ECMA-262 `setUTC…` computes it: a day that the month lacks rolls into the next.

    Raises NotADate for a result out of range.
    """
    if amount == 0:
        return ms
    if abs(amount) > FURTHEST:
        raise NotADate("INVALID_DATE")
    if unit == "hour":
        later = ms + amount * 3_600_000
    elif unit == "day":
        later = ms + amount * DAY_MS
    else:
        days, rest = divmod(ms, DAY_MS)
        year, month, day = civil_from_days(days)
        months = year * 12 + month - 1 + (amount * 12 if unit == "year" else amount)
        later = (days_from_civil(months // 12, months % 12 + 1, 1) + day - 1) * DAY_MS + rest
    if abs(later) > FURTHEST:
        raise NotADate("INVALID_DATE")
    return later


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a Gregorian date; any year."""
    shifted = year - (month <= 2)  # a year that begins in March keeps the leap day at its end
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + day_of_year - 719_468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month, day of a number of days since 1970-01-01."""
    era, rest = divmod(days + 719_468, 146_097)
    year = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    day_of_year = rest - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return era * 400 + year + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def write_date(ms: int) -> str:
    """`YYYY-MM-DDThh:mm:ss.SSSZ`; years outside 0000 to 9999 with sign and six digits (ECMA-262)."""
    days, rest = divmod(ms, DAY_MS)
    year, month, day = civil_from_days(days)
    named = f"{year:04d}" if 0 <= year <= 9999 else f"{'-' if year < 0 else '+'}{abs(year):06d}"
    seconds, thousandths = divmod(rest, 1000)
    hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{named}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{thousandths:03d}Z"


def _midnight(year: str, month: str | None, day: str | None) -> int:
    y = int(year)
    m = int(month) if month else 12
    if not 1 <= m <= 12:
        raise NotADate("INVALID_DATE")
    leap = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    last = 29 if m == 2 and leap else _MONTH_DAYS[m - 1]
    d = int(day) if day else last
    if not 1 <= d <= last:
        raise NotADate("INVALID_DATE")
    return days_from_civil(y, m, d) * DAY_MS
