"""A policy change in the demonstration town, by hand in Chromium: written beside its sentence and tests, looked at,
signed by two officers in two browsers and two languages, published; the gate shows the new decision and the wallet
says why; one click goes back. The server, the gate and its camera are the real ones."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from pratique.peers import free_port
from tests.browser.conftest import PHONE, SHOTS, Watched, read_code
from tests.browser.test_wallet_site_gate_are_for_everybody import faults_of

DESK = {"width": 1280, "height": 900}
TABLET = {"width": 820, "height": 1180}
ROLE = {"zh-CN": "授权令官员", "en": "mandate officer"}
RULE = "TR-ZZ-0003"
HELD = {"zh-CN": "请查看您的卡包", "en": "See your wallet"}
CHANGED = {"zh-CN": "规则有变，与您有关", "en": "A rule changed, and it changes something for you"}
WHY = {
    "zh-CN": "没有最近72小时内采样且未检出的检测记录",
    "en": "No negative test sampled within the last 72 hours",
}
OTHERWISE = {"zh-CN": "否则暂缓通行", "en": "otherwise the person is held"}


class Demo(NamedTuple):
    """Where the demonstration and its gate answer, and where its officers' keys are."""

    url: str
    gate: str
    officers: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home, number = tmp_path_factory.mktemp("demo"), free_port(34080)
    log = (home / "log.txt").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "pratique.cli", "demo", "--port", str(number), "--home", str(home)],
        stdout=log,
        stderr=log,
    )
    url = f"http://127.0.0.1:{number}"
    try:
        _wait(url + "/")
        with urllib.request.urlopen(url + "/") as answer:
            found = re.search(r"http://127\.0\.0\.1:\d+/", answer.read().decode())
        assert found is not None
        _wait(found[0])
        yield Demo(url, found[0].rstrip("/"), home / "officers")
    finally:
        process.terminate()
        process.wait(20)


def _wait(address: str) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@pytest.fixture
def walk(browser: Browser, demo: Demo) -> Iterator[Watched]:
    watched = Watched(browser, demo.url)
    yield watched
    watched.close()


def officer(walk: Watched, language: str) -> Page:
    """Signed in as a mandate officer: each time another account."""
    page = walk.page("/console", language, viewport=DESK)
    page.set_default_timeout(30_000)
    page.get_by_role("button", name=ROLE[language], exact=True).click()
    page.locator("nav.nav").first.wait_for()
    return page


def wallet(walk: Watched, language: str) -> Page:
    page = walk.page("/wallet/", language, viewport=PHONE)
    page.locator(".button.big").click()
    page.locator(".top-notice").wait_for()
    page.goto(walk.url + "/wallet/#/pass")
    page.locator(".code-box svg").wait_for()
    return page


