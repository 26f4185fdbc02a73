"""Outages, lost tubes, late laboratories, closed sites: every affected deadline moves and says why (law 3)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pratique import town
from pratique.app import results
from pratique.chores import Pulse, give_back_outage, stop_clocks
from pratique.console.board import close
from pratique.core.errors import Conflict
from pratique.core.moment import Moment
from pratique.demo import hand_in, report_in
from pratique.notices import service as notices
from pratique.notices.model import NoticeView
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.port import Port, open_port, tell
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import service as booking
from pratique.testing.booking.lines import windows


class Here:
    """A town with one sealed tube of two; a clock to move."""

    def __init__(self, port: Port) -> None:
        self.port, self.start = port, port.moment()
        self.made = town.found(port, self.start)
        self.two = [Holder(), Holder()]
        town.settle(port, self.start, self.two)
        device = SiteDevice(self.made.site_id)

        def begin(tx) -> str:
            testing.add_tube_batch(tx, self.made.campaign_id, "X", "none")
            token = testing.make_device_token(tx, self.start, self.made.site_id)
            return testing.enrol_device(tx, self.start, token, device.public_key).device_id

        device.device_id = port.store.write(begin)
        members = [(one.subject_id, self.start.now) for one in self.two]
        hand_in(port, self.start, device.seal(self.start, "X0001", members, self.start.now))

    def at(self, **span: float) -> Moment:
        return self.start._replace(now=self.start.now + timedelta(**span))

    def receive(self) -> None:
        self.port.store.write(
            lambda tx: testing.receive_at_lab(tx, self.start, town.LAB, ["X0001"], "c", tell(self.port))
        )

    def stop(self, moment: Moment) -> int:
        return self.port.store.write(lambda tx: stop_clocks(tx, moment))

    def notices(self, moment: Moment) -> list[NoticeView]:
        with self.port.store.read() as tx:
            view = notices.wallet_view(
                tx, moment, self.port.house, self.two[0].subject_id, results(self.port), 180
            )
        return list(view.notices)

    def first(self, moment: Moment) -> tuple[str, list[str]]:
        (notice,) = [one for one in self.notices(moment) if one.kind == "N1"]
        return notice.deadline_effective, [why.en for why in notice.extended_because]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    port = open_port(Settings(home=tmp_path / "home"))
    yield Here(port)
    port.close()


def test_it_works(here: Here) -> None:
    here.receive()
    assert here.stop(here.at(hours=20)) == 0
    before, why = here.first(here.at(hours=20))
    assert why == []

    assert here.stop(here.at(hours=30)) == 2
    assert here.stop(here.at(hours=31)) == 0
    later, why = here.first(here.at(hours=31))
    assert later > before
    assert why == ["the laboratory is late"]

    report_in(
        here.port, here.at(hours=32),
        Laboratory(town.LAB, town.LAB_OID).report("X0001", "negative", here.at(hours=32).now, members=2),
    )  # fmt: skip
    assert here.stop(here.at(hours=32)) == 2  # the clocks run again: nobody waits any more


def test_a_tube_that_no_laboratory_saw_costs_nobody_time_and_is_asked_for_again(here: Here) -> None:
    assert here.stop(here.at(hours=5)) == 0
    assert here.stop(here.at(hours=7)) == 2
    assert here.first(here.at(hours=7))[1] == ["a sample was lost"]

    def give_up(moment: Moment) -> int:
        return here.port.store.write(lambda tx: testing.give_up_lost(tx, moment, tell(here.port)))

    assert give_up(here.at(hours=47)) == 0
    assert give_up(here.at(hours=49)) == 1
    assert give_up(here.at(hours=50)) == 0
    assert {one.kind: one.cause for one in here.notices(here.at(hours=50))}["N3"] == "system"
    assert here.stop(here.at(hours=50)) == 2

    # It turns up after all: its result still counts.
    here.receive()
    raw = Laboratory(town.LAB, town.LAB_OID).report("X0001", "negative", here.at(hours=52).now, members=2)
    report_in(here.port, here.at(hours=52), raw)
    with here.port.store.read() as tx:
        told = testing.results_of(tx, here.port.sealer, here.two[0].subject_id)
    assert told[0].outcome == "not-detected"


def test_with_every_site_closed_nobody_can_do_what_is_asked(here: Here) -> None:
    def close(moment: Moment) -> None:
        here.port.store.write(lambda tx: testing.close_site(tx, moment, here.made.site_id))

    before, _ = here.first(here.at(hours=1))
    close(here.at(hours=1))
    assert here.stop(here.at(hours=1)) == 1
    assert here.stop(here.at(hours=2)) == 0
    here.port.store.write(lambda tx: testing.reopen_site(tx, here.made.site_id))
    assert here.stop(here.at(hours=3)) == 1

    after, why = here.first(here.at(hours=4))
    assert (after > before, why) == (True, ["a sampling site was closed"])


def test_one_of_several_sites_closes_and_everybody_gets_the_way_to_another(here: Here) -> None:
    here.port.store.write(lambda tx: testing.add_site(tx, here.start, here.made.campaign_id, town.SITE))
    before, _ = here.first(here.at(hours=1))
    here.port.store.write(lambda tx: close(tx, here.at(hours=1), here.made.site_id, "officer"))

    during, why = here.first(here.at(hours=2))
    assert (during > before, why) == (
        True,
        ["a sampling site was closed"],
    )  # at once, no round of chores waited for
    assert here.stop(here.at(hours=3)) == 0
    assert here.stop(here.at(hours=4, seconds=1)) == 1  # the campaign goes on
    after = [here.first(here.at(hours=n))[0] for n in (5, 9)]
    assert after[0] == after[1] > during


def test_a_closed_site_takes_no_booking_and_its_tickets_say_so(here: Here) -> None:
    zone, sealer, who = ZoneInfo("UTC"), here.port.sealer, here.two[0].subject_id
    campaign_id, site_id = here.made.campaign_id, here.made.site_id
    opens = here.at(hours=1).now

    def fill(tx: Tx) -> None:
        area = booking.add_area(tx, here.start, campaign_id, town.SITE)
        booking.add_site_place(tx, area, site_id)
        booking.open_windows(
            tx, here.start, site_id, opens_at=opens, closes_at=opens + timedelta(hours=2), zone=zone
        )

    here.port.store.write(fill)
    with here.port.store.read() as tx:
        first, second = [one.slot_id for one in windows(tx, here.start.now, campaign_id, zone)[0].windows[:2]]
    here.port.store.write(lambda tx: booking.book(tx, here.start, sealer, who, first))
    here.port.store.write(lambda tx: close(tx, here.start, site_id, "officer"))

    with here.port.store.read() as tx:
        assert windows(tx, here.start.now, campaign_id, zone) == []
        (ticket,) = booking.tickets_of(tx, here.start.now_ms, sealer, who)
    assert "closed for now" in ticket.place.en
    with pytest.raises(Conflict) as refused:
        here.port.store.write(lambda tx: booking.book(tx, here.start, sealer, who, second))
    assert (refused.value.code, refused.value.field) == ("SITE_CLOSED", "slot_id")

    here.port.store.write(lambda tx: testing.reopen_site(tx, site_id))
    assert (
        here.port.store.write(lambda tx: booking.book(tx, here.start, sealer, who, second)).slot_id == second
    )


def test_an_outage_gives_everybody_the_time_back(here: Here) -> None:
    def beat(moment: Moment, *, silent: bool) -> int:
        return here.port.store.write(lambda tx: give_back_outage(tx, moment, silent=silent))

    before, _ = here.first(here.at(minutes=1))
    assert beat(here.at(minutes=1), silent=True) == 0  # the first sign ever
    assert beat(here.at(minutes=1, seconds=30), silent=True) == 0
    assert beat(here.at(hours=3), silent=False) == 0  # a clock that leaps while we are here is no outage
    assert beat(here.at(hours=6), silent=True) == 1

    after, why = here.first(here.at(hours=6))
    assert (after > before, why) == (True, ["our system did not work"])


def test_a_restart_after_a_pause_is_an_outage_and_a_quick_one_is_not(tmp_path: Path) -> None:
    shift = [timedelta()]
    port = open_port(Settings(home=tmp_path / "home"))
    moved = port._replace(clock=lambda: port.clock() + shift[0])
    town.found(moved, moved.moment())

    assert Pulse(moved).beat() == 0
    assert Pulse(moved).beat() == 0
    shift[0] = timedelta(minutes=10)
    running = Pulse(moved)
    assert running.beat() == 1
    shift[0] = timedelta(hours=10)
    assert running.beat() == 0
    port.close()
