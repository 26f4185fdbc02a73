"""The camera of the site app, with a film in its place: tube label, wallet code, slip."""

import secrets
from collections.abc import Callable

from playwright.sync_api import expect

from pratique.core.moment import Moment
from pratique.people.slip import make_code, slip_text, wallet_text
from tests.browser.conftest import Watched
from tests.browser.port import Port, new_id
from tests.browser.test_site_tubes_are_registered import TOKEN, tube


def test_it_works(with_camera: Callable[..., Watched], port: Port) -> None:
    code, holder, paper = tube(port), new_id(), new_id()
    slip = slip_text(paper, make_code(Moment(port.now(), secrets.token_bytes)))
    faces = with_camera(port.url, code, wallet_text(holder), slip)
    page = faces.page(f"/site/#token={TOKEN}", "zh-CN")
    # The film runs in a loop, so a person may come before the tube: what counts is what is taken in the end.
    page.locator(".tube-code").wait_for(timeout=30_000)
    expect(page.locator(".tube-count")).to_have_text("2/10", timeout=30_000)
    # The film goes on while the button is held, so what is said last is not about the seal.
    page.locator("button.hold").focus()
    page.keyboard.down("Enter")
    page.locator(".tube-card.none").wait_for()
    page.keyboard.up("Enter")
    page.wait_for_function("() => document.querySelector('.queue-line').dataset.waiting === '0'")

    event, *_ = port.devices.stored = port.devices.stored
    assert event["code"] == code
    assert {member["s"] for member in event["m"]} == {holder, paper}


def test_a_refused_camera_leaves_typing_and_says_what_to_do(faces: Watched, port: Port) -> None:
    context = faces.context("en")
    context.add_init_script(
        "if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = "
        "() => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    page = context.new_page()
    page.goto(f"{port.url}/site/#token={TOKEN}")
    page.locator("[data-camera='refused']").wait_for()

    expect(page.locator(".camera")).to_contain_text("or type the code")
    page.locator("#typed").fill(tube(port))
    page.locator("#typed").press("Enter")
    page.locator("[data-said='opened']").wait_for()


def test_sounds_differ_and_come_after_the_commit(faces: Watched, port: Port) -> None:
    """Each meaning has its own notes; when the first note of `added` is made, the person is on the disk."""
    context = faces.context("en")
    context.add_init_script(
        """(() => {
          window.heard = [];
          const start = OscillatorNode.prototype.start;
          OscillatorNode.prototype.start = function (at) {
            window.heard.push(Math.round(this.frequency.value));
            return start.call(this, at);
          };
        })()"""
    )
    page = context.new_page()
    page.goto(f"{port.url}/site/#token={TOKEN}")
    page.locator(".work").wait_for()
    heard: dict[str, tuple[int, ...]] = {}
    someone = wallet_text(new_id())
    for text, said in (
        ("nonsense", "foreign"),
        (tube(port), "opened"),
        (someone, "added"),
        (someone, "person-here"),
    ):
        page.evaluate("() => { window.heard.length = 0; }")
        page.locator("#typed").fill(text)
        page.locator("#typed").press("Enter")
        page.locator(f"[data-said='{said}']").wait_for()
        heard[said] = tuple(page.evaluate("() => window.heard"))

    assert len(set(heard.values())) == 4
    assert all(heard.values())
