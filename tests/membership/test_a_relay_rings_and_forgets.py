"""The relay: a host who waits is told, a door hears the truth, and nothing stays behind."""

import asyncio
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.credentials import doorbell
from pratique.credentials.reasons import BadCose
from pratique.membership.doorbell import MOST_RINGS, Full, Relay

BOX = bytes(16)


def test_it_works() -> None:
    async def act() -> None:
        relay = Relay()

        async def host() -> list[tuple[str, str]]:
            rings = await relay.wait(BOX, 5)
            assert relay.heard(BOX, rings[0][0])
            return rings

        waits = asyncio.create_task(host())
        await asyncio.sleep(0)
        assert await relay.ring(BOX, "1", "sealed", 5)
        assert await waits == [("1", "sealed")]
        assert len(relay) == 0

    asyncio.run(act())


def test_a_host_who_asks_again_in_time_hears_it() -> None:
    async def act() -> None:
        relay = Relay()
        rings = asyncio.create_task(relay.ring(BOX, "1", "sealed", 5))
        await asyncio.sleep(0)
        [(ring_id, _)] = await relay.wait(BOX, 0)
        relay.heard(BOX, ring_id)
        assert await rings

    asyncio.run(act())


def test_whoever_waits_and_does_not_answer_was_not_reached() -> None:
    async def act() -> None:
        relay = Relay()
        waits = asyncio.create_task(relay.wait(BOX, 5))
        await asyncio.sleep(0)
        assert not await relay.ring(BOX, "1", "sealed", 0.01)
        assert await waits in ([], [("1", "sealed")])
        assert not relay.heard(BOX, "1")
        assert not await relay.ring(b"x" * 16, "2", "sealed", 0.01)
        assert await relay.wait(BOX, 0.01) == []
        assert len(relay) == 0

    asyncio.run(act())


def test_one_box_takes_a_few_rings_at_a_time() -> None:
    async def act() -> None:
        relay = Relay()
        rings = [asyncio.create_task(relay.ring(BOX, str(n), "s", 0.05)) for n in range(MOST_RINGS)]
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await relay.ring(BOX, "more", "s", 0.05)
        await asyncio.gather(*rings)
        assert len(relay) == 0

    asyncio.run(act())


@settings(max_examples=20)
@given(st.binary(max_size=200), st.integers(0, 500))
def test_only_the_host_opens_what_is_sealed(message: bytes, at: int) -> None:
    host, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    sealed = doorbell.seal(doorbell.point_of(host.public_key()), message)

    assert doorbell.unseal(host, sealed) == message
    changed = bytearray(sealed)
    changed[at % len(sealed)] ^= 1
    for key, raw in ((other, sealed), (host, bytes(changed)), (host, sealed[:20]), (host, b"")):
        with pytest.raises(BadCose):
            doorbell.unseal(key, raw)


def test_a_box_is_named_by_a_secret() -> None:
    secret = secrets.token_bytes(32)
    assert doorbell.box_of(secret) not in secret
    assert len(doorbell.box_of(secret)) == doorbell.BOX
