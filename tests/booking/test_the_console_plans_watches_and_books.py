"""Planner, board and counter as pages: real server, real tables, both languages, every refusal a sentence."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pratique import town
from pratique.app import desk_of, web_app
from pratique.console.model import COOKIE
from pratique.core.canonical import canonical_json
from pratique.core.moment import to_ms
from pratique.core.text import Text
from pratique.peers import SiteDevice, b64
from pratique.people import service as people
from pratique.port import Port, open_port
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import pools, service
from pratique.testing.board import hearing, site_board
from pratique.testing.booking import lines
from pratique.testing.booking import service as booking
from pratique.testing.planning import Terms, plan, positive_share

LANGUAGES = ("zh-Hans", "en")


class Office:
    """A founded town and a colleague who is signed in."""

    def __init__(self, home: Path) -> None:
        self.port: Port = open_port(Settings(home=home))
        self.made = town.found(self.port, self.port.moment())
        self.client = TestClient(web_app(self.port, desk_of(self.port)), follow_redirects=True)

        def join(tx: Tx) -> str:
            moment = self.port.moment()
            invited = people.invite_staff(
                tx, moment, None, name="Synthetic colleague", role="console", trial=True
            )
            return people.accept_invite(tx, moment, invited.token).token

        self.client.cookies.set(COOKIE, self.port.store.write(join))

    def see(self, path: str, language: str = "en") -> str:
        answer = self.client.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, status: int = 200, **form: str) -> str:
        answer = self.client.post(path, data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.port.close()


def test_it_works(office: Office) -> None:
    for path in ("/console/planner", "/console/board", "/console/booking"):
        texts = [office.see(path, language) for language in LANGUAGES]
        assert texts[0] != texts[1]


@pytest.mark.parametrize(
    ("percent", "advised", "called"),
    [(0.01, 10, 2_000), (0.1, 10, 19_900), (1.0, 10, 191_000), (2.0, 5, 961_000), (6.0, 1, 0)],
)
def test_the_advice_follows_the_people_called_back(percent: float, advised: int, called: int) -> None:
    """The published rows: 2,000 called back at 0.01 %, 19,900 at 0.1 %, 191,000 at 1 % in tubes of ten; from ten to
    five above about 10 % of tubes, single tubes above 5 %."""
    made = plan(Terms(2_000_000, percent / 100, together=False))

    assert made.advised == advised
    if advised == 10:
        assert made.options[2].called_back == pytest.approx(called, rel=0.01)
    assert made.options[0].called_back == 0


def test_tests_agree_with_the_pool_mathematics() -> None:
    for p in (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        made = plan(Terms(10_000_000, p, together=False))
        for row in made.options[1:]:
            assert row.tests_per_person == pytest.approx(pools.dorfman(p, row.size), abs=1e-4)
        assert made.least_tests == min(range(1, 33), key=lambda k: pools.dorfman(p, k))


def test_households_together_need_fewer_call_backs() -> None:
    """Published: 0.996 % of ten-tubes become 0.38 %, 9.6 % become 3.8 %."""
    assert positive_share(0.001, 10, together=False) == pytest.approx(0.00996, abs=1e-5)
    assert positive_share(0.001, 10, together=True) == pytest.approx(0.0038, abs=1e-4)
    assert positive_share(0.01, 10, together=True) == pytest.approx(0.038, abs=1e-3)


def test_staff_keep_up_with_the_busiest_hour() -> None:
    made = plan(Terms(2_000_000, 0.001)).staff

    assert (made.sites, made.samplers, made.even_lanes) == (800, 5556, 1091)
    assert made.lanes == 1970  # 258,000 people in the busiest hour, 131 a lane


def test_a_number_that_is_none_is_refused_by_its_name(office: Office) -> None:
    for field, value, said in (
        ("people", "many", "People: a whole number"), ("prevalence", "80", "0 to 50 percent"),
        ("hours", "0", "1 to 24"), ("sensitivity", "3", "50 to 100"), ("machines", "", "Instruments"),
        ("lane", "-1", "1 to 1000"),
    ):  # fmt: skip
        asked = {"people": "1000", "prevalence": "1"} | {field: value}
        query = "&".join(f"{name}={text}" for name, text in asked.items())
        assert said in office.see(f"/console/planner?{query}")


def test_the_board_shows_lines_and_who_is_not_heard(office: Office) -> None:
    port, site = office.port, office.made.site_id
    assert "not yet" in office.see("/console/board")
    device = SiteDevice(site)

    def enrol(tx: Tx) -> str:
        token = service.make_device_token(tx, port.moment(), site)
        return service.enrol_device(tx, port.moment(), token, device.public_key).device_id

    device.device_id = port.store.write(enrol)
    plain = {"dev": device.device_id, "at": to_ms(port.clock()), "waiting": 262, "unsent": 4}
    line = plain | {"sig": b64(device._key.sign(canonical_json(plain)))}
    assert office.client.post("/v1/lines", json=line).status_code == 200
    assert office.client.post("/v1/lines", json=line | {"waiting": 1}).status_code == 422
    assert office.client.post("/v1/lines", json=line | {"where": "x"}).status_code == 422

    page = office.see("/console/board")
    assert "60 min" in page  # 262 people, two lanes of 131 an hour
    assert ">262<" in page
    with port.store.read() as tx:
        later = site_board(tx, port.clock() + timedelta(minutes=16), office.made.campaign_id)[0]
    assert (later.hearing, later.unsent) == ("down", 4)
    assert hearing(None, port.clock()) == "new"
    assert "no site fits" in office.see("/console/board?only=down").lower()

    office.send(f"/console/board/phones/{device.device_id}/lost")
    assert "declared lost" in office.see("/console/board")
    assert "no such device" in office.send(f"/console/board/phones/{'0' * 26}/lost")


def test_areas_windows_and_the_counter(office: Office) -> None:
    port, made = office.port, office.made
    office.send("/console/booking/areas", campaign=made.campaign_id, en="East quay", zh="东码头")
    with port.store.read() as tx:
        area = booking.areas_of(tx, made.campaign_id)[0].id
    assert "both languages" in office.send(
        "/console/booking/areas", 409, campaign=made.campaign_id, en="", zh="x"
    )
    office.send("/console/booking/sites", area=area, site=made.site_id, expected="1500")
    office.send("/console/booking/home", area=area, per_hour="8")
    assert "whole number" in office.send("/console/booking/home", 409, area=area, per_hour="eight")

    def slip(tx: Tx) -> str:
        subject = people.create_subject(tx, port.moment(), "paper")
        return people.make_claim_code(tx, port.moment(), port.secret, subject)

    claim = port.store.write(slip)
    with port.store.read() as tx:
        places = lines.windows(tx, port.clock(), made.campaign_id, port.zone)
    slot = places[0].windows[3].slot_id
    page = office.send("/console/booking/counter", claim=claim, slot=slot)
    assert "Ticket" in page
    with port.store.read() as tx:
        after = lines.windows(tx, port.clock(), made.campaign_id, port.zone)
    assert after[0].windows[3].free == places[0].windows[3].free - 1
    assert office.send("/console/booking/counter", 409, claim="AAAAAAAAAA", slot=slot)


def test_a_holder_books_moves_and_gives_back_over_http(office: Office) -> None:
    port, made = office.port, office.made

    def build(tx: Tx) -> str:
        moment = port.moment()
        area = booking.add_area(tx, moment, made.campaign_id, Text("East quay", "东码头"))
        booking.add_site_place(tx, area, made.site_id, expected=1500)
        opens = port.clock() + timedelta(hours=1)
        booking.open_windows(
            tx, moment, made.site_id, opens_at=opens, closes_at=opens + timedelta(hours=2), zone=port.zone
        )
        return people.create_papers(tx, moment, 1)[0]

    subject = port.store.write(build)
    token = people.token_for(port.secret, subject, port.clock())[0]
    holder = {"Authorization": f"Bearer {token}"}
    client = TestClient(web_app(port))
    shown = client.get("/v1/windows").json()["campaigns"][0]
    assert shown["walk_in"] is True
    slots = [one["slot_id"] for one in shown["places"][0]["windows"]]
    assert {"free", "wait", "start"} <= set(shown["places"][0]["windows"][0])
    assert client.get("/v1/windows?area=none").json()["campaigns"][0]["places"] == []
    assert client.post("/v1/bookings", json={"slot_id": slots[0]}).status_code == 401

    booked = client.post("/v1/bookings", json={"slot_id": slots[0]}, headers=holder)
    assert booked.status_code == 201
    assert subject not in booked.text
    assert client.post("/v1/bookings", json={"slot_id": slots[1]}, headers=holder).status_code == 201
    mine = client.get("/v1/bookings", headers=holder).json()["tickets"]
    assert [one["slot_id"] for one in mine] == [slots[1]]
    gone = client.post("/v1/bookings/cancel", json={"slot_id": slots[1]}, headers=holder)
    assert gone.json()["tickets"] == []
    refused = client.post("/v1/bookings", json={"slot_id": "0" * 26}, headers=holder)
    assert refused.status_code == 404
    assert client.post("/v1/wishes", json={"slot_ids": slots[:1]}, headers=holder).status_code == 422
    assert not re.search(subject, str(client.get("/v1/windows").content))
