"""From a room's answer to what goes over the wire."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from pratique.web.faces import API_CSP, SECURITY
from pratique.web.frame import Answer

_encode = msgspec.json.Encoder().encode


def _lines(named: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]


_PAGE = _lines(SECURITY)
_API = _lines(SECURITY | {"Content-Security-Policy": API_CSP})
_NO_STORE = (b"cache-control", b"no-store")


class Reply(NamedTuple):
    """A whole answer as ASGI sends it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body if scope["method"] != "HEAD" else b""})


def respond(answer: Answer) -> Reply:
    """The answer with the headers every answer carries; what a room set itself wins."""
    body = answer.body
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = _encode(body)
    headers = [*(_PAGE if answer.media == "text/html" else _API), *_lines(answer.headers)]
    if "Cache-Control" not in answer.headers:
        headers.append(_NO_STORE)
    if answer.status != 304:
        media = f"{answer.media}; charset=utf-8" if answer.media.startswith("text/") else answer.media
        headers += [(b"content-type", media.encode()), (b"content-length", str(len(body)).encode())]
    return Reply(answer.status, headers, body)
