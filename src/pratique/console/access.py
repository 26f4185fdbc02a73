"""Who works here and how far they reach, emergencies and their review, the chain of looks, and exports as pages.

Every right is asked in the services; a page shows what they gave. An emergency ends in the card itself, once.
"""

import contextlib
from datetime import datetime
from typing import Any, NamedTuple

from pratique.console.codes import typed
from pratique.console.gates import qr_svg
from pratique.console.model import Desk
from pratique.console.render import page, see
from pratique.core.errors import Conflict, NoMandate, NotFound, Refusal
from pratique.core.text import Text
from pratique.exports import api as exports_api
from pratique.exports import model as wishes
from pratique.exports import service as exports
from pratique.exports.marks import observe
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.people import service as people
from pratique.people.access import MAY_INVITE, ROLES
from pratique.people.model import Staff
from pratique.people.scope import EXTENTS, Grant
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route
from pratique.web.problems import from_validation

LEADERS = tuple(f"staff:{role}" for role in sorted(MAY_INVITE))
WATCHERS = ("staff:data-officer", "staff:auditor")
BREAKERS = tuple(f"staff:{role}" for role in people.MAY_BREAK)
ASKERS = tuple(f"staff:{role}" for role in exports.ASKERS)
DECIDERS = tuple(f"staff:{role}" for role in exports.DECIDERS)
GROUP = 10  # rows of a view beside one code


class Account(NamedTuple):
    """One account as the page shows it."""

    staff: Staff
    since: datetime
    ended: datetime | None
    reach: str


def routes(desk: Desk) -> list[Route]:
    """Accounts, emergencies, the chain, exports."""

    async def accounts(call: Call) -> Answer:
        return await _accounts(desk, call)

    async def change(call: Call) -> Answer:
        staff, form = people.worker(call.caller), call.form
        made = ""
        try:
            made = await desk.store.awrite(lambda tx: _change(tx, call, staff, form))
        except Refusal as refusal:
            return await _accounts(desk, call, refused=refusal)
        return await _accounts(desk, call, link=f"{desk.address}/sign-in?code={made}" if made else "")

    async def glass(call: Call) -> Answer:
        people.must_be_fresh(call.caller.asserted_at, call.moment.now)
        return _glass(desk, call)

    async def smash(call: Call) -> Answer:
        staff = people.worker(call.caller)

        async def opening() -> tuple[dict[str, str], datetime]:
            return await desk.store.awrite(lambda tx: _open_card(desk, tx, call, staff))

        try:
            card, until = await typed(desk, call, opening, "person")
        except people.StepUp:
            raise
        except Refusal as refusal:
            return _glass(desk, call, refused=refusal)
        return _glass(desk, call, card=card, until=until)

    async def reviews(call: Call) -> Answer:
        return await _reviews(desk, call)

    async def review(call: Call) -> Answer:
        staff, good = people.worker(call.caller), call.form.get("outcome") == "in order"
        try:
            await desk.store.awrite(
                lambda tx: people.review(tx, call.moment, staff, call.form.get("id", ""), in_order=good)
            )
        except Refusal as refusal:
            return await _reviews(desk, call, refused=refusal)
        return see("/console/looks")

    async def listing(call: Call) -> Answer:
        return await _exports(desk, call)

    async def ask(call: Call) -> Answer:
        staff = people.worker(call.caller)
        try:
            wish = _wish(call)
            await desk.store.awrite(lambda tx: exports.ask(tx, call.moment, staff, wish))
        except Refusal as refusal:
            return await _exports(desk, call, refused=refusal)
        return see("/console/exports")

    async def decide(call: Call) -> Answer:
        staff, form = people.worker(call.caller), call.form
        agreed = form.get("agreed") == "yes"
        try:
            await desk.store.awrite(
                lambda tx: exports.decide(tx, call.moment, staff, form.get("id", ""), agreed=agreed)
            )
        except Refusal as refusal:
            return await _exports(desk, call, refused=refusal)
        return see("/console/exports")

    async def take(call: Call) -> Answer:
        staff, form = people.worker(call.caller), call.form
        try:
            if form.get("what") == "destroyed":
                await desk.store.awrite(
                    lambda tx: exports.confirm_destroyed(tx, call.moment, staff, form.get("id", ""))
                )
                return see("/console/exports")
            made = await desk.store.awrite(
                lambda tx: exports.take_copy(
                    tx, call.moment, desk.house.sealer, desk.secret, staff, form.get("id", "")
                )
            )
        except Refusal as refusal:
            return await _exports(desk, call, refused=refusal)
        if form.get("what") == "file":
            return exports_api.as_csv(made)
        groups = [made.rows[start : start + GROUP] for start in range(0, len(made.rows), GROUP)]
        return page(
            call,
            "export_view",
            desk.zone,
            section="exports",
            groups=groups,
            code=qr_svg(made.code),
            columns=wishes.COLUMNS,
        )

    async def trace(call: Call) -> Answer:
        rows = observe(call.form.get("text", "")[:500_000])
        verdict = await desk.store.aread(lambda tx: exports.trace_rows(tx, rows))
        who = ""
        if verdict.copy_id:
            staff_id, name, _, _ = await desk.store.aread(lambda tx: exports.receiver(tx, verdict.copy_id))
            who = name or staff_id
        return await _exports(desk, call, verdict=verdict, who=who)

    return [
        Route("GET", "/console/access", accounts, LEADERS, "accounts and reach", page=True),
        Route("POST", "/console/access", change, LEADERS, "invite, grant, end", page=True, limit=60),
        Route("GET", "/console/glass", glass, BREAKERS, "an emergency", page=True),
        Route("POST", "/console/glass", smash, BREAKERS, "open a card in an emergency", page=True, limit=10),
        Route("GET", "/console/looks", reviews, WATCHERS, "emergencies and the chain", page=True),
        Route("POST", "/console/looks", review, ("staff:data-officer",), "review an emergency", page=True),
        Route(
            "GET", "/console/exports", listing, (*ASKERS, *DECIDERS, "staff:auditor"), "exports", page=True
        ),
        Route("POST", "/console/exports", ask, ASKERS, "ask for an export", page=True, limit=30),
        Route("POST", "/console/exports/decision", decide, DECIDERS, "agree or refuse", page=True),
        Route("POST", "/console/exports/copy", take, ASKERS, "take or end a copy", page=True, limit=20),
        Route("POST", "/console/exports/trace", trace, DECIDERS, "whose copy leaked", page=True, limit=60),
    ]


