"""The pages of gates and mandates: counts by quarter-hour, ages, and what is in force. Never a person."""

from datetime import datetime
from typing import NamedTuple

import segno

from pratique.console import fleet as fleet_page
from pratique.console.fleet import OFFICERS, show
from pratique.console.model import Connect, Desk
from pratique.console.render import page, see
from pratique.core.mandate import Mandate
from pratique.core.text import Text
from pratique.fleet import service as fleet
from pratique.mandates import service as mandates
from pratique.mandates.document import mandate_of
from pratique.mandates.model import CLASS_TEXT, Standing
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route


class MandateRow(NamedTuple):
    """One published mandate as a card."""

    mandate: Mandate
    state: str
    badge: str
    days_left: int


def routes(desk: Desk) -> list[Route]:
    """Gates and mandates for staff."""

    async def gates(call: Call) -> Answer:
        return await show(desk, call, None)

    async def connect(call: Call) -> Answer:
        place = Text(call.form.get("place_en", "").strip(), call.form.get("place_zh", "").strip())

        def act(tx: Tx) -> str:
            live = [m for m in mandates.live_mandates(tx, call.moment.now) if "gate" in m.unlocks]
            mandate_id = live[-1].id if live else ""
            return fleet.make_token(
                tx, call.moment, mandate_id=mandate_id, place=place, made_by=call.caller.id
            )

        token = await desk.store.awrite(act)
        link = f"{desk.address}/handheld/#token={token}&roots={desk.roots}"
        command = f"pratique gate enrol --link '{link}' --home gate"
        expires = call.moment.now + fleet.TOKEN_LIVES
        return await show(desk, call, Connect(qr_svg(link), link, token, expires, command))

    async def confirm(call: Call) -> Answer:
        """The words are the same, or they are not: then that device is out at once."""
        act = fleet.confirm if call.form.get("same") == "yes" else fleet.end_gate
        await desk.store.awrite(lambda tx: act(tx, call.moment, call.path["gate_id"], call.caller.id))
        return see("/console/gates")

    async def orders(call: Call) -> Answer:
        rows = await desk.store.aread(lambda tx: mandate_rows(tx, call.moment.now))
        return page(call, "mandates", desk.zone, section="mandates", mandates=rows, class_text=CLASS_TEXT)

    return [
        *fleet_page.routes(desk),
        Route("GET", "/console/gates", gates, OFFICERS, "gates and their counts", page=True),
        Route("POST", "/console/gates/enrol", connect, ("staff:console",), "connect a gate", page=True),
        Route(
            "POST",
            "/console/gates/{gate_id}/words",
            confirm,
            ("staff:console",),
            "a new gate's words were compared",
            page=True,
        ),
        Route("GET", "/console/mandates", orders, OFFICERS, "mandates in force", page=True),
    ]


def mandate_rows(tx: Tx, now: datetime) -> list[MandateRow]:
    """Every published mandate, the one that ends last in front."""
    rows = [_order(one, now) for one in mandates.standings(tx) if one.published_at is not None]
    return sorted(rows, key=lambda row: row.mandate.ends(), reverse=True)


def qr_svg(text: str) -> str:
    """A QR code as SVG with its quiet zone, level M."""
    return segno.make(text, error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#111", light="#fff", omitsize=True
    )


def _order(standing: Standing, now: datetime) -> MandateRow:
    mandate = mandate_of(standing.document, standing.published_at or now, standing.ended_at)
    state = standing.state(now)
    shown, badge = {
        "live": ("live", "ok"),
        "waiting": ("coming", "info"),
        "destroyed": ("destroyed", "info"),
    }.get(state, ("ended", "warn"))
    return MandateRow(mandate, shown, badge, max(0, (mandate.ends() - now).days))
