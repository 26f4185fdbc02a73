"""What a group of gates shall do is signed in the snapshot, told by each gate, and its drift is seen; many at once."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.fleet.making import ROOTS, Device, a_mandate, slot
from tests.fleet.test_a_gate_and_its_server_agree import Server, server, sync

from pratique import town
from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.fleet import groups, overview, service
from pratique.fleet import store as tables
from pratique.fleet.model import AlarmRow, CountRow
from pratique.fleet.overview import Search
from pratique.gate import database as db
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists, load
from pratique.store.store import Store
from pratique.store.tx import Tx

__all__ = ["server"]
NAME = Text("Ferry pier", "渡轮码头")


@pytest.fixture
def mandate_id(store: Store, moment: Moment) -> str:
    return a_mandate(store, moment)


def a_group(tx: Tx, moment: Moment, group_id: str = "", **wanted: object) -> str:
    given = {"name": NAME, "accepts": ("pass",), "paper": False, "channel": "steady", "who": "desk"} | wanted
    return groups.save_group(tx, moment, group_id=group_id, **given)  # type: ignore[arg-type]


def finish(store: Store, moment: Moment) -> None:
    while store.write(lambda tx: groups.go_on(tx, moment)):
        pass


def test_it_works(server: Server, tmp_path: Path) -> None:
    """From the console to the gate's own decision, and back as a version that it works by."""
    gate = server.enrolled(tmp_path)
    moment = server.moment()
    group_id = server.store.write(lambda tx: a_group(tx, moment))
    server.store.write(lambda tx: groups.begin(tx, moment, "move", group_id, Search(), "desk"))
    finish(server.store, moment)
    server.publish()
    journal, (work, _) = Journal(tmp_path / "journal.db"), sync(tmp_path)
    work.round()
    lists = Lists(tmp_path / "snapshot.cbor", gate.root_keys(), 2, group=lambda: journal.setting("group"))
    lists.refresh(moment.now)

    assert lists.current is not None
    assert (lists.current.config, lists.current.snapshot.paper) == (1, False)
    with server.store.read() as tx:
        (listed,) = overview.page(tx, moment.now, Search(state="drift"))
    assert listed.group == NAME
    journal.put_setting("config", str(lists.current.config))
    db.post(db.connect(journal.path), db.batch([], [], 2, int(moment.now.timestamp())))
    work.push()
    with server.store.read() as tx:
        assert overview.page(tx, moment.now, Search(state="drift")) == []
        assert overview.software(tx)[0][0]


def test_a_gate_takes_only_what_its_group_accepts(store: Store, moment: Moment, mandate_id: str) -> None:
    group_id = store.write(lambda tx: a_group(tx, moment, accepts=("hcert",)))
    store.write(lambda tx: service.publish_snapshot(tx, moment, ROOTS))
    keys = [root.public_key for root in ROOTS]
    with store.read() as tx:
        raw = service.snapshot_body(tx, 1)

    assert load(raw, keys, 2, 0, moment.now).snapshot.keys
    narrowed = load(raw, keys, 2, 0, moment.now, group=group_id)
    assert not narrowed.snapshot.keys  # the town's own key signs passes
    assert narrowed.config == 1


def test_each_change_is_a_version_and_goes_out(store: Store, moment: Moment, mandate_id: str) -> None:
    group_id = store.write(lambda tx: a_group(tx, moment))
    store.write(lambda tx: service.publish_snapshot(tx, moment, ROOTS))
    assert store.write(lambda tx: service.refresh_snapshot(tx, moment, ROOTS)) is None
    store.write(lambda tx: a_group(tx, moment, group_id, paper=True))
    assert store.write(lambda tx: service.refresh_snapshot(tx, moment, ROOTS)) == 2
    with store.read() as tx:
        (group,) = groups.groups(tx)
    assert (group.config.version, group.config.paper) == (2, True)


@pytest.mark.parametrize(
    "wanted", [{"accepts": ()}, {"accepts": ("pass", "faces")}, {"channel": "secret"}, {"group_id": "0" * 26}]
)
def test_what_cannot_be_wanted_is_refused_by_name(
    store: Store, moment: Moment, wanted: dict[str, object]
) -> None:
    with pytest.raises(Refusal) as refused:
        store.write(lambda tx: a_group(tx, moment, **wanted))  # type: ignore[arg-type]
    assert refused.value.field in wanted


def test_a_group_may_have_new_policies_early(store: Store, moment: Moment, mandate_id: str) -> None:
    device, other = Device(store, moment, mandate_id), Device(store, moment, mandate_id)
    group_id = store.write(lambda tx: a_group(tx, moment, channel="early"))
    store.write(
        lambda tx: groups.begin(tx, moment, "move", group_id, Search(text=device.id[:26].lower()), "desk")
    )
    finish(store, moment)

    def early(tx: Tx) -> list[bool]:
        return [tables.is_early(tx, one.id) for one in (device, other)]

    with store.read() as tx:
        assert early(tx) == [True, False]


