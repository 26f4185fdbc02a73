"""The demonstration as it is started by `make demo`, walked by hand in Chromium: wallet, console, site, laboratory,
gate with a camera. Nothing stands in for anything: the server, the MLLP socket and the gate are the real processes."""

import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from pratique.core.moment import Moment
from pratique.peers import free_port
from pratique.testing import tubecode
from tests.browser.conftest import PHONE, SHOTS, Watched, read_code
from tests.browser.test_site_tubes_are_registered import give, hold, sent

DESK = {"width": 1280, "height": 900}
TABLET = {"width": 820, "height": 1180}
LANGUAGES = ("zh-CN", "en")


class Town(NamedTuple):
    """Where the demonstration and its gate answer."""

    url: str
    gate: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    number = free_port(33000 + os.getpid() % 800 * 10)
    log = (tmp_path_factory.mktemp("demo") / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "pratique.cli", "demo", "--port", str(number)], stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{number}"
    try:
        _wait(url + "/")
        with urllib.request.urlopen(url + "/") as answer:
            found = re.search(r"http://127\.0\.0\.1:\d+/", answer.read().decode())
        assert found is not None
        _wait(found[0])
        yield Town(url, found[0].rstrip("/"))
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@pytest.fixture
def walk(browser: Browser, town: Town) -> Iterator[Watched]:
    watched = Watched(browser, town.url)
    yield watched
    watched.close()


def staff(walk: Watched, language: str, role: str) -> Page:
    """Signed in through the invitation that the demonstration offers on its sign-in page."""
    page = walk.page("/console", language, viewport=DESK)
    page.get_by_role("button", name=role, exact=True).click()
    page.locator("nav.nav").first.wait_for()
    return page


def wallet(walk: Watched, language: str) -> Page:
    page = walk.page("/wallet/", language, viewport=PHONE)
    page.locator(".button.big").click()
    page.locator(".top-notice").wait_for()
    return page


