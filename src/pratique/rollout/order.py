"""The order for a policy: what two officers sign, and everything that must be true of it before it is published (pure).

Signing covers the rules, the preview and the policy one click may go back to, by their digests. Nothing in an order
changes once somebody signed; what has moved since is a reason to draft anew, in words.
"""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pratique.core.canonical import canonical_json, strict_json
from pratique.core.errors import Conflict, Refusal
from pratique.core.moment import from_ms, rfc3339
from pratique.core.text import Text
from pratique.policy.model import RuleSet
from pratique.rollout.model import SIGNING_ROLES, Impact, Measure, Order, PolicyOrder

PREVIEW_LIVES = timedelta(hours=24)
BACK_WITHIN = timedelta(hours=72)  # how long two signatures allow to go back by one click
MOVED_BY = 100  # a population that grew or shrank by more than one in so many is another one


def digest(raw: bytes) -> str:
    """Lower-case hex SHA-256."""
    return sha256(raw).hexdigest()


def begins_at(raw: bytes, at: datetime) -> bytes:
    """The same rule set with `from` set to `at`; everything else of it, each rule above all, stays as it is.

    Raises ValueError for what is no JSON object.
    """
    document: Any = strict_json(raw)
    if not isinstance(document, dict):
        raise ValueError("a rule set is one JSON object")
    moved = {"from": rfc3339(at.replace(microsecond=0))}
    rest = {name: value for name, value in document.items() if name != "from"}
    return json.dumps(moved | rest, ensure_ascii=False, indent=1).encode()


def rules_of(raw: bytes) -> list[Any]:
    """The rules of a rule set as they were written, EU rules in the EU form."""
    document = strict_json(raw)
    entries = document.get("rules", []) if isinstance(document, dict) else []
    return [entry["rule"] if isinstance(entry, dict) and "rule" in entry else entry for entry in entries]


def lead_time(impact_harms: bool, mandate_lead_hours: int) -> timedelta:
    """How long a policy is known before it binds: none if it can only help, else what the mandate says."""
    return timedelta(hours=mandate_lead_hours) if impact_harms else timedelta(0)


def order_text(
    order_id: str,
    mandate_id: str,
    body_hash: str,
    seen: Impact,
    preview: bytes,
    measures: tuple[Measure, ...],
    lead: timedelta,
    begins: datetime | None,
    back: tuple[int, str] | None,
) -> bytes:
    """What the officers sign: canonical JSON and a newline, the text of a C2SP signed note."""
    return (
        canonical_json(
            PolicyOrder(
                id=order_id,
                mandate=mandate_id,
                policy=body_hash,
                preview=digest(preview),
                worse_off=shown(seen.worse),
                measures=tuple(measure.code for measure in measures),
                lead_hours=int(lead / timedelta(hours=1)),
                begins=begins,
                back=back[1] if back else None,
                back_number=back[0] if back else None,
                at=seen.looked_at,
            )
        )
        + b"\n"
    )


def shown(count: int | None) -> str:
    """A count in tens as text that a signature can cover."""
    return "<10" if count is None else str(count)


def refuse_unready(
    order: Order, ruleset: RuleSet, now: datetime, live: tuple[int, str] | None, people: int
) -> None:
    """Everything that must hold at publication and is not the mandate's or the rules' own affair.

    `live` is (number, hash) of the policy in force, `people` the population now. Raises Refusal, Conflict.
    """
    if order.published_at is not None:
        raise Conflict("PUBLISHED", "order", Text("this order was published already", "该命令已公布"))
    if order.withdrawn_at is not None:
        raise Conflict(
            "WITHDRAWN", "order", Text("this draft was withdrawn; draft anew", "该草案已撤回；请重新起草")
        )
    if order.preview is None or order.previewed_at is None:
        raise Refusal(
            "NO_PREVIEW",
            "preview",
            Text("preview it first: nobody signs what was not looked at", "请先预览：未经预览不得签署"),
        )
    missing = sorted(set(SIGNING_ROLES) - {signed.role for signed in order.signatures})
    if missing:
        listed = ", ".join(missing)
        raise Refusal(
            "SIGNATURES_MISSING",
            "signatures",
            Text(
                f"two officers of different roles sign a policy; missing: {listed}",
                f"政策须由两名不同角色的官员签署；尚缺：{listed}",
            ),
        )
    _refuse_moved(order, now, live, people)
    begins = max(ruleset.from_at, now)
    earliest = now + timedelta(milliseconds=order.lead_ms)
    if begins < earliest:
        raise Refusal("LEAD_TIME", "from", lead_text(earliest, order.lead_ms))


def lead_text(earliest: datetime, lead_ms: int) -> Text:
    """What to do about a beginning that is too early."""
    hours = lead_ms // 3_600_000
    at = rfc3339(earliest.replace(microsecond=0) + timedelta(minutes=1))
    return Text(
        f"it can make somebody worse off, so it is known {hours} hours before it binds: let it begin at {at} or later, "
        "or, in an emergency, have a mandate with a shorter lead_hours signed",
        f"该政策可能使人处境变差，须提前{hours}小时公示：请将生效时间定为{at}或以后；紧急情况下，请签署载明更短lead_hours的授权令",
    )


def _refuse_moved(order: Order, now: datetime, live: tuple[int, str] | None, people: int) -> None:
    seen = order.previewed_at
    if seen is None or now - seen > PREVIEW_LIVES:
        raise Refusal(
            "PREVIEW_OLD",
            "preview",
            Text(
                "the preview is older than 24 hours; draft it again, preview and sign anew",
                "预览已超过24小时；请重新起草、预览并签署",
            ),
        )
    if (live or (None, None)) != (order.back_number, order.back_hash):
        raise Conflict(
            "POLICY_MOVED",
            "preview",
            Text(
                "another policy came into force since the preview; draft it again, preview and sign anew",
                "预览之后已有其他政策生效；请重新起草、预览并签署",
            ),
        )
    if order.people is not None and abs(people - order.people) * MOVED_BY > max(order.people, MOVED_BY):
        raise Refusal(
            "PEOPLE_MOVED",
            "preview",
            Text(
                "the population has changed by more than one in a hundred since the preview; draft it again",
                "预览之后人数变化超过百分之一；请重新起草",
            ),
        )


def back_until(published_at: datetime, begins: datetime) -> datetime:
    """Until when one click may go back."""
    return max(published_at, begins) + BACK_WITHIN


def time_of(ms: int | None) -> datetime | None:
    """A stored time."""
    return None if ms is None else from_ms(ms)
