"""Real Chromium for the faces.

Each page is watched: a request to another origin, a script fault or a broken policy fails the test.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, sync_playwright

from pratique.web.faces import STATIC
from tests.browser.port import Port

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
OF_THE_NETWORK = (
    "Failed to load resource",
    "net::ERR",
    "Failed to fetch",
    "NetworkError",
    "falling back to ArrayBuffer",
)
PHONE = {"width": 390, "height": 844}
HERE = Path(__file__).parent
SHOTS = HERE / ".shots"


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    """The faces are built and Chromium is there: neither is ever skipped."""
    assert (STATIC / "manifest.json").exists(), (
        "the faces are not built: run `make test`, or `npm run build` in web/"
    )
    assert Path(CHROMIUM).exists(), "Chromium is missing: apt-get install chromium"


# Of the package, not of the session: while Playwright runs, its event loop does, and no other test may start one.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests that need no camera clip."""
    opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield opened
    opened.close()


@pytest.fixture
def port() -> Iterator[Port]:
    opened = Port()
    yield opened
    opened.close()


class Watched:
    """Opens pages and remembers what they did that they must not do."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.contexts: list[BrowserContext] = []
        self.faults: list[str] = []

    def context(self, language: str = "en", **options: Any) -> BrowserContext:
        made = self.browser.new_context(
            **({"viewport": PHONE, "locale": language, "timezone_id": "Asia/Shanghai"} | options)
        )
        made.set_default_timeout(8_000)
        self.contexts.append(made)
        made.on("request", self._request)
        made.on("page", self.watch)
        return made

    def page(self, path: str, language: str = "en", **options: Any) -> Page:
        page = self.context(language, **options).new_page()
        page.goto(self.url + path)
        return page

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", lambda said: self._console(said.type, said.text))

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"third party: {request.url}")

    def _console(self, kind: str, said: str) -> None:
        # A refused or failed call is part of many tests, and so is a page that is left while it loads its code reader;
        # what the page's own policy blocks never is.
        if kind == "error" and not any(text in said for text in OF_THE_NETWORK):
            self.faults.append(f"console: {said}")

    def close(self) -> None:
        faults = list(self.faults)  # a page that is closed while it still loads complains of that
        for context in self.contexts:
            context.close()
        assert faults == []


@pytest.fixture
def faces(browser: Browser, port: Port) -> Iterator[Watched]:
    """Pages of `port`, each in a browser context of its own."""
    watched = Watched(browser, port.url)
    yield watched
    watched.close()


@pytest.fixture
def with_camera(playwright: Playwright, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """A browser whose camera shows the given texts as codes, each for a second, with blank frames between."""
    opened: list[tuple[Browser, Watched]] = []

    def launch(url: str, *texts: str) -> Watched:
        clip = tmp_path / "clip.mjpeg"
        clip.write_bytes(film(*texts))
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-video-capture={clip}"]
        )
        watched = Watched(started, url)
        opened.append((started, watched))
        return watched

    yield launch
    for started, watched in opened:
        watched.close()
        started.close()


def film(*texts: str, frames: int = 24, blank: int = 8) -> bytes:
    """Motion JPEG at 1280 × 720: a code of 5 px a module on warm grey for each text."""
    reel = b""
    for text in texts:
        reel += _jpeg(None) * blank + _jpeg(text) * frames
    return reel


def _jpeg(text: str | None) -> bytes:
    frame = Image.new("RGB", (1280, 720), (186, 178, 164))
    if text is not None:
        drawn = BytesIO()
        segno.make(text, error="m", micro=False).save(drawn, kind="png", scale=5, border=4)
        code = Image.open(drawn).convert("RGB")
        frame.paste(code, ((1280 - code.width) // 2, (720 - code.height) // 2))
    out = BytesIO()
    frame.save(out, "JPEG", quality=88)
    return out.getvalue()


def read_code(page: Page, selector: str = ".code-box") -> str:
    """What a camera reads on the screen: the text of the code in the picture of this element."""
    for _ in range(5):  # a code that is renewed just then is looked at again, as a camera does
        try:
            picture = Image.open(BytesIO(page.locator(selector).first.screenshot()))
        except Error:
            continue
        found = zxingcpp.read_barcodes(picture)
        return found[0].text if found else ""
    return ""


def settled(page: Page) -> None:
    """No request under way and one frame drawn."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
