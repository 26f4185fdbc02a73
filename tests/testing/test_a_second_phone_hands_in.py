"""Copies that a second phone carried: opened by the server alone, taken once, whatever the order, nothing forged."""

import secrets
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.errors import Refusal
from pratique.core.ids import encode_id
from pratique.credentials import base45
from pratique.testing import service
from pratique.testing.carry import PREFIX, read_copy, write_copy
from pratique.testing.model import EventResult, Member, TubeEvent
from tests.testing.world import World

PRIVATE = bytes(range(32))
SERVER = X25519PrivateKey.from_private_bytes(PRIVATE).public_key().public_bytes_raw()
SITE = encode_id(b"S" * 16)

ids = st.binary(min_size=16, max_size=16).map(encode_id)
times = st.integers(1_700_000_000_000, 1_900_000_000_000)


def at(ms: int) -> str:
    from pratique.core.moment import from_ms

    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@st.composite
def events(draw: st.DrawFn) -> TubeEvent:
    opened = draw(times)
    members = [
        Member(draw(ids), n + 1, at(opened + draw(st.integers(0, 3_600_000))))
        for n in range(draw(st.integers(1, 20)))
    ]
    return TubeEvent(
        draw(ids), draw(st.from_regex(r"[0-9A-Z._-]{4,40}", fullmatch=True)), SITE, draw(st.integers(0, 99)),
        draw(ids), draw(st.integers(1, 2**32 - 1)), draw(st.sampled_from(["", "ab" * 32])), at(opened),
        at(opened + draw(st.integers(0, 86_400_000))), members, "A" * 85 + "A",
    )  # fmt: skip


def copy(event: TubeEvent) -> str:
    return write_copy(event, SERVER, secrets.token_bytes)


def in_ms(event: TubeEvent) -> TubeEvent:
    """Times as a browser writes them, so that the copy gives back every byte."""

    def ms(text: str) -> str:
        return text.replace("Z", ".000Z")

    people = [msgspec.structs.replace(m, at=ms(m.at)) for m in event.m]
    return msgspec.structs.replace(event, opened=ms(event.opened), sealed=ms(event.sealed), m=people)


def carried(world: World, *people: int) -> list[TubeEvent]:
    """A phone that was never on the network: its tubes, in order."""
    made = []
    for n, count in enumerate(people):
        plain = world.device.event(f"XC{n:03d}", world.people(count))
        event = world.device.sign(
            msgspec.structs.replace(in_ms(plain), prev=world_hash(made[-1]) if made else "")
        )
        made.append(event)
    return made


def world_hash(event: TubeEvent) -> str:
    from hashlib import sha256

    from pratique.testing.sealed import event_bytes

    return sha256(event_bytes(event)).hexdigest()


def hand_in(world: World, *copies: str) -> list[EventResult]:
    return world.store.write(lambda tx: service.take_copies(tx, world.moment(), PRIVATE, copies, world.tell))


def test_it_works(world: World) -> None:
    tubes = carried(world, 10, 3)

    told = hand_in(world, copy(tubes[1]), copy(tubes[0]))  # scanned in any order

    assert [one.outcome for one in told] == ["stored", "stored"]
    assert {one.id for one in told} == {""}
    assert world.count("tube_member") == 13
    assert [one.outcome for one in hand_in(world, copy(tubes[0]), copy(tubes[1]))] == ["already", "already"]
    assert [one.outcome for one in world.take(*tubes)] == ["already", "already"]  # the phone lives after all
    assert world.count("tube_member") == 13


@settings(deadline=None)
@given(events())
def test_an_event_comes_out_byte_for_byte(event: TubeEvent) -> None:
    assert read_copy(PRIVATE, copy(event), lambda _: SITE) == event


def test_a_tube_of_ten_fits_a_code_of_69_modules() -> None:
    event = TubeEvent(
        SITE, "T7MZD5HY532T", SITE, 1, SITE, 7, "ab" * 32, at(1_767_571_200_000), at(1_767_571_260_000),
        [Member(encode_id(bytes([n] * 16)), n, at(1_767_571_200_000 + n)) for n in range(1, 11)], "A" * 86,
    )  # fmt: skip
    assert len(copy(event)) <= 619  # version 13-L in alphanumeric mode


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_what_was_changed_on_the_way_is_refused_in_one_sentence(place: int, flip: int) -> None:
    raw = bytearray(base45.decode(copy(EVENT).removeprefix(PREFIX)))
    raw[place % len(raw)] ^= flip

    with pytest.raises(Refusal) as told:
        read_copy(PRIVATE, PREFIX + base45.encode(bytes(raw)), lambda _: SITE)
    assert (told.value.code, told.value.field) == ("BAD_COPY", "copies")


NOON = "2026-01-05T12:00:00.000Z"
EVENT = TubeEvent(SITE, "X1", SITE, 1, SITE, 1, "", NOON, NOON, [Member(SITE, 1, NOON)], "A" * 86)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    for tried in (text, PREFIX + text):
        with pytest.raises(Refusal):
            read_copy(PRIVATE, tried, lambda _: SITE)


def test_a_copy_signed_by_nobody_here_is_refused_beside_good_ones(lite: World) -> None:
    (good,) = carried(lite, 2)
    forged = msgspec.structs.replace(good, m=good.m[:1])

    told = hand_in(lite, "PQM1:NONSENSE", copy(forged), copy(good))

    assert [(one.outcome, one.code) for one in told] == [
        ("refused", "BAD_COPY"), ("refused", "BAD_SIGNATURE"), ("stored", ""),
    ]  # fmt: skip


def test_a_gap_waits_until_the_phone_is_declared_lost(world: World) -> None:
    tubes = carried(world, 2, 2, 2)

    assert [one.code for one in hand_in(world, copy(tubes[2]))] == ["CHAIN_GAP"]
    assert world.count("tube") == 0
    world.store.write(lambda tx: service.declare_lost(tx, world.moment(), world.device.id, "lead"))
    assert [one.outcome for one in hand_in(world, copy(tubes[2]))] == ["stored"]
    # What comes to light afterwards is not lost: a person looks at it.
    assert [one.outcome for one in hand_in(world, copy(tubes[0]), copy(tubes[1]))] == ["conflict", "conflict"]
    assert world.count("tube_conflict") == 2
    with pytest.raises(Refusal):
        world.store.write(lambda tx: service.declare_lost(tx, world.moment(), "0" * 26, "lead"))


def test_a_copy_after_the_mandate_is_refused_and_the_end_empties_the_table(lite: World) -> None:
    (tube,) = carried(lite, 2)
    lite.store.write(lambda tx: service.declare_lost(tx, lite.moment(), lite.device.id, "lead"))
    lite.now += timedelta(days=90)
    assert [one.code for one in hand_in(lite, copy(tube))] == ["NO_MANDATE"]
    gone = lite.store.write(lambda tx: service.erase_mandate(tx, lite.mandate))
    assert gone["device_lost"] == 1
