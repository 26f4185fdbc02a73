"""Law 4 and law 6 in this room: after the correction window no row joins a person to a site, and a mandate's end
leaves nothing of the room behind."""

from datetime import timedelta

from pratique.store.tx import Tx
from pratique.testing import service
from tests.testing.world import NEGATIVE, POSITIVE, Device, World, oru, put_mandate

ROOM = (
    "campaign", "site", "lane", "device", "device_token", "tube_batch", "tube", "tube_member", "tube_event",
    "tube_conflict", "custody", "lab_message", "result_version", "tube_state", "site_count",
)  # fmt: skip


def _everything(tx: Tx, tables: tuple[str, ...]) -> dict[str, list[str]]:
    return {table: [" ".join(map(str, row)) for row in tx.all(f"SELECT * FROM {table}")] for table in tables}


def _busy(world: World) -> list[str]:
    subjects = world.pool("X0001", 4)
    world.report("X0001", NEGATIVE, people="4")
    world.take(Device(world).event("X0001", world.people(2)))
    return subjects


def test_it_works(world: World) -> None:
    subjects = _busy(world)
    with world.store.read() as tx:
        rows = _everything(tx, ROOM)
    assert any(subject in row for subject in subjects for table in rows.values() for row in table)

    world.now += timedelta(days=15)
    done = world.store.write(lambda tx: service.sweep(tx, world.moment()))

    assert done["tubes_emptied"] == 1
    with world.store.read() as tx:
        rows = _everything(tx, ROOM)
        counts = tx.all("SELECT site_id, tubes, people FROM site_count")
    assert not any(subject in row for subject in subjects for table in rows.values() for row in table)
    assert counts == [(world.site, 1, 4)]


def test_what_evidence_refers_to_leads_to_no_site_afterwards(world: World) -> None:
    """Evidence keeps the id of its result version; following it must not end at a site, a lane or a device."""
    subjects = _busy(world)
    refs = {c.evidence.ref for c in world.told if c.evidence.subject_id == subjects[0]}
    world.now += timedelta(days=15)
    world.store.write(lambda tx: service.sweep(tx, world.moment()))

    with world.store.read() as tx:
        rows = _everything(tx, ("tube_event", "custody", "tube_conflict", "testing_task"))
        reached = tx.all(
            "SELECT v.id, t.site_id, t.device_id, t.lane FROM result_version v JOIN tube t ON t.code = v.code"
        )
    assert refs & {row[0] for row in reached}
    assert {row[1:] for row in reached} == {("", "", 0)}
    assert not any(ref in row for ref in refs for table in rows.values() for row in table)
    assert not any("X0001" in row for row in rows["tube_event"])


def test_a_tube_that_waits_for_a_person_is_kept(world: World) -> None:
    world.pool("X0001", 9)
    world.report("X0001", NEGATIVE)
    world.now += timedelta(days=15)

    assert world.store.write(lambda tx: service.sweep(tx, world.moment()))["tubes_emptied"] == 0
    assert world.count("tube_member") == 9


def test_results_nobody_claims_are_forgotten(world: World) -> None:
    world.receive("X0001", at=world.now - timedelta(hours=2))
    world.report("X0001", NEGATIVE)
    world.now += timedelta(days=31)
    world.store.write(lambda tx: service.sweep(tx, world.moment()))

    assert [world.count(t) for t in ("result_version", "lab_message", "custody")] == [0, 0, 0]


def test_unreadable_bytes_are_sealed_and_destroyed(world: World) -> None:
    judged = world.send(b"MSH|^~\\&|LIS|LAB-A|||20260105||ORU^R01|C7|P|2.5.1\rPID|1||||\xff\xfeCANARY\r")
    assert (judged.ack.letter, judged.ack.field, judged.ack.control_id) == ("E", "MSH/18", "C7")

    with world.store.read() as tx:
        (kept, under) = tx.one("SELECT kept, sealed_under FROM lab_quarantine") or (b"", "")
    assert b"CANARY" not in bytes(kept)
    assert under == world.mandate
    world.now += timedelta(days=31)
    world.store.write(lambda tx: service.sweep(tx, world.moment()))
    with world.store.read() as tx:
        assert tx.one("SELECT kept FROM lab_quarantine") == (None,)


def test_the_end_of_a_mandate_empties_the_room(world: World) -> None:
    _busy(world)
    world.pool("X0002", 3)
    world.report("X0002", POSITIVE, people="3")
    world.later()
    world.send(oru("X0001", NEGATIVE, world.now, control="K1"))  # a refused copy

    gone = world.store.write(lambda tx: service.erase_mandate(tx, world.mandate))

    assert gone["tube"] >= 2
    assert gone["tube_member"] == 7
    for table in (*ROOM, "lab_quarantine"):
        assert world.count(table) == 0, table


def test_another_mandates_tubes_stay(world: World) -> None:
    def second(tx: Tx) -> str:
        mandate = put_mandate(tx, world.now - timedelta(days=1))
        return service.open_campaign(
            tx, world.moment(), mandate_id=mandate, name=service.campaigns(tx)[0].name, capacity=5,
            analytes=["94500-6"], opens_at=world.now, closes_at=world.now + timedelta(days=5),
        )  # fmt: skip

    _busy(world)
    other = world.store.write(second)
    site = world.store.write(
        lambda tx: service.add_site(tx, world.moment(), other, service.campaigns(tx)[0].name)
    )
    world.site, world.campaign = site, other
    world.store.write(lambda tx: service.add_tube_batch(tx, other, "Y", "none"))
    world.device = Device(world)
    kept = world.pool("Y0001", 2)

    world.store.write(lambda tx: service.erase_mandate(tx, world.mandate))

    with world.store.read() as tx:
        assert [r[0] for r in tx.all("SELECT subject_id FROM tube_member ORDER BY pos")] == kept
        assert [c.id for c in service.campaigns(tx)] == [other]
