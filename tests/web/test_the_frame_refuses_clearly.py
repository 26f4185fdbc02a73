"""The frame: who may call, what is refused and how it is said, over a real ASGI client."""

import asyncio
from typing import Any

import httpx2
import msgspec
import pytest

from pratique.core.errors import Busy, NotFound
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.web.frame import Answer, Call, Caller, Route, tagged
from pratique.web.languages import language_of
from pratique.web.limits import Limits
from pratique.web.serve import build_app


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    count: int


async def _echo(call: Call) -> Any:
    return call.body


async def _busy(call: Call) -> Any:
    raise Busy(retry_after=7)


async def _missing(call: Call) -> Any:
    raise NotFound("NOT_FOUND", "id", Text("there is nothing here for you", "此处没有与您有关的内容"))


async def _broken(call: Call) -> Any:
    raise RuntimeError("planted-secret")


async def _tagged(call: Call) -> Any:
    return tagged(call, b'{"a":1}')


async def _page(call: Call) -> Any:
    return Answer("<p>" + call.form.get("a", "") + "</p>", media="text/html")


ROUTES = [
    Route("POST", "/v1/things", _echo, ("public",), "echo", takes=Thing, gives=Thing),
    Route("GET", "/v1/busy", _busy, ("public",), "busy"),
    Route("GET", "/v1/mine", _missing, ("holder",), "mine"),
    Route("GET", "/v1/broken", _broken, ("public",), "broken"),
    Route("GET", "/v1/tagged", _tagged, ("public",), "tagged"),
    Route("POST", "/page", _page, ("staff:console",), "page", page=True),
    Route("GET", "/v1/rare", _tagged, ("public",), "rare", limit=2),
]


def _who(headers: Any, cookies: Any, moment: Moment) -> Caller | None:
    kind, _, role = headers.get("x-test-caller", "").partition(":")
    return Caller(kind, "someone", role) if kind else None


def _ask(
    moment: Moment, method: str, path: str, routes: list[Route] = ROUTES, **more: Any
) -> httpx2.Response:
    async def go() -> httpx2.Response:
        app = build_app(routes, _who, lambda: moment, {})
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://port.example") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def test_it_works(moment: Moment) -> None:
    answer = _ask(moment, "POST", "/v1/things", json={"name": "tube", "count": 10})

    assert answer.status_code == 200
    assert answer.json() == {"name": "tube", "count": 10}
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": "a", "count": 1, "place": "b"}, "UNKNOWN_FIELD", "place"),
        ({"name": "a"}, "MISSING_FIELD", "count"),
        ({"name": "a", "count": "secret-value"}, "BAD_FIELD", "count"),
    ],
)
def test_a_refusal_names_the_field_and_never_the_value(
    moment: Moment, body: Any, code: str, field: str
) -> None:
    answer = _ask(moment, "POST", "/v1/things", json=body, headers={"Accept-Language": "zh-CN,en;q=0.5"})
    problem = answer.json()

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["field"]) == (code, field)
    assert "字段" in problem["detail"]
    assert "secret-value" not in answer.text


def test_not_json_is_said(moment: Moment) -> None:
    assert _ask(moment, "POST", "/v1/things", content=b"{").json()["code"] == "NOT_JSON"


def test_busy_says_when_to_come_back(moment: Moment) -> None:
    answer = _ask(moment, "GET", "/v1/busy")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_nobody_is_401_and_the_wrong_one_is_404(moment: Moment) -> None:
    assert _ask(moment, "GET", "/v1/mine").status_code == 401
    wrong = _ask(moment, "GET", "/v1/mine", headers={"x-test-caller": "gate"})
    right = _ask(moment, "GET", "/v1/mine", headers={"x-test-caller": "holder"})

    assert wrong.status_code == right.status_code == 404
    assert wrong.content == right.content


def test_a_fault_of_ours_tells_nothing(moment: Moment) -> None:
    answer = _ask(moment, "GET", "/v1/broken")

    assert answer.status_code == 500
    assert "planted-secret" not in answer.text


def test_an_unchanged_answer_is_304(moment: Moment) -> None:
    first = _ask(moment, "GET", "/v1/tagged")
    again = _ask(moment, "GET", "/v1/tagged", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_staff_form_from_another_site_is_refused(moment: Moment) -> None:
    staff = {"x-test-caller": "staff:console"}
    good = _ask(moment, "POST", "/page", data={"a": "b"}, headers=staff | {"Sec-Fetch-Site": "same-origin"})
    bad = _ask(moment, "POST", "/page", data={"a": "b"}, headers=staff | {"Sec-Fetch-Site": "cross-site"})

    assert (good.status_code, good.text) == (200, "<p>b</p>")
    assert bad.status_code == 403


def test_a_body_over_a_mebibyte_is_refused(moment: Moment) -> None:
    assert _ask(moment, "POST", "/v1/things", content=b" " * (1 << 20) + b"{}").status_code == 413


def test_a_route_without_access_rule_stops_the_program(moment: Moment) -> None:
    with pytest.raises(ValueError, match="who may call"):
        build_app([Route("GET", "/v1/open", _busy, (), "open")], _who, lambda: moment, {})


def test_the_description_lists_every_route_and_no_page(moment: Moment) -> None:
    paths = _ask(moment, "GET", "/openapi.json").json()["paths"]

    assert set(paths) == {r.path for r in ROUTES if not r.page}


def test_the_same_request_again_gets_the_same_answer_and_nothing_happens_twice(moment: Moment) -> None:
    done: list[int] = []

    async def count(call: Call) -> Any:
        done.append(1)
        return {"n": len(done)}

    async def go() -> list[httpx2.Response]:
        app = build_app([Route("POST", "/v1/count", count, ("public",), "count")], _who, lambda: moment, {})
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://port.example"
        ) as client:
            return [
                await client.post("/v1/count", content=body, headers={"Idempotency-Key": key})
                for key, body in (("k1", b"a"), ("k1", b"a"), ("k1", b"b"), ("k2", b"a"))
            ]

    answers = asyncio.run(go())

    assert [a.status_code for a in answers] == [200, 200, 409, 200]
    assert [answers[n].json()["n"] for n in (0, 1, 3)] == [1, 1, 2]


def test_a_bucket_refills() -> None:
    limits = Limits()

    assert [limits.allow("k", 2, t) for t in (0.0, 0.0, 0.0, 30.0)] == [0, 0, 31, 0]


@pytest.mark.parametrize(
    ("query", "accept", "language"),
    [
        ({}, "zh-Hans-CN", "zh-Hans"),
        ({}, "fr, en;q=0.3, zh;q=0.2", "en"),
        ({"lang": "en"}, "zh", "en"),
        ({}, "", "en"),
        ({"lang": "<script>"}, "zh;q=x", "en"),
    ],
)
def test_the_language_is_the_one_asked_for(query: dict[str, str], accept: str, language: str) -> None:
    assert language_of(query, {}, accept) == language
