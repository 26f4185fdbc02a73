"""The wallet binds a key that cannot leave the phone, and shows a pass that is signed anew.

The pass never looks like a verdict.
"""

from datetime import datetime, timedelta

from playwright.sync_api import Page

from pratique.credentials import pq1
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot, StatusEntry
from pratique.credentials.status import build
from pratique.credentials.verify import verify
from tests.browser.conftest import Watched, read_code
from tests.browser.port import Port


def begin(faces: Watched, port: Port, language: str = "en", **options: object) -> tuple[Page, str]:
    """A bound wallet on its home screen, and its subject."""
    page = faces.page("/wallet/", language, **options)
    page.locator(".button.big").click()
    page.locator("[href='#/pass']").first.wait_for()
    return page, list(port.wallets)[-1]


def trust(port: Port) -> Snapshot:
    """What a gate knows: the issuer's key and an empty status list."""
    now = int(port.now().timestamp())
    key = KeyEntry(kid=port.issuer.kid, key=port.issuer.spki, purpose="pass")
    lists = (StatusEntry("", 1, 1, build(1, 1024, []).pack(), 1024),)
    return Snapshot(Bundle(number=1, issued=now - 60, expires=now + 3600, keys=(key,), status=lists))


def test_it_works(faces: Watched, port: Port) -> None:
    page, subject = begin(faces, port, "zh-CN")

    assert page.locator("h1").inner_text() == "今天"
    assert list(port.keys.values()) == [subject]
    assert "GET /v1/wallet" in port.asked


def test_a_gate_reads_and_accepts_the_pass_from_the_screen(faces: Watched, port: Port) -> None:
    page, subject = begin(faces, port)
    credential = port.give_pass(subject)
    page.reload()
    page.goto(f"{port.url}/wallet/#/pass")
    page.locator(".code-box svg").wait_for()

    shown = read_code(page)
    outcome = verify(shown, port.now(), trust(port))

    assert pq1.read(shown).credential == credential
    assert (outcome.ok, outcome.reason) == (True, None)
    assert pq1.present(credential, pq1.read(shown).shown or 0, pq1.read(shown).proof or b"") == shown


def test_the_proof_is_renewed_every_fifteen_seconds(faces: Watched, port: Port) -> None:
    page, subject = begin(faces, port)
    port.give_pass(subject)
    page.clock.install()
    page.reload()
    page.goto(f"{port.url}/wallet/#/pass")
    page.locator(".code-box svg").wait_for()
    first = read_code(page)

    page.clock.run_for(16_000)
    page.wait_for_timeout(300)
    second = read_code(page)

    assert (pq1.read(second).shown or 0) - (pq1.read(first).shown or 0) in (14, 15, 16)
    assert pq1.read(first).credential == pq1.read(second).credential


def test_a_phone_clock_ten_minutes_wrong_still_opens_a_gate(faces: Watched, port: Port) -> None:
    port.ahead = timedelta(minutes=10)
    page, subject = begin(faces, port)
    port.give_pass(subject)
    page.reload()
    page.goto(f"{port.url}/wallet/#/pass")
    page.locator(".code-box svg").wait_for()

    shown = pq1.read(read_code(page)).shown or 0

    assert abs(datetime.fromtimestamp(shown, port.now().tzinfo) - port.now()) < timedelta(seconds=20)
    assert verify(read_code(page), port.now(), trust(port)).ok
    assert page.get_by_text("10 min off").is_visible()


def test_the_private_key_cannot_be_taken_out(faces: Watched, port: Port) -> None:
    page, _ = begin(faces, port)

    found = page.evaluate(
        """async () => {
          const wait = (r) => new Promise((ok) => { r.onsuccess = () => ok(r.result); });
          const db = await wait(indexedDB.open('pratique-wallet'));
          const key = (await wait(db.transaction('holder').objectStore('holder').get('me'))).pair.privateKey;
          const tried = ['pkcs8', 'jwk', 'raw'].map((f) => crypto.subtle.exportKey(f, key).then(() => f, () => ''));
          return [key.extractable, ...(await Promise.all(tried))];
        }"""
    )

    assert found == [False, "", "", ""]


def test_the_pass_screen_is_no_verdict(faces: Watched, port: Port) -> None:
    """A neutral white card with a code: no green, no tick, no word about the person, also in dark mode."""
    page, subject = begin(faces, port, color_scheme="dark")
    port.give_pass(subject)
    page.reload()
    page.goto(f"{port.url}/wallet/#/pass")
    page.locator(".code-box svg").wait_for()

    words = page.locator("main").inner_text().lower()
    card = page.locator(".code-card").evaluate("(e) => getComputedStyle(e).backgroundColor")

    assert card == "rgb(255, 255, 255)"
    assert not any(word in words for word in ("clear", "healthy", "negative", "not detected", "✓"))
    assert page.locator(".badge, .note.clear").count() == 0
    label = page.locator(".code-box").get_attribute("aria-label") or ""
    assert "renews by itself every 15 seconds" in label


def test_the_sampling_code_is_read_by_a_site(faces: Watched, port: Port) -> None:
    from pratique.people.slip import read_shown

    page, subject = begin(faces, port)
    page.goto(f"{port.url}/wallet/#/code")
    page.locator(".code-box svg").wait_for()

    assert read_shown(read_code(page)).subject_id == subject
    typed = page.locator(".spelled").inner_text().replace(" ", "")
    assert read_shown("PQS1:" + typed).subject_id == subject


def test_each_visit_shows_another_pass_and_nothing_ties_two_together(faces: Watched, port: Port) -> None:
    """Eight passes for keys that cannot leave the phone, asked for once, whatever is shown; then the oldest again."""
    port.gives_day = True
    page, subject = begin(faces, port)
    own = port.give_pass(subject)
    page.reload()
    for _ in range(100):
        if extractable(page):
            break
        page.wait_for_timeout(50)
    shown = []
    for _ in range(9):
        page.goto(f"{port.url}/wallet/#/pass")
        page.locator("[data-again]").wait_for()
        page.locator(".code-box svg").wait_for()
        shown.append(read_code(page))
        page.goto(f"{port.url}/wallet/#/")
        page.evaluate("() => { const was = Date.now; Date.now = () => was() + 61_000; }")  # another door
    page.goto(f"{port.url}/wallet/#/pass")
    assert page.locator("[data-again]").get_attribute("data-again") == "true"

    passes = [pq1.read(text) for text in shown]
    assert all(
        verify(text, port.now() + timedelta(minutes=n), trust(port)).ok for n, text in enumerate(shown)
    )
    assert [n for n, one in enumerate(passes) if one.credential == own] == []
    assert len({one.claims.holder for one in passes[:8]} | {one.claims.status for one in passes[:8]}) == 16
    assert passes[8].credential == passes[0].credential
    assert len(port.day_keys) == 1
    assert extractable(page) == [False] * 8


def extractable(page: Page) -> list[bool]:
    """For each pass of the day on the phone: whether its key could be taken out."""
    found: list[bool] = page.evaluate(
        """() => new Promise((done) => { const o = indexedDB.open('pratique-wallet'); o.onsuccess = () => {
          const all = o.result.transaction('day').objectStore('day').getAll();
          all.onsuccess = () => { o.result.close(); done(all.result.map((row) => row.pair.privateKey.extractable)); };
        }; })"""
    )
    return found
