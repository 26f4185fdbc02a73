"""The hand-held gate with a film in its camera's place: passing, conditioning, holding, and what must not pass."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pratique.credentials import pq1
from pratique.credentials.challenge import read_challenge
from pratique.credentials.cose import public_key
from pratique.gate import texts
from tests.browser.conftest import Watched, read_code
from tests.browser.gates import ISSUER, PLACE, TOKEN, Gates, pass_bytes, show

# Every face that was shown, with its words, in order: the film goes on while the test looks.
RECORD = """(() => {
  window.seen = [];
  const look = () => {
    const face = document.querySelector('[data-face]');
    if (!face) return;
    const [word, line] = ['h1', '.face-line'].map((one) => document.querySelector(one)?.textContent ?? '');
    const told = [face.dataset.face, face.dataset.reason, word, line];
    if (JSON.stringify(window.seen.at(-1)) !== JSON.stringify(told)) window.seen.push(told);
  };
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  addEventListener('DOMContentLoaded', () => new MutationObserver(look).observe(document, all));
})()"""


@pytest.fixture
def gates() -> Iterator[Gates]:
    opened = Gates()
    yield opened
    opened.close()


@pytest.fixture
def door(browser: Browser, gates: Gates) -> Iterator[Watched]:
    watched = Watched(browser, gates.url)
    yield watched
    watched.close()


def enrolled(faces: Watched, language: str = "en", clock: bool = False, **options: Any) -> Page:
    """A gate at work, enrolled by its link. With `clock` its time is the test's."""
    context = faces.context(language, **options)
    context.add_init_script(RECORD)
    page = context.new_page()
    if clock:
        page.clock.install()
    page.goto(f"{faces.url}/handheld/#token={TOKEN}")
    compared(page)
    return page


def compared(page: Page) -> str:
    """The words on the screen; whoever holds the device says that the console shows the same."""
    words = page.locator(".hand-words strong[lang='en']").inner_text()
    page.locator("[data-act='same']").click()
    page.locator("[data-face='ready']").wait_for()
    return words


def scan(page: Page, text: str) -> None:
    """A scanner that types: all characters at once, then Enter."""
    page.evaluate(
        """(text) => {
          const timeStamp = { value: performance.now() };  // a busy machine may pause between two keys
          for (const key of [...text, 'Enter']) {
            dispatchEvent(Object.defineProperty(new KeyboardEvent('keydown', { key }), 'timeStamp', timeStamp));
          }
        }""",
        text,
    )


def decided(page: Page, text: str) -> tuple[str, str]:
    """Outcome and reason of a text; then back to rest."""
    before = page.locator(".face").get_attribute("data-state")
    assert before in ("ready", "degraded"), before
    scan(page, text)
    page.locator("[data-state='decided'], [data-state='waiting_passage']").wait_for()
    face = page.locator(".face")
    found = face.get_attribute("data-outcome") or "", face.get_attribute("data-reason") or ""
    page.locator("[data-act='next']").click()
    page.locator("[data-state='ready'], [data-state='degraded']").wait_for()
    return found


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_it_works(with_camera: Callable[..., Watched], gates: Gates, language: str) -> None:
    """Clear, a condition, a hold and a foreign code, read by the camera one after the other."""
    faces = with_camera(gates.url, gates.clear(), gates.conditions(), gates.held(), "NOT A PASS 未见异常")
    page = enrolled(faces, language)
    kinds = ("clear", "conditions", "hold", "see_staff")
    page.wait_for_function(
        "(kinds) => kinds.every((kind) => window.seen.some((one) => one[0] === kind))",
        arg=kinds,
        timeout=45_000,
    )
    seen = {face: (reason, word, line) for face, reason, word, line in page.evaluate("() => window.seen")}

    which = "zh-Hans" if language == "zh-CN" else "en"
    reasons = {"clear": "pass", "conditions": "pass", "hold": "revoked", "see_staff": "unreadable"}
    for outcome, reason in reasons.items():
        assert seen[outcome][0] == reason
        assert seen[outcome][1] == texts.OUTCOMES[outcome].of(which)
        line = texts.REASONS[outcome, reason].of(which)
        assert seen[outcome][2] == ("" if line == seen[outcome][1] else line)


