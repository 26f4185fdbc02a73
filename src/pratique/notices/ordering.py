"""Individual orders: a person, a reason, an end, and who brings food, brings medicine, answers, and calls each day.

There is no order about many people, and none without care: the database refuses it too (0030_notices.sql, guards).
An order lives as long as its notice: what ends the notice (a rule met, an appeal, its date, its mandate) ends it.
"""

from datetime import datetime, timedelta
from typing import Literal

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, rfc3339, to_ms
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.mandates.document import LONGEST_PATH
from pratique.notices import order_store, store
from pratique.notices.kinds import fact_text, kind_of
from pratique.notices.model import OPEN_STATES, CareView, House, Opening, OrderRow, OrderView, Said
from pratique.notices.opening import open_notice
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.store.sealing import Place
from pratique.store.tx import Tx

MAY_ORDER = ("duty-doctor",)
CARE = ("food", "medicine", "contact", "daily_call")
PATHS = ("review_path", "court_path")
MAX_WHY, MAX_LINE = 500, 200
FAMILY_WITHIN = timedelta(hours=24)  # Macau Law 2/2004, art. 14, and ours for every order
Family = Literal["told", "not-wished"]


def order_stay_home(
    tx: Tx,
    moment: Moment,
    house: House,
    staff: Staff,
    *,
    subject_id: str,
    mandate_id: str,
    why: str,
    ends: datetime,
    lines: dict[str, str],
) -> str:
    """Order one person to stay at home until `ends`; the id of the notice.

    `lines` names who looks after each of CARE and, where the mandate does not say it, where to object (PATHS). Raises
    NotAllowed for another role, NoMandate, NotFound for an unknown person, Refusal naming what is missing: an order
    without care is not given.
    """
    if staff.role not in MAY_ORDER:
        raise NotAllowed("MAY_NOT_ORDER", "role", Text("your role gives no orders", "您的角色不能下达命令"))
    if not people.subject_exists(tx, subject_id):
        raise NotFound("NOBODY", "subject_id", Text("there is nobody here by that", "查无此人"))
    mandate = mandates.require(tx, mandate_id, "restriction", moment.now)
    paths = paths_of(tx, mandate_id)
    kept = _checked(why, lines | {name: _both(text) for name, text in paths.items()})
    longest = timedelta(hours=kind_of("N4").max_hours)
    if not moment.now < ends <= moment.now + longest:
        raise Refusal(
            "BAD_END",
            "ends",
            Text(
                f"an order needs an end within {longest.days} days",
                f"命令须写明结束时间，最长 {longest.days} 天",
            ),
        )
    if any(row.kind == "N4" for row in store.open_notices(tx, [subject_id])):
        raise Refusal(
            "ORDERED_ALREADY",
            "subject_id",
            Text("this person has been asked to stay at home already", "此人已有居家要求"),
        )
    notice_id = moment.new_id()
    place = _place(notice_id, mandate.id, moment.now_ms, subject_id)
    order_store.add(
        tx,
        OrderRow(
            id=moment.new_id(),
            subject_id=subject_id,
            mandate_id=mandate.id,
            notice_id=notice_id,
            opened_at=moment.now_ms,
            ends_at=to_ms(ends),
            ordered_by=staff.id,
            sealed_why=house.sealer.seal(place, why.strip().encode()),
            family_by=to_ms(moment.now + FAMILY_WITHIN),
            food=kept["food"],
            medicine=kept["medicine"],
            contact=kept["contact"],
            daily_call=kept["daily_call"],
            review_path=kept["review_path"],
            court_path=kept["court_path"],
        ),
    )
    said = Said(Text(why.strip(), why.strip()), fact_text("duty-doctor"), rfc3339(moment.now))
    opening = Opening(
        subject_id=subject_id,
        kind="N4",
        mandate_id=mandate.id,
        reason="ORDERED",
        facts=(said,),
        deadline=ends,
        decider=staff.id,
        notice_id=notice_id,
    )
    return open_notice(tx, moment, house, opening)


