"""Staff with the PIN at the gate's screen, by keyboard alone, in both languages; a temperature hint by a verdict."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pratique.gate import texts
from pratique.gate.screen import Screen
from pratique.gate.staff import Act, Door, set_pin
from tests.browser.test_gate_screen_shows_each_state import status, watch


@pytest.fixture
def acts() -> list[Act]:
    return []


@pytest.fixture
def screen(tmp_path: Path, acts: list[Act]) -> Iterator[Screen]:
    set_pin(tmp_path, "482913")
    door = Door(tmp_path)

    def staffed(act: Act, pin: str) -> bool | None:
        knows = act == "leave" or door.opens(pin, 0)
        if knows:
            acts.append(act)
        return knows

    opened = Screen(0, lambda _: None, staffed=staffed)
    opened.show(status("ready"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("language", "button", "wrong"),
    [("zh-Hans", "工作人员", "密码不正确"), ("en", "Staff", "this is not the PIN")],
)
def test_one_person_is_admitted_by_keyboard(
    browser: Browser, screen: Screen, acts: list[Act], language: str, button: str, wrong: str
) -> None:
    faces = watch(browser, screen)
    page = faces.page(f"/?camera=0&lang={language}", viewport={"width": 820, "height": 1180})
    page.locator("[data-face='ready']").wait_for()

    page.get_by_role("button", name=button, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#staff-pin")).to_be_focused()
    page.keyboard.type("111112")
    page.keyboard.press("Enter")
    expect(page.locator("#staff-refused")).to_have_text(wrong)
    page.keyboard.type("482913")
    page.keyboard.press("Enter")

    expect(page.locator("dialog")).to_have_count(0)
    assert acts == ["admit"]
    screen.show(status("maintenance"))
    leave = page.get_by_role("button", name="End maintenance" if language == "en" else "结束维护")
    leave.focus()
    with page.expect_response("**/staff"):
        page.keyboard.press("Enter")
    assert acts == ["admit", "leave"]
    faces.close()


def test_a_temperature_hint_stands_beside_the_verdict(browser: Browser, screen: Screen) -> None:
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=zh-Hans", viewport={"width": 1280, "height": 800})
    hint = texts.ADVICE["take_reading"]
    told = status("waiting_passage", "clear", "pass") | {"advice": {"en": hint.en, "zh-Hans": hint.zh_hans}}

    screen.show(told)

    expect(page.locator("h1")).to_have_text("请进")
    expect(page.locator(".face-advice")).to_have_text(hint.zh_hans)
    screen.show(told | {"advice": None})
    expect(page.locator(".face-advice")).to_have_count(0)
    faces.close()