def test_each_verdict_has_its_own_shape_word_sound_and_colour(door: Watched, gates: Gates) -> None:
    context = door.context("en")
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
    page.goto(f"{gates.url}/handheld/#token={TOKEN}")
    compared(page)
    shown = []
    for text in (gates.clear(), gates.conditions(), gates.held(), "nothing of ours"):
        page.evaluate("() => { window.heard.length = 0; }")
        scan(page, text)
        page.locator(".picture").wait_for()
        page.wait_for_function("() => window.heard.length > 0")
        colour = page.locator(".face").evaluate("(e) => getComputedStyle(e).getPropertyValue('--face')")
        shown.append(
            (
                page.locator(".picture").inner_html(),
                page.locator("h1").inner_text(),
                str(page.evaluate("() => window.heard")),
                colour,
            )
        )
        page.locator("[data-act='next']").click()
        page.locator("[data-face='ready']").wait_for()

    for column in zip(*shown, strict=True):
        assert len(set(column)) == 4


def test_nothing_forged_old_or_copied_opens(door: Watched, gates: Gates) -> None:
    page = enrolled(door, clock=True)
    fresh, credential = (
        gates.clear(),
        pass_bytes(issued=gates.now() - timedelta(hours=1), expires=gates.now() + timedelta(hours=2)),
    )
    altered = bytearray(credential)
    altered[-1] ^= 1
    shown = int(gates.now().timestamp())

    assert decided(page, fresh) == ("clear", "pass")
    page.clock.run_for(6_000)
    assert decided(page, fresh) == ("see_staff", "clock"), "the same proof again is a copy"
    assert decided(page, gates.clear(gates.now() - timedelta(minutes=10))) == ("see_staff", "clock"), (
        "an old screenshot"
    )
    assert decided(page, show(bytes(altered), gates.now())) == ("see_staff", "bad_signature")
    assert decided(page, pq1.present(credential, shown, bytes(64))) == ("see_staff", "bad_signature")
    assert decided(page, pq1.paper(credential)) == ("see_staff", "bad_signature"), (
        "a device's pass without its device"
    )
    assert decided(page, "通行 GREEN 绿码 未见异常") == ("see_staff", "unreadable")
    assert decided(page, gates.held()) == ("hold", "revoked")
    assert decided(page, gates.clear(expires=gates.now() - timedelta(minutes=1))) == ("hold", "expired")


def test_a_green_picture_is_no_code(playwright: Any, gates: Gates, tmp_path: Any) -> None:
    from io import BytesIO

    from PIL import Image

    from tests.browser.conftest import CHROMIUM, FLAGS

    frame = BytesIO()
    Image.new("RGB", (1280, 720), (0, 160, 60)).save(frame, "JPEG", quality=88)
    clip = tmp_path / "green.mjpeg"
    clip.write_bytes(frame.getvalue() * 60)
    started = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-video-capture={clip}"]
    )
    faces = Watched(started, gates.url)
    page = enrolled(faces)
    page.locator("[data-camera='on']").wait_for(timeout=15_000)
    page.wait_for_timeout(2_500)

    assert {one[0] for one in page.evaluate("() => window.seen")} <= {"starting", "out_of_order", "ready"}
    assert page.locator("[data-face='ready']").count() == 1
    faces.close()
    started.close()


def test_a_person_standing_there_is_counted_once(door: Watched, gates: Gates) -> None:
    """The phone draws a new proof every fifteen seconds; who is still in view is no second passage."""
    page = enrolled(door, clock=True)
    credential = pass_bytes(issued=gates.now() - timedelta(hours=1), expires=gates.now() + timedelta(hours=2))
    scan(page, show(credential, gates.now()))
    page.locator("[data-face='clear']").wait_for()
    scan(page, show(credential, gates.now() + timedelta(seconds=15)))
    page.wait_for_timeout(300)
    page.goto(f"{gates.url}/handheld/#/about")

    expect(page.locator(".facts")).to_contain_text("entered: 1")


