"""HTTP routes of booking: free windows and lines for anybody, tickets for who holds a wallet. Thin."""

from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing.booking import lines, service
from pratique.testing.booking.model import Area, PlaceView, Purpose, Release, Ticket
from pratique.testing.campaigns import Campaign, campaigns
from pratique.web.frame import Answer, Call, Route, tagged

FRESH_FOR = 15  # seconds a cache may show the same windows

Id = Annotated[str, msgspec.Meta(min_length=26, max_length=26)]


class CampaignWindows(msgspec.Struct, frozen=True):
    """A campaign that runs, with areas, places and windows. `walk_in`: one may always come without a ticket."""

    campaign_id: str
    name: Text
    areas: list[Area]
    places: list[PlaceView]
    lotteries: list[Release]
    walk_in: bool = True


class Windows(msgspec.Struct, frozen=True):
    """What can be booked now."""

    campaigns: list[CampaignWindows]
    now: str


class Booking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window to keep a place in. `retest`: a single test after a positive pool."""

    slot_id: Id
    retest: bool = False


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Windows of one lottery, the dearest first."""

    slot_ids: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=10)]


class Mine(msgspec.Struct, frozen=True):
    """The holder's own tickets."""

    tickets: list[Ticket]
    now: str


def routes(store: Store, sealer: Sealer, zone: ZoneInfo) -> list[Route]:
    """`zone`: where the people live."""

    async def look(call: Call) -> Answer:
        found = await store.aread(lambda tx: _windows(tx, call, zone))
        return tagged(call, msgspec.json.encode(found), max_age=FRESH_FOR)

    async def mine(call: Call) -> Mine:
        tickets = await store.aread(
            lambda tx: service.tickets_of(tx, call.moment.now_ms, sealer, call.caller.id)
        )
        return Mine(tickets, rfc3339(call.moment.now))

    async def book(call: Call) -> Answer:
        asked: Booking = call.body
        ticket = await store.awrite(
            lambda tx: service.book(
                tx, call.moment, sealer, call.caller.id, asked.slot_id, "retest" if asked.retest else "screen"
            )
        )
        return Answer(ticket, 201)

    async def cancel(call: Call) -> Mine:
        asked: Booking = call.body
        purpose: Purpose = "retest" if asked.retest else "screen"

        def act(tx: Tx) -> list[Ticket]:
            service.cancel(tx, sealer, call.caller.id, asked.slot_id, purpose)
            return service.tickets_of(tx, call.moment.now_ms, sealer, call.caller.id)

        return Mine(await store.awrite(act), rfc3339(call.moment.now))

    async def wish(call: Call) -> Answer:
        release = await store.awrite(
            lambda tx: service.wish(tx, call.moment, sealer, call.caller.id, call.body.slot_ids)
        )
        return Answer(release, 202)

    async def line(call: Call) -> Answer:
        await store.awrite(lambda tx: lines.say_line(tx, call.moment, call.body))
        return Answer({"now": rfc3339(call.moment.now)})

    return [
        Route("GET", "/v1/windows", look, ("public",), "windows to book, and how long the lines are", gives=Windows),
        Route("GET", "/v1/bookings", mine, ("holder",), "the holder's own tickets", gives=Mine),
        Route("POST", "/v1/bookings", book, ("holder",), "keep a place in a window", Booking, Ticket, limit=60),
        Route("POST", "/v1/bookings/cancel", cancel, ("holder",), "give a place back", Booking, Mine, limit=60),
        Route("POST", "/v1/wishes", wish, ("holder",), "enter the lottery of some windows", Wish, Release, limit=60),
        Route("POST", "/v1/lines", line, ("public",), "a site device says how its line is", lines.Line, limit=6000),
    ]  # fmt: skip


def _windows(tx: Tx, call: Call, zone: ZoneInfo) -> Windows:
    now, area = call.moment.now, call.query.get("area", "")
    running = [one for one in campaigns(tx) if one.closes_at > now and service.areas_of(tx, one.id)]
    return Windows([_campaign(tx, one, call, zone, area) for one in running], rfc3339(now))


def _campaign(tx: Tx, campaign: Campaign, call: Call, zone: ZoneInfo, area: str) -> CampaignWindows:
    return CampaignWindows(
        campaign.id,
        campaign.name,
        service.areas_of(tx, campaign.id),
        lines.windows(tx, call.moment.now, campaign.id, zone, area),
        service.releases_of(tx, campaign.id),
    )
