"""A result that is held for a second person stops the clocks of its people, and lets them run again (law 3)."""

from datetime import timedelta
from pathlib import Path

from pratique import town
from pratique.app import results
from pratique.chores import stop_clocks
from pratique.demo import hand_in, report_in
from pratique.notices import service as notices
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.port import open_port, tell
from pratique.settings import Settings
from pratique.testing import service as testing
from pratique.testing import tubecode


def test_it_works(tmp_path: Path) -> None:
    port = open_port(Settings(home=tmp_path / "home"))
    moment = port.moment()
    made = town.found(port, moment)
    two = [Holder(), Holder()]
    town.settle(port, moment, two)
    device = SiteDevice(made.site_id)
    token = port.store.write(lambda tx: testing.make_device_token(tx, moment, made.site_id))
    device.device_id = port.store.write(
        lambda tx: testing.enrol_device(tx, moment, token, device.public_key)
    ).device_id
    code = tubecode.make(moment)
    hand_in(
        port, moment, device.seal(moment, code, [(one.subject_id, moment.now) for one in two], moment.now)
    )
    port.store.write(lambda tx: testing.receive_at_lab(tx, moment, town.LAB, [code], "c", tell(port)))
    # The laboratory counts ten people, the site two: nobody is told anything until somebody has looked.
    report_in(
        port, moment, Laboratory(town.LAB, town.LAB_OID).report(code, "negative", moment.now, members=10)
    )

    def deadline(hours: int) -> str:
        later = moment._replace(now=moment.now + timedelta(hours=hours))
        with port.store.read() as tx:
            view = notices.wallet_view(tx, later, port.house, two[0].subject_id, results(port), 180)
        return view.notices[0].deadline_effective

    before = deadline(0)
    assert port.store.write(lambda tx: stop_clocks(tx, moment)) == 2
    assert port.store.write(lambda tx: stop_clocks(tx, moment)) == 0
    assert deadline(5) > before

    later = moment._replace(now=moment.now + timedelta(hours=5))
    port.store.write(
        lambda tx: testing.resolve_hold(tx, later, code, town.ANALYTE, "second", tell(port), let_out=True)
    )
    assert port.store.write(lambda tx: stop_clocks(tx, later)) == 2
    port.close()
