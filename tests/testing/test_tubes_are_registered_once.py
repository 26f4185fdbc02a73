"""Sealed tubes from site devices: signed, chained, idempotent; a second manifest never overwrites; clocks corrected."""

from datetime import timedelta

import msgspec
import pytest

from pratique.core.errors import NoMandate, NotFound, Refusal
from pratique.core.moment import from_ms
from pratique.store.tx import Tx
from pratique.testing import service
from pratique.testing.model import EventResult, TubeEvent
from pratique.testing.tubecode import make
from tests.testing.world import NEGATIVE, POSITIVE, Device, World


def outcome(results: list[EventResult]) -> tuple[str, str, str]:
    (one,) = results
    return one.outcome, one.code, one.field


def test_it_works(world: World) -> None:
    subjects = world.people(10)
    code = make(world.moment())

    assert outcome(world.take(world.device.event(code, subjects))) == ("stored", "", "")
    with world.store.read() as tx:
        assert tx.one("SELECT kind, people, state FROM tube WHERE code = :c", c=code) == (
            "mixed",
            10,
            "sealed",
        )
        assert [r[0] for r in tx.all("SELECT subject_id FROM tube_member ORDER BY pos")] == subjects
    assert [c.evidence.outcome for c in world.told] == ["sample-sealed"] * 10
    assert len({c.evidence.ref for c in world.told}) == 10


def test_a_repeat_changes_nothing(world: World) -> None:
    event = world.device.event("X0001", world.people(3))

    assert outcome(world.take(event)) == ("stored", "", "")
    assert outcome(world.take(event)) == ("already", "", "")
    assert [r.outcome for r in world.take(event, event)] == ["already", "already"]
    assert world.count("tube_member") == 3
    assert len(world.told) == 3


def test_a_backlog_drains_in_order_and_a_gap_waits(world: World) -> None:
    events = [world.device.event(f"X{n:04d}", world.people(2)) for n in range(6)]

    assert outcome(world.take(events[1])) == ("refused", "CHAIN_GAP", "seq")
    assert [r.outcome for r in world.take(*events)] == ["stored"] * 6
    assert world.count("tube") == 6
    with pytest.raises(Refusal, match="50"):
        world.take(*[events[0]] * 51)


def test_an_eleventh_person_is_refused_by_place(world: World) -> None:
    assert outcome(world.take(world.device.event("X0001", world.people(11)))) == (
        "refused",
        "TUBE_OVERFULL",
        "m[10]",
    )
    assert world.count("tube") == 0
    # the chain goes on: the next tube of this device is not blocked by a refused one
    assert outcome(world.take(world.device.event("X0002", world.people(10))))[0] == "stored"


def test_a_wrong_check_character_is_refused(world: World) -> None:
    good = make(world.moment())
    bad = good[:-1] + ("2" if good[-1] != "2" else "3")

    assert outcome(world.take(world.device.event(bad, world.people(1)))) == (
        "refused",
        "BAD_CHECK_CHARACTER",
        "code",
    )


def test_the_same_person_twice_is_refused(world: World) -> None:
    one = world.people(1)

    assert outcome(world.take(world.device.event("X0001", one * 2))) == ("refused", "TWICE_IN_TUBE", "m[1].s")


def test_somebody_nobody_knows(world: World) -> None:
    """A code that names nobody is refused; in a tube with others it keeps its place and hears nothing."""
    known = world.people(2)
    nobody = "0" * 25 + "1"

    assert outcome(world.take(world.device.event("X0001", [nobody])))[:2] == ("refused", "UNKNOWN_SUBJECT")
    assert outcome(world.take(world.device.event("X0002", [*known, nobody]))) == (
        "stored",
        "UNKNOWN_SUBJECT",
        "m[2].s",
    )
    world.receive("X0002", at=world.now - timedelta(hours=2))
    world.report("X0002", NEGATIVE, people="3")
    assert world.state("X0002") == "negative"
    assert [world.heard(s) for s in [*known, nobody]] == [["not-detected"], ["not-detected"], []]


