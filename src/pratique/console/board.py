"""The live board of sites, without a map: queue, rate, who is not heard. Sites that close, phones that are lost."""

from pratique.console.model import Desk, Figure
from pratique.console.render import page, see, words
from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.notices import service as notices
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.board import SiteRow, site_board
from pratique.web.frame import Answer, Call, Route

WHO = ("staff:console", "staff:campaign-officer", "staff:lab-desk")
RUNS = ("staff:console", "staff:campaign-officer")
SHOWN = 200

Boards = list[tuple[testing.Campaign, list[SiteRow]]]


def routes(desk: Desk) -> list[Route]:
    """The board for staff."""

    async def look(call: Call) -> Answer:
        return await _board(desk, call)

    async def lost(call: Call) -> Answer:
        try:
            await desk.store.awrite(
                lambda tx: testing.declare_lost(tx, call.moment, call.path["device_id"], call.caller.id)
            )
        except Refusal as refusal:
            return await _board(desk, call, refused=refusal)
        return see("/console/board")

    async def site(call: Call) -> Answer:
        shut, site_id = call.form.get("act") == "close", call.path["site_id"]
        act = close if shut else _reopen
        try:
            name = await desk.store.awrite(lambda tx: act(tx, call.moment, site_id, call.caller.id))
        except Refusal as refusal:
            answer = await _board(desk, call, refused=refusal)
            return answer._replace(status=refusal.status)
        said = words()["board_closed_said" if shut else "board_opened_said"]
        return await _board(
            desk, call, said=Text(said.en.format(site=name.en), said.zh_hans.format(site=name.zh_hans))
        )

    return [
        Route("GET", "/console/board", look, WHO, "live board of sites", page=True),
        Route(
            "POST", "/console/board/sites/{site_id}", site, RUNS, "close a site or open it again", page=True
        ),
        Route(
            "POST", "/console/board/phones/{device_id}/lost", lost, RUNS, "declare a phone lost", page=True
        ),
    ]


def close(tx: Tx, moment: Moment, site_id: str, by: str) -> Text:
    """Close a site: nothing is booked there any more, and at once the clocks of its campaign stand still and say why;
    its name. Raises NotFound."""
    campaign_id = testing.close_site(tx, moment, site_id, by)
    if campaign_id in {one for one, shut in testing.campaigns_shut(tx, moment.now_ms) if shut}:
        notices.declare_fault(
            tx, moment, scope="campaign", scope_ids=[campaign_id], cause="closed-site", by=by
        )
    return testing.site_name(tx, site_id)


def _reopen(tx: Tx, moment: Moment, site_id: str, by: str) -> Text:
    del moment, by  # the clocks run again with the next round of `chores.stop_clocks`
    testing.reopen_site(tx, site_id)
    return testing.site_name(tx, site_id)


async def _board(
    desk: Desk, call: Call, *, refused: Refusal | None = None, said: Text | None = None
) -> Answer:
    def read(tx: Tx) -> Boards:
        running = [one for one in testing.campaigns(tx) if one.closes_at > call.moment.now]
        return [(one, site_board(tx, call.moment.now, one.id)) for one in running]

    boards = await desk.store.aread(read)
    sought = call.query.get("find", "").strip()
    only = call.query.get("only", "")
    return page(
        call,
        "board",
        desk.zone,
        section="board",
        boards=[
            (campaign, tiles(rows, call.language), _chosen(rows, sought, only)) for campaign, rows in boards
        ],
        sought=sought,
        only=only,
        shown=SHOWN,
        refused=refused.text if refused else None,
        said=said,
        may_declare=f"staff:{call.caller.role}" in RUNS,
    )


def tiles(rows: list[SiteRow], language: str) -> list[Figure]:
    """The campaign in five numbers."""

    def say(key: str) -> str:
        return words()[key].of(language)

    return [
        Figure(len(rows), say("board_sites")),
        Figure(sum(row.hearing == "down" for row in rows), say("board_down"), "/console/board?only=down"),
        Figure(sum(row.waiting for row in rows), say("board_waiting")),
        Figure(sum(row.last_hour for row in rows), say("board_last_hour")),
        Figure(sum(row.unsent for row in rows), say("board_unsent")),
    ]


def _chosen(rows: list[SiteRow], sought: str, only: str) -> list[SiteRow]:
    return [
        row
        for row in rows
        if (not sought or sought.lower() in row.name.en.lower() or sought in row.name.zh_hans)
        and (only != "down" or row.hearing == "down")
        and (only != "help" or row.needs_help)
    ]
