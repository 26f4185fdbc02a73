"""What a room says about its routes, and what a handler sees of a request.

A route that does not say who may call it does not construct: the program stops at start, not in the field.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from pratique.core.moment import Moment

KINDS = ("public", "holder", "site", "gate", "lab", "staff", "newcomer")  # newcomer: may register a passkey
LARGEST_BODY = 1 << 20


class Caller(msgspec.Struct, frozen=True):
    """Who asks: `kind` is one of KINDS; `id` a subject, device, gate, laboratory or staff id; `role` for staff only.

    `asserted_at`: when whoever sits there last showed with a passkey or at the provider that it is them.
    """

    kind: str
    id: str = ""
    role: str = ""
    name: str = ""
    asserted_at: datetime | None = None


PUBLIC = Caller("public")


class Call(NamedTuple):
    """One request, decoded. `body` is the route's `takes`, or None."""

    caller: Caller
    moment: Moment
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    language: str
    body: Any = None
    raw: bytes = b""
    form: Mapping[str, str] = {}
    address: str = ""  # for counting wrong guesses only; never stored


class Answer(NamedTuple):
    """An answer that is more than a struct with 200. Bytes and text go out as they are."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = {}
    media: str = "application/json"


Handler = Callable[[Call], Awaitable[Any]]


class Route(NamedTuple):
    """One row of the route table.

    `who` names the kinds of caller, or `staff:role`; `limit` is calls per minute and caller;
    `page` marks a route that answers HTML and takes forms; `largest` is the most bytes a body may have;
    `sheds` marks what can wait: it is sent away with Retry-After while the server cannot keep up.
    """

    method: str
    path: str
    handler: Handler
    who: tuple[str, ...]
    summary: str
    takes: Any = None
    gives: Any = None
    limit: int = 600
    page: bool = False
    largest: int = LARGEST_BODY
    sheds: bool = False

    def allows(self, caller: Caller) -> bool:
        """True if this caller may use the route at all (the object is the room's own question)."""
        return "public" in self.who or caller.kind in self.who or f"{caller.kind}:{caller.role}" in self.who


def checked(route: Route) -> Route:
    """The route itself. Raises ValueError where it does not say who may call it."""
    if not route.who or any(name.split(":")[0] not in KINDS for name in route.who):
        raise ValueError(f"{route.method} {route.path} does not say who may call it")
    return route


def tagged(call: Call, body: bytes, media: str = "application/json", max_age: int = 0) -> Answer:
    """The body with its ETag, or 304 where the caller has it already (RFC 9110 §13)."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"max-age={max_age}" if max_age else "no-cache"}
    if call.headers.get("if-none-match") == tag:
        return Answer(None, 304, headers, media)
    return Answer(body, 200, headers, media)
