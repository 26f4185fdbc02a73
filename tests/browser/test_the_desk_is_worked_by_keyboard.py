"""Holder, case worker, doctor and reviewer on a real server, with the keyboard alone, in both languages; axe looks on.

An order is given and its copy stands in the wallet; a call is recorded in three keys; a picture goes with an appeal and
is answered; everything is taken away; the push that Chromium receives says that there is news and no more.
"""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pratique import town
from pratique.app import web_app
from pratique.core.moment import Moment
from pratique.desk import service as desk
from pratique.notices import service as notices
from pratique.peers import Holder, free_port
from pratique.people import service as people
from pratique.people.model import ContactCard, Staff
from pratique.port import Port as House
from pratique.port import open_port
from pratique.settings import Settings
from pratique.store.tx import Tx
from tests.browser.conftest import PHONE, SHOTS, Watched
from tests.browser.test_wallet_site_gate_are_for_everybody import clipped, faults_of

DESK = {"width": 1280, "height": 900}
LANGUAGES = ("zh-CN", "en")
ORDER = {
    "why": "close contact at home / 家中密切接触", "days": "3", "food": "Test kitchen +999 1",
    "medicine": "Test pharmacy +999 2", "contact": "Test night desk +999 3", "daily_call": "Test team",
}  # fmt: skip


class Served(NamedTuple):
    """A real server in a thread, with a town."""

    house: House
    mandate_id: str
    url: str

    def moment(self) -> Moment:
        return Moment(datetime.now(UTC), secrets.token_bytes)

    def invite(self, role: str) -> str:
        grants = [people.Grant("area", "harbour")] if "area" in people.EXTENTS[role].grantable else []
        made = self.house.store.write(
            lambda tx: people.invite_staff(
                tx, self.moment(), None, name=f"Test {role}", role=role, grants=grants, trial=True
            )
        )
        return made.token

    def resident(self, language: str) -> str:
        """Somebody with a contact card and a running campaign's notice; the subject."""
        holder = Holder()
        town.settle(self.house, self.moment(), [holder])
        card = ContactCard("合成 Test", "+999 0000 0042", "zh-Hans" if language.startswith("zh") else "en")
        self.house.store.write(
            lambda tx: people.write_card(tx, self.moment(), self.house.sealer, holder.subject_id, card)
        )
        return holder.subject_id


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    number = free_port(40000 + os.getpid() % 800 * 10)
    house = open_port(Settings(home=tmp_path_factory.mktemp("desk"), port=number))
    made = town.found(house, house.moment())
    config = uvicorn.Config(web_app(house), port=number, access_log=False, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield Served(house, made.mandate_id, f"http://127.0.0.1:{number}")
    server.should_exit = True
    thread.join(20)
    house.close()


@pytest.fixture
def walk(browser: Browser, served: Served) -> Iterator[Watched]:
    watched = Watched(browser, served.url)
    yield watched
    watched.close()


def staff(walk: Watched, served: Served, language: str, role: str) -> Page:
    """Signed in with the keyboard."""
    to = "/console/notices" if role == "reviewer" else "/console/desk"
    page = walk.page(f"/sign-in?code={served.invite(role)}&next={to}", language, viewport=DESK)
    page.locator("#code").focus()
    page.keyboard.press("Enter")
    page.locator("nav.nav").first.wait_for()
    return page


def wallet(walk: Watched, language: str) -> Page:
    page = walk.page("/wallet/", language, viewport=PHONE)
    page.locator(".button.big").focus()
    page.keyboard.press("Enter")
    page.locator(".top-notice").wait_for()
    return page


def subject_of(served: Served, page: Page) -> str:
    found: str = page.evaluate(
        """() => new Promise((done) => { const o = indexedDB.open('pratique-wallet'); o.onsuccess = () => {
          const q = o.result.transaction('holder').objectStore('holder').get('me');
          q.onsuccess = () => { o.result.close(); done(q.result.subject_id); } } })"""
    )
    return found


def give_card(served: Served, subject: str, language: str) -> None:
    card = ContactCard("合成 Test", "+999 0000 0042", "zh-Hans" if language == "zh-CN" else "en")
    served.house.store.write(
        lambda tx: people.write_card(tx, served.moment(), served.house.sealer, subject, card)
    )


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"desk-{name}.png", full_page=True)


def judged(page: Page) -> list[str]:
    return [*faults_of(page), *clipped(page)]


