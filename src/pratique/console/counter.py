"""The counter: whatever a phone does, on paper. Slips, paper passes, notices by claim code, appeals for somebody.

Nobody is asked for a name. A look by claim code is the person's own act and leaves no trace of who they are.
"""

from datetime import datetime
from typing import Any

from pratique.console.codes import subject_of
from pratique.console.gates import qr_svg
from pratique.console.model import Desk
from pratique.console.render import local, page
from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.credentials.pq1 import paper
from pratique.notices import service as notices
from pratique.notices.kinds import fact_text
from pratique.notices.ordering import PATHS
from pratique.people import service as people
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

CLERKS = ("staff:console", "staff:case-worker", "staff:campaign-officer")


def routes(desk: Desk) -> list[Route]:
    """The counter's pages. A claim code is typed at most ten times a minute per clerk."""

    async def counter(call: Call) -> Answer:
        return page(call, "counter", desk.zone, section="counter", refused=None)

    async def slip(call: Call) -> Answer:
        def make(tx: Tx) -> tuple[str, str]:
            subject_id = people.create_subject(tx, call.moment, "paper")
            return subject_id, people.make_claim_code(tx, call.moment, desk.secret, subject_id)

        subject_id, code = await desk.store.awrite(make)
        await desk.store.awrite(lambda tx: notices.catch_up(tx, call.moment, desk.house, subject_id))
        return await _paper(desk, call, subject_id, code, None)

    async def claim(call: Call) -> Answer:
        try:
            subject_id = await subject_of(desk, call)
        except Refusal as refusal:
            return _refused(desk, call, refusal)
        return await _claimed(desk, call, subject_id, None)

    async def appeal(call: Call) -> Answer:
        try:
            subject_id = await subject_of(desk, call)
        except Refusal as refusal:
            return _refused(desk, call, refusal)
        try:
            await desk.store.awrite(
                lambda tx: notices.appeal(
                    tx,
                    call.moment,
                    desk.house,
                    subject_id=subject_id,
                    notice_id=call.form.get("notice", ""),
                    text=call.form.get("text", ""),
                )
            )
        except Refusal as refusal:
            return await _claimed(desk, call, subject_id, refusal.text)
        return await _claimed(desk, call, subject_id, None)

    return [
        Route("GET", "/console/counter", counter, CLERKS, "the counter", page=True),
        Route("POST", "/console/counter/slip", slip, CLERKS, "make a slip", page=True),
        Route("POST", "/console/counter/claim", claim, CLERKS, "look up a claim code", page=True, limit=10),
        Route("POST", "/console/counter/appeal", appeal, CLERKS, "appeal for somebody", page=True, limit=10),
    ]


def _refused(desk: Desk, call: Call, refusal: Refusal) -> Answer:
    answer = page(call, "counter", desk.zone, section="counter", refused=refusal.text)
    return answer._replace(status=refusal.status)


async def _claimed(desk: Desk, call: Call, subject_id: str, refused: Text | None) -> Answer:
    await desk.store.awrite(lambda tx: notices.catch_up(tx, call.moment, desk.house, subject_id))
    return await _paper(desk, call, subject_id, call.form.get("claim", ""), refused)


async def _paper(desk: Desk, call: Call, subject_id: str, code: str, refused: Text | None) -> Answer:
    view = await desk.store.aread(
        lambda tx: notices.wallet_view(tx, call.moment, desk.house, subject_id, desk.results, 0)
    )
    held = await desk.store.awrite(lambda tx: notices.paper_pass(tx, call.moment, desk.house, subject_id))

    def when_text(at: str) -> str:
        return local(datetime.fromisoformat(at), desk.zone, call.language)

    tidy = people.tidy_code(code)
    values: dict[str, Any] = {
        "slip_svg": qr_svg(people.slip_text(subject_id, tidy)),
        "claim": f"{tidy[:4]} {tidy[4:8]} {tidy[8:]}",
        "pass_svg": qr_svg(paper(held.credential)) if held else "",
        "pass_expires": held.expires if held else None,
        "notices": [one for one in view.notices if one.state in ("open", "waiting")],
        "results": view.results,
        "appeals": view.appeals,
        "when_text": when_text,
        "orders": view.orders,
        "ways": {name: fact_text(f"care-{name}") for name in PATHS},
        "said": lambda text: text if isinstance(text, str) else text.of(call.language),
        "refused": refused,
    }
    return page(call, "slip", desk.zone, section="counter", **values)
