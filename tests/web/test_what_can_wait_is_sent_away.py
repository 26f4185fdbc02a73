"""Under more load than can be served, what can wait is sent away at once and told when to come back."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from pratique.core.moment import Moment
from pratique.web.frame import Call, Route
from pratique.web.pressure import HIGH, RETRY_AFTER, Pressure
from pratique.web.serve import build_app


async def ask(app: Any, path: str) -> tuple[int, dict[str, str]]:
    """Status and headers of one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "http_version": "1.1",
        "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}


@pytest.fixture
def app(moment: Moment) -> Any:
    async def handler(_: Call) -> dict[str, str]:
        return {"now": "here"}

    routes = [
        Route("GET", "/poll", handler, ("public",), "a poll", sheds=True),
        Route("GET", "/result", handler, ("public",), "must be served"),
    ]
    return build_app(routes, lambda *_: None, lambda: moment, {})


def test_it_works(app: Any) -> None:
    async def act() -> None:
        assert (await ask(app, "/poll"))[0] == 200
        time.sleep(HIGH + 0.2)
        status, headers = await ask(app, "/poll")
        assert (status, headers["retry-after"]) == (503, str(RETRY_AFTER))
        assert (await ask(app, "/result"))[0] == 200
        for _ in range(100):
            await asyncio.sleep(0.05)
            if (await ask(app, "/poll"))[0] == 200:
                return
        raise AssertionError("nobody was let in again")

    asyncio.run(act())


def test_the_gauge_follows_the_loop_it_is_in() -> None:
    gauge = Pressure(high=0.1)

    async def once(pause: Callable[[float], object]) -> bool:
        gauge.is_high()
        pause(0.25)
        return gauge.is_high()

    assert asyncio.run(once(time.sleep))
    assert not asyncio.run(once(lambda _: None))
