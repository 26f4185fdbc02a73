"""From a route table to a web application: access, decoding, limits, refusals, headers.

Order of a request: known route → who asks → may he → how often → is it decodable → the room's handler.
A refusal never tells whether a thing exists that the caller may not see.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request, cookie_parser
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from pratique.core.errors import Busy, Refusal
from pratique.core.moment import Moment
from pratique.web import problems
from pratique.web.faces import SECURITY, Face
from pratique.web.frame import PUBLIC, Answer, Call, Caller, Route, checked
from pratique.web.languages import language_of
from pratique.web.limits import Limits
from pratique.web.openapi import describe
from pratique.web.pressure import RETRY_AFTER, Pressure
from pratique.web.problem_page import as_page
from pratique.web.replies import Replies
from pratique.web.reply import Reply, respond

Authenticate = Callable[[Mapping[str, str], Mapping[str, str], Moment], Caller | None]

STEP_UP, CONFIRM = (
    "STEP_UP_NEEDED",
    "/console/confirm?next=",
)  # a page that needs a fresh confirmation leads to it
_NOTHING: Mapping[str, str] = {}
_log = logging.getLogger("pratique.web")
_encode = msgspec.json.Encoder().encode


def build_app(
    routes: Iterable[Route],
    authenticate: Authenticate,
    moment: Callable[[], Moment],
    faces: Mapping[str, Face],
    lifespan: Any = None,
) -> Starlette:
    """The ASGI application. Raises ValueError for a route without access rule or a path declared twice."""
    table = [checked(route) for route in routes]
    if len({(r.method, r.path) for r in table}) != len(table):
        raise ValueError("two routes share one method and path")
    limits, replies, pressure = Limits(), Replies(), Pressure()
    described = _encode(describe(table))
    made = [(r, Endpoint(r, authenticate, moment, limits, replies, pressure)) for r in table]
    endpoints = [StarletteRoute(r.path, endpoint, methods=[r.method]) for r, endpoint in made]
    endpoints.append(StarletteRoute("/openapi.json", _constant(described, "application/json")))
    endpoints += [StarletteRoute(path, _face(face)) for path, face in faces.items()]
    endpoints += [StarletteRoute(path[:-1], _to(path)) for path in faces if path.endswith("/")]
    exact = {(r.method, r.path): endpoint for r, endpoint in made if "{" not in r.path}
    return House(endpoints, lifespan, exact)


class House(Starlette):
    """Starlette that calls the endpoint of a path without parameters at once instead of trying every route in turn.

    An endpoint answers all its own faults, so nothing is lost by not passing through middleware and router.
    """

    def __init__(
        self, routes: Sequence[StarletteRoute], lifespan: Any, exact: dict[tuple[str, str], "Endpoint"]
    ) -> None:
        unknown = {404: _unknown, 405: _unknown}
        super().__init__(routes=routes, lifespan=lifespan, exception_handlers=unknown)  # type: ignore[arg-type]
        self._exact = exact

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (endpoint := self._exact.get((scope["method"], scope["path"]))):
            await endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _unknown(request: Request, fault: HTTPException) -> Reply:
    """What no route answers is refused in the same words as what is not yours; 405 says which methods there are."""
    language = language_of(request.query_params, request.cookies, request.headers.get("accept-language", ""))
    code = "NOT_FOUND" if fault.status_code == 404 else "NO_SUCH_METHOD"
    answer = problems.problem(code, fault.status_code, problems.NOT_YOURS, language)
    answer = answer._replace(headers=dict(fault.headers or {}))
    return respond(as_page(answer, language, "GET", "/") if _reads_pages(request.headers) else answer)


class Endpoint:
    """One row of the route table as an ASGI application: everything between the wire and the room's handler."""

    def __init__(
        self,
        route: Route,
        authenticate: Authenticate,
        moment: Callable[[], Moment],
        limits: Limits,
        replies: Replies,
        pressure: Pressure,
    ) -> None:
        self._route = route
        self._pressure = pressure
        self._authenticate = authenticate
        self._moment = moment
        self._limits = limits
        self._replies = replies
        self._decoder = msgspec.json.Decoder(route.takes) if route.takes is not None else None
        self._open_to_all = route.who == ("public",)
        self._reads_body = route.method not in ("GET", "HEAD")
        self._key = f"{route.method} {route.path} "

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._route.sheds and self._pressure.is_high():
            await respond(_SENT_AWAY)(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query: Mapping[str, str] = QueryParams(scope["query_string"]) if scope["query_string"] else _NOTHING
        cookies: Mapping[str, str] = cookie_parser(headers["cookie"]) if "cookie" in headers else _NOTHING
        language = language_of(query, cookies, headers.get("accept-language", ""))
        try:
            answer = await self._answer(scope, receive, headers, query, cookies, language)
        except Refusal as refusal:
            answer = problems.from_refusal(refusal, language)
            if refusal.code == STEP_UP and self._route.page:
                back = scope["path"] if scope["method"] == "GET" else local(headers.get("referer", ""))
                answer = Answer(b"", 303, {"Location": CONFIRM + quote(back)}, "text/html")
        except msgspec.DecodeError as fault:
            answer = problems.from_refusal(problems.from_validation(fault), language)
        except ClientDisconnect:
            return  # nobody is left to be told
        except UnicodeDecodeError:
            answer = problems.problem("NOT_UTF8", 422, problems.NOT_YOURS, language)
        except Exception as fault:  # noqa: BLE001 - the last line of defence: log the kind, never the content
            route = self._route
            _log.error("%s %s failed: %s", route.method, route.path, type(fault).__name__, exc_info=fault)
            answer = problems.problem("OUR_FAULT", 500, problems.OUR_FAULT, language)
        if self._route.page and answer.status >= 400 and _reads_pages(headers):
            answer = as_page(answer, language, scope["method"], local(headers.get("referer", "")))
        await respond(answer)(scope, receive, send)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        cookies: Mapping[str, str],
        language: str,
    ) -> Answer:
        route, now = self._route, self._moment()
        caller = self._authenticate(headers, cookies, now) or PUBLIC
        if not self._open_to_all and not route.allows(caller):
            return _refused(caller, route, scope["path"], language)
        if wait := self._limits.allow(self._key + (caller.id or _host(scope)), route.limit, monotonic()):
            return problems.problem("TOO_MANY", 429, problems.TOO_MANY, language, Retry_After=str(wait))
        raw = await _body(receive, route.largest) if self._reads_body else b""
        if raw is None:
            return problems.problem("TOO_LARGE", 413, problems.TOO_LARGE, language)
        if self._reads_body and caller.kind in ("staff", "newcomer") and not _same_origin(headers):
            return problems.problem("OTHER_ORIGIN", 403, problems.NOT_YOURS, language)
        repeat = headers.get("idempotency-key", "") if raw else ""
        who = f"{caller.kind}:{caller.id or _host(scope)}" if repeat else ""
        if repeat and (earlier := self._replies.known(who, repeat, self._key, raw, monotonic())):
            return earlier
        call = Call(
            caller,
            now,
            scope.get("path_params", _NOTHING),
            query,
            headers,
            language,
            self._decoder.decode(raw) if self._decoder else None,
            raw,
            dict(parse_qsl(raw.decode(), keep_blank_values=True)) if route.page and raw else {},
            _host(scope),
        )
        answer = await route.handler(call)
        if not isinstance(answer, Answer):
            answer = Answer(answer)
        if repeat and answer.status < 300:
            self._replies.keep(who, repeat, self._key, raw, answer, monotonic())
        return answer