# What the console reads


def test_sums_pages_and_searches_agree(store: Store, moment: Moment, mandate_id: str) -> None:
    devices = [Device(store, moment, mandate_id, confirmed=n > 0) for n in range(6)]
    group_id = store.write(lambda tx: a_group(tx, moment))
    ago = {1: 0, 2: 30, 3: 90}
    for n, minutes in ago.items():
        at = moment._replace(now=moment.now - timedelta(minutes=minutes))
        alarms = (AlarmRow("storage", slot(moment), None),) if n == 1 else ()
        rows = (
            CountRow(slot(moment) - 1, "clear", "pass", 1, n),
            CountRow(slot(moment) - 1, "clear", "paper", 1, 1),
        )
        sent = devices[n].batch(1, rows, alarms)
        store.write(lambda tx, at=at, sent=sent: service.record_counts(tx, at, sent))
    store.write(lambda tx: service.end_gate(tx, moment, devices[5].id, "desk"))
    store.write(lambda tx: groups.begin(tx, moment, "move", group_id, Search(state="alarm"), "desk"))
    finish(store, moment)

    with store.read() as tx:
        found = {state: overview.count(tx, moment.now, Search(state=state)) for state in overview.STATES}
        assert found == {"new": 1, "up": 1, "late": 1, "lost": 2, "alarm": 1, "drift": 1, "ended": 1}
        sums = {one.group_id: msgspec.structs.astuple(one)[1:] for one in overview.sums(tx, moment.now)}
        assert sums == {"": (1, 0, 1, 2, 0, 1), group_id: (0, 1, 0, 0, 1, 0)}
        assert [one.state for one in overview.page(tx, moment.now, Search(group_id=group_id))] == ["up"]
        for state, n in found.items():
            assert len(overview.page(tx, moment.now, Search(state=state))) == n
        assert overview.alarms(tx) == [("storage", 1)]
        assert overview.flow(tx, moment.now - timedelta(hours=1), moment.now) == {
            slot(moment) - 1: {"clear": 9}
        }
        by_gate = service.counts(tx, moment.now - timedelta(hours=1), moment.now)
        assert sum(row.n for row in by_gate) == 9
        for text in (
            town.GATE.en[:4].lower(),
            town.GATE.en.split()[-1],
            town.GATE.zh_hans[1:],
            devices[0].id[:8],
        ):
            assert overview.count(tx, moment.now, Search(text=text)), text
        for text in ("%", "x' OR '1'='1", "_"):
            assert overview.count(tx, moment.now, Search(text=text)) in (0, 6), text
        assert overview.count(tx, moment.now, Search(text=town.GATE.en[1:4])) == 0


def test_pages_follow_one_another_without_gap_or_repeat(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    def many(tx: Tx) -> None:
        for n in range(120):
            tx.run(
                "INSERT INTO gate (id, mandate_id, place_en, place_zh, public_key, state, enrolled_at, confirmed_at) "
                "VALUES (:id, :mandate_id, :place, '哨位', :key, 'up', :now, :now)",
                id=f"{n * 7 % 120:026}", mandate_id=mandate_id,
                place=f"Gate {n // 50}", key=f"{n:032}".encode(), now=moment.now_ms,
            )  # fmt: skip

    store.write(many)
    seen: list[str] = []
    after = ("", "")
    with store.read() as tx:
        while rows := overview.page(tx, moment.now, Search(), after):
            seen += [row.id for row in rows]
            after = (rows[-1].place.en, rows[-1].id)
    assert len(seen) == len(set(seen)) == 120


def test_an_action_on_many_gates_goes_on_where_it_was(
    store: Store, moment: Moment, mandate_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "AT_ONCE", 2)
    devices = [Device(store, moment, mandate_id) for _ in range(5)]
    store.write(lambda tx: groups.begin(tx, moment, "end", "", Search(), "desk"))

    assert store.write(lambda tx: groups.go_on(tx, moment))
    with store.read() as tx:
        (bulk,) = groups.bulks(tx)
        assert (bulk.done, bulk.total, bulk.finished) == (2, 5, False)
    finish(store, moment)
    with store.read() as tx:
        assert groups.bulks(tx)[0] == bulk.__class__(bulk.id, "end", "", 5, 5, True)
        assert {gate.state for gate in service.gates(tx)} == {"ended"}
        assert tx.one("SELECT count(*) FROM gate_step WHERE step = 'ended' AND who = 'desk'") == (
            len(devices),
        )
    with pytest.raises(Conflict):
        store.write(lambda tx: groups.begin(tx, moment, "end", "", Search(state="up"), "desk"))
    with pytest.raises(NotFound):
        store.write(lambda tx: groups.begin(tx, moment, "move", "0" * 26, Search(), "desk"))
    with pytest.raises(Refusal):
        store.write(lambda tx: groups.begin(tx, moment, "destroy", "", Search(), "desk"))
