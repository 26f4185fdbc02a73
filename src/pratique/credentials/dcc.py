"""The contents of an EU Digital COVID Certificate: tidied as readers must, checked as its schemas say.

`tidy` takes away what real issuers left in by mistake (dcc-quality-assurance, special cases); `schema_fault` agrees
with the JSON Schemas 1.0.0 to 1.3.3 of the payload's own version; codes outside the value sets are told apart.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from pratique.credentials.cbor import SMALL, TEXT_HEADS, encode_number, encode_text
from pratique.credentials.jose import b64url

TYPES = ("v", "t", "r")
_UNKNOWN_VERSION = "1.3.0"

_Country = Annotated[str, Meta(pattern="[A-Z]{1,10}")]
_Version = Annotated[str, Meta(pattern=r"^[0-9]+[^\n\r\u2028\u2029][0-9]+[^\n\r\u2028\u2029][0-9]+\Z")]
_FULL_DATE = r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}"  # not anchored in 1.0.x
_PART_DATE = r"^(19|20)[0-9]{2}(-[0-9]{2}){0,2}\Z"
_PART_DATE_OR_NONE = r"^((19|20)[0-9]{2}(-[0-9]{2}){0,2})?\Z"


def _form(version: str) -> Any:
    """The struct that accepts what the JSON Schema of `version` accepts. Formats are not asserted."""
    number = tuple(int(part) for part in version.split("."))
    late = number >= (1, 3, 0)
    longest = Meta(max_length=80 if late else 50)
    text, upper = Annotated[str, longest], Annotated[str, longest, Meta(pattern=r"^[A-Z<]*\Z")]
    dose = Annotated[int, Meta(ge=1) if late else Meta(ge=1, le=9)]
    maybe = msgspec.UNSET

    def struct(name: str, needed: dict[str, Any], optional: dict[str, Any]) -> Any:
        rows = list(needed.items()) + [
            (key, kind | msgspec.UnsetType, maybe) for key, kind in optional.items()
        ]
        # `is` is a word of Python: the field is called differently and renamed back.
        return msgspec.defstruct(
            name,
            [(f"{row[0]}_", *row[1:]) for row in rows],
            rename=lambda field: field[:-1],
            kw_only=True,
        )

    both = {"co": _Country, "is": text, "ci": text}
    vaccination = struct(
        "Vaccination",
        dict.fromkeys(("tg", "vp", "mp", "ma", "dt"), str) | {"dn": dose, "sd": dose} | both,
        {},
    )
    centre = {"tc": text}
    test = struct(
        "Test",
        dict.fromkeys(("tg", "tt", "sc", "tr"), str) | both | ({} if late else centre),
        {"nm": text if late else str, "ma": str}
        | (centre if late else {})
        | ({"dr": str} if number < (1, 2, 0) else {}),
    )
    recovery = struct("Recovery", dict.fromkeys(("tg", "fr", "df", "du"), str) | both, {})
    fnt_needed = number < (1, 3, 3)
    name = struct(
        "Name",
        {"fnt": upper} if fnt_needed else {},
        {"fn": text, "gn": text, "gnt": upper} | ({} if fnt_needed else {"fnt": upper}),
    )
    birth = _FULL_DATE if number < (1, 1, 0) else _PART_DATE_OR_NONE if late else _PART_DATE
    return struct(
        "Certificate",
        {"ver": _Version, "nam": name, "dob": Annotated[str, Meta(pattern=birth)]},
        {"v": _one(vaccination), "t": _one(test), "r": _one(recovery)},
    )


def _one(entry: Any) -> Any:
    return Annotated[list[entry], Meta(min_length=1, max_length=1)]


VERSIONS = ("1.0.0", "1.0.1", "1.1.0", "1.2.0", "1.2.1", "1.3.0", "1.3.3")
_FORMS = {version: _form(version) for version in VERSIONS}


def tidy(value: Any) -> Any:
    """The same contents without nulls and outer white space, with whole floats as integers and only JSON inside."""
    kind = type(value)
    if kind is str:
        return value.strip()
    if kind is dict:
        return {
            key if type(key) is str else str(key): kept
            for key, item in value.items()
            if (kept := item.strip() if type(item) is str else tidy(item)) is not None
        }
    if kind is list or kind is tuple:
        return [kept for item in value if (kept := tidy(item)) is not None]
    if kind is int or kind is bool:
        return value
    if kind is float:
        return (int(value) if value.is_integer() else value) if math.isfinite(value) else None
    return b64url(value) if kind is bytes else None


def examine(certificate: dict[Any, Any]) -> tuple[dict[str, Any], str | None]:
    """The tidied certificate and where it leaves its schema, None if nowhere."""
    if plain_kind(certificate):
        return certificate, None
    content = tidy(certificate)
    return content, schema_fault(content)


# The plain form of an entry: these texts, and of a vaccination whole doses; of a test also what is in _MAYBE.
_TEXTS = {
    "v": itemgetter("tg", "vp", "mp", "ma", "dt", "co", "is", "ci"),
    "t": itemgetter("tg", "tt", "sc", "tr", "tc", "co", "is", "ci"),
    "r": itemgetter("tg", "fr", "co", "is", "df", "du", "ci"),
}
_FIELDS = {"v": 10, "t": 8, "r": 7}
_MAYBE = ("nm", "ma")
_FOUR_NAMES = itemgetter("fn", "gn", "fnt", "gnt")
_NAMES = frozenset(["fn", "gn", "fnt", "gnt"])
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ<"


class _Limits(NamedTuple):
    """Of a version: the longest text, the largest dose that is plain, and what a day of birth looks like."""

    text: int
    dose: int
    birth: Callable[[str], object]


def _limits(version: str) -> _Limits:
    late = version >= "1.3"
    birth = re.compile("(19|20)[0-9]{2}" + ("(-[0-9]{2}){0,2}" if version >= "1.1" else "(-[0-9]{2}){2}"))
    return _Limits(80 if late else 50, 1 << 30 if late else 9, birth.fullmatch)


_LIMITS = {version: _limits(version) for version in VERSIONS}


def plain_kind(certificate: dict[Any, Any]) -> str:
    """The one type (v, t or r) of a certificate that is tidy and what nearly every one is: known texts and whole
    numbers within their limits. Empty for every other.

    Narrower than the schema, never wider (a test holds that): what it lets through needs no further look. It runs
    between two signature checks, so it is written for few and simple steps.
    """
    try:
        longest, most, is_birth = _LIMITS[certificate["ver"]]
        name = certificate["nam"]
        kind = "v" if "v" in certificate else "t" if "t" in certificate else "r"
        (entry,) = listed = certificate[kind]
        names = _FOUR_NAMES(name) if len(name) == 4 else _fewer_names(name)
        texts = [*_TEXTS[kind](entry), *names]
        fields = _FIELDS[kind]
        if kind == "t" and len(entry) > fields:
            more = [entry[field] for field in _MAYBE if field in entry]
            texts += more
            fields += len(more)
        if len(certificate) != 4 or len(entry) != fields:
            return ""
        if [*map(str.strip, texts)] != texts or max(map(len, texts)) > longest:
            return ""
        if kind == "v":
            dose, of = entry["dn"], entry["sd"]
            if not (type(dose) is int and type(of) is int and 0 < dose <= most and 0 < of <= most):
                return ""
        country = entry["co"]
        if not (country.isupper() and country.isascii() and is_birth(certificate["dob"])):
            return ""
        if (names[2] + names[3]).encode().translate(None, _LETTERS):
            return ""
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""
    return kind if type(listed) is list and type(entry) is dict and type(name) is dict else ""


def _fewer_names(name: dict[Any, Any]) -> tuple[Any, ...]:
    if not name.keys() <= _NAMES:
        raise KeyError
    return name.get("fn", ""), name.get("gn", ""), name["fnt"], name.get("gnt", "")


def plain_cbor(part: Mapping[str, Any]) -> bytes:
    """The CBOR of a certificate that `plain_kind` knows, or of a map inside it: the very bytes of `cbor.encode`."""
    parts = [SMALL[len(part) | _MAP]]
    for field, item in part.items():
        parts.append(_FIELD_HEADS[field])
        if type(item) is str:
            raw = item.encode()
            parts.append(TEXT_HEADS[len(raw)])
            parts.append(raw)
        elif type(item) is dict:
            parts.append(plain_cbor(item))
        elif type(item) is list:
            parts.append(b"\x81" + plain_cbor(item[0]))
        else:
            parts.append(encode_number(item))
    return b"".join(parts)


_MAP = 0xA0
_FIELDS_OF_ALL = "ver nam dob fn fnt gn gnt v t r tg vp mp ma dn sd dt co is ci tt nm sc tr tc fr df du"
_FIELD_HEADS = {field: encode_text(field) for field in _FIELDS_OF_ALL.split()}


def types_of(dcc: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of v, t, r are present (of a tidied certificate)."""
    return tuple(kind for kind in TYPES if kind in dcc)


