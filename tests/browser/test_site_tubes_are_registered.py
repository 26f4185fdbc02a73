"""The site app: open a tube, add up to ten people, seal by holding; everything wrong is caught here and said."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from pratique.core.check37 import check_character
from pratique.core.moment import Moment
from pratique.people.slip import make_code, slip_text, wallet_text
from pratique.testing import tubecode
from tests.browser.conftest import Watched
from tests.browser.port import Port, new_id

TOKEN = "A-ONE-TIME-TOKEN"


def tube(port: Port) -> str:
    return tubecode.make(Moment(port.now(), secrets.token_bytes))


def enrolled(faces: Watched, port: Port, language: str = "en", **options: object) -> Page:
    """A device at work, joined by the link that the site lead shows."""
    page = faces.page(f"/site/#token={TOKEN}", language, **options)
    page.locator(".work").wait_for()
    return page


def give(page: Page, text: str, said: str) -> None:
    """Type a code; wait for what is said about it."""
    page.locator("#typed").fill(text)
    page.locator("#typed").press("Enter")
    page.locator(f"[data-said='{said}']").wait_for()


def hold(page: Page) -> None:
    """Press and hold the seal button."""
    button = page.locator("button.hold")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.locator("[data-said='sealed']").wait_for()
    page.mouse.up()


def sealed(page: Page, port: Port, people: int = 1) -> str:
    """One tube from opening to sealing; its code."""
    code = tube(port)
    give(page, code, "opened")
    for _ in range(people):
        give(page, wallet_text(new_id()), "added")
    hold(page)
    return code


def sent(page: Page) -> None:
    page.locator("[data-waiting='0']").wait_for()


def test_it_works(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    code = sealed(page, port, people=10)
    sent(page)

    [event] = port.devices.stored
    assert (event["code"], event["seq"], event["prev"]) == (code, 1, "")
    assert [member["p"] for member in event["m"]] == list(range(1, 11))
    assert abs(port.devices.skews[0]) < timedelta(seconds=5)


def test_the_token_does_not_stay_in_the_address(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)

    assert TOKEN not in page.url
    assert port.devices.invitations == set()


def test_a_used_token_is_refused_in_words(faces: Watched, port: Port) -> None:
    port.devices.invitations.clear()
    page = faces.page("/site/")
    page.locator("#token").fill("used")
    page.get_by_role("button", name="Join").click()

    expect(page.get_by_role("alert")).to_contain_text("not open here")


def test_events_form_one_signed_chain(faces: Watched, port: Port) -> None:
    """The server checks each signature and each `prev`; three tubes in a row pass."""
    page = enrolled(faces, port)
    codes = [sealed(page, port) for _ in range(3)]
    sent(page)

    assert [event["code"] for event in port.devices.stored] == codes
    assert [event["seq"] for event in port.devices.stored] == [1, 2, 3]


def test_slip_wallet_and_typed_codes_are_taken(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    slip, wallet, typed = new_id(), new_id(), new_id()
    give(page, tube(port).lower(), "opened")
    give(page, slip_text(slip, make_code(Moment(port.now(), secrets.token_bytes))), "added")
    give(page, wallet_text(wallet), "added")
    spelled = typed + check_character(typed)
    give(page, " ".join(spelled[i : i + 4] for i in range(0, 27, 4)).lower(), "added")
    hold(page)
    sent(page)

    assert [member["s"] for member in port.devices.stored[0]["m"]] == [slip, wallet, typed]


def wrong_person(_: Page, port: Port) -> str:
    shown = wallet_text(new_id())
    return shown[:10] + ("A" if shown[10] != "A" else "B") + shown[11:]


def wrong_tube(_: Page, port: Port) -> str:
    code = tube(port)
    return code[:4] + ("A" if code[4] != "A" else "B") + code[5:]


@pytest.mark.parametrize(
    ("text", "said", "words"),
    [
        (wrong_tube, "wrong-check-tube", "采样管编码有误"),
        (wrong_person, "wrong-check-person", "采样码有误"),
        (lambda *_: "https://example.org/menu", "foreign", "不是采样管、卡包或纸条的码"),
        (lambda *_: wallet_text(new_id()), "need-tube", "请先扫描采样管"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    faces: Watched, port: Port, text: Callable[[Page, Port], str], said: str, words: str
) -> None:
    page = enrolled(faces, port, "zh-CN")
    give(page, text(page, port), said)

    expect(page.get_by_role("alert")).to_contain_text(words)
    assert page.locator(".tube-card.none").count() == 1


def test_the_eleventh_and_the_same_person_are_refused(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    someone = wallet_text(new_id())
    give(page, tube(port), "opened")
    give(page, someone, "added")
    give(page, someone, "person-here")
    for _ in range(9):
        give(page, wallet_text(new_id()), "added")
    give(page, wallet_text(new_id()), "full")
    expect(page.get_by_role("alert")).to_contain_text("The tube holds 10")
    hold(page)
    give(page, tube(port), "opened")
    give(page, someone, "person-today")


def test_a_sealed_tube_cannot_be_opened_again(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    code = sealed(page, port)
    give(page, code, "tube-sealed")
    give(page, tube(port), "opened")
    give(page, tube(port), "other-tube")


def test_undo_takes_back_the_last_person_and_then_the_tube(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    someone = wallet_text(new_id())
    give(page, tube(port), "opened")
    give(page, someone, "added")
    page.get_by_role("button", name="Undo").click()
    page.locator("[data-said='undone']").wait_for()
    give(page, someone, "added")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Close tube").click()

    page.locator("[data-said='closed']").wait_for()


def test_a_short_touch_does_not_seal_and_a_held_key_does(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    give(page, tube(port), "opened")
    give(page, wallet_text(new_id()), "added")
    button = page.locator("button.hold")
    button.click(delay=150)
    page.wait_for_timeout(1200)
    assert page.locator("[data-said='added']").count() == 1
    button.focus()
    page.keyboard.down(" ")
    page.locator("[data-said='sealed']").wait_for()
    page.keyboard.up(" ")
    sent(page)
    assert len(port.devices.stored) == 1


def test_a_click_without_a_press_asks_first(faces: Watched, port: Port) -> None:
    """Screen readers and switches click without pressing."""
    page = enrolled(faces, port)
    give(page, tube(port), "opened")
    give(page, wallet_text(new_id()), "added")
    page.locator("button.hold").evaluate("(button) => button.click()")
    page.get_by_role("button", name="Yes, seal this tube").click()
    page.locator("[data-said='sealed']").wait_for()


def test_a_conflict_stands_with_its_sentence(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port, "zh-CN")
    code = tube(port)
    port.devices.conflicts.add(code)
    give(page, code, "opened")
    give(page, wallet_text(new_id()), "added")
    hold(page)
    page.get_by_text("未被接收：1").click()

    row = page.locator("li[data-state='conflict']")
    expect(row).to_contain_text(code)
    expect(row).to_contain_text("另一设备已封管")


def test_people_leave_the_device_with_the_acknowledgement(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    subject = new_id()
    give(page, tube(port), "opened")
    give(page, wallet_text(subject), "added")
    hold(page)
    sent(page)

    kept = page.evaluate(
        """async () => {
          const wait = (r) => new Promise((ok) => { r.onsuccess = () => ok(r.result); });
          const db = await wait(indexedDB.open('pratique-site'));
          const all = [];
          for (const name of db.objectStoreNames) {
            const store = db.transaction(name).objectStore(name);
            all.push(...await wait(store.getAll()), ...await wait(store.getAllKeys()));
          }
          return JSON.stringify(all);
        }"""
    )
    assert "stored" in kept
    assert subject not in kept


def test_a_second_tab_does_not_touch_the_chain(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    second = page.context.new_page()
    second.goto(f"{port.url}/site/")

    expect(second.locator("h1")).to_have_text("Open in another tab")
