"""The hand-held gate's lists, clock, counts and end: what is refused, what works on alone, what destroys itself."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from playwright.sync_api import Browser, Page, expect

from pratique.core.canonical import canonical_json
from pratique.credentials.jose import unb64url
from pratique.credentials.trust import make_bundle
from tests.browser.conftest import Watched
from tests.browser.gates import TOKEN, Gates
from tests.browser.test_handheld_at_the_door import decided, enrolled, scan, stored
from tests.gate.making import ROOTS, bundle, mandate_note

HOUR = 3_600_000


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


def synced(page: Page, gates: Gates) -> None:
    """One round with the server, by the button of the gate's own page; then back to the door."""
    page.goto(f"{gates.url}/handheld/#/about")
    before = gates.asked.count("GET /v1/snapshot")
    page.locator("[data-act='sync']").click()
    for _ in range(100):
        if gates.asked.count("GET /v1/snapshot") > before:
            break
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)
    page.goto(f"{gates.url}/handheld/#/")
    page.locator(".face").wait_for()


def number(page: Page) -> int:
    """The number of the lists that are kept."""
    kept: int = stored(page)["setting"][1][0]["snapshot"]
    return kept


def test_it_works(door: Watched, gates: Gates) -> None:
    page = enrolled(door)
    gates.number = 8
    gates.publish()
    synced(page, gates)

    assert number(page) == 8
    assert decided(page, gates.clear()) == ("clear", "pass")


