"""Every screen in both languages, normal and large, light and dark: readable, reachable, complete, and light."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pratique.gate.screen import Screen
from pratique.people.slip import wallet_text
from pratique.web.faces import STATIC
from tests.browser import samples
from tests.browser.conftest import Watched
from tests.browser.port import Port, new_id
from tests.browser.test_gate_screen_shows_each_state import showing, status, watch
from tests.browser.test_site_tubes_are_registered import TOKEN, give, tube
from tests.browser.test_wallet_passes_are_live import begin

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Every language, size and scheme once; English in large letters is the longest there is.
LOOKS = [("en", True, "dark"), ("zh-Hans", False, "light")]
WALLET = [
    "", "pass", "code", "notice/00000000000000000000000N02", "notices", "results", "looks", "appeals", "paper",
    "settings", "help", "slip",
]  # fmt: skip


FACES = [
    ("ready", None, None), ("reading", None, None), ("decided", "clear", "pass"),
    ("decided", "conditions", "pass"), ("decided", "hold", "policy"), ("decided", "see_staff", "unreadable"),
    ("annulled", None, None), ("out_of_order", None, None), ("maintenance", None, None),
    ("no_check", None, None), ("retired", None, None),
]  # fmt: skip


def faults_of(page: Page) -> list[str]:
    """What axe-core finds wrong. It is read from the disk and run beside the page, not by it."""
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules }).then((r) => r.violations)", RULES
    )
    return [f"{page.url}: {v['id']}: {n['html'][:120]}" for v in found for n in v["nodes"]]


def wrong_words(page: Page, language: str) -> list[str]:
    """Chinese in an English screen outside what is marked as Chinese, or English sentences in a Chinese one."""
    texts: list[str] = page.evaluate(
        """(language) => {
          const own = (e) => e.closest('[lang]').lang === language && !e.closest('noscript, .mono');
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const found = [];
          while (walk.nextNode()) {
            const { data, parentElement } = walk.currentNode;
            if (data.trim() && own(parentElement)) found.push(data);
          }
          return found;
        }""",
        language,
    )
    foreign = r"[\u4e00-\u9fff]" if language == "en" else r"\b[a-z]{3,}(?: [a-z]+){1,}"
    return [text for text in texts if re.search(foreign, text)]


def clipped(page: Page) -> list[str]:
    """Boxes whose text runs out of them sideways, and pages that scroll sideways."""
    found: list[str] = page.evaluate(
        """() => {
          const out = [];
          const page = document.documentElement.scrollWidth;
          if (page > innerWidth + 1) out.push('page: ' + page);
          for (const e of document.querySelectorAll('main *, header *, footer *')) {
            const s = getComputedStyle(e);
            if (s.overflowX !== 'visible' || e.closest('.table-scroll,.visually-hidden,.alive,.camera,svg')) continue;
            if (e.scrollWidth <= e.clientWidth + 2 || s.display === 'inline') continue;
            out.push(e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 40));
          }
          return out;
        }"""
    )
    return found


def small_targets(page: Page, least: float) -> list[str]:
    """Buttons and links that stand alone and are lower than `least` pixels."""
    found: list[str] = page.evaluate(
        """(least) => [...document.querySelectorAll('button, a.button, a.link, .switches a, summary, .choice')]
          .filter((e) => e.offsetParent && e.getBoundingClientRect().height < least - 0.5)
          .map((e) => e.textContent.trim().slice(0, 30) + ' ' + e.getBoundingClientRect().height)""",
        least,
    )
    return found


def judged(page: Page, language: str, large: bool) -> list[str]:
    return [
        *faults_of(page),
        *wrong_words(page, language),
        *clipped(page),
        *small_targets(page, 60 if large else 44),
    ]


def test_it_works(faces: Watched, port: Port) -> None:
    """The judges judge: a page with known faults is found faulty."""
    page = faces.page("/wallet/")
    page.locator("h1").wait_for()
    page.evaluate(
        """() => {
          document.querySelector('main').insertAdjacentHTML('beforeend',
            '<img src="data:,"><button class="tiny">中文</button><p class="wide">' + 'w'.repeat(200) + '</p>');
          const wide = document.querySelector('.wide');
          wide.style.overflowWrap = 'normal';
          document.querySelector('.tiny').style.height = '20px';
        }"""
    )

    assert any("image-alt" in fault for fault in faults_of(page))
    assert wrong_words(page, "en") == ["中文"]
    assert clipped(page)
    assert small_targets(page, 44)


@pytest.mark.parametrize(("language", "large", "scheme"), LOOKS)
def test_wallet(faces: Watched, port: Port, language: str, large: bool, scheme: str) -> None:
    page = faces.page(f"/wallet/?lang={language}&large={int(large)}", color_scheme=scheme)
    page.locator(".button.big").wait_for()
    found = judged(page, language, large)
    page.locator(".button.big").click()
    page.locator("[href='#/pass']").first.wait_for()
    now, subject = port.now(), next(iter(port.wallets))
    port.give_pass(subject)
    port.wallets[subject] |= {
        "mandate": samples.mandate(now),
        "notices": [samples.single_test(now), samples.test_by(now), samples.cleared(now)],
        "decision": samples.decision(now, "conditions"),
        "results": [samples.result(now), samples.result(now, "retest-required")],
        "looks": [samples.look(now)],
    }
    page.reload()
    page.locator(".three, .top-notice").wait_for()
    page.wait_for_timeout(300)
    for place in WALLET:
        page.goto(f"{port.url}/wallet/#/{place}")
        page.wait_for_timeout(120)
        for summary in page.locator("main summary").all():
            summary.click()
        found += judged(page, language, large)
        size = page.evaluate(
            "() => parseFloat(getComputedStyle(document.querySelector('main p, main li, main a')).fontSize)"
        )
        assert page.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)") == (
            40 if large else 18
        )
        assert size >= (32 if large else 15)

    assert found == []


@pytest.mark.parametrize(("language", "large", "scheme"), LOOKS)
def test_site(faces: Watched, port: Port, language: str, large: bool, scheme: str) -> None:
    page = faces.page(f"/site/?lang={language}&large={int(large)}", color_scheme=scheme)
    page.locator("#token").wait_for()
    found = judged(page, language, large)
    page.locator("#token").fill(TOKEN)
    page.locator("button[type=submit]").click()
    page.locator("[data-camera='on']").wait_for()
    found += judged(page, language, large)
    code = tube(port)
    port.devices.conflicts.add(code)
    give(page, code, "opened")
    give(page, wallet_text(new_id()), "added")
    give(page, "nonsense", "foreign")
    page.wait_for_timeout(400)  # the sentence knocks once
    found += judged(page, language, large)
    page.locator("button.hold").focus()
    page.keyboard.down(" ")
    page.locator(".tube-card.none").wait_for()
    page.keyboard.up(" ")
    page.locator(".badge.hold").click()
    page.locator("[data-state='conflict']").wait_for()
    found += judged(page, language, large)
    heights = [b.bounding_box() for b in page.locator("main .button").all()]
    assert all(box is None or box["height"] >= 60 for box in heights), "gloves need 60 px"

    assert found == []


@pytest.mark.parametrize(("language", "large", "scheme"), LOOKS)
def test_gate(browser: Browser, language: str, large: bool, scheme: str) -> None:
    screen = Screen(0, lambda _: None)
    screen.show(status("ready"))
    faces = watch(browser, screen)
    found = []
    for size in ({"width": 390, "height": 844}, {"width": 1920, "height": 1080}):
        page = faces.page(
            f"/?camera=0&lang={language}&large={int(large)}", viewport=size, color_scheme=scheme
        )
        for state, outcome, reason in FACES:
            showing(page, screen, status(state, outcome, reason), outcome or state)
            page.wait_for_timeout(250)
            found += judged(page, language, large) if size["width"] < 1000 else clipped(page)
            assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight + 1"), state
    screen.close()
    faces.close()

    assert found == []


def test_keyboard_alone_reaches_an_appeal(faces: Watched, port: Port) -> None:
    page, subject = begin(faces, port)
    port.wallets[subject]["notices"] = [samples.single_test(port.now())]
    page.reload()
    page.locator(".top-notice").wait_for()

    def tab_to(words: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if words in page.evaluate("() => document.activeElement.textContent"):
                outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", "the focus is seen"
                return
        raise AssertionError(f"{words} is not reached with Tab")

    tab_to("This is wrong: appeal")
    page.keyboard.press("Enter")
    page.locator("#appeal-text").wait_for()
    tab_to("Send the appeal")
    page.keyboard.press("Enter")
    page.get_by_text("Answer due by").wait_for()

    assert len(port.appeals) == 1


def test_the_live_mark_blinks_where_motion_is_reduced(faces: Watched, port: Port) -> None:
    page, subject = begin(faces, port, reduced_motion="reduce")
    port.give_pass(subject)
    page.reload()
    page.goto(f"{port.url}/wallet/#/pass")
    page.locator(".boat").wait_for()

    style = page.locator(".boat").evaluate(
        "(e) => ['animationName', 'animationDuration', 'animationIterationCount'].map((k) => getComputedStyle(e)[k])"
    )
    assert style == ["blink", "1s", "infinite"]


def test_the_ceilings_of_weight_hold() -> None:
    """Script without the reader ≤ 60 kB, with it ≤ 500 kB, dress ≤ 8 kB: all gzip."""

    def weight(pattern: str) -> int:
        [path] = STATIC.glob(pattern)
        return len(gzip.compress(path.read_bytes()))

    reader = weight("shared/reader-*.wasm")
    for face in ("wallet", "site", "gate"):
        assert weight(f"{face}/app-*.js") <= 60_000, face
        assert weight(f"{face}/app-*.css") <= 8_000, face
    for face in ("site", "gate"):
        assert weight(f"{face}/app-*.js") + weight(f"{face}/scan-*.js") + reader <= 500_000, face


def test_the_manifest_lists_every_file_with_its_hash() -> None:
    import hashlib
    import json

    listed = json.loads((STATIC / "manifest.json").read_text())["files"]
    there = {
        path.relative_to(STATIC).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in STATIC.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }

    assert listed == there