def sign(page: Page, key: Path) -> None:
    """With the officer's key file, in this browser."""
    page.set_input_files("#key-file", key)
    expect(page.locator("#line")).to_have_value(re.compile("^— harbour.example/"))
    page.locator("form[action$='/sign'] button").click()


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def test_it_works(walk: Watched, demo: Demo, with_camera: Callable[..., Watched]) -> None:
    holders = {language: wallet(walk, language) for language in ("zh-CN", "en")}
    door = with_camera(demo.gate, read_code(holders["en"])).page("/", "en", viewport=DESK)
    door.locator("[data-face='conditions']").wait_for(timeout=45_000)
    for holder in holders.values():
        holder.context.set_offline(
            True
        )  # as in a pocket without network: the pass lives on, and is shown later

    first = officer(walk, "zh-CN")
    first.goto(demo.url + "/console/policy")
    first.get_by_role("link", name="起草", exact=True).click()
    first.get_by_role("button", name=RULE, exact=True).click()
    entry = first.locator("#entry")
    text = (
        entry.input_value()
        .replace('"1.0.0"', '"1.1.0"')
        .replace('"on_false": "conditions"', '"on_false": "hold"')
    )
    entry.fill(text.replace('"expected": true', '"expected": false', 1))
    expect(first.locator("#panel [data-good='no']")).to_have_count(1)  # red while one types
    entry.fill(text)
    expect(first.locator("#panel [data-good='no']")).to_have_count(0)
    assert first.locator("#panel [data-good='yes']").count() >= 2
    expect(first.locator("#panel .sentence")).to_contain_text(OTHERWISE["zh-CN"])
    first.locator("#payload").fill('{"subject": {}, "external": {}}')
    expect(first.locator("#tried")).to_contain_text("假")
    shot(first, "policy-edit-zh-1280")
    first.get_by_role("button", name="检查并保存草案").click()

    first.locator("#tubes_a_day").fill("5")
    first.get_by_role("button", name="以现有人员预览").click()
    expect(first.locator(".big-figure")).to_contain_text(re.compile(r"\d+ 人处境变差"))
    shot(first, "policy-order-zh-1280")
    sign(first, demo.officers / "legal.key")
    draft = first.url
    assert first.locator("form[action$='/publish']").count() == 0  # one signature is not two

    second = officer(walk, "en")
    second.goto(draft)
    expect(second.locator(".big-figure")).to_contain_text("people would be worse off")
    sign(second, demo.officers / "public-health.key")
    second.get_by_role("button", name="Publish this policy").click()
    expect(second.locator("[role='status']").first).to_contain_text("Published as policy 2")
    shot(second, "policy-order-en-1280")
    second.goto(demo.url + "/console/policy")
    done = second.locator(".progress-text")
    for _ in range(60):
        shown = [int(one) for one in re.findall(r"\d+", done.inner_text())] if done.count() else []
        if second.get_by_text("running").count() == 0 and shown[:1] and shown[0] > 200:
            break
        time.sleep(1)
        second.reload()
    shot(second, "policy-overview-en-1280")
    time.sleep(9)  # the snapshot is signed every two seconds, and the gate looks every five

    for language, holder in holders.items():
        door = with_camera(demo.gate, read_code(holder)).page("/", language, viewport=DESK)
        door.mouse.click(5, 5)  # who touches the screen once lets it buzz
        door.locator("[data-face='hold']").wait_for(timeout=45_000)
        expect(door.locator("h1")).to_have_text(HELD[language])
        holder.context.set_offline(False)
        holder.goto(demo.url + "/wallet/#/")
        holder.reload()
        expect(holder.locator("main")).to_contain_text(CHANGED[language], timeout=20_000)
        expect(holder.locator("main")).to_contain_text(WHY[language], timeout=20_000)
        shot(holder, f"policy-wallet-{language}-390")

    second.goto(demo.url + "/console/policy")
    second.get_by_role("button", name="Go back to the policy before").click()
    expect(second.locator("#in-force")).to_have_text("Policy 3 is in force")
    holder = holders["en"]
    for _ in range(30):
        holder.goto(demo.url + "/wallet/#/pass")
        holder.reload()
        if holder.locator(".code-box svg").count():
            break
        time.sleep(1)
    holder.locator(".code-box svg").wait_for(timeout=20_000)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_policy_pages_fit_every_screen_and_axe_finds_nothing(
    walk: Watched, demo: Demo, language: str
) -> None:
    page = officer(walk, language)
    page.goto(demo.url + "/console/policy")
    drafts = page.locator("main a[href^='/console/policy/drafts/']").first.get_attribute("href")
    for size in (PHONE, TABLET, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for name in ("/console/policy", "/console/policy/new", drafts or ""):
            page.goto(demo.url + name)
            shot(page, f"{name.strip('/').replace('/', '-')[:22]}-{language}-{size['width']}")
            assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), (
                name,
                size,
            )
            assert page.locator("h1").count() == 1
            if size == DESK:
                assert not faults_of(page)


def test_the_editor_works_without_script(browser: Browser, demo: Demo) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en", viewport=DESK)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(demo.url + "/console")
    page.get_by_role("button", name=ROLE["en"], exact=True).click()
    page.goto(demo.url + "/console/policy/new")
    page.get_by_role("button", name=RULE, exact=True).click()
    page.locator("#entry").fill('{"rule": {"Identifier": "TR-ZZ-0003"}}')
    page.get_by_role("button", name="Check only").click()
    expect(page.locator("#panel")).to_contain_text("INVALID_JSON")
    expect(page.locator("#entry")).to_have_value(
        '{"rule": {"Identifier": "TR-ZZ-0003"}}'
    )  # nothing typed is lost
    page.locator("#entry").fill('{"rule": {')
    page.get_by_role("button", name="Check and save the draft").click()
    expect(page.locator("[role='alert']")).to_contain_text("not JSON")
    context.close()
