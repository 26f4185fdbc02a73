"""Routes of the doorbell. A gate's sync process rings, a host waits; neither says who it is, and nothing is stored."""

from pratique.core.errors import Busy, NotFound, Refusal
from pratique.credentials import doorbell as sealing
from pratique.credentials.jose import unb64url
from pratique.credentials.reasons import CredentialError
from pratique.membership import texts
from pratique.membership.doorbell import Full, Relay
from pratique.membership.wire import Heard, Hears, Reached, Ring, RingOut, Rings, Wait
from pratique.web.frame import Call, Route


def routes(relay: Relay) -> list[Route]:
    """`relay` is the one of this process."""

    async def ring(call: Call) -> Reached:
        body: Ring = call.body
        box = _bytes(body.box, sealing.BOX)
        if not 0 < len(_raw(body.sealed)) <= sealing.MAX_SEALED:
            raise Refusal("BAD_RING", "sealed", texts.BAD_RING)
        try:
            return Reached(await relay.ring(box, call.moment.new_id(), body.sealed))
        except Full:
            raise Busy from None

    async def wait(call: Call) -> Rings:
        body: Wait = call.body
        try:
            rings = await relay.wait(_box(body.secret))
        except Full:
            raise Busy from None
        return Rings(tuple(RingOut(*one) for one in rings))

    async def heard(call: Call) -> Heard:
        body: Hears = call.body
        return Heard(relay.heard(_box(body.secret), body.id))

    return [
        Route(
            "POST",
            "/v1/doorbell-rings",
            ring,
            ("public",),
            "A door rings for a visitor's host",
            Ring,
            Reached,
        ),
        Route("POST", "/v1/doorbell-waits", wait, ("public",), "A host waits for a visitor", Wait, Rings),
        Route("POST", "/v1/doorbell-heard", heard, ("public",), "A host heard a ring", Hears, Heard),
    ]


def _box(secret: str) -> bytes:
    return sealing.box_of(_bytes(secret, sealing.SECRET))


def _bytes(text: str, size: int) -> bytes:
    raw = _raw(text)
    if len(raw) != size:
        raise NotFound("NO_SUCH_DOORBELL", "box", texts.BAD_BOX)
    return raw


def _raw(text: str) -> bytes:
    try:
        return unb64url(text)
    except CredentialError:
        return b""