def tab_to(page: Page, selector: str, most: int = 80) -> None:
    """Reaches an element with the tab key alone."""
    for _ in range(most):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached with the keyboard")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_works(walk: Watched, served: Served, language: str) -> None:
    """Call me → three keys at the desk → an order by the doctor → its copy in the wallet."""
    holder = wallet(walk, language)
    subject = subject_of(served, holder)
    give_card(served, subject, language)
    holder.locator(".top-notice a").first.focus()
    holder.keyboard.press("Enter")
    call = {"zh-CN": "请致电我", "en": "Please call me"}[language]
    holder.get_by_role("button", name=call).wait_for()
    holder.get_by_role("button", name=call).focus()
    holder.keyboard.press("Enter")
    holder.locator("[role=status]", has_text={"zh-CN": "致电您", "en": "calls you by"}[language]).wait_for()

    worker = staff(walk, served, language, "case-worker")
    assert judged(worker) == []
    shot(worker, f"list-{language}")
    assert worker.evaluate("() => document.activeElement?.matches('[data-first]')")
    worker.keyboard.press("Enter")  # 1: open
    worker.locator("fieldset.choices").first.wait_for()
    expect(worker.locator("main")).to_contain_text("+999 0000 0042")
    assert judged(worker) == []
    shot(worker, f"case-{language}")
    worker.keyboard.press("4")  # 2: needs help
    worker.keyboard.press("Enter")  # 3: record
    worker.locator("ol.cases").first.wait_for()
    expect(worker.locator("ol.cases").first).to_contain_text(
        {"zh-CN": "值班医生", "en": "doctor on duty"}[language]
    )

    doctor = staff(walk, served, language, "duty-doctor")
    doctor.keyboard.press("Enter")
    doctor.locator("fieldset.choices").first.wait_for()
    tab_to(doctor, "a[href$='/order']")
    doctor.keyboard.press("Enter")
    doctor.locator("#why").wait_for()
    assert judged(doctor) == []
    for name, value in ORDER.items():
        tab_to(doctor, f"#{name}")
        doctor.keyboard.type(value)
    tab_to(doctor, "button.big")
    doctor.keyboard.press("Enter")
    doctor.locator("ol.cases").first.wait_for()
    expect(doctor.locator("main")).to_contain_text({"zh-CN": "每日通话", "en": "Daily call"}[language])

    holder.goto(served.url + "/wallet/#/")
    holder.reload()
    stay = {"zh-CN": "请居家", "en": "Please stay at home"}[language]
    holder.locator(".top-notice", has_text=stay).wait_for()
    holder.locator(".top-notice a").first.focus()
    holder.keyboard.press("Enter")
    copy = holder.locator(".order-copy")
    copy.wait_for()
    for line in ("Test kitchen", "Test pharmacy", "Test night desk"):
        expect(copy).to_contain_text(line)
    for line in {"zh-CN": ("卫生委员会", "港区法院"), "en": ("health commission", "Harbour district court")}[
        language
    ]:
        expect(copy).to_contain_text(line)  # as the mandate says it
    assert judged(holder) == []
    shot(holder, f"order-{language}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_goes_with_an_appeal_and_a_reviewer_answers(
    walk: Watched, served: Served, language: str, tmp_path: Path
) -> None:
    holder = wallet(walk, language)
    holder.locator(".top-notice a").first.focus()
    holder.keyboard.press("Enter")
    send = {"zh-CN": "提交申诉", "en": "Send the appeal"}[language]
    holder.get_by_role("button", name=send).focus()
    holder.keyboard.press("Enter")
    holder.locator("input[type=file]").wait_for()
    picture = tmp_path / "note.jpg"
    out = BytesIO()
    Image.new("RGB", (2400, 1800), (200, 190, 170)).save(out, "JPEG")
    picture.write_bytes(out.getvalue())
    holder.locator("input[type=file]").set_input_files(picture)
    holder.get_by_text("JPEG").wait_for()
    (tmp_path / "x.jpg").write_bytes(b"<script>alert(1)</script>")
    holder.locator("input[type=file]").set_input_files(tmp_path / "x.jpg")
    holder.locator("[role=alert]", has_text="PDF").wait_for()
    assert judged(holder) == []
    shot(holder, f"appeal-{language}")

    reviewer = staff(walk, served, language, "reviewer")
    reviewer.goto(served.url + "/console/notices")
    appeals = reviewer.locator("a[href*='/console/appeals/']")
    address = appeals.last.get_attribute("href")
    tab_to(reviewer, f"a[href='{address}']")
    reviewer.keyboard.press("Enter")
    reviewer.locator("#answer").wait_for()
    assert judged(reviewer) == []
    expect(reviewer.locator("a[download]")).to_contain_text("JPEG")
    tab_to(reviewer, "input[name=choice]")
    reviewer.keyboard.press("Space")
    tab_to(reviewer, "#answer")
    reviewer.keyboard.type("We looked again. 已复核。")
    tab_to(reviewer, "button.big")
    reviewer.keyboard.press("Enter")
    reviewer.wait_for_url("**/console/notices")
    holder.reload()
    holder.get_by_text("已复核").wait_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_taken_away(walk: Watched, served: Served, language: str) -> None:
    holder = wallet(walk, language)
    holder.goto(served.url + "/wallet/#/settings")
    button = holder.get_by_role("button", name={"zh-CN": "阅读版（PDF）", "en": "To read (PDF)"}[language])
    button.wait_for()
    button.focus()
    with holder.expect_download() as saved:
        holder.keyboard.press("Enter")
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF-")
    assert judged(holder) == []
    shot(holder, f"settings-{language}")