# Before anything is looked at: sending away must cost next to nothing. The text stands in both languages.
_SENT_AWAY = problems.from_refusal(Busy(retry_after=RETRY_AFTER), "en")


def _refused(caller: Caller, route: Route, path: str, language: str) -> Answer:
    if caller.kind == "public":
        if route.page:
            return Answer(b"", 303, {"Location": f"/sign-in?next={path}"}, "text/html")
        return problems.problem("NOT_SIGNED_IN", 401, problems.NOT_SIGNED_IN, language)
    return problems.problem("NOT_FOUND", 404, problems.NOT_YOURS, language)


async def _body(receive: Receive, largest: int) -> bytes | None:
    """The whole body, or None where it is larger than `largest`. Raises ClientDisconnect."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            return None
    return bytes(body)


def _same_origin(headers: Mapping[str, str]) -> bool:
    """A staff cookie works only from our own pages (Fetch Metadata; Origin for browsers without it)."""
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.split("://", 1)[-1] == headers.get("host")


def local(address: str) -> str:
    """The path of an address; whose it is, the page that goes there asks."""
    return urlsplit(address).path or "/"


def _reads_pages(headers: Mapping[str, str]) -> bool:
    """True for a browser that goes somewhere; a program asks for JSON or for anything."""
    return "text/html" in headers.get("accept", "")


def _host(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _constant(body: bytes, media: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001
        return Response(body, 200, SECURITY, media)

    return endpoint


def _to(path: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001
        return Response(b"", 308, SECURITY | {"Location": path})

    return endpoint


def _face(face: Face) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001
        return Response(face.body, 200, face.headers, face.media)

    return endpoint