async def _accounts(desk: Desk, call: Call, refused: Refusal | None = None, link: str = "") -> Answer:
    def read(tx: Tx) -> list[Account]:
        return [
            Account(staff, since, ended, "" if ended else _said(people.reach(tx, call.moment.now, staff)))
            for staff, since, ended in people.list_staff(tx)
        ]

    rows = await desk.store.aread(read)
    known = await desk.store.aread(mandates.areas)
    kinds = sorted({kind for extent in EXTENTS.values() for kind in extent.grantable})
    answer = page(
        call,
        "access",
        desk.zone,
        section="access",
        rows=rows,
        roles=list(ROLES),
        kinds=kinds,
        areas=known,
        link=link,
        refused=refused.text if refused else None,
    )
    return answer._replace(status=refused.status if refused else 200)


def _said(reach: people.Reach) -> str:
    parts = ["*"] if reach.everywhere else []
    for kind, names in (("area", reach.areas), ("campaign", reach.campaigns), ("site", reach.sites)):
        parts += [f"{kind} {name}" for name in sorted(names)]
    return ", ".join(parts)


def _change(tx: Tx, call: Call, staff: Staff, form: Any) -> str:
    """Invite, invite again, grant, take back or end; the code of an invitation where one was made."""
    what, who = form.get("what", ""), form.get("id", "")
    grant = Grant(form.get("kind", ""), form.get("name", "").strip())
    if what == "invite":
        return people.invite_staff(
            tx, call.moment, staff, name=form.get("name", ""), role=form.get("role", "")
        ).token
    if what == "again":
        return people.invite_again(tx, call.moment, people.staff_by_id(tx, who)).token
    if what == "grant":
        people.give(tx, call.moment, staff, who, grant)
    elif what == "end":
        if who == staff.id:
            raise Conflict(
                "NOT_YOURSELF", "id", Text("somebody else ends your account", "您的账户须由他人停用")
            )
        people.end_staff(tx, call.moment, who)
    return ""


