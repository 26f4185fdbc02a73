"""HTTP routes of the room `people`: bind a wallet, claim a slip, write the contact card. Thin."""

from typing import Annotated

import msgspec

from pratique.core.errors import NotFound, TooOften
from pratique.core.moment import rfc3339
from pratique.people import service
from pratique.people.binding import from_b64, make_challenge
from pratique.people.model import ContactCard
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.web.frame import Answer, Call, Route
from pratique.web.limits import Tries


class Challenge(msgspec.Struct, frozen=True):
    """Sign it within five minutes."""

    challenge: str
    now: str


class Binding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wallet's key and its signature over the challenge (ES256, r‖s)."""

    public_key: Annotated[str, msgspec.Meta(max_length=100)]
    challenge: Annotated[str, msgspec.Meta(max_length=100)]
    signature: Annotated[str, msgspec.Meta(max_length=100)]


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claim code of a paper slip, as typed."""

    claim_code: Annotated[str, msgspec.Meta(max_length=40)]


class Holder(msgspec.Struct, frozen=True):
    """Who the wallet is here, and the token it calls with."""

    subject_id: str
    token: str
    expires: str
    now: str


class CardKept(msgspec.Struct, frozen=True):
    """The mandate under which the card is kept, and dies."""

    mandate_id: str


MANY = 1200  # a minute and address: a hospital or a factory is one address, and its people come at once


def routes(store: Store, secret: bytes, sealer: Sealer) -> list[Route]:
    """`secret`: 32 bytes of the server for challenges, tokens and claim codes."""

    tries = Tries()

    async def challenge(call: Call) -> Challenge:
        return Challenge(make_challenge(secret, call.moment), rfc3339(call.moment.now))

    async def bind(call: Call) -> Answer:
        key = from_b64(call.body.public_key, 65, "public_key")
        signature = from_b64(call.body.signature, 64, "signature")
        asked = call.body.challenge
        bound = await store.awrite(
            lambda tx: service.bind_wallet(
                tx, call.moment, secret, public_key=key, challenge=asked, signature=signature
            )
        )
        holder = Holder(bound.subject_id, bound.token, rfc3339(bound.expires), rfc3339(call.moment.now))
        return Answer(holder, 201 if bound.fresh else 200)

    async def claim(call: Call) -> Holder:
        typed, at = call.body.claim_code, call.moment.now.timestamp()
        if wait := tries.wait(call.address, at):
            raise TooOften("claim_code", wait)
        try:
            subject = await store.aread(
                lambda tx: service.subject_of_code(tx, call.moment.now, secret, typed)
            )
        except NotFound:
            tries.failed(call.address, at)
            raise
        tries.right(call.address)
        token, expires = service.token_for(secret, subject, call.moment.now)
        return Holder(subject, token, rfc3339(expires), rfc3339(call.moment.now))

    async def card(call: Call) -> CardKept:
        mandate = await store.awrite(
            lambda tx: service.write_card(tx, call.moment, sealer, call.caller.id, call.body)
        )
        return CardKept(mandate)

    public, holder = ("public",), ("holder",)
    return [
        Route(
            "GET", "/v1/challenge", challenge, public, "a challenge to bind a wallet", None, Challenge, MANY
        ),
        Route("POST", "/v1/subjects", bind, public, "bind a wallet's key", Binding, Holder, MANY),
        Route("POST", "/v1/claims", claim, public, "open what a paper slip stands for", Claim, Holder, 20),
        Route("PUT", "/v1/card", card, holder, "write the own contact card", ContactCard, CardKept, 20),
    ]
