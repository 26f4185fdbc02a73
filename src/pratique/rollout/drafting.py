"""Drafts and their previews: nothing unsound is kept, nothing is signed that was not looked at.

Looking reads everybody's evidence, as columns of the mirror or row by row; only counts in tens leave it.
"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from pratique.core.canonical import canonical_json
from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.policy import drafts as policy_drafts
from pratique.policy import service as policy
from pratique.policy.city import Population
from pratique.policy.mirror import Mirror
from pratique.policy.model import RuleSet
from pratique.policy.ruleset import read_rule_set
from pratique.policy.synthetic import ASSUMED, made_up_city
from pratique.rollout import store
from pratique.rollout.impact import impact, made_up_groups
from pratique.rollout.measures import refuse_uncovered
from pratique.rollout.model import Impact, Laboratory, Order
from pratique.rollout.order import begins_at, digest, lead_time, order_text
from pratique.rollout.redeciding import follow
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx

DAYS = 14
MADE_UP = 20_000  # people of the made-up city on which "it can only help" is tried beside the real ones
MOST_MADE_UP = 2_000_000


class Looked(NamedTuple):
    """What one look at a draft came to; `people` is exact and stays inside the house."""

    impact: Impact
    people: int
    back: tuple[int, str] | None


def draft(
    tx: Tx, moment: Moment, raw: bytes, mandate_id: str, by: str, begins: datetime | None = None
) -> Order:
    """Keep a draft that could be published under this mandate; `begins` is written into it.

    Raises Refusal with the code of the first failed check or uncovered measure, NoMandate.
    """
    body, lead_ms = _sound(tx, moment, raw, mandate_id, begins)
    order_id = moment.new_id()
    store.add_order(
        tx,
        id=order_id,
        mandate_id=mandate_id,
        body=body,
        hash=digest(body),
        drafted_at=moment.now_ms,
        drafted_by=by,
        lead_ms=lead_ms,
    )
    return order_of(tx, order_id)


def redraft(
    tx: Tx, moment: Moment, order_id: str, raw: bytes, mandate_id: str, begins: datetime | None = None
) -> Order:
    """Another text of a draft nobody signed yet; its preview is gone. Raises as `draft`, Conflict."""
    refuse_fixed(order_of(tx, order_id))
    body, _ = _sound(tx, moment, raw, mandate_id, begins)
    store.set_body(tx, order_id, body, digest(body), mandate_id)
    return order_of(tx, order_id)


def withdraw(tx: Tx, moment: Moment, order_id: str) -> Order:
    """Take a draft back; it stays readable. Raises Conflict for one that was published."""
    found = order_of(tx, order_id)
    if found.published_at is not None:
        raise Conflict("PUBLISHED", "order", Text("this order was published already", "该命令已公布"))
    store.withdraw(tx, order_id, moment.now_ms)
    return order_of(tx, order_id)


def order_of(tx: Tx, order_id: str) -> Order:
    """One order as it stands. Raises NotFound."""
    found = store.order(tx, order_id)
    if found is None:
        raise NotFound("NO_SUCH_ORDER", "order", Text("there is no such draft", "没有此草案"))
    return found


def look(
    tx: Tx, moment: Moment, sealer: Sealer, raw: bytes, laboratory: Laboratory, *, days: int = DAYS
) -> Looked:
    """What a draft would do to the people who are there, from the database row by row. Keeps nothing.

    Raises Refusal for what is no rule set, or cannot be decided as columns.
    """
    new, old = read_rule_set(raw), policy.live_policy(tx, moment.now)
    there = policy_drafts.population(tx, sealer)
    return _looked(old, new, [there], there.length, moment, raw, laboratory, days)


def look_over(
    data: Store,
    moment: Moment,
    mirror: Mirror,
    raw: bytes,
    laboratory: Laboratory,
    *,
    made_up: int = 0,
    seed: int = 1,
    days: int = DAYS,
) -> Looked:
    """`look` over the mirror, brought level first, some hundred thousand people at a time; or over a made-up city of so
    many. While a policy is being brought in, the people are those of its beginning. Raises as `look`."""
    new = read_rule_set(raw)
    with data.read() as tx:
        old = policy.live_policy(tx, moment.now)
    clocks = policy_drafts.clocks(moment.now, new, days)
    if made_up:
        return _of_made_up_people(old, new, clocks, raw, laboratory, min(made_up, MOST_MADE_UP), seed)
    while follow(data, moment, mirror, [new]):
        pass
    rulesets = [new] if old is None else [new, old]
    try:
        there = mirror.populations(rulesets, clocks)
    except ValueError:  # rules that read whole lists, which columns do not hold
        with data.read() as tx:
            return look(tx, moment, mirror.sealer, raw, laboratory, days=days)
    return _looked(old, new, there, mirror.size(), moment, raw, laboratory, days)


def _looked(
    old: RuleSet | None,
    new: RuleSet,
    there: Iterable[Population],
    people: int,
    moment: Moment,
    raw: bytes,
    laboratory: Laboratory,
    days: int,
) -> Looked:
    clocks = policy_drafts.clocks(moment.now, new, days)
    try:
        seen = impact(old, new, there, clocks, laboratory=laboratory, draft=digest(raw))
        harms = seen.harms or _could_harm(old, new, clocks)
    except ValueError as fault:
        raise _not_a_city(fault) from None
    back = None if old is None else (old.number, old.hash)
    return Looked(msgspec.structs.replace(seen, harms=harms), people, back)


def _of_made_up_people(
    old: RuleSet | None,
    new: RuleSet,
    clocks: Sequence[datetime],
    raw: bytes,
    laboratory: Laboratory,
    people: int,
    seed: int,
) -> Looked:
    try:
        seen = impact(
            old,
            new,
            made_up_city(people, clocks[0], seed),
            clocks,
            laboratory=laboratory,
            draft=digest(raw),
            made_up=True,
            groups=made_up_groups(people, seed),
            assumed=(ASSUMED,),
        )
    except ValueError as fault:
        raise _not_a_city(fault) from None
    return Looked(seen, people, None)


def _not_a_city(fault: ValueError) -> Refusal:
    return Refusal("NOT_A_CITY", "rules", Text(str(fault), f"无法预览：{fault}"))


def keep_preview(tx: Tx, moment: Moment, order_id: str, looked: Looked) -> Order:
    """Keep what was seen of the real population, and with it the text that officers sign. Raises Conflict where the
    draft is not the one looked at, or somebody signed it."""
    found = order_of(tx, order_id)
    refuse_fixed(found)
    if looked.impact.draft != found.hash or looked.impact.made_up:
        raise Conflict(
            "OTHER_DRAFT", "preview", Text("this preview is of another draft", "该预览属于另一草案")
        )
    standing = mandates.standing(tx, found.mandate_id)
    ruleset = read_rule_set(found.body)
    mandate = mandates.require(tx, found.mandate_id, "restriction", moment.now)
    lead = lead_time(looked.impact.harms, standing.document.lead_hours)
    raw = canonical_json(looked.impact)
    begins = ruleset.from_at if ruleset.from_at > moment.now else None
    text = order_text(
        order_id,
        found.mandate_id,
        found.hash,
        looked.impact,
        raw,
        refuse_uncovered(ruleset, mandate),
        lead,
        begins,
        looked.back,
    )
    store.set_preview(
        tx,
        id=order_id,
        previewed_at=moment.now_ms,
        preview=raw,
        preview_hash=digest(raw),
        people=looked.people,
        lead_ms=int(lead / timedelta(milliseconds=1)),
        back_number=looked.back[0] if looked.back else None,
        back_hash=looked.back[1] if looked.back else None,
        text=text,
    )
    return order_of(tx, order_id)


def impact_of(order: Order) -> Impact | None:
    """The kept preview."""
    return None if order.preview is None else msgspec.json.decode(order.preview, type=Impact)


def refuse_fixed(order: Order) -> None:
    """Raises Conflict for an order that may not change any more."""
    if order.signatures or order.published_at is not None or order.withdrawn_at is not None:
        raise Conflict(
            "ORDER_FIXED",
            "order",
            Text(
                "somebody signed this draft, or it is over: it cannot change; draft it again",
                "该草案已有签名或已结束，不可更改；请重新起草",
            ),
        )


def _sound(tx: Tx, moment: Moment, raw: bytes, mandate_id: str, begins: datetime | None) -> tuple[bytes, int]:
    """The body as it will be published, and the lead time as if it could harm. Raises Refusal, NoMandate."""
    if begins is not None:
        with contextlib.suppress(ValueError):  # what is no JSON object is refused below, by name
            raw = begins_at(raw, begins)
    ruleset = policy.check_policy(tx, moment, raw, mandate_id)
    mandate = mandates.require(tx, mandate_id, "restriction", moment.now)
    refuse_uncovered(ruleset, mandate)
    document = mandates.standing(tx, mandate_id).document
    return raw, int(lead_time(True, document.lead_hours) / timedelta(milliseconds=1))


def _could_harm(old: RuleSet | None, new: RuleSet, clocks: Sequence[datetime]) -> bool:
    """Whether somebody in a made-up city would be worse off; yes where that cannot be told."""
    try:
        city = made_up_city(MADE_UP, clocks[0], 1)
        return impact(old, new, city, clocks, laboratory=Laboratory(), draft="", made_up=True).harms
    except ValueError:
        return True