def is_single(dcc: Mapping[str, Any]) -> bool:
    """True if there is exactly one entry of exactly one type, which the specification demands of issuers."""
    entries = [dcc[kind] for kind in TYPES if kind in dcc]
    return (
        len(entries) == 1
        and type(entries[0]) is list
        and len(entries[0]) == 1
        and type(entries[0][0]) is dict
    )


def schema_fault(dcc: Mapping[str, Any]) -> str | None:
    """Where the contents leave the JSON Schema of their version (unknown: 1.3.0), in words without contents."""
    version = dcc.get("ver")
    form = _FORMS.get(version) if type(version) is str else None
    try:
        msgspec.convert(dcc, form or _FORMS[_UNKNOWN_VERSION])
    except msgspec.ValidationError as fault:
        return str(fault)
    if not is_single(dcc):
        return "not exactly one entry of exactly one type"
    return _name_fault(dcc)


def _name_fault(dcc: Mapping[str, Any]) -> str | None:
    if dcc["ver"] == "1.3.3" and not ("fnt" in dcc["nam"] or "gnt" in dcc["nam"]):
        return "Object missing both `fnt` and `gnt` - at `$.nam`"
    return None


_COUNTRY, _DISEASE = "country-2-codes", "disease-agent-targeted"
_LISTS: dict[str, dict[str, str]] = {
    "v": {
        "tg": _DISEASE,
        "vp": "sct-vaccines-covid-19",
        "mp": "vaccines-covid-19-names",
        "ma": "vaccines-covid-19-auth-holders",
        "co": _COUNTRY,
    },
    "t": {
        "tg": _DISEASE,
        "tt": "covid-19-lab-test-type",
        "tr": "covid-19-lab-result",
        "ma": "covid-19-lab-test-manufacturer-and-name",
        "co": _COUNTRY,
    },
    "r": {"tg": _DISEASE, "co": _COUNTRY},
}


def unknown_codes(
    dcc: Mapping[str, Any], value_sets: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """Fields (as `v.mp`) and codes that are not in the given value sets; a set that is not given is not asked."""
    for kind in types_of(dcc):
        for entry in dcc[kind] if type(dcc[kind]) is list else ():
            if type(entry) is not dict:
                continue
            for field, set_id in _LISTS[kind].items():
                code = entry.get(field)
                if type(code) is str and set_id in value_sets and code not in value_sets[set_id]:
                    yield f"{kind}.{field}", code
