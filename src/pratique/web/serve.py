"""From a route table to a web application: access, decoding, limits, refusals, headers.

Order of a request: known route → who asks → may he → how often → is it decodable → the room's handler.
A refusal never tells whether a thing exists that the caller may not see.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.web import problems
from pratique.web.faces import SECURITY, Face
from pratique.web.frame import PUBLIC, Answer, Call, Caller, Route, checked
from pratique.web.languages import language_of
from pratique.web.limits import Limits
from pratique.web.openapi import describe
from pratique.web.replies import Replies
from pratique.web.reply import Reply, respond

Endpoint = Callable[[Request], Awaitable[Any]]
Authenticate = Callable[[Mapping[str, str], Mapping[str, str], Moment], Caller | None]

LARGEST_BODY = 1 << 20
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
    limits, replies = Limits(), Replies()
    described = _encode(describe(table))
    made = [(r, _endpoint(r, authenticate, moment, limits, replies)) for r in table]
    endpoints = [StarletteRoute(r.path, endpoint, methods=[r.method]) for r, endpoint in made]
    endpoints.append(StarletteRoute("/openapi.json", _constant(described, "application/json")))
    endpoints += [StarletteRoute(path, _face(face)) for path, face in faces.items()]
    endpoints += [StarletteRoute(path[:-1], _to(path)) for path in faces if path.endswith("/")]
    exact = {(r.method, r.path): endpoint for r, endpoint in made if "{" not in r.path}
    return Starlette(routes=endpoints, lifespan=lifespan, middleware=[Middleware(Shortcut, exact=exact)])


class Shortcut:
    """Calls the endpoint of a path without parameters at once instead of trying every route in turn.

    An endpoint answers all its own faults, so nothing is lost by not passing through the router.
    """

    def __init__(self, app: ASGIApp, exact: dict[tuple[str, str], Endpoint]) -> None:
        self._app = app
        self._exact = exact

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (endpoint := self._exact.get((scope["method"], scope["path"]))):
            reply = await endpoint(Request(scope, receive))
            await reply(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _endpoint(
    route: Route, authenticate: Authenticate, moment: Callable[[], Moment], limits: Limits, replies: Replies
) -> Endpoint:
    decoder = msgspec.json.Decoder(route.takes) if route.takes is not None else None
    open_to_all = route.who == ("public",)
    key = f"{route.method} {route.path} "

    async def endpoint(request: Request) -> Reply:
        now = moment()
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]
        }
        query: Mapping[str, str] = request.query_params if request.scope["query_string"] else _NOTHING
        cookies: Mapping[str, str] = request.cookies if "cookie" in headers else _NOTHING
        language = language_of(query, cookies, headers.get("accept-language", ""))
        try:
            caller = authenticate(headers, cookies, now) or PUBLIC
            if not open_to_all and not route.allows(caller):
                return _refused(caller, route, request, language)
            if wait := limits.allow(key + (caller.id or _host(request)), route.limit, monotonic()):
                return respond(
                    problems.problem("TOO_MANY", 429, problems.TOO_MANY, language, Retry_After=str(wait))
                )
            raw = await _body(request) if route.method not in ("GET", "HEAD") else b""
            if raw is None:
                return respond(problems.problem("TOO_LARGE", 413, problems.TOO_LARGE, language))
            if caller.kind == "staff" and route.method != "GET" and not _same_origin(headers):
                return respond(problems.problem("OTHER_ORIGIN", 403, problems.NOT_YOURS, language))
            repeat = headers.get("idempotency-key", "") if raw else ""
            who = f"{caller.kind}:{caller.id or _host(request)}" if repeat else ""
            if repeat and (earlier := replies.known(who, repeat, key, raw, monotonic())):
                return respond(earlier)
            call = Call(
                caller,
                now,
                request.path_params,
                query,
                headers,
                language,
                decoder.decode(raw) if decoder else None,
                raw,
                dict(parse_qsl(raw.decode(), keep_blank_values=True)) if route.page and raw else {},
            )
            answer = await route.handler(call)
            if not isinstance(answer, Answer):
                answer = Answer(answer)
            if repeat and answer.status < 300:
                replies.keep(who, repeat, key, raw, answer, monotonic())
            return respond(answer)
        except Refusal as refusal:
            return respond(problems.from_refusal(refusal, language))
        except msgspec.DecodeError as fault:
            return respond(problems.from_refusal(problems.from_validation(fault), language))
        except UnicodeDecodeError:
            return respond(problems.problem("NOT_UTF8", 422, problems.NOT_YOURS, language))
        except Exception as fault:  # noqa: BLE001 - the last line of defence: log the kind, never the content
            _log.error("%s %s failed: %s", route.method, route.path, type(fault).__name__, exc_info=fault)
            return respond(problems.problem("OUR_FAULT", 500, problems.OUR_FAULT, language))

    return endpoint


def _refused(caller: Caller, route: Route, request: Request, language: str) -> Reply:
    if caller is PUBLIC or caller.kind == "public":
        if route.page:
            return respond(Answer(b"", 303, {"Location": f"/sign-in?next={request.url.path}"}, "text/html"))
        return respond(problems.problem("NOT_SIGNED_IN", 401, problems.NOT_SIGNED_IN, language))
    return respond(problems.problem("NOT_FOUND", 404, problems.NOT_YOURS, language))


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _same_origin(headers: Mapping[str, str]) -> bool:
    """A staff cookie works only from our own pages (Fetch Metadata; Origin for browsers without it)."""
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.split("://", 1)[-1] == headers.get("host")


def _host(request: Request) -> str:
    return request.client.host if request.client else ""


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