def test_chromium_shows_a_push_that_says_nothing_but_that_there_is_news(
    walk: Watched, served: Served
) -> None:
    holder = wallet(walk, "en")
    holder.context.grant_permissions(["notifications"], origin=served.url)
    holder.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    session = holder.context.new_cdp_session(holder)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(
            one["registrationId"] for one in event["registrations"] if one["scopeURL"].endswith("/wallet/")
        ),
    )
    session.send("ServiceWorker.enable")
    holder.wait_for_timeout(500)
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": served.url, "registrationId": found[0], "data": '{"text": "There is news"}'},
    )
    holder.wait_for_timeout(700)
    shown = holder.evaluate(
        "() => navigator.serviceWorker.ready.then((r) => r.getNotifications())"
        ".then((l) => l.map((n) => [n.title, n.body]))"
    )
    assert shown == [["Pratique", "There is news"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_statistics_are_public(walk: Watched, served: Served, language: str) -> None:
    page = walk.page("/statistics/appeals", language, viewport=PHONE)
    page.locator("h1").wait_for()
    assert judged(page) == []
    assert page.locator("a[href='/v1/statistics/appeals']").count() == 1


def visited(served: Served, worker_id: str) -> str:
    """A visit of this worker's own, as a wrong number makes it; the case."""
    worker = Staff(worker_id, "Test", "case-worker", served.moment().now)
    subject = served.resident("en")
    with served.house.store.read() as tx:
        notice = (
            notices.wallet_view(tx, served.moment(), served.house.house, subject, lambda *_: [], 0)
            .notices[0]
            .id
        )
    served.house.store.write(lambda tx: desk.call_me(tx, served.moment(), subject, notice))

    def act(tx: Tx) -> str:
        moment, house = served.moment(), served.house.house
        first = next(
            line for line in desk.cases(tx, moment, worker, kind="call-me", limit=500)
            if desk.open_file(tx, moment, house, worker, line.id).row.subject_id == subject
        )  # fmt: skip
        desk.record(tx, moment, house, worker, first.id, "wrong-number")
        visit = next(
            line for line in desk.cases(tx, moment, worker, kind="visit", limit=500)
            if desk.open_file(tx, moment, house, worker, line.id).row.subject_id == subject
        )  # fmt: skip
        return visit.id

    return served.house.store.write(act)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_visit_is_written_down_without_a_network(walk: Watched, served: Served, language: str) -> None:
    page = staff(walk, served, language, "case-worker")
    with served.house.store.read() as tx:
        me = next(one.id for one, _, _ in reversed(people.list_staff(tx)) if one.role == "case-worker")
    case_id = visited(served, me)
    page.set_viewport_size(PHONE)
    page.goto(served.url + "/visit/")
    page.locator(f"a[href='#/case/{case_id}']").wait_for()
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    assert judged(page) == []
    shot(page, f"visits-{language}")

    page.context.set_offline(True)
    page.reload()
    tab_to(page, f"a[href='#/case/{case_id}']")
    page.keyboard.press("Enter")
    page.locator("#note").wait_for()
    expect(page.locator("h1")).to_have_text("合成 Test")
    assert judged(page) == []
    shot(page, f"visit-{language}")
    page.locator("#note").fill("planted visit note")
    tab_to(page, "section .buttons button")
    page.keyboard.press("Enter")
    page.locator(".note.clear").wait_for()
    kept = page.evaluate(
        """() => new Promise((done) => { const o = indexedDB.open('pratique-visit'); o.onsuccess = () => {
          const all = o.result.transaction(['package', 'outbox']);
          const out = [];
          for (const name of ['package', 'outbox']) all.objectStore(name).getAll().onsuccess = (e) =>
            out.push(...e.target.result.map((one) => new TextDecoder().decode(one.body)));
          all.oncomplete = () => { o.result.close(); done(out.join()); } } })"""
    )
    assert kept
    assert "planted" not in kept
    assert "合成" not in kept

    page.context.set_offline(False)
    page.evaluate("() => dispatchEvent(new Event('online'))")
    for _ in range(60):
        with served.house.store.read() as tx:
            row = tx.one("SELECT state, result FROM desk_case WHERE id = :id", id=case_id)
        if row == ("done", "reached"):
            break
        page.wait_for_timeout(100)
    assert row == ("done", "reached")


def test_a_phone_forgets_after_a_day_and_when_its_worker_leaves(walk: Watched, served: Served) -> None:
    page = staff(walk, served, "en", "case-worker")
    with served.house.store.read() as tx:
        me = next(one.id for one, _, _ in reversed(people.list_staff(tx)) if one.role == "case-worker")
    case_id = visited(served, me)
    page.goto(served.url + "/visit/")
    page.locator(f"a[href='#/case/{case_id}']").wait_for()
    page.context.set_offline(True)
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=25))
    page.reload()
    page.locator(".empty").wait_for()
    left = page.evaluate(
        """() => new Promise((done) => { const o = indexedDB.open('pratique-visit'); o.onsuccess = () => {
          const q = o.result.transaction('key').objectStore('key').count();
          q.onsuccess = () => { o.result.close(); done(q.result); } } })"""
    )
    assert (left, page.locator(".notice-line").count()) == (0, 0)
