"""Accounts, the counter, an emergency, its review and an export, each by keyboard alone in both languages; axe-core
finds no fault on any of the pages on the way."""

import pytest
from playwright.sync_api import Page, expect

from pratique.people import service as people
from tests.browser.conftest import Watched
from tests.browser.test_the_desk_is_worked_by_keyboard import (
    DESK,
    LANGUAGES,
    Served,
    judged,
    served,
    tab_to,
    walk,
)

__all__ = ["served", "walk"]  # fixtures


def at(walk: Watched, served: Served, language: str, role: str, path: str) -> Page:
    """A page of the console, signed in with the keyboard, and judged."""
    page = walk.page(f"/sign-in?code={served.invite(role)}&next={path}", language, viewport=DESK)
    page.locator("#code").focus()
    page.keyboard.press("Enter")
    page.locator("nav.nav").first.wait_for()
    assert judged(page) == []
    return page


def press(page: Page, selector: str) -> None:
    """Tab to it, Enter, and the next page is there."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_works(walk: Watched, served: Served, language: str) -> None:
    """An account is made; a slip is printed at the counter and looked up again; a wrong code says so."""
    office = at(walk, served, language, "console", "/console/access")
    tab_to(office, "#name")
    office.keyboard.type("Test Whimbrel")
    tab_to(office, "#role")
    press(office, "main form button")
    office.locator("section[role=status] code").wait_for()
    expect(office.locator("tbody")).to_contain_text("Test Whimbrel")
    assert judged(office) == []

    office.goto(served.url + "/console/counter")
    assert judged(office) == []
    press(office, "form[action$='/slip'] button")
    office.locator("svg").first.wait_for()
    assert judged(office) == []
    code = people.make_claim_code
    subject = served.resident(language)
    claim = served.house.store.write(lambda tx: code(tx, served.moment(), served.house.secret, subject))
    office.goto(served.url + "/console/counter")
    for typed, said in (("AAAA-AAAA-AAA", "[role=alert]"), (claim, "svg")):
        tab_to(office, "input[name=claim]")
        office.keyboard.press("Control+A")
        office.keyboard.type(typed)
        with office.expect_navigation():
            office.keyboard.press("Enter")
        office.locator(said).first.wait_for()
        assert judged(office) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_emergency_and_its_review(walk: Watched, served: Served, language: str) -> None:
    subject = served.resident(language)
    claim = served.house.store.write(
        lambda tx: people.make_claim_code(tx, served.moment(), served.house.secret, subject)
    )
    doctor = at(walk, served, language, "duty-doctor", "/console/glass")
    tab_to(doctor, "#person")
    doctor.keyboard.type(claim)
    tab_to(doctor, "input[name=reason]")
    doctor.keyboard.press("Space")
    tab_to(doctor, "#text")
    doctor.keyboard.type("unconscious at the counter 在柜台昏倒")
    press(doctor, "button.big")
    expect(doctor.locator("main")).to_contain_text("+999 0000 0042")
    assert judged(doctor) == []

    auditor = at(walk, served, language, "auditor", "/console/looks")
    press(auditor, "a[href$='check=1']")
    expect(auditor.locator("[role=status]")).to_contain_text({"zh-CN": "完整", "en": "whole"}[language])
    assert judged(auditor) == []

    officer = at(walk, served, language, "data-officer", "/console/looks")
    press(officer, "button[value='in order']")
    assert judged(officer) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_takes_two_people(walk: Watched, served: Served, language: str) -> None:
    asker = at(walk, served, language, "campaign-officer", "/console/exports")
    for name, value in (("recipient", f"Test hospital {language}"), ("reason", "beds for the coming week")):
        tab_to(asker, f"#{name}")
        asker.keyboard.type(value)
    press(asker, "form[action='/console/exports'] button")
    expect(asker.locator("main")).to_contain_text(f"Test hospital {language}")
    assert judged(asker) == []

    officer = at(walk, served, language, "data-officer", "/console/exports")
    press(officer, "button[value='yes']")
    assert judged(officer) == []

    asker.goto(served.url + "/console/exports")
    press(asker, "button[value='view']")
    asker.locator("svg").first.wait_for()
    assert judged(asker) == []
