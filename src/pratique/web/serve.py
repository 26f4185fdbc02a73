"""From a route table to a web application: access, decoding, limits, refusals, headers.

Order of a request: known route → who asks → may he → how often → is it decodable → the room's handler.
A refusal never tells whether a thing exists that the caller may not see.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.web import problems
from pratique.web.faces import SECURITY, Face
from pratique.web.frame import PUBLIC, Answer, Call, Caller, Route, checked
from pratique.web.languages import language_of
from pratique.web.limits import Limits
from pratique.web.openapi import describe
from pratique.web.replies import Replies

Authenticate = Callable[[Mapping[str, str], Mapping[str, str], Moment], Caller | None]

LARGEST_BODY = 1 << 20
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
    endpoints = [
        StarletteRoute(r.path, _endpoint(r, authenticate, moment, limits, replies), methods=[r.method])
        for r in table
    ]
    endpoints.append(StarletteRoute("/openapi.json", _constant(described, "application/json")))
    endpoints += [StarletteRoute(path, _face(face)) for path, face in faces.items()]
    return Starlette(routes=endpoints, lifespan=lifespan)


def _endpoint(
    route: Route, authenticate: Authenticate, moment: Callable[[], Moment], limits: Limits, replies: Replies
) -> Callable[[Request], Any]:
    decoder = msgspec.json.Decoder(route.takes) if route.takes is not None else None
    open_to_all = route.who == ("public",)
    key = f"{route.method} {route.path} "

    async def endpoint(request: Request) -> Response:
        now = moment()
        language = language_of(
            request.query_params, request.cookies, request.headers.get("accept-language", "")
        )
        try:
            caller = authenticate(request.headers, request.cookies, now) or PUBLIC
            if not open_to_all and not route.allows(caller):
                return _refused(caller, route, request, language)
            if wait := limits.allow(key + (caller.id or _host(request)), route.limit, monotonic()):
                return _respond(
                    problems.problem("TOO_MANY", 429, problems.TOO_MANY, language, Retry_After=str(wait))
                )
            raw = await _body(request) if route.method not in ("GET", "HEAD") else b""
            if raw is None:
                return _respond(problems.problem("TOO_LARGE", 413, problems.TOO_LARGE, language))
            if caller.kind == "staff" and route.method != "GET" and not _same_origin(request):
                return _respond(problems.problem("OTHER_ORIGIN", 403, problems.NOT_YOURS, language))
            repeat = request.headers.get("idempotency-key", "") if raw else ""
            who = f"{caller.kind}:{caller.id or _host(request)}"
            if repeat and (earlier := replies.known(who, repeat, key, raw, monotonic())):
                return _respond(earlier)
            call = Call(
                caller,
                now,
                request.path_params,
                request.query_params,
                request.headers,
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
            return _respond(answer)
        except Refusal as refusal:
            return _respond(problems.from_refusal(refusal, language))
        except msgspec.DecodeError as fault:
            return _respond(problems.from_refusal(problems.from_validation(fault), language))
        except UnicodeDecodeError:
            return _respond(problems.problem("NOT_UTF8", 422, problems.NOT_YOURS, language))
        except Exception as fault:  # noqa: BLE001 - the last line of defence: log the kind, never the content
            _log.error("%s %s failed: %s", route.method, route.path, type(fault).__name__, exc_info=fault)
            return _respond(problems.problem("OUR_FAULT", 500, problems.OUR_FAULT, language))

    return endpoint


def _refused(caller: Caller, route: Route, request: Request, language: str) -> Response:
    if caller is PUBLIC or caller.kind == "public":
        if route.page:
            return Response(
                status_code=303, headers={**SECURITY, "Location": f"/sign-in?next={request.url.path}"}
            )
        return _respond(problems.problem("NOT_SIGNED_IN", 401, problems.NOT_SIGNED_IN, language))
    return _respond(problems.problem("NOT_FOUND", 404, problems.NOT_YOURS, language))


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _same_origin(request: Request) -> bool:
    """A staff cookie works only from our own pages (Fetch Metadata; Origin for browsers without it)."""
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.split("://", 1)[-1] == request.headers.get("host")


def _host(request: Request) -> str:
    return request.client.host if request.client else ""


def _respond(answer: Answer) -> Response:
    body = answer.body
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = _encode(body)
    headers = {**SECURITY, "Cache-Control": "no-store", **answer.headers}
    media = f"{answer.media}; charset=utf-8" if answer.media.startswith("text/") else answer.media
    return Response(body, answer.status, headers, media)


def _constant(body: bytes, media: str) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001
        return Response(body, 200, SECURITY, media)

    return endpoint


def _face(face: Face) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001
        return Response(face.body, 200, face.headers, face.media)

    return endpoint
