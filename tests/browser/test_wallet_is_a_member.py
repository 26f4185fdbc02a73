"""The wallet at an organisation's door: a pass, a receipt, a week handed in, a visitor and the host who is told.

The wallet's answers are judged by the gate's own functions, and the other way round; the doorbell is the server's.
"""

import asyncio
import json
import re
import secrets
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from pratique.core.moment import Moment
from pratique.credentials import doorbell
from pratique.credentials.jose import b64url
from pratique.credentials.receipt import make_receipt, make_ring
from pratique.gate.door import Admitted, decide_door
from pratique.gate.model import FailTable
from pratique.membership import api
from pratique.membership import register as reg
from pratique.membership.attendance import check
from pratique.membership.doorbell import Relay
from pratique.membership.offer import Offer, offer_text
from pratique.web.faces import read_faces
from pratique.web.serve import build_app
from tests.browser.conftest import Watched, read_code
from tests.browser.test_wallet_site_gate_are_for_everybody import judged
from tests.membership.making import CLUB, Club


def now() -> datetime:
    return datetime.now(UTC)


class House(Club):
    """A club, and a server that has the faces and the doorbell, nothing else."""

    def __init__(self) -> None:
        super().__init__()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        app = build_app(
            api.routes(Relay()), lambda *_: None, lambda: Moment(now(), secrets.token_bytes), read_faces()
        )
        self._server = uvicorn.Server(
            uvicorn.Config(app, "127.0.0.1", port, log_level="error", lifespan="off")
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    def offers(self, key: str) -> str:
        self.register, made = reg.with_member(
            self.register, self.member, key, "7", now() - timedelta(minutes=5), timedelta(days=9), hosts=True
        )
        return offer_text(Offer(made, self.member.public_key, CLUB))

    def judges(self, text: str) -> tuple[str, str, Admitted]:
        lists = self.loaded(now())
        assert lists.door is not None
        self.certificate = lists.door.door.certificate
        judged, admitted = decide_door(lists.door, text, now(), "good", lists, FailTable(), lambda _: False)
        return judged.decision.outcome, judged.decision.reason, admitted

    def rings(self, admitted: Admitted) -> bool:
        assert admitted.bell is not None
        said = make_ring(self.gates[0].sign, self.certificate, admitted.invitation, now())
        sealed = b64url(doorbell.seal(admitted.bell.key, said))
        body = json.dumps({"box": b64url(admitted.bell.box), "sealed": sealed}).encode()
        asked = urllib.request.Request(
            f"{self.url}/v1/doorbell-rings", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return bool(json.load(answer)["reached"])


@pytest.fixture
def house() -> Iterator[House]:
    running = House()
    yield running
    running.close()


@pytest.fixture
def phones(browser: Browser, house: House) -> Iterator[Watched]:
    watched = Watched(browser, house.url)
    yield watched
    watched.close()


def shown(page: Page) -> str:
    """What a camera reads once the code has found its size: it is looked at as a camera does, again and again."""
    page.locator(".code-box svg").wait_for()
    for _ in range(40):
        if (text := read_code(page)).startswith("PQM1:"):
            return text
        page.wait_for_timeout(100)
    raise AssertionError("no code of a door is shown")


def test_it_works(phones: Watched, house: House) -> None:
    page = phones.page("/wallet/#/join")
    key = page.locator("[data-key]").get_attribute("data-key") or ""
    page.get_by_label("What the organisation sent you").fill(offer := house.offers(key))
    page.get_by_role("button", name="Take it").click()
    outcome, reason, admitted = house.judges(shown(page))
    assert (outcome, reason) == ("clear", "member")

    page.get_by_role("link", name="Take a receipt").click()
    other = make_receipt(house.gates[0].sign, house.certificate, bytes(16), b"\x02" + bytes(32), now())
    own = make_receipt(
        house.gates[0].sign, house.certificate, secrets.token_bytes(16), admitted.member, now()
    )
    for text, role in ((other, "alert"), (own, "status")):
        page.get_by_label("Or its text").fill(text)
        page.get_by_role("button", name="Take it").click()
        expect(
            page.get_by_role(role).filter(has_text="North door" if text is own else "not a receipt")
        ).to_be_visible()
    page.get_by_role("link", name="Memberships and visits").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Hand in this week").click()
    found = check([("week", saved.value.path().read_bytes())], house.register, house.keys())
    assert [(row.member, row.door) for row in found.rows] == [("7", "北门 / North door")]
    assert found.refused == ()

    page.get_by_role("link", name=re.compile(CLUB.en)).click()
    page.get_by_role("button", name="Invite a visitor").click()
    expect(page.get_by_role("status").filter(has_text="Waiting for your visitor")).to_be_visible()
    link = page.locator("[data-link]").get_attribute("data-link") or ""

    guest = phones.page(link.removeprefix(house.url), "zh-CN")
    expect(guest.get_by_role("heading", name=f"拜访 {CLUB.zh_hans}")).to_be_visible()
    assert "#/visit/" not in guest.evaluate("location.href")
    outcome, reason, admitted = house.judges(shown(guest))
    assert (outcome, reason) == ("clear", "visitor")
    assert house.rings(admitted)
    expect(page.get_by_role("alert")).to_have_text("Your visitor is at the door: North door")

    for seen, language, place in (
        (page, "en", "members"),
        (page, "en", "join"),
        (guest, "zh-Hans", "receipt"),
    ):
        seen.goto(f"{house.url}/wallet/#/{place}")
        seen.locator("h1").wait_for()
        seen.wait_for_timeout(250)
        assert judged(seen, language, False) == []
    stranger = phones.page(f"/wallet/#/member/{offer}")
    expect(stranger.get_by_role("alert")).to_contain_text("not for a key of this phone")
