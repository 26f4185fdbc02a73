"""Windows and tickets from the staff side: areas, what is open, lotteries, and booking at the counter for paper."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pratique.console.codes import subject_of
from pratique.console.counter import CLERKS
from pratique.console.model import Desk
from pratique.console.render import page, see
from pratique.core.errors import Refusal
from pratique.core.moment import from_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import lines, service
from pratique.testing.booking.model import Area, PlaceView, Release, Ticket
from pratique.testing.booking.waiting import QUARTER_MS
from pratique.web.frame import Answer, Call, Route

RUNS = ("staff:console", "staff:campaign-officer")
WHO = tuple(dict.fromkeys((*RUNS, *CLERKS)))
OPEN_FOR = timedelta(hours=12)


class Book(NamedTuple):
    """A campaign with what can be booked in it."""

    campaign: testing.Campaign
    areas: list[Area]
    places: list[PlaceView]
    sites: list[testing.Site]  # sites that cannot be booked yet
    lotteries: list[Release]


def routes(desk: Desk) -> list[Route]:
    """Booking for staff and, at the counter, for who has no phone."""

    async def look(call: Call) -> Answer:
        return await _page(desk, call)

    def form(act: Callable[[Tx, Call], object]) -> Callable[[Call], Any]:
        async def handler(call: Call) -> Answer:
            try:
                await desk.store.awrite(lambda tx: act(tx, call))
            except Refusal as refusal:
                return await _page(desk, call, refused=refusal.text)
            return see("/console/booking")

        return handler

    def area(tx: Tx, call: Call) -> None:
        name = Text(call.form.get("en", "").strip(), call.form.get("zh", "").strip())
        if not name.en or not name.zh_hans:
            raise Refusal(
                "NO_NAME", "name", Text("an area needs a name in both languages", "片区名称需中英文齐全")
            )
        service.add_area(tx, call.moment, call.form.get("campaign", ""), name)

    def open_site(tx: Tx, call: Call) -> None:
        """A site becomes bookable, today and tomorrow, half of what its lanes take."""
        site = service.add_site_place(
            tx, call.form.get("area", ""), call.form.get("site", ""), expected=_number(call, "expected")
        )
        _open(tx, call, desk, site)

    def open_home(tx: Tx, call: Call) -> None:
        name = Text("Home visits", "上门采样")
        team = service.add_home_team(
            tx, call.moment, call.form.get("area", ""), name, _number(call, "per_hour")
        )
        _open(tx, call, desk, team)

    async def counter(call: Call) -> Answer:
        """For somebody with a slip: their claim code, a window, a ticket to print."""

        def act(tx: Tx, subject: str) -> Ticket:
            slot = call.form.get("slot", "")
            return service.book(tx, call.moment, desk.house.sealer, subject, slot)

        try:
            subject = await subject_of(desk, call)
            ticket = await desk.store.awrite(lambda tx: act(tx, subject))
        except Refusal as refusal:
            return await _page(desk, call, refused=refusal.text)
        return await _page(desk, call, ticket=ticket)

    return [
        Route("GET", "/console/booking", look, WHO, "windows and tickets", page=True),
        Route("POST", "/console/booking/areas", form(area), RUNS, "add an area", page=True),
        Route("POST", "/console/booking/sites", form(open_site), RUNS, "make a site bookable", page=True),
        Route("POST", "/console/booking/home", form(open_home), RUNS, "add a home team", page=True),
        Route("POST", "/console/booking/counter", counter, CLERKS, "book for a slip", page=True, limit=30),
    ]


def _open(tx: Tx, call: Call, desk: Desk, place_id: str) -> None:
    first = from_ms(-(-call.moment.now_ms // QUARTER_MS) * QUARTER_MS)
    service.open_windows(
        tx, call.moment, place_id, opens_at=first, closes_at=first + OPEN_FOR, zone=desk.zone
    )


def _number(call: Call, name: str) -> int:
    try:
        return int(call.form.get(name, "0") or "0")
    except ValueError:
        raise Refusal("BAD_NUMBER", name, Text("write a whole number", "请填写整数")) from None


async def _page(
    desk: Desk, call: Call, *, refused: Text | None = None, ticket: Ticket | None = None
) -> Answer:
    def read(tx: Tx) -> list[Book]:
        now = call.moment.now
        found = []
        for one in testing.campaigns(tx):
            if one.closes_at <= now:
                continue
            places = lines.windows(tx, now, one.id, desk.zone)
            known = {place.id for place in places}
            sites = [site for site in testing.sites_of(tx, one.id) if site.id not in known]
            found.append(
                Book(one, service.areas_of(tx, one.id), places, sites, service.releases_of(tx, one.id))
            )
        return found

    books = await desk.store.aread(read)

    def clock(at: datetime) -> str:
        return f"{at.astimezone(desk.zone):%H:%M}"

    answer = page(
        call, "booking", desk.zone, section="booking", books=books, refused=refused, ticket=ticket, clock=clock,
        may_open=f"staff:{call.caller.role}" in RUNS, may_book=f"staff:{call.caller.role}" in CLERKS,
    )  # fmt: skip
    return answer._replace(status=409) if refused else answer
