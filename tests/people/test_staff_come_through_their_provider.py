"""Sign-in at a real OpenID Connect provider over real sockets: linked once, signed in, and no lie of it accepted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from pratique.app import web_app
from pratique.people import service as people
from pratique.people.provider import BACK
from pratique.port import Port, open_port
from pratique.settings import Settings
from tests.people.oidc_peer import CLIENT, SECRET, Provider


class House:
    """Our server with the provider set, and browsers that follow the whole way."""

    def __init__(self, home: Path) -> None:
        self.provider = Provider()
        self.port: Port = open_port(
            Settings(
                home=home,
                address="http://testserver",
                oidc_issuer=self.provider.issuer,
                oidc_client_id=CLIENT,
                oidc_client_secret=SECRET,
            )
        )
        self.provider.back = "http://testserver" + BACK
        self.app = web_app(self.port)

    def browser(self) -> TestClient:
        return TestClient(self.app, follow_redirects=False)

    def invitation(self, role: str = "reviewer") -> str:
        moment = self.port.moment()
        made = self.port.store.write(
            lambda tx: people.invite_staff(tx, moment, None, name="Test Turnstone", role=role)
        )
        return made.token

    def leave(self, browser: TestClient, to: str = "/console") -> str:
        """Go to the provider and let it send the browser back: the address it is sent to."""
        away = browser.get("/sign-in/provider", params={"next": to})
        assert away.status_code == 303, away.text
        back = httpx2.get(away.headers["location"], follow_redirects=False)
        assert back.status_code == 302, back.text
        parts = urlsplit(back.headers["location"])
        return f"{parts.path}?{parts.query}"

    def come(self, browser: TestClient, to: str = "/console") -> httpx2.Response:
        return browser.get(self.leave(browser, to))

    def close(self) -> None:
        self.provider.close()
        self.port.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def linked(house: House) -> TestClient:
    browser = house.browser()
    assert (
        browser.post("/sign-in", data={"code": house.invitation()}).headers["location"] == "/console/passkey"
    )
    assert browser.get("/console").status_code in (303, 404)
    assert house.come(browser).status_code == 200
    return browser


def test_it_works(house: House) -> None:
    browser = linked(house)
    assert browser.get("/console").status_code == 200

    other = house.browser()
    answer = house.come(other, "/console/notices")
    assert 'content="0; url=/console/notices"' in answer.text
    assert other.get("/console").status_code == 200


def test_who_has_no_account_here_is_not_let_in_and_gets_none(house: House) -> None:
    answer = house.come(house.browser())
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
    with house.port.store.read() as tx:
        assert people.list_staff(tx) == []


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://elsewhere.example"},
    "for another client": {"aud": "somebody-else"},
    "for two, ours not first named": {"aud": [CLIENT, "x"], "azp": "x"},
    "expired": {"exp": 1_000_000_000},
    "from the future": {"iat": 4_000_000_000},
    "another sign-in's nonce": {"nonce": "n"},
    "no subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "a time that is no number": {"exp": "soon"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_no_lie_of_a_token_signs_anybody_in(house: House, lie: dict[str, Any]) -> None:
    linked(house)
    house.provider.said = lie
    browser = house.browser()
    assert house.come(browser).status_code == 422
    assert browser.get("/console").status_code == 303


def test_a_token_of_another_key_or_of_a_shared_secret_is_refused(house: House) -> None:
    linked(house)
    house.provider.sign_with = RSAKey.generate_key(2048, {"kid": "k1"})
    assert house.come(house.browser()).status_code == 422
    # The classic confusions: the provider's public key used as an HMAC secret, and no signature at all.
    for algorithm in ("HS256", "none"):
        house.provider.algorithm = algorithm
        assert house.come(house.browser()).status_code == 422


def test_a_way_back_works_once_and_only_in_the_browser_that_left(house: House) -> None:
    linked(house)
    browser, thief = house.browser(), house.browser()
    back = house.leave(browser)
    assert thief.get(back).status_code == 422
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 422
    state = parse_qs(urlsplit(house.leave(browser)).query)["state"][0]
    assert browser.get(BACK, params={"state": state, "code": "guessed"}).status_code == 422
    assert browser.get(BACK).status_code == 422


def test_the_provider_confirms_only_who_really_signed_in_again(house: House) -> None:
    browser = linked(house)
    house.provider.said = {"auth_time": 1_000_000_000}
    assert house.come(browser).status_code == 422
    house.provider.said, house.provider.subject = {}, "kc-0002"
    assert house.come(browser).status_code == 422
    house.provider.subject = "kc-0001"
    answer = house.come(browser, "/console/notices")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_a_former_worker_is_known_to_the_provider_and_not_to_us(house: House) -> None:
    browser = linked(house)
    with house.port.store.read() as tx:
        ((staff, _, _),) = people.list_staff(tx)
    house.port.store.write(lambda tx: people.end_staff(tx, house.port.moment(), staff.id))
    assert browser.get("/console").status_code == 303
    assert house.come(house.browser()).status_code == 422


def test_a_provider_that_is_down_or_another_is_said_so(house: House) -> None:
    house.provider.issuer += "/other"
    assert house.browser().get("/sign-in/provider").status_code == 422
    house.provider.server.shutdown()
    house.provider.server.server_close()
    assert house.browser().get("/sign-in/provider").status_code == 422
