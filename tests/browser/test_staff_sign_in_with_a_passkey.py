"""A worker comes with an invitation, makes a passkey, signs in with it and confirms, by keyboard, in both languages;
the authenticator is Chromium's own virtual one. Then the worker leaves and is out at the next click."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from pratique.app import web_app
from pratique.peers import free_port
from pratique.people import service as people
from pratique.people.model import Invitation
from pratique.port import Port, open_port
from pratique.settings import Settings
from tests.browser.conftest import SHOTS, Watched

DESK = {"width": 1280, "height": 900}


class Server:
    """The real server on localhost, where a browser binds passkeys."""

    def __init__(self, home: Path) -> None:
        self.number = free_port(40_000 + os.getpid() % 5000 * 2)
        self.url = f"http://localhost:{self.number}"
        self.port: Port = open_port(Settings(home=home, port=self.number, address=self.url))
        config = uvicorn.Config(
            web_app(self.port), host="127.0.0.1", port=self.number, lifespan="off", log_level="error"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def invite(self, role: str) -> Invitation:
        moment = self.port.moment()
        return self.port.store.write(
            lambda tx: people.invite_staff(tx, moment, None, name="Test Curlew 测试杓鹬", role=role)
        )

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.port.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture
def watched(browser: Browser, server: Server) -> Iterator[Watched]:
    made = Watched(browser, server.url)
    yield made
    made.close()


def with_device(page: Page) -> None:
    """Plug a virtual authenticator in that verifies its user."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def press(page: Page, selector: str) -> None:
    """By keyboard: go there, press Enter."""
    page.locator(selector).focus()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_works(watched: Watched, server: Server, language: str) -> None:
    invitation = server.invite("reviewer")
    page = watched.page(f"/sign-in?code={invitation.token}", language, viewport=DESK)
    with_device(page)
    press(page, "form[action='/sign-in'] button")
    page.wait_for_url("**/console/passkey")
    page.screenshot(path=SHOTS / f"passkey-{language}.png")
    press(page, "[data-passkey=register]")
    page.wait_for_url("**/console")

    page.context.clear_cookies()
    page.goto(server.url + "/console/notices")
    page.wait_for_url("**/sign-in?next=**")
    page.screenshot(path=SHOTS / f"sign-in-{language}.png")
    press(page, "[data-passkey='sign-in']")
    page.wait_for_url(server.url + "/console/notices")

    page.goto(server.url + "/console/confirm?next=/console/notices")
    press(page, "[data-passkey='step-up']")
    page.wait_for_url(server.url + "/console/notices")

    moment = server.port.moment()
    server.port.store.write(lambda tx: people.end_staff(tx, moment, invitation.staff.id))
    page.goto(server.url + "/console/notices")
    page.wait_for_url("**/sign-in?next=**")
    press(page, "[data-passkey='sign-in']")
    expect(page.locator("#said-sign-in")).to_have_class("note hold")


def test_a_stranger_with_a_device_of_their_own_is_told_so(watched: Watched) -> None:
    page = watched.page("/sign-in", "en", viewport=DESK)
    with_device(page)
    press(page, "[data-passkey='sign-in']")
    with contextlib.suppress(AssertionError):
        expect(page.locator("#said-sign-in")).to_have_class("note hold", timeout=4000)
    expect(page).to_have_url("**/sign-in".replace("**", watched.url))
