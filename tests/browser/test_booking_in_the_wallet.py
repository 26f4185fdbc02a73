"""Booking as a holder does it: how long one waits is shown before setting out, one ticket a day, home visits, the lot;
against the real server, in both languages and at every width."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from pratique.core.text import Text
from pratique.people import service as people
from pratique.store.tx import Tx
from pratique.testing.booking import service
from tests.browser.conftest import PHONE, SHOTS, Watched, read_code, settled
from tests.browser.test_site_second_phone import House, code, house, joined, phones
from tests.browser.test_site_tubes_are_registered import give, hold

__all__ = ["house", "phones"]


@pytest.fixture(scope="module", autouse=True)
def windows(house: House) -> str:
    """An area with a site, a home team, and a lottery; the id of the lottery."""
    port, moment = house.port, house.port.moment()

    def build(tx: Tx) -> str:
        east = service.add_area(tx, moment, house.made.campaign_id, Text("East quay", "东码头"))
        west = service.add_area(tx, moment, house.made.campaign_id, Text("West quay", "西码头"))
        service.add_site_place(tx, east, house.made.site_id, expected=4000)
        team = service.add_home_team(tx, moment, east, Text("East quay team", "东码头上门组"), 4)
        lot = service.add_home_team(tx, moment, west, Text("West quay team", "西码头上门组"), 4)
        release = service.open_release(tx, moment, house.made.campaign_id, moment.now, timedelta(minutes=10))
        opens = moment.now + timedelta(hours=1)
        for place, release_id in ((house.made.site_id, ""), (team, ""), (lot, release.id)):
            service.open_windows(
                tx, moment, place, opens_at=opens, closes_at=opens + timedelta(hours=5), zone=port.zone,
                release_id=release_id,
            )  # fmt: skip
        return release.id

    return port.store.write(build)


def wallet(phones: Watched, language: str, **options: object) -> Page:
    page = phones.page("/wallet/", language, **({"viewport": PHONE} | options))
    page.locator(".button.big").click()
    _told(page)
    page.goto(page.url.split("#")[0] + "#/booking")
    page.locator("[data-place]").first.wait_for()
    return page


def _told(page: Page) -> None:
    """The first poll has come through. On a machine that is busy with other tests the server sends polls away."""
    for _ in range(6):
        try:
            return page.locator(".top-notice").wait_for()
        except TooLate:
            page.reload()
    raise AssertionError("the server sent every poll away")


def count(house: House, sql: str) -> int:
    with house.port.store.read() as tx:
        row = tx.one(sql)
    return int(row[0]) if row else 0


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_works(phones: Watched, house: House, language: str) -> None:
    page = wallet(phones, language)
    place = page.locator(f"[data-place='{house.made.site_id}']")
    expect(place).to_contain_text("Walk in at any time." if language == "en" else "可随时直接前往。")
    before = count(house, "SELECT COUNT(*) FROM booking_ticket")

    place.locator("button.window").nth(2).click()
    ticket = page.locator("[data-ticket]")
    first = ticket.get_attribute("data-ticket")
    place.locator("button.window").nth(5).click()  # another time moves it
    expect(ticket).not_to_have_attribute("data-ticket", str(first))
    expect(ticket).to_have_count(1)
    assert count(house, "SELECT COUNT(*) FROM booking_ticket") == before + 1

    page.context.set_offline(True)  # the ticket stands without a network, and after a reload
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.locator("[data-ticket]").wait_for()
    page.context.set_offline(False)
    page.reload()
    page.locator("[data-ticket] button").click()
    expect(page.locator("[data-ticket]")).to_have_count(0)
    assert count(house, "SELECT COUNT(*) FROM booking_ticket") == before


def test_a_full_window_cannot_be_taken_and_a_race_is_told_in_one_sentence(
    phones: Watched, house: House
) -> None:
    page = wallet(phones, "en")
    team = page.locator("[data-place]").filter(has_text="East quay team")
    button = team.locator("button.window").first
    slot = str(button.get_attribute("data-slot"))
    house.port.store.write(  # somebody else is quicker
        lambda tx: service.book(tx, house.port.moment(), house.port.sealer, "SOMEBODY-ELSE", slot)
    )
    button.click()

    expect(page.get_by_role("alert")).to_contain_text("take another, or walk in")
    page.reload()
    expect(team.locator("button.window").first).to_be_disabled()


def test_the_lot_takes_wishes_and_says_when_it_is_drawn(phones: Watched, house: House, windows: str) -> None:
    page = wallet(phones, "en")
    page.locator("select").select_option(label="West quay")
    place = page.locator("[data-place]").filter(has_text="West quay team")
    expect(page.locator("[data-place]")).to_have_count(1)
    expect(place).to_contain_text("being quick gains nothing")
    place.locator("button.window").nth(3).click()
    place.locator("button.window").nth(1).click()
    expect(place.locator("button.window").nth(3)).to_contain_text("wish 1")
    place.get_by_role("button", name="Enter the lottery (2)").click()

    expect(page.get_by_role("status").filter(has_text="You are in the lottery")).to_be_visible()
    assert count(house, "SELECT COUNT(*) FROM booking_wish") == 1


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_nothing_is_cut_off_and_every_button_is_large(phones: Watched, language: str) -> None:
    page = wallet(phones, language)
    for width in (390, 820, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        page.screenshot(path=SHOTS / f"booking-{width}-{language}.png", full_page=True)

        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        heights = page.locator("button.window").evaluate_all(
            "(all) => all.map((b) => b.getBoundingClientRect().height)"
        )
        assert min(heights) >= 44


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_household_shows_one_code_and_shares_one_tube(phones: Watched, house: House, language: str) -> None:
    """The guardian adds a child's slip; the site scans one code; the child's name is nowhere but on the phone."""

    def slip(tx: Tx) -> tuple[str, str]:
        child = people.create_subject(tx, house.port.moment(), "paper")
        return child, people.make_claim_code(tx, house.port.moment(), house.port.secret, child)

    child, claim = house.port.store.write(slip)
    page = wallet(phones, language)
    page.goto(page.url.split("#")[0] + "#/family")
    page.locator("#dependant").fill("Little Kestrel")
    page.locator("#claim").fill("WRONG-CODE")
    page.locator("form button").click()
    page.get_by_role("alert").wait_for()
    page.locator("#claim").fill(claim)
    page.locator("form button").click()
    page.get_by_text("Little Kestrel").wait_for()
    page.screenshot(path=SHOTS / f"family-390-{language}.png", full_page=True)
    text = read_code(page)
    assert text.startswith("PQF1:")
    assert child in text

    site = joined(phones, house, language)
    tube = code(house)
    give(site, tube, "opened")
    give(site, text, "family")
    hold(site)
    site.locator("[data-waiting='0']").wait_for()
    assert len(house.tubes()[tube]) == 2
    assert child in house.tubes()[tube]

    page.get_by_role("checkbox").nth(1).uncheck()
    expect(page.locator(".code-box")).not_to_have_attribute("data-modules", "0")
    assert read_code(page).startswith("PQS1:")
    with house.port.store.read() as tx:
        tables = [row[0] for row in tx.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert not any("Little Kestrel" in repr(tx.all(f"SELECT * FROM {name}")) for name in tables)