def test_unknown_fields_are_refused_by_name() -> None:
    head = b'{"id":"","code":"","site":"","lane":1,"dev":"","seq":1,"prev":"","opened":"","sealed":"",'
    raw = head + b'"m":[],"sig":"","gps":1}'
    with pytest.raises(msgspec.ValidationError, match="gps"):
        msgspec.json.decode(raw, type=TubeEvent)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"sig": "AAAA"}, "BAD_SIGNATURE", "sig"),
        ({"code": "X9999"}, "BAD_SIGNATURE", "sig"),
        ({"seq": 2}, "BAD_SIGNATURE", "sig"),
        ({"dev": "0" * 26}, "UNKNOWN_DEVICE", "dev"),
    ],
)
def test_what_the_device_did_not_sign_is_refused(world: World, change: dict, code: str, field: str) -> None:
    event = msgspec.structs.replace(world.device.event("X0001", world.people(1)), **change)

    assert outcome(world.take(event)) == ("refused", code, field)
    assert world.count("tube_event") == 0


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"site": "0" * 26}, "WRONG_SITE", "site"),
        ({"lane": 100}, "BAD_LANE", "lane"),
        ({"m": []}, "TUBE_EMPTY", "m"),
        ({"sealed": "yesterday"}, "BAD_TIME", "sealed"),
        ({"opened": "2026-01-05T00:00:00"}, "BAD_TIME", "opened"),
        ({"opened": "2026-01-05T01:00:00Z"}, "CLOCK", "opened"),
        ({"sealed": "2025-12-01T00:00:00Z", "opened": "2025-12-01T00:00:00Z"}, "TOO_EARLY", "sealed"),
    ],
)
def test_each_field_has_its_refusal(world: World, change: dict, code: str, field: str) -> None:
    event = world.device.event("X0001", world.people(1), **change)

    assert outcome(world.take(event)) == ("refused", code, field)
    assert world.count("tube") == 0


def test_another_device_with_the_same_tube_makes_a_task(world: World) -> None:
    first = world.pool("X0001", 3)
    second = world.people(2)

    assert outcome(world.take(Device(world).event("X0001", second))) == ("conflict", "TUBE_TAKEN", "code")
    with world.store.read() as tx:
        assert [r[0] for r in tx.all("SELECT subject_id FROM tube_member ORDER BY pos")] == first
        assert tx.one("SELECT members FROM tube_conflict") == (" ".join(second),)
        assert [t[1] for t in service.board(tx, 0).tasks] == ["conflict"]


def test_a_restored_backup_loses_nothing(world: World) -> None:
    """A phone restored from yesterday sends old events again and reuses numbers for new tubes."""
    old = [world.device.event(f"X000{n}", world.people(2)) for n in range(3)]
    world.take(*old)
    world.device.seq, world.device.prev = 1, old[1].prev
    fresh = world.device.event("X0009", world.people(2))

    assert [r.outcome for r in world.take(*old)] == ["already"] * 3
    assert outcome(world.take(fresh)) == ("conflict", "SEQ_REUSED", "seq")
    assert world.count("tube_conflict") == 1
    assert outcome(world.take(fresh)) == ("conflict", "SEQ_REUSED", "seq")
    assert world.count("tube_conflict") == 1


def test_a_broken_chain_waits_for_a_person(world: World) -> None:
    event = world.device.event("X0001", world.people(2), prev="00" * 32)

    assert outcome(world.take(event)) == ("conflict", "CHAIN_BROKEN", "prev")
    assert world.count("tube") == 0


def test_an_id_cannot_be_used_twice(world: World) -> None:
    first = world.device.event("X0001", world.people(1))
    world.take(first)
    again = world.device.event("X0002", world.people(1), id=first.id)

    assert outcome(world.take(again)) == ("refused", "EVENT_ID_REUSED", "id")


