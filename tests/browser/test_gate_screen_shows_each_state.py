"""The screen at the door, driven by the gate's own loopback server: shape, word, sound and colour for each state."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pratique.gate import texts
from pratique.gate.screen import Screen
from tests.browser.conftest import Watched, read_code

OUTCOMES = {
    "clear": ("pass", "请进", "Enter", [523, 784]),
    "conditions": ("pass", "请按提示进入", "Enter, with a condition", [587]),
    "hold": ("policy", "请查看您的卡包", "See your wallet", [196, 165]),
    "see_staff": ("unreadable", "请找工作人员", "See staff", [440, 440, 440]),
}


def status(state: str, outcome: str | None = None, reason: str | None = None, *faults: str) -> dict[str, Any]:
    """What the gate sends: the same fields as its loop."""
    line = texts.line(state, outcome or "", reason or "", min(faults, default=""))
    return {
        "state": state,
        "outcome": outcome,
        "reason": reason,
        "lamp": "off",
        "faults": list(faults),
        "text": {"en": line.en, "zh-Hans": line.zh_hans},
        "ages": {
            "snapshot_s": 240,
            "snapshot": 12,
            "clock": "good",
            "mandate_end": "2026-12-20T00:00:00Z",
        },
        "mandate": {"en": "Sampling in the synthetic harbour district", "zh-Hans": "合成港区采样"},
        "counts": [],
    }


@pytest.fixture
def scans() -> list[str]:
    return []


@pytest.fixture
def screen(scans: list[str]) -> Iterator[Screen]:
    opened = Screen(0, scans.append)
    opened.show(status("ready"))
    yield opened
    opened.close()


def watch(browser: Browser, screen: Screen) -> Watched:
    return Watched(browser, f"http://127.0.0.1:{screen.port}")


def showing(page: Page, screen: Screen, told: dict[str, Any], face: str) -> None:
    screen.show(told)
    page.locator(f"[data-face='{face}']").wait_for()


def test_it_works(browser: Browser, screen: Screen) -> None:
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=zh-Hans", viewport={"width": 1920, "height": 1080})
    page.locator("[data-face='ready']").wait_for()

    expect(page.locator("h1")).to_have_text("请出示码")
    expect(page.locator(".face-other")).to_have_text("Show your code")
    for words in ("名单：4分钟前", "时钟：正常", "授权令：合成港区采样", "本哨位只计数"):
        expect(page.locator(".face-foot")).to_contain_text(words)
    faces.close()


def test_each_outcome_has_its_own_shape_word_sound_and_colour(browser: Browser, screen: Screen) -> None:
    faces = watch(browser, screen)
    context = faces.context("en", viewport={"width": 1920, "height": 1080})
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
    page.goto(f"{faces.url}/?camera=0&lang=en")
    shapes, colours = set(), set()
    for outcome, (reason, zh, en, notes) in OUTCOMES.items():
        showing(page, screen, status("ready"), "ready")
        page.evaluate("() => { window.heard.length = 0; }")
        showing(page, screen, status("decided", outcome, reason), outcome)
        expect(page.locator("h1")).to_have_text(en)
        expect(page.locator(".face-other")).to_have_text(zh)
        size = page.locator("h1").evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 60
        page.wait_for_function("(n) => window.heard.length >= n", arg=len(notes))
        assert page.evaluate("() => window.heard") == notes
        shapes.add(page.locator(".picture").inner_html())
        colours.add(page.locator(".face").evaluate("(e) => getComputedStyle(e).getPropertyValue('--face')"))
        showing(page, screen, status("waiting_passage", outcome, reason), outcome)
        assert page.evaluate("() => window.heard") == notes, "one verdict sounds once"

    assert len(shapes) == len(colours) == len(OUTCOMES)
    faces.close()


def test_every_state_of_the_gate_has_a_face(browser: Browser, screen: Screen) -> None:
    from pratique.gate.model import STATES

    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=en")
    for state in STATES:
        if state in ("decided", "waiting_passage"):
            continue
        showing(page, screen, status(state), "ready" if state == "degraded" else state)
        assert page.locator("h1").inner_text().strip()
    faces.close()


@pytest.fixture
def cable(screen: Screen) -> Iterator["Cable"]:
    """The screen's server behind a cable that can be pulled."""
    laid = Cable(screen.port)
    screen.port = laid.port  # the gate answers to the name by which the page calls it
    yield laid
    laid.pull()


