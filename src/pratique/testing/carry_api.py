"""The HTTP route of carried copies. Open to anybody, as every event in them is signed. Thin."""

from typing import Annotated

import msgspec

from pratique.core.moment import rfc3339
from pratique.store.store import Store
from pratique.testing import service
from pratique.testing.api import TubeResults
from pratique.testing.carry import LONGEST
from pratique.web.frame import Call, Route

Copy = Annotated[str, msgspec.Meta(max_length=LONGEST)]


class TubeCopies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Copies as they were scanned, at most 50: sealed to this server, unreadable to who carries them."""

    copies: Annotated[list[Copy], msgspec.Meta(max_length=50)]


def routes(store: Store, tell: service.Tell, private: bytes) -> list[Route]:
    """`private` is the server's X25519 key, to which sites seal copies."""

    async def take(call: Call) -> TubeResults:
        results = await store.awrite(
            lambda tx: service.take_copies(tx, call.moment, private, call.body.copies, tell)
        )
        return TubeResults(results, rfc3339(call.moment.now))

    summary = "copies of sealed tubes that a second phone carried"
    return [Route("POST", "/v1/tube-copies", take, ("public",), summary, TubeCopies, TubeResults, limit=600)]
