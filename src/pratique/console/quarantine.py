"""Messages in quarantine: what was wrong with each, and the two people it takes to take it in or refuse it for good."""

from pratique.console.model import Desk
from pratique.console.render import page
from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import quarantine
from pratique.testing import service as testing
from pratique.web.frame import Answer, Call, Route

WHO = ("staff:console", "staff:lab-desk")
ADDRESS = "/console/laboratory/quarantine"
DONE = {
    "take-in": Text("The message was taken in.", "报文已重新接收。"),
    "refuse": Text("The message is refused; its bytes are destroyed.", "报文已拒收，内容已销毁。"),
    "asked": Text("A second person must confirm this.", "须由另一人确认。"),
    "withdrawn": Text("Nothing is asked of this message any more.", "已撤回处理意见。"),
}


def routes(desk: Desk, tell: testing.Tell) -> list[Route]:
    """The page and what is done on it."""

    async def look(call: Call) -> Answer:
        return await _page(desk, call)

    async def act(call: Call) -> Answer:
        try:
            said = await desk.store.awrite(lambda tx: _act(tx, call, tell))
        except Refusal as refusal:
            answer = await _page(desk, call, refused=refusal.text)
            return answer._replace(status=refusal.status)
        return await _page(desk, call, said=said)

    return [
        Route("GET", ADDRESS, look, WHO, "messages in quarantine", page=True),
        Route("POST", ADDRESS + "/{id}", act, WHO, "what is done with a message", page=True),
    ]


def _act(tx: Tx, call: Call, tell: testing.Tell) -> Text:
    """One of four buttons; what to say. Raises Refusal."""
    asked, what = call.path["id"], call.form.get("act", "")
    if what == "confirm":
        return DONE[quarantine.confirm(tx, call.moment, asked, call.caller.id, tell)]
    if what == "withdraw":
        quarantine.withdraw(tx, asked)
        return DONE["withdrawn"]
    quarantine.ask(tx, call.moment, asked, what, call.form.get("reason", ""), call.caller.id)
    return DONE["asked"]


async def _page(desk: Desk, call: Call, *, said: Text | None = None, refused: Text | None = None) -> Answer:
    waiting = await desk.store.aread(quarantine.quarantined)
    return page(
        call, "quarantine", desk.zone, section="laboratory", waiting=waiting, said=said, refused=refused,
        mine=call.caller.id, typed=call.form.get("reason", "") if refused else "", about=call.path.get("id", ""),
    )  # fmt: skip