def _open_card(desk: Desk, tx: Tx, call: Call, staff: Staff) -> tuple[dict[str, str], datetime]:
    """Find the one person, break the glass, read the card: one transaction, two entries in the chain."""
    wanted, sealer = call.form.get("person", "").strip(), desk.house.sealer
    purpose = people.MAY_BREAK[staff.role]
    try:
        subject_id = people.subject_of_code(tx, call.moment.now, desk.secret, wanted)
    except Refusal:
        reader = people.reader(staff, call.moment.now + people.OPEN_FOR)
        found = people.find_by_phone(tx, call.moment, sealer, reader, wanted, purpose=purpose)
        if len(found) != 1:
            raise NotFound(
                "NOT_ONE_PERSON",
                "person",
                Text(
                    "this code or number names nobody, or several people", "该编码或号码查无此人，或对应多人"
                ),
            ) from None
        subject_id = found[0]
    glass = people.break_glass(
        tx,
        call.moment,
        sealer,
        staff,
        subject_id,
        reason=call.form.get("reason", ""),
        text=call.form.get("text", ""),
    )
    with contextlib.suppress(NoMandate):  # the look itself is told in any case
        notices.tell_of_opening(
            tx, call.moment, desk.house, subject_id=subject_id, mandate_id=glass.mandate_id,
            who=ROLES[staff.role], why=people.REASONS[glass.reason], decider=staff.id,
        )  # fmt: skip
    reader = people.reader(staff, glass.to_at)
    card = people.read_card(tx, call.moment, sealer, reader, subject_id, purpose=purpose, inside=True)
    return card, glass.to_at


def _glass(
    desk: Desk,
    call: Call,
    refused: Refusal | None = None,
    card: dict[str, str] | None = None,
    until: datetime | None = None,
) -> Answer:
    answer = page(
        call,
        "glass",
        desk.zone,
        section="glass",
        reasons=people.REASONS,
        card=card,
        until=until,
        typed=call.form,
        refused=refused.text if refused else None,
    )
    return answer._replace(status=refused.status if refused else 200)


async def _reviews(desk: Desk, call: Call, refused: Refusal | None = None) -> Answer:
    def read(tx: Tx) -> tuple[list[tuple[people.Glass, str, str]], tuple[int, bytes], int | None]:
        names = {staff.id: staff.name for staff, _, _ in people.list_staff(tx)}
        waiting = [
            (glass, names.get(glass.staff_id, ""), people.glass_text(tx, desk.house.sealer, glass))
            for glass in people.waiting_reviews(tx)
        ]
        checked = call.query.get("check") == "1"
        return waiting, people.chain_head(tx), people.first_bad_entry(tx) if checked else None

    waiting, head, bad = await desk.store.aread(read)
    answer = page(
        call,
        "looks",
        desk.zone,
        section="looks",
        waiting=waiting,
        reasons=people.REASONS,
        entries=head[0],
        head=head[1].hex(),
        checked=call.query.get("check") == "1",
        bad=bad,
        reviews=call.caller.role == "data-officer",
        refused=refused.text if refused else None,
    )
    return answer._replace(status=refused.status if refused else 200)


async def _exports(
    desk: Desk, call: Call, refused: Refusal | None = None, verdict: Any = None, who: str = ""
) -> Answer:
    staff = people.worker(call.caller)

    def read(tx: Tx) -> tuple[list[Any], list[Any]]:
        live = [one for one in mandates.live_mandates(tx, call.moment.now) if "export" in one.unlocks]
        return exports.exports(tx, staff), live

    rows, live = await desk.store.aread(read)
    answer = page(
        call,
        "exports",
        desk.zone,
        section="exports",
        rows=[(row, row.state(call.moment.now)) for row in rows],
        mandates=live,
        purposes=wishes.PURPOSES,
        asks=staff.role in exports.ASKERS,
        decides=staff.role in exports.DECIDERS,
        me=staff.id,
        typed=call.form,
        verdict=verdict,
        who=who,
        refused=refused.text if refused else None,
    )
    return answer._replace(status=refused.status if refused else 200)


def _wish(call: Call) -> wishes.Wish:
    import msgspec

    said: dict[str, Any] = {k: call.form.get(k, "") for k in ("mandate_id", "purpose", "reason", "recipient")}
    days = call.form.get("days", "7")
    said["days"] = int(days) if days.isascii() and days.isdigit() and len(days) < 4 else days
    try:
        return msgspec.convert(said, wishes.Wish)
    except msgspec.ValidationError as fault:
        raise from_validation(fault) from None
