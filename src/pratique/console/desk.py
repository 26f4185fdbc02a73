"""The case desk's pages: one list by due time, one case with its script, three keys to an outcome; bulk, orders.

A list names nobody. Opening a case is a look that its subject sees. No page downloads a list.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from pratique.console.codes import typed
from pratique.console.model import Desk
from pratique.console.render import page, see
from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.desk import service
from pratique.desk.model import KINDS, RESULTS, CaseFile, CaseLine, CaseRow, Chosen, Place, Whose
from pratique.desk.script import script
from pratique.notices import service as notices
from pratique.notices.kinds import fact_text
from pratique.notices.ordering import CARE, PATHS
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

HERE = Path(__file__).parent
WORKERS = tuple(f"staff:{role}" for role in service.WORKERS)
DOCTORS = ("staff:duty-doctor",)
SOON = timedelta(hours=2)


def routes(desk: Desk) -> list[Route]:
    """The desk."""

    async def board(call: Call) -> Answer:
        return await _list(desk, call)

    async def find(call: Call) -> Answer:
        code, phone = call.form.get("code", "").strip(), call.form.get("phone", "").strip()

        async def look() -> list[CaseLine]:
            return await desk.store.awrite(
                lambda tx: service.find_cases(
                    tx, call.moment, desk.house, desk.secret, _me(call), code=code, phone=phone
                )
            )

        try:
            found = await typed(desk, call, look, "code")
        except people.StepUp:
            raise
        except Refusal as refusal:
            return await _list(desk, call, refused=refusal.text)
        return await _list(desk, call, found=found)

    async def case(call: Call) -> Answer:
        return await _case(desk, call, None)

    async def result(call: Call) -> Answer:
        try:
            await desk.store.awrite(
                lambda tx: service.record(
                    tx,
                    call.moment,
                    desk.house,
                    _me(call),
                    call.path["id"],
                    call.form.get("result", ""),
                    note=call.form.get("note", ""),
                )
            )
        except Refusal as refusal:
            return await _case(desk, call, refusal)
        return see("/console/desk")

    async def hand_over(call: Call) -> Answer:
        to = call.form.get("to", "")
        n = await desk.store.awrite(lambda tx: service.hand_over(tx, call.moment, _me(call), to))
        return see(f"/console/desk?handed={n}")

    async def begin(call: Call) -> Answer:
        form = call.form
        hours = form.get("due_in", "")
        chosen = Chosen(
            kinds=(form["kind"],) if form.get("kind") else (),
            due_before=call.moment.now + timedelta(hours=int(hours)) if hours.isdigit() else None,
            whose=_whose(form.get("whose", "")),
        )
        action = form.get("action", "")
        target = (
            form.get("hours", "") if action == "later" else form.get("to", "") if action == "give" else ""
        )
        try:
            bulk_id = await desk.store.awrite(
                lambda tx: service.begin_bulk(
                    tx, call.moment, _me(call), action=action, target=target, chosen=chosen
                )
            )
        except Refusal as refusal:
            return await _list(desk, call, refused=refusal.text)
        return see(f"/console/desk/bulk/{bulk_id}")

    async def bulk(call: Call) -> Answer:
        job = await desk.store.aread(lambda tx: service.bulk(tx, _me(call), call.path["id"]))
        runs = job.state in ("running", "undoing")
        left = max(0, int((job.undo_until - call.moment.now).total_seconds()))
        answer = page(
            call, "desk_bulk", desk.zone, section="desk", job=job, runs=runs, left=left,
            share=round(100 * job.done / job.total) if job.total else 100,
        )  # fmt: skip
        return answer._replace(headers={"Refresh": "1"}) if runs else answer

    async def undo(call: Call) -> Answer:
        await desk.store.awrite(lambda tx: service.undo_bulk(tx, call.moment, _me(call), call.path["id"]))
        return see(f"/console/desk/bulk/{call.path['id']}")

    async def order_form(call: Call) -> Answer:
        return await _order(desk, call, None)

    async def order(call: Call) -> Answer:
        try:
            await desk.store.awrite(lambda tx: _give_order(desk, tx, call))
        except Refusal as refusal:
            return await _order(desk, call, refusal)
        return see("/console/desk")

    async def end_order(call: Call) -> Answer:
        await desk.store.awrite(
            lambda tx: service.end_order(tx, call.moment, _me(call), _row(desk, tx, call).notice_id)
        )
        return see("/console/desk")

    async def fact(call: Call) -> Answer:
        try:
            on = datetime.fromisoformat(call.form.get("on", ""))
        except ValueError:
            return await _case(desk, call, Refusal("BAD_DAY", "on", Text("choose a day", "请选择日期")))
        as_of = on.replace(tzinfo=desk.zone)
        try:
            await desk.store.awrite(
                lambda tx: service.record_fact(
                    tx, call.moment, desk.house, _me(call), call.path["id"], call.form.get("kind", ""), as_of
                )
            )
        except Refusal as refusal:
            return await _case(desk, call, refusal)
        return see(_address(call))

    async def keys(call: Call) -> Answer:  # noqa: ARG001
        body = (HERE / "desk.js").read_bytes()
        return Answer(body, media="text/javascript", headers={"Cache-Control": "max-age=600"})

    asks = _asking
    return [
        Route("GET", "/console/desk", board, WORKERS, "the case desk", page=True),
        Route("POST", "/console/desk/find", asks(find), WORKERS, "find a caller's cases", page=True, limit=10),
        Route("POST", "/console/desk/hand-over", hand_over, WORKERS, "hand over a shift", page=True),
        Route("POST", "/console/desk/bulk", begin, WORKERS, "one action on many cases", page=True, limit=20),
        Route("GET", "/console/desk/bulk/{id}", bulk, WORKERS, "how far it is", page=True),
        Route("POST", "/console/desk/bulk/{id}/undo", undo, WORKERS, "undo it", page=True),
        Route("GET", "/console/desk/desk.js", keys, WORKERS, "keys of the desk", page=True),
        Route("GET", "/console/desk/cases/{id}", asks(case), WORKERS, "open a case", page=True),
        Route("POST", "/console/desk/cases/{id}", asks(result), WORKERS, "record a result", page=True),
        Route("POST", "/console/desk/cases/{id}/fact", asks(fact), DOCTORS, "record a fact", page=True),
        Route("GET", "/console/desk/cases/{id}/order", asks(order_form), DOCTORS, "an individual order", page=True),
        Route("POST", "/console/desk/cases/{id}/order", asks(order), DOCTORS, "give an order", page=True),
        Route("POST", "/console/desk/cases/{id}/order/end", asks(end_order), DOCTORS, "end an order", page=True),
    ]  # fmt: skip


def _whose(typed: str) -> Whose:
    return "pool" if typed == "pool" else "both" if typed == "both" else "mine"


def _asking(handler: Callable[[Call], Awaitable[Answer]]) -> Callable[[Call], Awaitable[Answer]]:
    """A page that needs the worker to show again that it is them sends them there first, and back."""

    async def asked(call: Call) -> Answer:
        try:
            return await handler(call)
        except people.StepUp:
            return see(f"{STEP_UP}?next={quote(_address(call))}")

    return asked


STEP_UP = "/console/confirm"


def _address(call: Call) -> str:
    return f"/console/desk/cases/{call.path['id']}" if "id" in call.path else "/console/desk"


def _me(call: Call) -> Staff:
    return people.worker(call.caller)


async def _list(
    desk: Desk, call: Call, *, refused: Text | None = None, found: list[CaseLine] | None = None
) -> Answer:
    kind = call.query.get("kind", "")
    kind = kind if kind in KINDS else ""
    after = _place(call.query)

    def read(tx: Tx) -> tuple[list[CaseLine], list[Staff], list[object]]:
        me = _me(call)
        lines = found if found is not None else service.cases(tx, call.moment, me, kind=kind, after=after)
        others = [
            one for one, _, ended in people.list_staff(tx)
            if ended is None and one.role in service.WORKERS and one.id != me.id
        ]  # fmt: skip
        return lines, others, list(service.bulks_of(tx, me, 5))

    lines, colleagues, bulks = await desk.store.aread(read)
    more = ""
    if found is None and len(lines) == service.PAGE:
        last = lines[-1]
        more = f"/console/desk?kind={kind}&due={int(last.due_at.timestamp() * 1000)}&id={last.id}"
    answer = page(
        call,
        "desk",
        desk.zone,
        section="desk",
        lines=lines,
        late=[one for one in lines if one.due_at - call.moment.now <= SOON],
        rest=[one for one in lines if one.due_at - call.moment.now > SOON],
        kinds=[(one, script().kinds[one]) for one in KINDS],
        kind=kind,
        more=more,
        colleagues=colleagues,
        bulks=bulks,
        refused=refused,
        searched=found is not None,
        handed=call.query.get("handed", "") if call.query.get("handed", "").isdigit() else "",
    )
    return answer._replace(status=422) if refused else answer


def _place(query: Mapping[str, str]) -> Place:
    due = query.get("due", "")
    return Place(int(due), query.get("id", "")[:26]) if due.isdigit() and len(due) < 16 else Place()


async def _case(desk: Desk, call: Call, refusal: Refusal | None) -> Answer:
    def read(tx: Tx) -> tuple[CaseFile, object]:
        file = service.open_file(tx, call.moment, desk.house, _me(call), call.path["id"])
        return file, notices.order_of_notice(tx, file.row.notice_id)

    file, order = await desk.store.awrite(read)
    answer = page(
        call,
        "desk_case",
        desk.zone,
        section="desk",
        file=file,
        order=order,
        facts=[(one, script().events[f"fact-{one}"]) for one in service.FACTS],
        doctor=call.caller.role == "duty-doctor",
        results=[(n, code, script().answers(file.row.why)[code]) for n, code in enumerate(RESULTS, 1)],
        refused=refusal.text if refusal else None,
        note=call.form.get("note", ""),
        speaks=lambda text: text.of(file.language),
    )
    return answer._replace(status=refusal.status if refusal else 200)


async def _order(desk: Desk, call: Call, refusal: Refusal | None) -> Answer:
    def read(tx: Tx) -> tuple[CaseFile, dict[str, Text]]:
        file = service.open_file(tx, call.moment, desk.house, _me(call), call.path["id"])
        return file, notices.paths_of(tx, file.row.mandate_id)

    file, paths = await desk.store.awrite(read)
    answer = page(
        call,
        "desk_order",
        desk.zone,
        section="desk",
        file=file,
        fields=[(name, fact_text(f"care-{name}")) for name in (*CARE, *PATHS) if name not in paths],
        paths=[(fact_text(f"care-{name}"), path) for name, path in paths.items()],
        typed=call.form,
        refused=refusal.text if refusal else None,
    )
    return answer._replace(status=refusal.status if refusal else 200)


def _row(desk: Desk, tx: Tx, call: Call) -> CaseRow:
    return service.open_file(tx, call.moment, desk.house, _me(call), call.path["id"]).row


def _give_order(desk: Desk, tx: Tx, call: Call) -> None:
    row = _row(desk, tx, call)
    days = call.form.get("days", "")
    ends = call.moment.now + timedelta(days=int(days) if days.isdigit() and len(days) < 4 else 0)
    service.give_order(
        tx,
        call.moment,
        desk.house,
        _me(call),
        subject_id=row.subject_id,
        mandate_id=row.mandate_id,
        why=call.form.get("why", ""),
        ends=ends,
        lines={name: call.form.get(name, "") for name in (*CARE, *PATHS)},
    )
