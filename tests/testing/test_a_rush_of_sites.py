"""Requests that come together share a commit; one that is wrong takes no other down; nothing is answered too early."""

import asyncio
from collections.abc import Sequence

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.policy.service import EvidenceChange
from pratique.store.tx import Tx
from pratique.testing.model import EventResult
from pratique.testing.taking import Taker
from tests.testing.world import Device, World


def rush(world: World, taker: Taker, *requests: tuple[list[object], str]) -> list[object]:
    async def run() -> list[object]:
        asked = [taker.take(world.moment(), events, now) for events, now in requests]  # type: ignore[arg-type]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    return asyncio.run(run())


def outcomes(told: object) -> list[str]:
    assert isinstance(told, list)
    return [one.outcome for one in told if isinstance(one, EventResult)]


def test_it_works(world: World) -> None:
    tells: list[int] = []

    def tell(tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        tells.append(len(changes))

    devices = [Device(world) for _ in range(12)]
    requests = [([d.event(f"X{n:03d}", world.people(3))], "") for n, d in enumerate(devices)]

    told = rush(world, Taker(world.store, tell), *requests)

    assert [outcomes(one) for one in told] == [["stored"]] * 12
    assert world.count("tube_member") == 36
    assert sum(tells) == 36
    assert len(tells) < 12  # told together


def test_one_wrong_request_takes_no_other_down(world: World) -> None:
    good = ([world.device.event("X001", world.people(2))], "")
    bad = ([Device(world).event("X002", world.people(2))], "no time")

    told = rush(world, Taker(world.store, world.tell), bad, good)

    assert isinstance(told[0], Refusal)
    assert (told[0].code, told[0].field) == ("BAD_TIME", "now")
    assert outcomes(told[1]) == ["stored"]


def test_a_fault_in_the_telling_fails_that_request_alone(world: World) -> None:
    poisoned = world.people(1)

    def tell(tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        if any(change.evidence.subject_id in poisoned for change in changes):
            raise RuntimeError("the port cannot tell this one")

    good = ([world.device.event("X001", world.people(2))], "")
    bad = ([Device(world).event("X002", poisoned)], "")

    told = rush(world, Taker(world.store, tell), good, bad)

    assert outcomes(told[0]) == ["stored"]
    assert isinstance(told[1], RuntimeError)
    assert world.count("tube") == 1


def test_the_same_tube_from_a_phone_and_again_is_stored_once(world: World) -> None:
    event = world.device.event("X001", world.people(4))

    told = rush(world, Taker(world.store, world.tell), *[([event], "")] * 5)

    assert sorted(outcomes(one)[0] for one in told) == ["already"] * 4 + ["stored"]
    assert world.count("tube_member") == 4