class Cable:
    """A TCP relay on loopback. `freeze` stops the bytes and keeps the connections; `pull` closes all of them."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._ends: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._door.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while raw := one.recv(65536):
                self._flows.wait()
                other.sendall(raw)
            other.shutdown(socket.SHUT_WR)

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def pull(self) -> None:
        self.thaw()
        self._door.close()
        self.cut()


def test_a_door_reader_names_its_house_and_hands_a_receipt(browser: Browser, screen: Screen) -> None:
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=zh-Hans", viewport={"width": 1280, "height": 800})
    house = {"en": "Rowing Club", "zh-Hans": "赛艇俱乐部"}
    door = status("waiting_passage", "clear", "member") | {"mandate": None, "door": house}
    receipt = "PQR1:" + "0123456789ABCDEF" * 30
    showing(page, screen, door | {"receipt": receipt}, "clear")

    expect(page.locator(".face-challenge")).to_contain_text("领取收据")
    assert read_code(page, ".face-challenge .code-box") == receipt
    expect(page.locator(".face-foot")).to_contain_text("赛艇俱乐部的门")
    expect(page.locator(".face-foot")).not_to_contain_text("没有生效的授权令")
    screen.show(door | {"receipt": None})
    expect(page.locator(".face-challenge")).to_have_count(0)
    faces.close()


def test_silence_becomes_out_of_order_within_three_seconds(
    browser: Browser, screen: Screen, cable: Cable
) -> None:
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=en")
    page.locator("[data-face='ready']").wait_for()
    page.evaluate("() => { window.began = performance.now(); }")
    cable.freeze()
    page.locator("[data-face='out_of_order']").wait_for(timeout=6_000)

    assert page.evaluate("() => performance.now() - window.began") <= 3_500
    expect(page.locator("h1")).to_have_text("Out of order, exit free")
    expect(page.locator(".face-line")).to_contain_text("hears nothing from the gate")
    cable.thaw()
    page.locator("[data-face='ready']").wait_for()
    faces.close()


def test_it_comes_back_when_the_gate_does(browser: Browser, screen: Screen, cable: Cable) -> None:
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=en")
    page.locator("[data-face='ready']").wait_for()
    cable.freeze()
    cable.cut()
    page.locator("[data-face='out_of_order']").wait_for(timeout=6_000)
    screen.show(status("ready", None, None, "stale"))
    cable.thaw()
    page.locator("[data-face='ready']").wait_for(timeout=15_000)
    faces.close()


def test_a_scanner_that_types_hands_over_the_whole_text(
    browser: Browser, screen: Screen, scans: list[str]
) -> None:
    text = "PQ1:" + "6BF+70790T9WJWG.FKY*4GO0" * 15 + "ABCDEF 123 X"
    assert len(text) == 376
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=en")
    page.locator("[data-face='ready']").wait_for()
    page.get_by_role("button", name="Large").focus()
    for _ in range(5):  # a busy machine may type slower than any scanner; then it is not taken, rightly
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        if scans:
            break
    assert scans == [text]
    assert page.locator("html[data-large]").count() == 0, "a space in the code pressed the focused button"
    faces.close()


def test_slow_typing_is_not_a_scan(browser: Browser, screen: Screen, scans: list[str]) -> None:
    faces = watch(browser, screen)
    page = faces.page("/?camera=0&lang=en")
    page.locator("[data-face='ready']").wait_for()
    page.keyboard.type("PQ1:ABCDEFGH", delay=130)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert scans == []
    faces.close()


def test_the_screens_own_camera_reads_a_pass(
    with_camera: Callable[..., Watched], screen: Screen, scans: list[str]
) -> None:
    text = "PQ1:" + "6BF+70790T9WJWG.FKY*4GO0" * 15
    faces = with_camera(f"http://127.0.0.1:{screen.port}", text)
    page = faces.page("/?lang=en")
    page.locator("[data-face='ready']").wait_for()
    # The test's browser allows the camera at once, as a tablet does that was asked before.
    page.locator("[data-camera='on']").wait_for(timeout=15_000)
    wait_until(lambda: text in scans)
    page.get_by_role("button", name="Camera off").click()
    page.get_by_role("button", name="Read with this screen's camera").wait_for()


def test_language_goes_home_after_a_while(browser: Browser, screen: Screen) -> None:
    faces = watch(browser, screen)
    context = faces.context("zh-CN")
    page = context.new_page()
    page.clock.install()
    page.goto(f"{faces.url}/?camera=0&lang=zh-Hans")
    page.locator("[data-face='ready']").wait_for()
    page.locator("[data-switch='language']").click()
    expect(page.locator("h1")).to_have_text("Show your code")
    page.clock.run_for(31_000)
    expect(page.locator("h1 span").first).not_to_have_text("Show your code")
    faces.close()


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    done = threading.Event()
    for _ in range(int(seconds * 20)):
        if holds():
            return
        done.wait(0.05)
    raise AssertionError("it did not come about in time")
