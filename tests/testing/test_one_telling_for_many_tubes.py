"""What a group of messages says is told together, and means what it would have meant one by one."""

from datetime import timedelta
from pathlib import Path

import pytest

from pratique import town
from pratique.app import results
from pratique.demo import hand_in
from pratique.notices import service as notices
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.port import open_port, tell
from pratique.settings import Settings
from pratique.testing import service as testing
from pratique.testing import tubecode
from pratique.testing.telling import Gathered
from tests.testing.world import NEGATIVE, World, oru


def test_it_works(lite: World) -> None:
    calls: list[int] = []
    codes = [f"X{n:04d}" for n in range(5)]
    for code in codes:
        lite.pool(code)
    gathered = Gathered(lambda tx, moment, changes: calls.append(len(changes)))
    moment = lite.moment()

    def group(tx) -> None:
        for n, code in enumerate(codes):
            raw = oru(code, NEGATIVE, lite.now, control=f"G{n}")
            assert (
                testing.receive(tx, moment, raw, testing.LabChannel(), gathered, lite.sealer).ack.letter
                == "A"
            )
        assert calls == []
        gathered.finish(tx, moment)
        gathered.finish(tx, moment)

    lite.store.write(group)

    assert calls == [50]


@pytest.mark.parametrize("together", [True, False])
def test_a_correction_in_the_same_group_still_withdraws(tmp_path: Path, together: bool) -> None:
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
    members = [(one.subject_id, moment.now) for one in two]
    hand_in(port, moment, device.seal(moment, code, members, moment.now))
    port.store.write(lambda tx: testing.receive_at_lab(tx, moment, town.LAB, [code], "c", tell(port)))
    laboratory = Laboratory(town.LAB, town.LAB_OID)
    first = laboratory.report(code, "negative", moment.now, members=2)
    second = laboratory.report(code, "positive", moment.now + timedelta(minutes=1), members=2, status="C")
    later = moment._replace(now=moment.now + timedelta(minutes=2))

    def group(tx) -> None:
        use = Gathered(tell(port)) if together else tell(port)
        for raw in (first, second):
            testing.receive(tx, later, raw, testing.LabChannel(), use, port.sealer)
        run = tx.one("SELECT run_id FROM tube_state WHERE code = :c", c=code)
        testing.settle_run(tx, later, run[0], use)
        if isinstance(use, Gathered):
            use.finish(tx, later)

    port.store.write(group)

    with port.store.read() as tx:
        view = notices.wallet_view(tx, later, port.house, two[0].subject_id, results(port), 180)
        withdrawn = tx.one("SELECT COUNT(*) FROM evidence WHERE withdrawn_at IS NOT NULL")
    said = {notice.kind: notice.state for notice in view.notices}
    port.close()

    assert withdrawn == (2,)
    assert said["N2"] == "open"
    assert "N6" in said
