"""The server runs the laboratory's listener on uvloop, whose transports are classes of their own."""

from datetime import UTC, datetime
from secrets import token_bytes

import uvloop

from pratique.core.moment import Moment
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.testing.client import send
from pratique.testing.mllp import Door, Listener


def test_it_works(sqlite_store: Store, sealer: Sealer) -> None:
    async def go() -> list[str]:
        listener = Listener(
            Door(sqlite_store, lambda: Moment(datetime.now(UTC), token_bytes), lambda *_: None, sealer)
        )
        port = await listener.open("127.0.0.1", 0)
        answers = await send("127.0.0.1", port, [b"MSH|^~\\&|LIS|LAB|P|H|2026||ORU^R01|C1|P|2.5.1\r"])
        await listener.close()
        return [one.letters for one in answers[0]]

    assert uvloop.run(go()) == ["AE"]
