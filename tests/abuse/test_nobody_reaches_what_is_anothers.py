"""Who may call what, and whose: generated from the route table, so that no new route can forget it (incidents S01–S05,
S08, S12–S16)."""

import pytest

from pratique.console.model import COOKIE
from pratique.people.tokens import make_token
from tests.abuse.house import LATER, NOBODY, House, fill, said

UNREAL = "/v1/no-such-thing"


def test_it_works(house: House) -> None:
    assert len(house.table) > 50
    assert house.client("me").get("/v1/wallet").status_code == 200
    assert house.client("console").get("/console").status_code == 200


def test_without_a_token_nothing_answers_but_what_is_public(house: House) -> None:
    wrong = []
    for route in house.table:
        if "public" in route.who:
            continue
        answer = house.send("", route, fill(route.path, NOBODY))
        good = (
            answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            if route.page
            else (answer.status_code == 401)
        )
        if not good:
            wrong.append(f"{route.method} {route.path}: {answer.status_code}")
    assert wrong == []


def test_every_other_role_meets_the_same_nothing(house: House) -> None:
    nothing = said(house.client("me").get(f"/v1/devices/{NOBODY}"))
    assert nothing[0] == 404
    wrong = []
    for route in house.table:
        for who in house.strangers(route):
            status, body = said(house.send(who, route, fill(route.path, NOBODY)))
            if (status, body) != nothing:
                wrong.append(f"{who}: {route.method} {route.path}: {status} {body}")
    assert wrong == []


def test_somebody_elses_id_sounds_like_one_that_does_not_exist(house: House) -> None:
    """Every route with an id in its path, every caller who may use it at all, every id that exists."""
    wrong = []
    for route in house.table:
        if "{" not in route.path or "public" in route.who:
            continue
        for who in house.callers(route):
            missing = said(house.send(who, route, fill(route.path, NOBODY)))
            for foreign in house.foreign_ids:
                if who != "me" and foreign in (
                    house.export_id,
                    house.appeal_id,
                    *house.notice_ids,
                    house.town.mandate_id,
                ):
                    continue  # within the worker's own work; each room holds that in its own tests
                if who != "me" and foreign in (house.town.campaign_id, house.town.site_id):
                    continue
                answer = said(house.send(who, route, fill(route.path, foreign)))
                if answer != missing:
                    wrong.append(
                        f"{who}: {route.method} {route.path} with {foreign}: {answer[0]} not {missing[0]}"
                    )
    assert wrong == []


def test_what_is_another_askers_export_is_nothing(house: House) -> None:
    for act in ("copy", "destroyed"):
        path = f"/v1/exports/{house.export_id}/{act}"
        mine, theirs = (house.client(who).post(path) for who in ("campaign-officer", "mandate-officer"))
        assert mine.status_code in (200, 422)
        assert said(theirs) == said(house.client("mandate-officer").post(f"/v1/exports/{NOBODY}/{act}"))
    assert house.client("mandate-officer").get("/v1/exports").json() == {"exports": []}


def test_no_route_takes_a_number_or_a_name_as_a_key(house: House) -> None:
    parameters = {
        parameter["name"]
        for methods in house.document["paths"].values()
        for operation in methods.values()
        for parameter in operation["parameters"]
    }
    assert (
        parameters & {"phone", "person", "holder_name", "national_id", "passport", "birthday", "id_number"}
        == set()
    )


def test_guessed_changed_and_old_tokens_open_nothing(house: House) -> None:
    port, now = house.port, house.port.moment().now
    good = house.tokens["me"]
    other = make_token(port.secret, "gate", house.me.subject_id, now + LATER)
    old = make_token(port.secret, "holder", house.me.subject_id, now - LATER)
    forged = make_token(bytes(32), "holder", house.other.subject_id, now + LATER)
    swapped = house.tokens["other"][:21] + good[21:]
    for token in (
        other,
        old,
        forged,
        swapped,
        good[:-1],
        good + "A",
        good[:-1] + "=",
        "é",
        "",
        "null",
        "x" * 70,
    ):
        answer = house.client().get("/v1/wallet", headers={"Authorization": f"Bearer {token}".encode()})
        assert answer.status_code == 401, token
    for cookie in ("", "x", good, house.sessions["console"][:-1], house.sessions["console"] + "A"):
        client = house.client()
        client.cookies.set(COOKIE, cookie)
        assert client.get("/console").status_code == 303


def test_a_holders_token_is_no_session_and_a_session_no_token(house: House) -> None:
    client = house.client()
    client.cookies.set(COOKIE, house.tokens["me"])
    assert client.get("/console").status_code == 303
    answer = house.client().get(
        "/v1/wallet", headers={"Authorization": f"Bearer {house.sessions['console']}"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_no_method_beyond_those_declared(house: House, method: str) -> None:
    for path in ("/v1/wallet", "/console", "/openapi.json", "/static/", "/"):
        assert house.client("console").request(method, path).status_code in (404, 405), path


def test_unknown_paths_and_folders_are_nothing(house: House) -> None:
    for path in (
        UNREAL, "/static", "/static/", "/static/../app.py", "/static/%2e%2e/app.py", "/.git/config", "/console/../etc",
        "/log/", "/v1", "/v1/", "/admin", "/server-status", "/pratique.db", "/keys",
    ):  # fmt: skip
        assert house.client().get(path).status_code in (404, 405), path