def test_lists_that_are_older_forged_or_short_of_signatures_are_refused(door: Watched, gates: Gates) -> None:
    page = enrolled(door)
    good = gates.snapshot
    tampered = bytearray(good)
    tampered[len(good) // 2] ^= 1
    one_root = make_bundle(bundle(gates.now(), number=9, mandates=(gates.mandate,)), ROOTS[:1])
    gates.number = 6
    gates.publish()
    for snapshot in (
        gates.snapshot,
        bytes(tampered),
        one_root,
        b"",
        b"<html>a login page of some network</html>",
    ):
        gates.snapshot = snapshot
        synced(page, gates)
        page.locator("[data-face='ready'] [data-fault='snapshot_refused']").wait_for()
        assert number(page) == 7
        assert decided(page, gates.clear()) == ("clear", "pass"), "the lists in use stay"

    gates.number = 8
    gates.publish()
    synced(page, gates)
    expect(page.locator("[data-fault]")).to_have_count(0)
    assert number(page) == 8


@pytest.mark.parametrize(
    ("answer", "found"),
    [("admit", ("clear", "pass")), ("see-staff", ("see_staff", "stale")), ("stop", None)],
)
def test_old_lists_do_what_the_mandate_says(
    door: Watched, gates: Gates, answer: str, found: tuple[str, str] | None
) -> None:
    gates.mandate = mandate_note(gates.now(), lists_stale=answer)
    gates.publish()
    page = enrolled(door, clock=True)
    gates.close()
    page.clock.run_for(2_000)
    text = gates.clear(gates.now() + timedelta(hours=80), expires=gates.now() + timedelta(hours=100))
    page.clock.fast_forward(80 * HOUR)
    page.clock.run_for(3_000)
    if found is None:
        page.locator("[data-face='no_check']").wait_for()
        return
    page.locator("[data-face='ready'] [data-fault='stale']").wait_for()

    assert decided(page, text) == found


def test_a_clock_that_is_wrong_holds_nobody(door: Watched, gates: Gates) -> None:
    """A day back: below what is certain, so staff. A day ahead: the phone disagrees, so staff, not "expired"."""
    from datetime import UTC, datetime

    page = enrolled(door, clock=True)
    gates.close()
    text = gates.clear(expires=gates.now() + timedelta(hours=2))
    page.clock.set_system_time(datetime.now(UTC) - timedelta(days=1))
    page.reload()
    page.locator("[data-face='ready'] [data-fault='clock']").wait_for()
    assert decided(page, text) == ("see_staff", "clock")
    page.clock.set_system_time(datetime.now(UTC) + timedelta(days=1))
    page.reload()
    page.locator("[data-face='ready']").wait_for()

    assert decided(page, text) == ("see_staff", "clock")


def test_a_clock_set_back_never_revives_a_pass(door: Watched, gates: Gates) -> None:
    """With a time the server signed, the wall clock is not asked: what had ended has ended."""
    from datetime import UTC, datetime

    page = enrolled(door, clock=True)
    page.locator(".face-foot", has_text="good").wait_for()
    ago = gates.now() - timedelta(hours=2)
    text = gates.clear(ago, issued=ago - timedelta(hours=1), expires=ago + timedelta(hours=1))
    page.clock.set_system_time(datetime.now(UTC) - timedelta(hours=2))

    assert decided(page, text) == ("hold", "expired")


def test_all_of_it_works_without_a_network_and_nothing_is_counted_twice(door: Watched, gates: Gates) -> None:
    page = enrolled(door, clock=True)
    page.wait_for_function("() => navigator.serviceWorker.controller || navigator.serviceWorker.ready")
    page.wait_for_timeout(500)
    gates.close()
    page.context.set_offline(True)
    page.reload()
    page.locator("[data-face='ready']").wait_for()
    assert decided(page, gates.clear()) == ("clear", "pass")
    assert decided(page, gates.held()) == ("hold", "revoked")
    page.clock.run_for(1_000_000)
    page.reload()
    page.goto(f"{gates.url}/handheld/#/about")
    page.locator("[data-waits]:not([data-waits='0'])").wait_for()
    again = gates.restarted()
    again.refuse_counts = 503
    page.context.set_offline(False)
    try:
        page.locator("[data-act='sync']").click()
        page.wait_for_timeout(500)
        assert page.locator("[data-waits='0']").count() == 0, "what the server did not take stays"
        again.refuse_counts = 0
        page.locator("[data-act='sync']").click()
        page.locator("[data-waits='0']").wait_for()
        page.locator("[data-act='sync']").click()
        page.wait_for_timeout(500)

        assert again.counted() == {("clear", "pass"): 1, ("hold", "revoked"): 1}
    finally:
        again.close()


def test_counts_that_the_server_refuses_are_kept_and_said(door: Watched, gates: Gates) -> None:
    page = enrolled(door, clock=True)
    gates.refuse_counts = 422
    assert decided(page, gates.clear()) == ("clear", "pass")
    page.clock.run_for(1_000_000)
    page.goto(f"{gates.url}/handheld/#/about")
    page.locator("[data-waits]:not([data-waits='0'])").wait_for()
    synced(page, gates)
    page.locator("[data-fault='upload']").wait_for()
    gates.refuse_counts = 0
    synced(page, gates)
    synced(page, gates)  # that the alarm is over is a batch of its own
    page.goto(f"{gates.url}/handheld/#/about")
    page.locator("[data-waits='0']").wait_for()

    assert gates.counted()["clear", "pass"] == 1
    told = [alarm.kind for batch in gates.batches.values() for alarm in batch.alarms]
    assert "upload" in told


def test_no_mandate_no_check(door: Watched, gates: Gates) -> None:
    gates.publish(mandates=())
    context = door.context("en")
    page = context.new_page()
    page.goto(f"{gates.url}/handheld/#token={TOKEN}")
    page.locator("[data-act='same']").click()
    page.locator("[data-face='no_check']").wait_for()
    scan(page, gates.clear())
    page.wait_for_timeout(300)

    expect(page.locator("h1")).to_have_text("No check here, please go through")
    assert stored(page)["counter"][1] == []


def test_it_destroys_itself_after_the_mandate_and_its_grace(door: Watched, gates: Gates) -> None:
    """By itself, with no network: checking ends with the mandate, the key and the counts go after the grace."""
    gates.mandate = mandate_note(gates.now(), days=3)  # it began a day ago
    gates.publish()
    page = enrolled(door, clock=True)
    assert decided(page, gates.clear()) == ("clear", "pass")
    page.wait_for_timeout(300)
    [me] = stored(page)["me"][1]
    gates.close()
    page.clock.fast_forward(48 * HOUR)
    page.clock.run_for(3_000)
    page.locator("[data-face='no_check']").wait_for()
    assert "pratique-handheld" in stored(page)["names"], "the grace still runs"
    page.clock.fast_forward(25 * HOUR)
    page.clock.run_for(3_000)
    page.wait_for_timeout(300)
    assert "pratique-handheld" in stored(page)["names"], "a clock that jumped ahead may be set right by then"
    page.clock.run_for(905_000)
    page.locator("[data-stage='ended']").wait_for()

    expect(page.locator("h1")).to_have_text("This gate has ended its work")
    assert "pratique-handheld" not in stored(page)["names"]
    certificate: dict[str, Any] = json.loads(page.locator("[data-certificate]").text_content() or "")
    signature = unb64url(certificate.pop("sig"))
    key = gates.keys[me["gate_id"]]
    assert unb64url(certificate["public_key"]) == key
    assert certificate["decisions"] == 1
    Ed25519PublicKey.from_public_bytes(key).verify(
        signature, b"pratique-gate-end\n" + canonical_json(certificate)
    )


def test_a_token_works_once(door: Watched, gates: Gates) -> None:
    enrolled(door)
    page = door.page(f"/handheld/#token={TOKEN}", "zh-CN")
    page.locator("[role='alert']").wait_for()

    expect(page.locator("h1")).to_have_text("将本设备设为哨位")
    assert TOKEN not in page.url
    assert len(gates.keys) == 1


def test_a_camera_that_breaks_is_said_and_can_be_tried_again(door: Watched, gates: Gates) -> None:
    context = door.context("en")
    context.add_init_script(
        "window.broken = true; if (navigator.mediaDevices) {"
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = (how) => "
        "window.broken ? Promise.reject(new DOMException('unplugged', 'NotReadableError')) : ask(how); }"
    )
    page = context.new_page()
    page.goto(f"{gates.url}/handheld/#token={TOKEN}")
    page.locator("[data-act='same']").click()
    page.locator("[data-face='out_of_order'] [data-fault='scanner']").wait_for()
    page.evaluate("() => { window.broken = false; }")
    page.get_by_role("button", name="Try again").click()
    page.locator("[data-face='ready']").wait_for()
    page.locator("[data-camera='on']").wait_for()


def test_a_full_storage_stops_no_decision_and_loses_no_count(door: Watched, gates: Gates) -> None:
    context = door.context("en")
    context.add_init_script(
        """(() => {
          const begin = IDBDatabase.prototype.transaction;
          IDBDatabase.prototype.transaction = function (stores, mode, ...more) {
            if (window.full && mode === 'readwrite') throw new DOMException('no room', 'QuotaExceededError');
            return begin.call(this, stores, mode, ...more);
          };
        })()"""
    )
    page = context.new_page()
    page.goto(f"{gates.url}/handheld/#token={TOKEN}")
    page.locator("[data-act='same']").click()
    page.locator("[data-face='ready']").wait_for()
    page.evaluate("() => { window.full = true; }")
    assert decided(page, gates.clear()) == ("clear", "pass")
    assert decided(page, gates.conditions()) == ("conditions", "pass")
    page.locator("[data-face='ready'] [data-fault='storage']").wait_for()
    assert stored(page)["counter"][1] == []
    page.evaluate("() => { window.full = false; }")
    expect(page.locator("[data-fault]")).to_have_count(0)

    rows = {row["outcome"]: row["n"] for row in stored(page)["counter"][1]}
    assert rows == {"clear": 1, "conditions": 1}
