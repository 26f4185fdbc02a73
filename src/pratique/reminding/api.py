"""HTTP routes of the room `reminding`: the push key, and a person's own wishes. Thin."""

from typing import Literal

import msgspec

from pratique.core.moment import rfc3339
from pratique.reminding import service
from pratique.reminding.model import PushWish, SmsWish
from pratique.web.frame import Call, Route


class PushKey(msgspec.Struct, frozen=True):
    """The public key with which this server signs its push messages (base64url), and whether it sends SMS."""

    key: str
    sms: bool


class Off(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kind of channel to stop."""

    kind: Literal["push", "sms"]


class Channels(msgspec.Struct, frozen=True):
    """How this person is told that there is news."""

    kinds: tuple[str, ...]
    now: str


def routes(hands: service.Hands) -> list[Route]:
    """Each person's own wishes, nobody else's."""
    store = hands.store

    async def key(call: Call) -> PushKey:  # noqa: ARG001
        return PushKey(service.b64(hands.point), hands.gateway is not None)

    async def standing(call: Call) -> Channels:
        kinds = await store.aread(lambda tx: service.kinds_of(tx, call.caller.id))
        return Channels(tuple(kinds), rfc3339(call.moment.now))

    async def push(call: Call) -> Channels:
        await store.awrite(lambda tx: service.keep_push(tx, call.moment, hands, call.caller.id, call.body))
        return await standing(call)

    async def sms(call: Call) -> Channels:
        await store.awrite(lambda tx: service.keep_sms(tx, call.moment, hands, call.caller.id, call.body))
        return await standing(call)

    async def off(call: Call) -> Channels:
        await store.awrite(lambda tx: service.stop(tx, call.caller.id, call.body.kind))
        return await standing(call)

    me = ("holder",)
    return [
        Route("GET", "/v1/push-key", key, ("public",), "the key of push messages", None, PushKey, 120),
        Route("GET", "/v1/channels", standing, me, "how I am told of news", None, Channels, 60),
        Route("PUT", "/v1/channels/push", push, me, "tell this browser of news", PushWish, Channels, 20),
        Route("PUT", "/v1/channels/sms", sms, me, "tell my phone of news", SmsWish, Channels, 20),
        Route("POST", "/v1/channels/off", off, me, "stop telling me", Off, Channels, 20),
    ]