@pytest.mark.parametrize("hours", [-23, -3, 3, 23])
def test_a_clock_wrong_by_less_than_a_day_is_corrected(world: World, hours: int) -> None:
    device = Device(world, timedelta(hours=hours))
    event = device.event("X0001", world.people(2), at=world.now - timedelta(minutes=10))

    results = world.take(event, now=(world.now + timedelta(hours=hours)).isoformat())

    assert outcome(results)[0] == "stored"
    with world.store.read() as tx:
        row = tx.one("SELECT sealed_at, device_sealed_at FROM tube")
    assert row is not None
    assert from_ms(row[0]) == world.now - timedelta(minutes=10)
    assert from_ms(row[1]) == world.now - timedelta(minutes=10) + timedelta(hours=hours)


def test_a_clock_ahead_shows_even_if_the_device_does_not_say(world: World) -> None:
    device = Device(world, timedelta(hours=5))

    assert outcome(world.take(device.event("X0001", world.people(2))))[0] == "stored"
    with world.store.read() as tx:
        assert tx.one("SELECT sealed_at FROM tube") == (world.moment().now_ms,)


def test_a_clock_wrong_by_more_than_a_day_is_refused_with_the_way_out(world: World) -> None:
    device = Device(world, timedelta(hours=30))
    event = device.event("X0001", world.people(2))

    assert outcome(world.take(event)) == ("refused", "CLOCK", "sealed")
    assert outcome(world.take(event)) == ("refused", "CLOCK", "sealed")  # a resend says the same again
    world.now += timedelta(hours=10)
    assert outcome(world.take(event))[0] == "stored"  # what was wrong may have become right


def test_a_reserved_single_belongs_to_one_person(world: World) -> None:
    subjects = world.pool("X0001", 2)
    world.report("X0001", POSITIVE, people="2")
    world.later(hours=1)
    with world.store.read() as tx:
        (code,) = tx.one("SELECT code FROM tube WHERE reserved_for = :s", s=subjects[0]) or ("",)

    assert outcome(world.take(world.device.event(code, [subjects[1]])))[:2] == ("conflict", "RESERVED")
    assert outcome(world.take(world.device.event(code, [subjects[0]])))[0] == "stored"


def test_without_a_live_mandate_nothing_is_registered(world: World) -> None:
    event = world.device.event("X0001", world.people(1))
    world.now += timedelta(days=61)

    assert outcome(world.take(event))[:2] == ("refused", "NO_MANDATE")
    with pytest.raises(NoMandate):
        world.store.write(
            lambda tx: service.open_campaign(
                tx, world.moment(), mandate_id=world.mandate, name=service.campaigns(tx)[0].name, capacity=10,
                analytes=["94500-6"], opens_at=world.now, closes_at=world.now + timedelta(days=1),
            )
        )  # fmt: skip


def test_a_device_enrols_once_by_its_token(world: World) -> None:
    key, other = bytes(31) + b"\1", bytes(31) + b"\2"
    token = world.store.write(lambda tx: service.make_device_token(tx, world.moment(), world.site))

    def enrol(public: bytes):
        return world.store.write(lambda tx: service.enrol_device(tx, world.moment(), token, public))

    first = enrol(key)
    assert enrol(key) == first  # the answer was lost and asked for again
    with pytest.raises(Refusal, match="token"):
        enrol(other)
    assert first.site.id == world.site
    assert first.campaign.capacity == 10


def test_a_token_grows_old(world: World) -> None:
    token = world.store.write(lambda tx: service.make_device_token(tx, world.moment(), world.site))
    world.now += timedelta(hours=73)

    with pytest.raises(Refusal, match="token"):
        world.store.write(lambda tx: service.enrol_device(tx, world.moment(), token, bytes(32)))
    with world.store.read() as tx, pytest.raises(NotFound):
        service.device_by_id(tx, "0" * 26)


def test_the_token_itself_is_not_kept(lite: World) -> None:
    token = lite.store.write(lambda tx: service.make_device_token(tx, lite.moment(), lite.site))

    def kept(tx: Tx) -> str:
        return str(tx.all("SELECT * FROM device_token"))

    with lite.store.read() as tx:
        assert token not in kept(tx)
