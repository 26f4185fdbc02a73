"""A campaign with two areas, two bookable sites and a home team, on each database."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import lines, service
from pratique.testing.booking.model import PlaceView, Ticket
from tests.testing.world import World

ZONE = ZoneInfo("Asia/Shanghai")


class Booking:
    """The world of these tests; `world.now` is 08:00 in Shanghai."""

    def __init__(self, world: World) -> None:
        self.world = world

        def build(tx: Tx) -> None:
            moment = world.moment()
            self.east = service.add_area(tx, moment, world.campaign, Text("east", "东片"))
            self.west = service.add_area(tx, moment, world.campaign, Text("west", "西片"))
            self.far = testing.add_site(tx, moment, world.campaign, Text("site two", "二号点"), lanes=1)
            service.add_site_place(tx, self.east, world.site, expected=1500)
            service.add_site_place(tx, self.west, self.far)
            self.team = service.add_home_team(tx, moment, self.east, Text("east team", "东片上门组"), 8)

        world.store.write(build)

    def open(self, place: str, *, hours: float = 1, share: float = 0.5, release: str = "") -> list[str]:
        """Windows from an hour from now on; their ids in order of time."""
        start = self.world.now + timedelta(hours=1)
        self.world.store.write(
            lambda tx: service.open_windows(
                tx, self.world.moment(), place, opens_at=start, closes_at=start + timedelta(hours=hours),
                zone=ZONE, share=share, release_id=release,
            )
        )  # fmt: skip
        return [one.slot_id for view in self.look() if view.id == place for one in view.windows]

    def book(self, who: str, slot: str) -> Ticket:
        return self.world.store.write(
            lambda tx: service.book(tx, self.world.moment(), self.world.sealer, who, slot)
        )

    def cancel(self, who: str, slot: str) -> bool:
        return self.world.store.write(lambda tx: service.cancel(tx, self.world.sealer, who, slot))

    def tickets(self, who: str) -> list[Ticket]:
        with self.world.store.read() as tx:
            return service.tickets_of(tx, self.world.moment().now_ms, self.world.sealer, who)

    def look(self) -> list[PlaceView]:
        with self.world.store.read() as tx:
            return lines.windows(tx, self.world.now, self.world.campaign, ZONE)

    def balance(self) -> list[tuple[int, int, int]]:
        """(capacity, booked, tickets) of every window."""
        with self.world.store.read() as tx:
            rows = tx.all(
                "SELECT s.capacity, s.booked, COUNT(t.mark) FROM booking_slot s LEFT JOIN booking_ticket t"
                " ON t.slot_id = s.id GROUP BY s.id, s.capacity, s.booked ORDER BY s.id"
            )
        return [(int(a), int(b), int(c)) for a, b, c in rows]


@pytest.fixture
def booking(store: Store, sealer: Sealer) -> Booking:
    return Booking(World(store, sealer))


@pytest.fixture
def lite(sqlite_store: Store, sealer: Sealer) -> Booking:
    return Booking(World(sqlite_store, sealer))
