"""The rights of a person at the counter: take everything away, correct the card, be forgotten. By claim code, no name.

It is the person's own act through a clerk's hands: what is made is handed over, and no trace stays of who it was.
"""

import asyncio

import msgspec

from pratique.console.codes import subject_of
from pratique.console.model import Desk
from pratique.console.render import page
from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.notices import service as notices
from pratique.notices.my_data import bundle, pdf
from pratique.people import service as people
from pratique.people.model import ContactCard
from pratique.web.frame import Answer, Call, Route

CLERKS = ("staff:console", "staff:case-worker", "staff:campaign-officer")


def routes(desk: Desk) -> list[Route]:
    """Forms of the slip's page."""

    async def take_away(call: Call) -> Answer:
        try:
            whose = await subject_of(desk, call)
        except Refusal as refusal:
            return _counter(desk, call, refusal)
        held = await desk.store.aread(
            lambda tx: notices.held(tx, call.moment, desk.house, whose, desk.results)
        )
        if call.form.get("as") == "fhir":
            saved = {"Content-Disposition": 'attachment; filename="pratique.json"'}
            return Answer(bundle(held), media="application/fhir+json", headers=saved)
        saved = {"Content-Disposition": 'attachment; filename="pratique.pdf"'}
        return Answer(await asyncio.to_thread(pdf, held, desk.zone), media="application/pdf", headers=saved)

    async def card(call: Call) -> Answer:
        try:
            whose = await subject_of(desk, call)
            written = _card(call)
            await desk.store.awrite(
                lambda tx: people.write_card(tx, call.moment, desk.house.sealer, whose, written)
            )
        except Refusal as refusal:
            return _counter(desk, call, refusal)
        return _counter(desk, call, None, done="card_corrected")

    async def forget(call: Call) -> Answer:
        try:
            whose = await subject_of(desk, call)
            if call.form.get("sure") != "yes":
                raise Refusal("NOT_SURE", "sure", Text("tick the box to go on", "请勾选确认"))
            await desk.store.awrite(lambda tx: notices.forget(tx, call.moment, desk.house, whose))
        except Refusal as refusal:
            return _counter(desk, call, refusal)
        return _counter(desk, call, None, done="erased")

    return [
        Route(
            "POST", "/console/counter/take-away", take_away, CLERKS, "take one's data away", page=True, limit=10
        ),
        Route("POST", "/console/counter/card", card, CLERKS, "correct a card", page=True, limit=10),
        Route("POST", "/console/counter/forget", forget, CLERKS, "forget somebody", page=True, limit=5),
    ]  # fmt: skip


def _card(call: Call) -> ContactCard:
    given = {name: call.form.get(name, "").strip() for name in ("name", "phone", "language")}
    try:
        return msgspec.convert(given, ContactCard)
    except msgspec.ValidationError:
        raise Refusal(
            "BAD_CARD", "phone", Text("give a name and a whole phone number", "请填写姓名和完整电话号码")
        ) from None


def _counter(desk: Desk, call: Call, refusal: Refusal | None, *, done: str = "") -> Answer:
    answer = page(
        call,
        "counter_done",
        desk.zone,
        section="counter",
        refused=refusal.text if refusal else None,
        done=done,
    )
    return answer._replace(status=refusal.status if refusal else 200)