def orders_of(tx: Tx, house: House, subject_id: str) -> tuple[OrderView, ...]:
    """The copies a person holds, newest first, those that ended included."""
    found = []
    for row in order_store.of_subject(tx, subject_id):
        notice = store.notice(tx, row.notice_id)
        mandate = mandates.standing(tx, row.mandate_id).document
        if notice is None:
            continue
        paths = paths_of(tx, row.mandate_id)
        told = order_store.family(tx, row.notice_id)
        found.append(
            OrderView(
                id=row.id,
                notice_id=row.notice_id,
                state="open" if notice.state in OPEN_STATES else "ended",
                issuer=mandate.issuer.name,
                basis=tuple(f"{one.law.zh_hans} / {one.law.en}, {one.article}" for one in mandate.basis),
                why=house.sealer.open(
                    _place(row.notice_id, row.mandate_id, row.opened_at, subject_id), row.sealed_why
                ).decode(),
                opened_at=rfc3339(from_ms(row.opened_at)),
                ends_at=rfc3339(from_ms(min(row.ends_at, notice.ends_at))),
                care=tuple(CareView(name, fact_text(f"care-{name}"), getattr(row, name)) for name in CARE),
                review_path=paths.get("review_path", row.review_path),
                court_path=paths.get("court_path", row.court_path),
                appeal_office=mandate.appeal.office,
                mandate_id=row.mandate_id,
                family_by=rfc3339(from_ms(row.family_by or row.opened_at)),
                family=told[0] if told else "",
                family_at=rfc3339(from_ms(told[1])) if told else None,
            )
        )
    return tuple(found)


def paths_of(tx: Tx, mandate_id: str) -> dict[str, Text]:
    """Where to object besides the appeal, by the names in PATHS, as the signed mandate says; empty where it does not
    say."""
    paths = mandates.standing(tx, mandate_id).document.paths
    return {"review_path": paths.review, "court_path": paths.court} if paths else {}


def tell_family(tx: Tx, moment: Moment, notice_id: str, what: Family) -> None:
    """Somebody whom the person named was told, or the person wishes nobody told. The first word stands."""
    row = order_store.of_notice(tx, notice_id)
    if row is not None:
        order_store.add_family(tx, row, what, moment.now_ms)
        people.touch(tx, [row.subject_id])


def live_orders(tx: Tx, after: str, limit: int) -> list[OrderRow]:
    """Orders whose notice is open, by id: whom somebody has to call today. "" begins."""
    return order_store.live(tx, after, limit)


def order_of_notice(tx: Tx, notice_id: str) -> OrderRow | None:
    """The order behind a notice."""
    return order_store.of_notice(tx, notice_id)


def _checked(why: str, lines: dict[str, str]) -> dict[str, str]:
    if not 1 <= len(why.strip()) <= MAX_WHY:
        raise Refusal(
            "ORDER_INCOMPLETE",
            "why",
            Text(f"write why, in at most {MAX_WHY} characters", f"请写明理由，最多 {MAX_WHY} 字"),
        )
    for name in (*CARE, *PATHS):
        longest = MAX_LINE if name in CARE else 2 * LONGEST_PATH + 3
        if not 1 <= len(lines.get(name, "").strip()) <= longest:
            raise Refusal(
                "ORDER_INCOMPLETE",
                name,
                Text(
                    f"no order without this: {fact_text(f'care-{name}').en}",
                    f"命令不完整，请填写：{fact_text(f'care-{name}').zh_hans}",
                ),
            )
    return {name: lines[name].strip() for name in (*CARE, *PATHS)}


def _both(text: Text) -> str:
    return f"{text.zh_hans} / {text.en}"


def _place(notice_id: str, mandate_id: str, at: int, subject_id: str) -> Place:
    return Place(
        "care_order", "sealed_why", notice_id, mandate_id, from_ms(at).date().isoformat(), subject_id
    )
