"""A phone's day without a network, its death, and the second phone that hands in what it carried: the real server,
the real codes read off the real screen, both languages."""

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Playwright, expect

from pratique import town
from pratique.app import web_app
from pratique.core.check37 import check_character
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.peers import free_port
from pratique.people import service as people
from pratique.people.slip import make_code, slip_text, wallet_text
from pratique.port import Port, open_port
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import ledger, tubecode
from pratique.testing import service as testing
from tests.browser.conftest import PHONE, SHOTS, Watched, read_code
from tests.browser.test_site_loses_nothing import kept, opened
from tests.browser.test_site_tubes_are_registered import give, hold


class House(NamedTuple):
    """A deployment that serves, and what it was founded with."""

    port: Port
    made: town.Town
    url: str

    def link(self) -> str:
        """What the site's lead shows a phone that joins."""
        token = self.port.store.write(
            lambda tx: testing.make_device_token(tx, self.port.moment(), self.made.site_id)
        )
        return f"{self.url}/site/#token={token}"

    def people(self, n: int) -> list[str]:
        return self.port.store.write(lambda tx: people.create_papers(tx, self.port.moment(), n))

    def tubes(self) -> dict[str, tuple[str, ...]]:
        with self.port.store.read() as tx:
            return {one.code: one.members for one in ledger.tubes_at(tx, self.made.site_id)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    number = free_port(34080)
    port = open_port(Settings(home=tmp_path_factory.mktemp("house"), port=number))
    made = town.found(port, port.moment())

    def other(tx: Tx) -> None:
        campaign = testing.open_campaign(
            tx, port.moment(), mandate_id=made.mandate_id, name=Text("Another round", "另一轮采样"), capacity=10,
            analytes=[town.ANALYTE], opens_at=port.clock(), closes_at=port.clock().replace(year=2099),
        )  # fmt: skip
        testing.add_tube_batch(tx, campaign, "Y", "none")
        testing.add_tube_batch(tx, made.campaign_id, "X", "none")

    port.store.write(other)
    server = uvicorn.Server(
        uvicorn.Config(web_app(port), port=number, log_level="error", access_log=False, lifespan="on")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield House(port, made, f"http://127.0.0.1:{number}")
    server.should_exit = True
    thread.join(20)
    port.close()


@pytest.fixture
def phones(browser: Browser, house: House) -> Iterator[Watched]:
    watched = Watched(browser, house.url)
    yield watched
    watched.close()


def family_text(subjects: list[str]) -> str:
    """What a guardian's wallet shows for a whole household."""
    return "PQF1:" + ".".join(one + check_character(one) for one in subjects)


def code(house: House) -> str:
    return tubecode.make(Moment(house.port.clock(), secrets.token_bytes))


def joined(phones: Watched, house: House, language: str) -> Page:
    context = phones.context(language)
    page = context.new_page()
    page.goto(house.link())
    page.locator(".work").wait_for()
    kept(page)
    return page


def carry(second: Page, text: str) -> None:
    give(second, text, "copied")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_works(
    playwright: Playwright, phones: Watched, house: House, tmp_path: Path, language: str
) -> None:
    """The first phone works all day without a network and dies; the second one brings all of it, person by person."""
    context = opened(playwright, tmp_path)
    context.set_default_timeout(15_000)
    first = context.new_page()
    first.goto(house.link())
    first.locator(".work").wait_for()
    if language == "zh-CN":
        first.locator("[data-switch='language']").click()
    kept(first)
    second = joined(phones, house, language)
    before = house.tubes()
    for phone in (first, second):
        phone.context.set_offline(True)
    first.reload()
    first.locator(".work").wait_for()

    day: dict[str, list[str]] = {}
    household, slips, single = house.people(4), house.people(3), house.people(1)
    for subjects in ([*household, *slips], single, house.people(10)):
        tube = code(house)
        give(first, tube, "opened")
        day[tube] = subjects
        if subjects[:4] == household:
            give(first, family_text(household), "family")
            for one in slips:
                paper = slip_text(one, make_code(Moment(house.port.clock(), secrets.token_bytes)))
                give(first, paper, "added")
        else:
            for one in subjects:
                give(first, wallet_text(one), "added")
        hold(first)
        first.locator(".copy-card .code-box").wait_for()
        if len(subjects) == 10:
            assert (
                first.locator(".copy-card .code-box").get_attribute("data-modules") == "77"
            )  # 69 and its quiet zone
        first.locator(".copy-card").scroll_into_view_if_needed()
        carry(second, read_code(first, ".copy-card .code-box"))
    give(second, read_code(first, ".copy-card .code-box"), "copied-before")
    first.screenshot(path=SHOTS / f"site-copy-390-{language}.png", full_page=True)
    assert house.tubes() == before, "nothing left the phones yet"
    context.close()  # the first phone is dead, with everything on it

    second.context.set_offline(False)
    second.locator("[data-carried]").wait_for(state="detached")

    found = {tube: list(members) for tube, members in house.tubes().items() if tube not in before}
    assert found == day


def test_a_missing_copy_is_waited_for_until_the_phone_is_declared_lost(phones: Watched, house: House) -> None:
    first, second = joined(phones, house, "en"), joined(phones, house, "en")
    first.context.set_offline(True)
    tubes = [code(house) for _ in range(2)]
    for tube in tubes:
        give(first, tube, "opened")
        give(first, wallet_text(house.people(1)[0]), "added")
        hold(first)
    first.locator(".copy-card[data-copy='2'] .code-box").wait_for()
    carry(second, read_code(first, ".copy-card .code-box"))  # only the second tube's
    expect(second.locator("[data-carried='1']")).to_contain_text("earlier tube")
    assert not set(tubes) & set(house.tubes())

    device = first.evaluate(
        "() => new Promise((done) => { const open = indexedDB.open('pratique-site'); open.onsuccess = () => {"
        " open.result.transaction('device').objectStore('device').get('me').onsuccess ="
        " (e) => done(e.target.result.device_id); }; })"
    )
    house.port.store.write(lambda tx: testing.declare_lost(tx, house.port.moment(), device, "lead"))
    second.get_by_role("button", name="Send now").first.click()
    second.locator("[data-carried]").wait_for(state="detached")

    assert set(tubes) & set(house.tubes()) == {tubes[1]}
    # The phone is found again: its first tube is not lost either, a person looks at it.
    first.context.set_offline(False)
    first.locator("[data-waiting='0']").wait_for()
    expect(first.locator(".queue-line")).to_contain_text("Not taken: 1")


def test_a_backlog_is_shown_code_after_code_and_drains_with_progress(phones: Watched, house: House) -> None:
    first, second = joined(phones, house, "en"), joined(phones, house, "en")
    for phone in (first, second):
        phone.context.set_offline(True)
    tubes = [code(house) for _ in range(4)]
    for tube in tubes:
        give(first, tube, "opened")
        give(first, wallet_text(house.people(1)[0]), "added")
        hold(first)
    first.get_by_role("link", name="Copies").first.click()
    first.get_by_role("button", name="Stay on this one").click()
    for n in range(4):
        first.locator(f".copy-show[data-copy='{n + 1}'] .code-box").wait_for()
        carry(second, read_code(first, ".copy-show .code-box"))
        first.get_by_role("button", name="Next").click()
    for width in (390, 820, 1280):
        first.set_viewport_size({"width": width, "height": 900})
        first.screenshot(path=SHOTS / f"site-carry-{width}.png", full_page=True)
    first.set_viewport_size(PHONE)
    expect(second.locator("[data-carried='4']")).to_be_visible()

    first.context.set_offline(False)  # both hand in: the same tubes, once
    second.context.set_offline(False)
    first.goto(f"{house.url}/site/")
    first.locator("[data-waiting='0']").wait_for()
    second.locator("[data-carried]").wait_for(state="detached")

    assert set(tubes) <= set(house.tubes())


def test_a_household_stays_together_and_a_tube_of_another_round_is_put_aside(
    phones: Watched, house: House
) -> None:
    page = joined(phones, house, "en")
    give(page, "Y12345", "other-batch")
    expect(page.get_by_role("alert")).to_contain_text("another campaign")
    give(page, "x-0815", "opened")
    household = house.people(4)
    for one in house.people(7):
        give(page, wallet_text(one), "added")
    give(page, family_text(household), "family-room")
    expect(page.get_by_role("alert")).to_contain_text("3 places are left")
    page.get_by_role("button", name="A household with slips").click()
    page.get_by_role("group").get_by_role("button", name="3", exact=True).click()
    page.locator("[data-said='room']").wait_for()
    page.screenshot(path=SHOTS / "site-household-390.png", full_page=True)
    hold(page)
    give(page, tube := code(house), "family")  # the household waits and is in the next tube at once
    expect(page.locator(".tube-count")).to_have_text("4/10")
    give(page, family_text(household), "family-here")
    hold(page)
    page.locator("[data-waiting='0']").wait_for()

    assert house.tubes()[tube] == tuple(household)
    assert len(house.tubes()["X-0815"]) == 7


def test_scan_to_disk_is_on_the_record_of_the_page(phones: Watched, house: House) -> None:
    page = joined(phones, house, "en")
    page.context.set_offline(True)
    give(page, code(house), "opened")
    give(page, wallet_text(house.people(1)[0]), "added")

    assert page.evaluate("() => performance.getEntriesByName('saved').length") == 2