def test_a_passage_can_be_taken_back_and_staff_can_admit(door: Watched, gates: Gates) -> None:
    page = enrolled(door, clock=True)
    text = gates.clear()
    scan(page, text)
    page.locator("[data-act='take-back']").click()
    page.locator("[data-face='annulled']").wait_for()
    page.clock.run_for(4_000)
    assert decided(page, text) == ("clear", "pass"), "nobody went through: the same proof may be shown again"
    scan(page, "not a pass")
    page.locator("[data-act='admit']").click()
    page.locator("[data-face='clear']").wait_for()
    gates.ahead = timedelta(seconds=1_000)  # the server's time goes on with the gate's
    page.clock.run_for(1_000_000)
    page.goto(f"{gates.url}/handheld/#/about")
    for _ in range(40):  # the slot closes a minute after its end, in a chore of its own
        page.locator("[data-act='sync']").click()
        page.wait_for_timeout(250)
        if gates.counted():
            break
        page.clock.run_for(5_000)

    assert gates.counted() == {
        ("clear", "pass"): 1,
        ("annulled", "annulled"): 1,
        ("see_staff", "unreadable"): 1,
        ("staff", "admitted"): 1,
    }


def stored(page: Page) -> dict[str, Any]:
    """All that the gate keeps in this browser."""
    raw = page.evaluate(
        """async () => {
          const wait = (r) => new Promise((ok) => { r.onsuccess = () => ok(r.result); });
          const names = (await indexedDB.databases()).map((d) => d.name);
          const out = { names, local: { ...localStorage } };
          if (!names.includes('pratique-handheld')) return JSON.stringify(out);
          const db = await wait(indexedDB.open('pratique-handheld'));
          for (const name of db.objectStoreNames) {
            const store = db.transaction(name).objectStore(name);
            out[name] = [await wait(store.getAllKeys()), await wait(store.getAll())];
          }
          db.close();
          const hex = (v) => [...v].map((b) => b.toString(16).padStart(2, '0')).join('');
          return JSON.stringify(out, (_, v) => (v instanceof Uint8Array ? hex(v) : v));
        }"""
    )
    found: dict[str, Any] = json.loads(raw)
    return found


def test_nothing_about_anybody_is_kept(door: Watched, gates: Gates) -> None:
    from hashlib import sha256

    page = enrolled(door)
    shown = [gates.clear(), gates.conditions(), gates.held()]
    for text in shown:
        decided(page, text)
    kept = stored(page)
    whole = json.dumps(kept)

    for text in shown:
        read = pq1.read(text)
        for secret in (
            read.credential,
            read.proof or b"",
            read.sign1.signature,
            sha256(text.encode()).digest(),
            sha256(read.credential).digest(),
        ):
            assert secret.hex()[:24] not in whole
    assert {row["outcome"] for row in kept["counter"][1]} == {"clear", "conditions", "hold"}
    assert all(
        set(row) == {"slot15", "outcome", "reason", "policy", "n", "closed"} for row in kept["counter"][1]
    )
    assert set(kept["local"]) <= {"language", "large"}
    [me] = kept["me"][1]
    assert me["gate_id"] in gates.keys
    assert page.evaluate(
        """async () => {
          const wait = (r) => new Promise((ok) => { r.onsuccess = () => ok(r.result); });
          const db = await wait(indexedDB.open('pratique-handheld'));
          const { pair } = await wait(db.transaction('me').objectStore('me').get('me'));
          const out = (f) => crypto.subtle.exportKey(f, pair.privateKey).then(() => f, () => '');
          const tried = ['pkcs8', 'jwk', 'raw'].map(out);
          return [pair.privateKey.extractable, ...(await Promise.all(tried))];
        }"""
    ) == [False, "", "", ""]


def test_a_phone_with_a_wrong_clock_answers_a_challenge(door: Watched, gates: Gates) -> None:
    """The code on the screen says who asks; its answer is good once, whatever the phone's clock."""
    page = enrolled(door)
    off = gates.now() - timedelta(hours=5)
    scan(page, gates.clear(off))
    page.locator("[data-outcome='see_staff'][data-reason='clock'] .face-challenge svg").wait_for()
    asked = read_challenge(read_code(page), {ISSUER.kid: [public_key(ISSUER.spki)]})
    assert asked.certificate.place.en == PLACE["en"]
    page.locator("[data-act='next']").click()
    page.locator("[data-face='ready'] .face-challenge").wait_for()

    hour = timedelta(hours=1)
    good = pass_bytes(issued=gates.now() - hour, expires=gates.now() + 9 * hour)
    answer = show(good, off, asked.nonce)
    assert decided(page, answer) == ("clear", "pass")
    expect(page.locator(".face-challenge")).to_have_count(0)
    page.wait_for_timeout(5_100)  # the same code at once is the same scan
    assert decided(page, answer) == ("see_staff", "clock")
