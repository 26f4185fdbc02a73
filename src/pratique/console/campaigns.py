"""The pages of campaigns and of the laboratory desk: counts and tube codes, never people."""

from datetime import timedelta
from typing import NamedTuple

from pratique.console.gates import qr_svg
from pratique.console.model import Connect, Desk, Figure
from pratique.console.render import page, words
from pratique.core.errors import Refusal
from pratique.core.moment import to_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.campaigns import TOKEN_HOURS
from pratique.web.frame import Answer, Call, Route

FIELD = ("staff:console", "staff:campaign-officer", "staff:lab-desk")
RUNS = ("staff:console", "staff:campaign-officer")
FINAL = ("negative", "positive", "indeterminate", "unusable", "closed", "final")


class CampaignRow(NamedTuple):
    """A campaign with its sums: tubes sealed, tubes with a result, people."""

    progress: testing.Progress
    sealed: int
    reported: int
    people: int


def routes(desk: Desk, tell: testing.Tell) -> list[Route]:
    """Campaigns and laboratory for staff."""

    async def overview(call: Call) -> Answer:
        return await _campaigns(desk, call)

    async def connect(call: Call) -> Answer:
        token = await desk.store.awrite(
            lambda tx: testing.make_device_token(tx, call.moment, call.path["site_id"])
        )
        address = f"{desk.address}/site/#token={token}"
        expires = call.moment.now + timedelta(hours=TOKEN_HOURS)
        return await _campaigns(desk, call, connect=Connect(qr_svg(address), address, token, expires))

    async def receive(call: Call) -> Answer:
        codes = [testing.scanned(one) for one in call.form.get("codes", "").split()]
        lab = call.form.get("lab", "").strip()
        try:
            scans = await desk.store.awrite(
                lambda tx: testing.receive_at_lab(tx, call.moment, lab, codes, call.caller.id, tell)
            )
        except Refusal as refusal:
            return await _campaigns(desk, call, refused=refusal.text)
        return await _campaigns(desk, call, received=scans)

    return [
        Route("GET", "/console/campaigns", overview, FIELD, "campaigns and sites", page=True),
        Route("POST", "/console/sites/{site_id}/enrol", connect, RUNS, "connect a site's device", page=True),
        Route("POST", "/console/campaigns/receive", receive, RUNS, "record a receipt scan", page=True),
    ]


def campaign_rows(tx: Tx, now_ms: int) -> list[CampaignRow]:
    """Every campaign with its sums."""
    rows = []
    for campaign in testing.campaigns(tx):
        progress = testing.progress(tx, campaign.id, now_ms)
        states = progress.states
        rows.append(
            CampaignRow(
                progress,
                sum(site.tubes for site in progress.sites),
                sum(n for state, n in states.items() if state in FINAL),
                sum(site.people for site in progress.sites),
            )
        )
    return rows


def lab_figures(board: testing.Board, language: str) -> list[Figure]:
    """The laboratory desk in numbers."""

    def say(key: str) -> str:
        return words()[key].of(language)

    return [
        Figure(board.messages, say("tile_messages"), "/console/laboratory"),
        Figure(board.refusals, say("tile_refused"), "/console/laboratory"),
        Figure(board.held, say("tile_held"), "/console/laboratory"),
    ]


def midnight_ms(desk: Desk, call: Call) -> int:
    """The start of the day in the zone of the place."""
    here = call.moment.now.astimezone(desk.zone)
    return to_ms(here.replace(hour=0, minute=0, second=0, microsecond=0))


async def _campaigns(
    desk: Desk,
    call: Call,
    *,
    connect: Connect | None = None,
    refused: Text | None = None,
    received: int = 0,
) -> Answer:
    rows = await desk.store.aread(lambda tx: campaign_rows(tx, call.moment.now_ms))
    return page(
        call,
        "campaigns",
        desk.zone,
        section="campaigns",
        campaigns=rows,
        connect=connect,
        refused=refused,
        received=received,
        may_connect=f"staff:{call.caller.role}" in RUNS,
    )
