"""The form an order is filled in as: TOML with the document's own field names, and the example to start from (pure)."""

import tomllib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from pratique.core.canonical import canonical_json
from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.mandates.document import read_document
from pratique.mandates.model import Document

EXAMPLE = """\
# An order, to be filled in and given to `pratique mandate new`. Texts stand in both languages.
# start may be left out (now); say either end, or days (at most 90).
days = 30
grace_hours = 24
unlocks = ["campaign", "gate", "restriction", "enrolment"]
recipients = []
# lead_hours = 6   # only in an emergency: rules that restrict may bind sooner than 48 hours after they are published
# extends = "id of the mandate this one continues"

[issuer]
name = { en = "Health office of Example Port", zh-Hans = "示例港卫生处" }
office = { en = "1 Example Quay", zh-Hans = "示例码头1号" }
vkeys = ["…/legal+…", "…/public-health+…"]   # printed by `pratique mandate key`

[[basis]]
law = { en = "Example Act", zh-Hans = "示例法" }
article = "7"
url = "https://law.example/7"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

[purpose]
code = "harbour-outbreak"
text = { en = "find infections early in the port", zh-Hans = "尽早发现港区感染" }

[scope]
areas = ["example-port"]
groups = ["port-workers"]

[[data]]
class = "contact"
max_days = 14

[[data]]
class = "evidence"
max_days = 30

[appeal]
office = { en = "Appeals desk, 2 Example Quay", zh-Hans = "示例码头2号申诉台" }
clock_hours = 24

[paths]   # printed on every individual order; without it whoever gives an order writes both
review = { en = "Health commission, 3 Example Quay, within 60 days", zh-Hans = "示例码头3号卫生委员会，60日内" }
court = { en = "District court, 4 Example Quay, within 6 months", zh-Hans = "示例码头4号区法院，6个月内" }

[fail]
lists-stale = "admit"

[text]
url = "https://port.example/order"
media = "text/plain"
# sha256 is taken from the file named by --reading
"""


def read_form(raw: str, moment: Moment, reading: bytes | None) -> Document:
    """The document a filled-in form means. Raises Refusal naming the field."""
    try:
        plain: dict[str, Any] = tomllib.loads(raw)
    except tomllib.TOMLDecodeError as fault:
        text = Text(f"the form is not TOML: {fault}", f"表格不是有效的 TOML:{fault}")
        raise Refusal("NOT_TOML", "form", text) from None
    start = _time(plain.get("start"), "start") or moment.now.replace(microsecond=0)
    end = _time(plain.get("end"), "end")
    days = plain.pop("days", None)
    if end is None:
        if not isinstance(days, int) or isinstance(days, bool):
            raise Refusal(
                "FIELD_MISSING",
                "end",
                Text("say end, or days as a whole number", "请写 end，或以整数写 days"),
            )
        end = start + timedelta(days=days)
    if reading is not None and isinstance(plain.get("text"), dict):
        plain["text"].setdefault("sha256", sha256(reading).hexdigest())
    ours = {"v": 1, "kind": "mandate", "id": moment.new_id(), "start": rfc3339(start), "end": rfc3339(end)}
    defaults: dict[str, Any] = {"extends": None, "supersedes": None, "fail": {}, "eps": {}, "recipients": []}
    return read_document(_text(defaults | plain | ours))


def _time(value: Any, field: str) -> datetime | None:
    zone = Text(
        "write the time as RFC 3339 with a zone, such as 2026-01-05T00:00:00Z", "时间请按 RFC 3339 带时区书写"
    )
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Refusal("NO_ZONE", field, zone) from None
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Refusal("NO_ZONE", field, zone)
    return value.astimezone(UTC)


def _text(plain: dict[str, Any]) -> bytes:
    try:
        return canonical_json(plain) + b"\n"
    except (TypeError, ValueError):
        text = Text(
            "the form holds a value a mandate has no place for, such as a number with a point",
            "表格含有授权令不接受的值，如小数",
        )
        raise Refusal("MANDATE_FORM", "form", text) from None
