"""Every screen of the hand-held gate in both languages, normal and large: readable, reachable, complete, light."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from pratique.gate import texts
from pratique.web.faces import STATIC
from tests.browser.conftest import Watched
from tests.browser.gates import TOKEN, Gates
from tests.browser.test_handheld_at_the_door import compared, scan
from tests.browser.test_wallet_site_gate_are_for_everybody import LOOKS, clipped, judged
from tests.web_twin.asking import WEB


@pytest.fixture
def gates() -> Iterator[Gates]:
    opened = Gates()
    yield opened
    opened.close()


@pytest.fixture
def door(browser: Browser, gates: Gates) -> Iterator[Watched]:
    watched = Watched(browser, gates.url)
    yield watched
    watched.close()


@pytest.mark.parametrize(("language", "large", "scheme"), LOOKS)
def test_it_works(door: Watched, gates: Gates, language: str, large: bool, scheme: str) -> None:
    page = door.page(f"/handheld/?lang={language}&large={int(large)}", color_scheme=scheme)
    page.locator("#token").wait_for()
    found = judged(page, language, large)
    page.locator("#token").fill(TOKEN.lower())
    page.locator("button[type=submit]").click()
    page.locator(".hand-words").wait_for()
    found += judged(page, language, large)
    compared(page)
    page.locator("[data-camera='on']").wait_for()
    found += judged(page, language, large)
    for text, face in (
        (gates.clear(), "clear"),
        (gates.conditions(), "conditions"),
        (gates.held(), "hold"),
        ("this is no pass", "see_staff"),
    ):
        scan(page, text)
        page.locator(f"[data-face='{face}']").wait_for()
        page.wait_for_timeout(200)
        found += judged(page, language, large)
        assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight + 1"), face
        size = page.locator("h1").evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 40
        page.locator("[data-act='next']").click()
        page.locator("[data-face='ready']").wait_for()
    page.goto(f"{gates.url}/handheld/#/about")
    page.locator(".facts").wait_for()
    found += judged(page, language, large)
    for size in ({"width": 820, "height": 1180}, {"width": 1280, "height": 900}):
        page.set_viewport_size(size)
        found += clipped(page)

    assert found == []


def test_keyboard_alone_takes_a_passage_back(door: Watched, gates: Gates) -> None:
    page = door.page(f"/handheld/#token={TOKEN}")
    compared(page)
    scan(page, gates.clear())
    page.locator("[data-face='clear']").wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.dataset.act") == "take-back":
            break
    page.keyboard.press("Enter")

    page.locator("[data-face='annulled']").wait_for()


def test_the_verdicts_words_are_those_of_every_gate() -> None:
    """The hand-held gate says what `pratique.gate.texts` says, in both languages."""
    said: dict[str, Any] = json.loads((WEB / "shared/words/handheld.json").read_text(encoding="utf-8"))
    kiosk = json.loads((WEB / "shared/words/gate.json").read_text(encoding="utf-8"))

    for (outcome, reason), text in texts.REASONS.items():
        if outcome != "annulled":
            found = said[f"handheld.line.{outcome}.{reason}"]
            assert (found["en"], found["zh-Hans"]) == (text.en, text.zh_hans)
    for fault, text in texts.FAULTS.items():
        found = said[f"handheld.fault.{fault}"]
        assert (found["en"], found["zh-Hans"]) == (text.en, text.zh_hans)
    for outcome in ("clear", "conditions", "hold", "see_staff"):
        found = kiosk[f"gate.face.{outcome}"]
        assert (found["en"], found["zh-Hans"]) == (
            texts.OUTCOMES[outcome].en,
            texts.OUTCOMES[outcome].zh_hans,
        )


def test_the_ceilings_of_weight_hold() -> None:
    def weight(pattern: str) -> int:
        [path] = STATIC.glob(pattern)
        return len(gzip.compress(path.read_bytes()))

    script, reader = (
        weight("handheld/app-*.js"),
        weight("handheld/scan-*.js") + weight("shared/reader-*.wasm"),
    )
    assert script <= 60_000
    assert script + reader <= 500_000
    assert weight("handheld/app-*.css") <= 8_000


def test_the_first_page_leads_to_it() -> None:
    from pratique.app import DOORS

    assert "/handheld/" in [door.href for door in DOORS]
