"""The hand-held gate against the real server of the demonstration: the console's link, real lists, real counts."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Watched
from tests.browser.test_handheld_at_the_door import compared, decided
from tests.browser.test_the_town_as_a_person_walks_it import ROLES, Town, staff, town, walk

__all__ = ["town", "walk"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_works(walk: Watched, town: Town, language: str) -> None:
    """Connected in the console, enrolled by its link, at work under the live mandate, heard by the server."""
    place = {"zh-CN": "合成侧门 zh-CN", "en": "Synthetic side door en"}[language]
    console = staff(walk, language, ROLES[language]["console"])
    console.goto(town.url + "/console/gates")
    console.locator("#place_zh").fill(f"合成侧门 {language}")
    console.locator("#place_en").fill(f"Synthetic side door {language}")
    console.locator("form.form button").last.click()
    console.locator(".qr svg").wait_for()
    link = console.locator("a[href*='/handheld/#token=']").get_attribute("href")
    assert link is not None

    context = walk.context(language, viewport=PHONE)
    page = context.new_page()
    page.clock.install()
    page.goto(link)
    words = compared(page)
    console.goto(town.url + "/console/gates")
    waiting = console.locator("form", has_text=words)
    expect(waiting).to_contain_text(place)
    waiting.locator("[value='yes']").click()
    expect(waiting).to_have_count(0)
    page.evaluate("() => dispatchEvent(new Event('online'))")  # a round at once: the first one came too early
    expect(page.locator(".brand")).to_contain_text(place)
    page.locator(".face-foot", has_text={"zh-CN": "正常", "en": "good"}[language]).wait_for()
    assert decided(page, "nothing that anybody issued") == ("see_staff", "unreadable")
    page.clock.run_for(1_000_000)
    page.goto(town.url + "/handheld/#/about")
    page.locator("[data-act='sync']").click()
    page.locator("[data-waits='0']").wait_for()
    expect(page.locator(".note")).to_have_count(0)

    console.goto(town.url + "/console/gates")
    expect(console.locator("tr", has_text=place)).to_have_count(1)
    expect(console.locator("tr", has_text=place)).not_to_contain_text(
        {"zh-CN": "尚未", "en": "not yet"}[language]
    )
