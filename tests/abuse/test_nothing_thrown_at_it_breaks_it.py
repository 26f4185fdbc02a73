"""Forms from other sites, scripts in every text, bodies of every wrong kind, floods, replays, a clock set back."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pratique.app import web_app
from pratique.console.model import COOKIE
from pratique.people import service as people
from pratique.people.model import ContactCard
from pratique.port import open_port
from pratique.settings import Settings
from tests.abuse.house import NOBODY, House, fill

SCRIPT = "<script>alert(1)</script>"
TEXTS = [
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "'--; DROP TABLE subject;",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "javascript:alert(1)//",
    "金丝雀 కానరీ كناري канарейка कैनरी 카나리아",
    "\u202egnp.exe\u202c",
    'O\'Brien & "Søns" ﷽ 🧪',
    "a\u0300" * 40,
]
RAW = ("<script>alert", "<img src=x", "onerror=alert(1)>")


def test_it_works(house: House) -> None:
    assert house.client("console").get("/console").status_code == 200


def test_a_form_on_another_site_does_nothing(house: House) -> None:
    """CSRF: every route that changes something under a staff cookie, from every kind of elsewhere."""
    elsewhere = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.testserver"},
    )
    wrong = []
    for route in house.table:
        if route.method == "GET" or {"public", "holder"} & set(route.who) or not house.reached(route):
            continue
        who = next(iter(house.callers(route)))
        for headers in elsewhere:
            status = house.send(who, route, fill(route.path, NOBODY), headers=headers).status_code
            if status != 403:
                wrong.append(f"{route.method} {route.path} {headers}: {status}")
    assert wrong == []


def test_the_cookie_of_staff_is_out_of_reach(house: House) -> None:
    moment = house.port.moment()
    made = house.port.store.write(
        lambda tx: people.invite_staff(tx, moment, None, name="Test", role="console", trial=True)
    )
    answer = house.client().post("/sign-in", data={"code": made.token})
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {
        p.strip() for p in answer.headers["set-cookie"].split(";")
    }
    again = house.client().post("/sign-in", data={"code": made.token})
    assert again.status_code == 404


@pytest.mark.parametrize("text", TEXTS)
def test_a_script_in_any_text_stays_text(house: House, text: str) -> None:
    """Planted wherever somebody may write, then every page is looked at."""
    port, moment = house.port, house.port.moment()
    worker = house.client("console")
    port.store.write(lambda tx: people.invite_staff(tx, moment, None, name=text[:100], role="console"))
    notice = house.notice_ids[0]
    house.client("other").post(f"/v1/notices/{notice}/appeals", json={"text": text})
    mandate = house.town.mandate_id
    wish = {
        "mandate_id": mandate,
        "purpose": "audit",
        "reason": text.ljust(10, "."),
        "recipient": text.ljust(3, "."),
    }
    assert worker.post("/v1/exports", json=wish).status_code in (201, 422, 429)
    if text.isprintable():
        card = ContactCard(text[:200], "+86 000 5550 0177", "en")
        port.store.write(lambda tx: people.write_card(tx, moment, port.sealer, house.other.subject_id, card))
    for route in house.table:
        if route.method != "GET" or not route.page or "{" in route.path:
            continue
        for who in house.callers(route)[:2] or [""]:
            answer = house.client(who).get(route.path, params={"code": text, "next": text, "lang": text})
            assert answer.status_code < 500, route.path
            assert [raw for raw in RAW if raw in answer.text] == [], route.path


def test_after_signing_in_nobody_is_led_away(house: House) -> None:
    for to in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil",
    ):
        for path in ("/sign-in", "/console/confirm"):
            answer = house.client("console").get(path, params={"next": to})
            assert 'value="/console"' in answer.text or 'data-next="/console"' in answer.text


BODIES = [
    b"", b"null", b"[]", b"0", b'"x"', b"{", b"\xff\xfe", b"{}" * 10, b"[" * 100_000, b'{"a":' * 50_000,
    b'{"id":NaN}', b'{"a":1,"a":2}', b"<xml/>", b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--", bytes(1000),
    b'{"text":"\\ud800"}', b'{"text":1e999}',
]  # fmt: skip


def test_no_body_of_any_wrong_kind_is_a_fault_of_ours(house: House) -> None:
    wrong = []
    for route in house.table:
        if (
            route.method == "GET" or route.path == "/v1/forget"
        ):  # which asks for nothing and does what it says
            continue
        who = next(iter(house.callers(route)), "")
        client = house.client("" if "public" in route.who else who)
        for body in BODIES:
            answer = client.request(route.method, fill(route.path, NOBODY), content=body)
            if answer.status_code >= 500 and answer.status_code != 503:
                wrong.append(f"{route.method} {route.path} {body[:20]!r}: {answer.status_code}")
            if route.takes is not None and answer.status_code < 300:
                wrong.append(f"{route.method} {route.path} took {body[:20]!r}")
    assert wrong == []


def test_what_is_too_large_is_said_so_and_not_read_to_its_end(house: House) -> None:
    for route in house.table:
        if route.method == "GET" or not house.reached(route):
            continue
        who = next(iter(house.callers(route)), "")
        client = house.client("" if "public" in route.who else who)
        answer = client.request(route.method, fill(route.path, NOBODY), content=b"x" * (route.largest + 1))
        assert answer.status_code in (413, 429), f"{route.method} {route.path}: {answer.status_code}"


def test_no_field_can_be_smuggled_in(house: House) -> None:
    wrong = []
    for route in house.table:
        if route.takes is None or route.method == "GET" or not house.reached(route):
            continue
        who = next(iter(house.callers(route)), "")
        client = house.client("" if "public" in route.who else who)
        for field in ("role", "state", "status", "owner", "subject_id_", "is_admin", "lat"):
            body = house.body(route)["json"] | {field: "x"}
            answer = client.request(route.method, fill(route.path, NOBODY), json=body)
            if answer.status_code == 429:
                continue
            if answer.status_code != 422 or (answer.json()["code"], answer.json()["field"]) != (
                "UNKNOWN_FIELD",
                field,
            ):
                wrong.append(f"{route.method} {route.path} {field}: {answer.status_code} {answer.text[:80]}")
    assert wrong == []


def test_an_idempotency_key_is_good_for_one_request_of_one_caller(house: House) -> None:
    path, headers = f"/v1/notices/{house.notice_ids[0]}/appeals", {"Idempotency-Key": "k-1"}
    first = house.client("other").post(path, json={"text": "a"}, headers=headers)
    again = house.client("other").post(path, json={"text": "a"}, headers=headers)
    assert (first.status_code, first.text) == (again.status_code, again.text) or first.status_code >= 300
    if first.status_code < 300:
        other = house.client("other").post(path, json={"text": "b"}, headers=headers)
        assert other.status_code == 409
    assert house.client("me").post(path, json={"text": "a"}, headers=headers).status_code == 404


def test_a_flood_of_appeals_is_slowed_down_and_says_when_to_come_back(house: House) -> None:
    path = f"/v1/notices/{house.notice_ids[0]}/appeals"
    answers = [house.client("other").post(path, json={"text": f"again {n}"}) for n in range(80)]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in late)
    assert house.client("me").get("/v1/wallet").status_code == 200


def test_one_token_does_not_pull_everything(house: House) -> None:
    answers = [house.client("me").get("/v1/wallet").status_code for _ in range(700)]
    assert 429 in answers
    assert answers.index(429) >= 600


def test_a_clock_set_back_opens_and_ends_nothing(tmp_path: Path) -> None:
    """Signed in at noon, then the machine shows yesterday: no card is fresh; a day ahead, the session is over."""
    ahead = [timedelta(0)]
    real = open_port(Settings(home=tmp_path))
    clock = real.clock
    port = real._replace(clock=lambda: clock() + ahead[0])
    moment = port.moment()
    made = port.store.write(
        lambda tx: people.invite_staff(tx, moment, None, name="Test", role="duty-doctor", trial=True)
    )
    session = port.store.write(lambda tx: people.accept_invite(tx, moment, made.token))
    client = TestClient(web_app(port), follow_redirects=False)
    client.cookies.set(COOKIE, session.token)
    assert client.get("/console").status_code == 200
    ahead[0] = timedelta(days=-1)
    with port.store.read() as tx:
        kept = people.staff_session(tx, port.moment().now, session.token)
    assert kept is not None
    with pytest.raises(people.StepUp):
        people.must_be_fresh(kept.staff.asserted_at, port.moment().now)
    ahead[0] = timedelta(days=1)
    assert client.get("/console").status_code == 303
    real.close()


def test_a_former_worker_is_out_between_two_clicks(house: House) -> None:
    port, moment = house.port, house.port.moment()
    made = port.store.write(
        lambda tx: people.invite_staff(tx, moment, None, name="Test", role="reviewer", trial=True)
    )
    client = house.client()
    client.post("/sign-in", data={"code": made.token})
    assert client.get("/console/notices").status_code == 200
    port.store.write(lambda tx: people.end_staff(tx, port.moment(), made.staff.id))
    assert client.get("/console/notices").status_code == 303
    assert client.post("/v1/staff/step-up/ask").status_code == 401


def test_no_refusal_repeats_what_was_sent(house: House) -> None:
    """Incident S17: error texts never interpolate input."""
    planted = "planted-canary-7731"
    for route in house.table:
        if route.takes is None or route.page:
            continue
        body = house.body(route)["json"]
        for field in body:
            answer = house.send("me", route, fill(route.path, planted), json=body | {field: planted})
            assert planted not in json.dumps(answer.json()).replace(f'"field": "{planted}"', ""), route.path
