"""Whatever is wrong with a mandate's text is refused with the name of the field, never with its value."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.canonical import canonical_json
from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.mandates.document import document_text, read_document
from pratique.mandates.model import CEILINGS, CLASS_TEXT
from tests.mandates import making

SECRET = "zq-never-shown"  # what a refusal must not repeat


def _plain() -> dict[str, Any]:
    moment = Moment(datetime(2026, 1, 5, tzinfo=UTC), bytes)
    made: dict[str, Any] = msgspec.json.decode(document_text(making.document(moment)))
    return made


def _text(plain: Any) -> bytes:
    return canonical_json(plain) + b"\n"


def test_it_works() -> None:
    text = _text(_plain())

    assert document_text(read_document(text)) == text


BOTH = {"en": "a", "zh-Hans": "b"}
WRONG: list[tuple[str, Any, str]] = [
    ("id", "x", "id"),
    ("id", 7, "id"),
    ("v", 2, "v"),
    ("kind", SECRET, "kind"),
    ("extends", "x", "extends"),
    ("supersedes", "00000000000000000000000000", "supersedes"),  # itself
    ("start", "2026-01-05T00:00:00", "start"),
    ("end", "2026-02-05T00:00:00", "end"),
    ("end", "2026-01-05T00:00:00Z", "end"),
    ("end", "2026-04-05T00:00:01Z", "end"),
    ("end", SECRET, "end"),
    ("grace_hours", 73, "grace_hours"),
    ("grace_hours", -1, "grace_hours"),
    ("appeal", {"office": {"en": "a", "zh-Hans": "b"}, "clock_hours": 0}, "appeal.clock_hours"),
    ("unlocks", ["gate", "gate"], "unlocks"),
    ("unlocks", [SECRET], "unlocks[0]"),
    ("data", [], "data"),
    ("data", [{"class": "itinerary", "max_days": 1}], "data[0].class"),
    ("data", [{"class": "contact", "max_days": 31}], "data[0].max_days"),
    ("data", [{"class": "contact", "max_days": 0}], "data[0].max_days"),
    ("data", [{"class": "contact", "max_days": 1}] * 2, "data"),
    ("basis", [], "basis"),
    ("issuer", {"name": BOTH, "office": BOTH, "vkeys": []}, "issuer.vkeys"),
    ("purpose", {"code": "a", "text": {"en": "only English"}}, "purpose.text.zh-Hans"),
    ("purpose", {"code": "a", "text": {"en": "x", "zh-Hans": "  "}}, "purpose.text.zh-Hans"),
    ("purpose", {"code": "A B", "text": {"en": "x", "zh-Hans": "y"}}, "purpose.code"),
    ("fail", {"lists-stale": SECRET}, "fail.lists-stale"),
    ("fail", {"weather": "stop"}, "fail.weather"),
    ("eps", {"ili": "0"}, "eps.ili"),
    ("eps", {"ili": "1e9"}, "eps.ili"),
    ("text", {"url": "ftp://x", "sha256": "0" * 64, "media": "text/plain"}, "text.url"),
    ("text", {"url": "https://x", "sha256": "0" * 63, "media": "text/plain"}, "text.sha256"),
    ("score", 7, "score"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "field"), WRONG)
def test_the_field_is_named_and_the_value_is_not(name: str, value: Any, field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_document(_text(_plain() | {name: value}))

    assert refusal.value.field == field
    assert SECRET not in str(refusal.value)
    assert refusal.value.text.zh_hans


@pytest.mark.parametrize("name", sorted(_plain()))
def test_no_field_may_be_missing(name: str) -> None:
    plain = _plain()
    del plain[name]

    with pytest.raises(Refusal) as refusal:
        read_document(_text(plain))

    assert (refusal.value.code, refusal.value.field) == ("FIELD_MISSING", name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\n",
        lambda raw: raw.replace(b'"v":1', b'"v": 1'),
        lambda raw: raw.replace(b'"v":1', b'"v":1.0'),
        lambda raw: raw.replace(b'"v":1', b'"v":1,"v":1'),
        lambda raw: raw.replace(b'"en":', b'"\\u0065n":', 1),
        lambda raw: b"\xff" + raw,
        lambda raw: b"[" * 30_000 + b"\n",
        lambda raw: b" " * 2_000_000,
    ],
)
def test_only_one_form_of_bytes_is_the_document(spoil: Any) -> None:
    with pytest.raises(Refusal):
        read_document(spoil(_text(_plain())))


def test_ninety_days_are_the_limit_to_the_second() -> None:
    assert read_document(_text(_plain() | {"end": "2026-04-05T00:00:00Z"}))


def test_a_zone_other_than_utc_is_kept() -> None:
    text = _text(_plain() | {"start": "2026-01-05T08:00:00+08:00"})

    assert document_text(read_document(text)) == text


def test_every_class_of_data_has_a_ceiling_and_a_text() -> None:
    assert CEILINGS.keys() == CLASS_TEXT.keys()
    assert not {"location", "passage", "itinerary", "face", "voice", "score", "purchase"} & CEILINGS.keys()


@given(st.binary(max_size=300))
def test_anything_else_is_refused_and_never_a_fault(raw: bytes) -> None:
    with pytest.raises(Refusal):
        read_document(raw)
