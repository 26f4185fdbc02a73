"""A positive pool, through the real wiring: ten windows are kept in the transaction that tells; home is a choice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pratique import town
from pratique.core.text import Text
from pratique.demo import hand_in, report_in
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.port import Port, open_port, tell
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import service as booking
from pratique.testing.booking.lines import windows

ZONE = ZoneInfo("UTC")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    opened = open_port(Settings(home=tmp_path / "home"))
    yield opened
    opened.close()


def test_it_works(port: Port) -> None:
    moment = port.moment()
    made, ten = town.found(port, moment), [Holder() for _ in range(10)]
    town.settle(port, moment, ten)
    device = SiteDevice(made.site_id)
    opens = moment.now + timedelta(hours=3)

    def begin(tx: Tx) -> str:
        testing.add_tube_batch(tx, made.campaign_id, "X", "none")
        area = booking.add_area(tx, moment, made.campaign_id, town.SITE)
        booking.add_site_place(tx, area, made.site_id)
        team = booking.add_home_team(tx, moment, area, Text("home team", "上门组"), 8)
        for place in (made.site_id, team):
            booking.open_windows(
                tx, moment, place, opens_at=opens, closes_at=opens + timedelta(hours=4), zone=ZONE
            )
        token = testing.make_device_token(tx, moment, made.site_id)
        return testing.enrol_device(tx, moment, token, device.public_key).device_id

    device.device_id = port.store.write(begin)
    members = [(one.subject_id, moment.now) for one in ten]
    hand_in(port, moment, device.seal(moment, "X0001", members, moment.now))
    port.store.write(
        lambda tx: testing.receive_at_lab(tx, moment, town.LAB, ["X0001"], "courier", tell(port))
    )

    later = moment._replace(now=moment.now + timedelta(hours=2))
    report_in(port, later, Laboratory(town.LAB, town.LAB_OID).report("X0001", "positive", later.now))
    judged = moment._replace(now=later.now + timedelta(seconds=5))
    port.store.write(lambda tx: testing.settle(tx, judged, tell(port)))

    with port.store.read() as tx:
        tickets = [booking.tickets_of(tx, judged.now_ms, port.sealer, one.subject_id) for one in ten]
        seen = [testing.results_of(tx, port.sealer, one.subject_id)[0].outcome for one in ten]
        home = next(one for one in windows(tx, judged.now, made.campaign_id, ZONE) if one.kind == "home")
    assert [len(mine) for mine in tickets] == [1] * 10
    assert {mine[0].purpose for mine in tickets} == {"retest"}
    assert {mine[0].place.en for mine in tickets} == {town.SITE.en}
    assert all(mine[0].start >= opens for mine in tickets)
    assert set(seen) == {"retest-required"}  # nobody is positive from a pool

    # Who cannot come out moves it home; the place at the site is free again.
    first = ten[0].subject_id
    moved = port.store.write(
        lambda tx: booking.book(tx, judged, port.sealer, first, home.windows[0].slot_id, "retest")
    )
    with port.store.read() as tx:
        (mine,) = booking.tickets_of(tx, judged.now_ms, port.sealer, first)
        taken = sum(row[0] for row in tx.all("SELECT booked FROM booking_slot"))
    assert (moved.kind, mine.id) == ("home", moved.id)
    assert taken == 10