ROLES = {
    "zh-CN": {"console": "运行值班", "reviewer": "复核员"},
    "en": {"console": "operations", "reviewer": "reviewer"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_works(walk: Watched, town: Town, with_camera: Callable[..., Watched], language: str) -> None:
    holder = wallet(walk, language)
    expect(holder.locator(".top-notice")).to_contain_text(
        {"zh-CN": "请完成一次检测", "en": "Please take a test"}[language]
    )
    holder.goto(town.url + "/wallet/#/code")
    holder.locator(".code-box svg").wait_for()
    code = read_code(holder)

    console = staff(walk, language, ROLES[language]["console"])
    console.goto(town.url + "/console/campaigns")
    console.get_by_role(
        "button", name={"zh-CN": "连接设备", "en": "Connect a device"}[language]
    ).first.click()
    link = console.get_by_role(
        "link", name={"zh-CN": "在此打开", "en": "Open the site app"}[language]
    ).get_attribute("href")
    assert link is not None

    site = walk.page(link.removeprefix(town.url), language, viewport=TABLET)
    site.locator(".work").wait_for()
    tube = tubecode.make(Moment(datetime.now(UTC), secrets.token_bytes))
    time.sleep(1.1)
    give(site, tube, "opened")
    give(site, code, "added")
    hold(site)
    sent(site)

    console.goto(town.url + "/console/laboratory")
    console.locator("#tube").fill(tube)
    console.locator("form button").last.click()
    expect(console.locator("pre")).to_contain_text(re.compile("[AC]A LAB-A01"))

    holder.goto(town.url + "/wallet/#/")
    holder.reload()
    holder.locator(".ended li").first.wait_for(timeout=20_000)
    holder.goto(town.url + "/wallet/#/pass")
    holder.locator(".code-box svg").wait_for()
    time.sleep(3)  # the gate's next look at the snapshot
    shown = read_code(holder)

    door = with_camera(town.gate, shown).page("/", language, viewport=DESK)
    door.locator("[data-face='clear']").wait_for(timeout=45_000)
    expect(door.locator("h1")).to_have_text({"zh-CN": "请进", "en": "Enter"}[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_appeal_is_heard_by_somebody_else_and_answered_in_writing(
    walk: Watched, town: Town, language: str
) -> None:
    holder = wallet(walk, language)
    holder.locator(".top-notice a", has_text={"zh-CN": "申诉", "en": "appeal"}[language]).click()
    words = f"合成申诉 synthetic <script>alert(1)</script> {secrets.token_hex(4)}"
    holder.locator("textarea").first.fill(words)
    holder.get_by_role("button", name={"zh-CN": "提交申诉", "en": "Send the appeal"}[language]).click()
    holder.get_by_text({"zh-CN": "答复", "en": "Answer due by"}[language]).first.wait_for()

    reviewer = staff(walk, language, ROLES[language]["reviewer"])
    reviewer.goto(town.url + "/console/notices")
    for link in [
        one.get_attribute("href") for one in reviewer.locator("main a[href^='/console/appeals/']").all()
    ]:
        reviewer.goto(town.url + (link or ""))
        if words in reviewer.locator("main").inner_text():
            break
    expect(reviewer.locator(".their-words")).to_have_text(words)
    reviewer.locator("input[value='changed HARDSHIP']").check()
    reviewer.locator("#answer").fill("合成答复 synthetic answer")
    reviewer.locator("form button").last.click()

    holder.goto(town.url + "/wallet/#/")
    holder.reload()
    holder.locator(".ended li").first.wait_for(timeout=20_000)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_without_a_phone_has_paper_for_every_step(walk: Watched, town: Town, language: str) -> None:
    clerk = staff(walk, language, ROLES[language]["console"])
    clerk.goto(town.url + "/console/counter")
    clerk.locator("main form button").first.click()
    claim = clerk.locator(".claim strong").inner_text()
    assert clerk.locator(".paper .qr svg").count() == 2  # the slip, and a printed pass

    clerk.goto(town.url + "/console/counter")
    clerk.get_by_label({"zh-CN": "领取码", "en": "Claim code"}[language]).fill(claim.lower())
    clerk.locator("main form button").last.click()
    expect(clerk.locator(".claim strong")).to_have_text(claim)
    clerk.get_by_role("button", name={"zh-CN": "代为申诉", "en": "Appeal for this person"}[language]).click()
    expect(clerk.locator("main")).to_contain_text(
        {"zh-CN": "申诉处理中", "en": "Your appeal is being decided"}[language]
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [PHONE, TABLET, DESK], ids=["phone", "tablet", "desk"])
def test_no_staff_page_is_wider_than_its_screen(
    walk: Watched, town: Town, language: str, size: dict[str, int]
) -> None:
    page = staff(walk, language, ROLES[language]["console"])
    page.set_viewport_size(size)  # type: ignore[arg-type]
    SHOTS.mkdir(exist_ok=True)
    for name in ("", "/mandates", "/campaigns", "/laboratory", "/notices", "/gates", "/counter"):
        page.goto(f"{town.url}/console{name}")
        page.screenshot(
            path=SHOTS / f"console{name.replace('/', '-')}-{language}-{size['width']}.png", full_page=True
        )
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), name
        assert page.locator("h1").count() == 1


def test_the_console_works_without_script_and_by_keyboard(browser: Browser, town: Town) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en", viewport=DESK)
    page = context.new_page()
    page.goto(town.url + "/console")
    page.get_by_role("button", name="operations", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator("nav.nav").first.wait_for()
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    page.locator("nav.nav").first.locator("a").nth(2).focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Campaigns")
    context.close()


def test_nobody_reaches_a_staff_page_without_signing_in(walk: Watched, town: Town) -> None:
    page = walk.page("/console/gates", "en")

    expect(page).to_have_url(re.compile(r"/sign-in\?next=/console/gates$"))
    assert page.locator("nav.nav").count() == 0
