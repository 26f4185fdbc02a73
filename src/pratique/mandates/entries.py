"""What may stand in the public log: one fixed form per type; anything else is refused by name (pure).

An entry is canonical JSON. No personal data ever goes in, not as a digest either: there is no field for it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from pratique.core.canonical import canonical_json, strict_json
from pratique.core.errors import Refusal
from pratique.core.mandate import Kept, Unlock
from pratique.core.text import Text
from pratique.mandates.model import Role

MAX_ENTRY = 65_535
AIM = 2_048


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """What all have: format 1 and the time it was logged."""

    v: Literal[1]
    at: datetime


class MandateEntry(Entry, frozen=True, kw_only=True, tag="mandate"):
    """A mandate was published. `digest` is over the note's text."""

    id: str
    digest: str
    extends: str | None
    issuer: Text
    areas: tuple[str, ...]
    start: datetime
    end: datetime
    grace_hours: int
    unlocks: tuple[Unlock, ...]
    data: tuple[Kept, ...]


class MandateEndEntry(Entry, frozen=True, kw_only=True, tag="mandate-end"):
    """A mandate ends early. `by` is a role, `ends` the new end."""

    id: str
    reason: str
    by: Role
    ends: datetime


class PolicyEntry(Entry, frozen=True, kw_only=True, tag="policy"):
    """Rules were published: their digest, version, mandate, and the numbers of the preview."""

    digest: str
    version: str
    mandate: str
    preview: dict[str, int] = {}


class KeyEntry(Entry, frozen=True, kw_only=True, tag="key"):
    """A key is trusted from, and until (null: open). `what` says for which purpose."""

    what: Literal["officer", "log", "witness", "trust-list"]
    vkey: str
    since: datetime
    until: datetime | None


class DeviceEntry(Entry, frozen=True, kw_only=True, tag="device"):
    """How many gates of a kind and group; never which, never where."""

    kind: str
    group: str
    count: int


class ReleaseEntry(Entry, frozen=True, kw_only=True, tag="release"):
    """A statistic was released: indicator, day, budget spent, digest of the file."""

    indicator: str
    day: str
    eps: str
    digest: str


class AccessEntry(Entry, frozen=True, kw_only=True, tag="access"):
    """How often staff looked at contact cards on a day, per role; never whose, never who."""

    day: str
    counts: dict[str, int]


class AccessHeadEntry(Entry, frozen=True, kw_only=True, tag="access-head"):
    """How long the chain of looks is and the hash of its newest entry (64 hex digits): whoever rewrites it, or cuts off
    its end, is found by this. The hash is over sealed values and says nothing about anybody."""

    entries: int
    head: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class HoldEntry(Entry, frozen=True, kw_only=True, tag="hold"):
    """A court keeps named classes until a date."""

    mandate: str
    authority: str
    digest: str
    classes: tuple[str, ...]
    subjects: int
    until: datetime


class DeletionEntry(Entry, frozen=True, kw_only=True, tag="deletion"):
    """The data of a mandate was destroyed; `digest` is over the certificate's text."""

    mandate: str
    digest: str
    classes: tuple[str, ...]
    counts: dict[str, int]
    attested: bool


class SunsetEntry(Entry, frozen=True, kw_only=True, tag="sunset"):
    """The whole deployment ends."""

    deployment: str
    reason: str


AnyEntry = (
    MandateEntry
    | MandateEndEntry
    | PolicyEntry
    | KeyEntry
    | DeviceEntry
    | ReleaseEntry
    | AccessEntry
    | AccessHeadEntry
    | HoldEntry
    | DeletionEntry
    | SunsetEntry
)
TYPES: dict[str, type[Entry]] = {
    str(kind.__struct_config__.tag): kind for kind in AnyEntry.__args__
}  # fmt: skip


def entry_bytes(kind: str, at: datetime, fields: dict[str, Any]) -> bytes:
    """The bytes of a new entry. Raises Refusal for a type or field the log does not have."""
    if kind not in TYPES:
        raise Refusal("LOG_TYPE", "type", _TYPE)
    plain = msgspec.to_builtins(fields) | {"v": 1, "at": msgspec.to_builtins(at), "type": kind}
    entry = _convert(plain)
    raw = canonical_json(entry)
    if len(raw) > MAX_ENTRY:
        raise Refusal("LOG_ENTRY_TOO_LONG", "type", _LONG)
    return raw


def read_entry(raw: bytes) -> Entry:
    """The entry from its bytes, which must be its one canonical form. Raises Refusal naming the field."""
    try:
        # The C encoder with sorted keys writes what canonical JSON writes, but for rare keys: those go the long way.
        entry: Entry = _DECODER.decode(raw)
        if _ENCODER.encode(entry) == raw:
            return entry
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # said in full below
    try:
        plain = strict_json(raw)
        canonical = canonical_json(plain)
    except (ValueError, TypeError):
        raise Refusal("LOG_ENTRY", "entry", _JSON) from None
    if canonical != raw:
        raise Refusal("NOT_CANONICAL", "entry", _CANONICAL)
    return _convert(plain)


def _convert(plain: Any) -> Entry:
    try:
        entry: Entry = msgspec.convert(plain, AnyEntry)
    except msgspec.ValidationError as fault:
        # msgspec names a field in back-quotes and puts values in single quotes: only the first leaves this place.
        named = str(fault).split("`")
        raise Refusal("LOG_ENTRY", named[1][:60] if len(named) > 1 else "type", _FIELD) from None
    return entry


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEntry)
_ENCODER = msgspec.json.Encoder(order="sorted")
_JSON = Text(
    "an entry is one JSON object without doubled keys or floats", "条目须为单个 JSON 对象，无重复键和浮点数"
)
_CANONICAL = Text("an entry is canonical JSON (RFC 8785)", "条目须为规范 JSON(RFC 8785)")
_TYPE = Text("the log has no such type of entry", "日志没有此类条目")
_FIELD = Text("the log has no place for this field in an entry of this type", "日志的此类条目不接受该字段")
_LONG = Text(
    "an entry has at most 65,535 bytes: log the digest, not the document",
    "条目最多 65535 字节：请登记摘要而非全文",
)
