"""Offline, killed in the middle, or updated: what was sealed with a sound is there, once."""

from pathlib import Path

from playwright.sync_api import BrowserContext, Page, Playwright, expect

from pratique.people.slip import wallet_text
from tests.browser.conftest import CHROMIUM, FLAGS, Watched
from tests.browser.port import Port, new_id
from tests.browser.test_site_tubes_are_registered import TOKEN, enrolled, give, hold, sealed, sent, tube


def opened(playwright: Playwright, profile: Path) -> BrowserContext:
    """A browser with a profile on the disk, as a phone has one."""
    return playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=CHROMIUM,
        args=FLAGS,
        viewport={"width": 390, "height": 844},
        locale="en",
    )


def kept(page: Page) -> None:
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")


def test_it_works(faces: Watched, port: Port) -> None:
    """A whole shift without a network: reload, three tubes, then everything is sent in order."""
    page = enrolled(faces, port)
    kept(page)
    page.context.set_offline(True)
    page.reload()
    page.locator(".work").wait_for()
    codes = [sealed(page, port, people=2) for _ in range(3)]
    expect(page.locator(".queue-line")).to_contain_text("No network. Waiting: 3")
    assert port.devices.stored == []

    page.context.set_offline(False)
    sent(page)

    assert [event["code"] for event in port.devices.stored] == codes


def test_the_camera_reads_offline_too(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    kept(page)
    port.close()
    page.context.set_offline(True)
    page.reload()

    page.locator("[data-camera='on']").wait_for()


def test_a_killed_browser_keeps_the_open_tube_and_the_queue(
    playwright: Playwright, port: Port, tmp_path: Path
) -> None:
    context = opened(playwright, tmp_path)
    page = context.new_page()
    page.goto(f"{port.url}/site/#token={TOKEN}")
    page.locator(".work").wait_for()
    kept(page)
    context.set_offline(True)
    first = sealed(page, port, people=2)
    second, someone = tube(port), new_id()
    give(page, second, "opened")
    give(page, wallet_text(someone), "added")
    context.close()

    context = opened(playwright, tmp_path)
    page = context.new_page()
    page.goto(f"{port.url}/site/")
    expect(page.locator(".tube-code")).to_have_text(second)
    give(page, wallet_text(someone), "person-here")
    hold(page)
    sent(page)
    context.close()

    assert [(event["code"], len(event["m"])) for event in port.devices.stored] == [(first, 2), (second, 1)]


def test_a_resend_is_not_a_second_tube(faces: Watched, port: Port) -> None:
    """The server stored it, the answer was lost: the second send is `already`, and counts as sent."""
    page = enrolled(faces, port)
    page.route("**/v1/tube-events", lambda route: (route.fetch(), route.abort())[1])
    code = sealed(page, port)
    page.wait_for_timeout(300)
    page.unroute("**/v1/tube-events")
    expect(page.locator(".queue-line")).to_contain_text("Waiting: 1")
    page.get_by_role("button", name="Send now").click()
    sent(page)

    assert [event["code"] for event in port.devices.stored] == [code]
    assert len(port.devices.requests) == 2


def test_a_long_queue_goes_in_parts_of_fifty(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    page.context.set_offline(True)
    page.clock.install()
    for _ in range(52):
        give(page, tube(port), "opened")
        give(page, wallet_text(new_id()), "added")
        page.locator("button.hold").focus()
        page.keyboard.down("Enter")
        page.clock.run_for(1_000)
        page.locator("[data-said='sealed']").wait_for()
        page.keyboard.up("Enter")
    page.context.set_offline(False)
    sent(page)

    assert port.devices.requests == [50, 2]
    assert [event["seq"] for event in port.devices.stored] == list(range(1, 53))


def test_a_new_build_waits_until_the_tube_is_sealed(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    kept(page)
    give(page, tube(port), "opened")
    give(page, wallet_text(new_id()), "added")
    page.evaluate("() => { window.sameDocument = true; }")
    name = page.evaluate("() => caches.keys()")[0].rsplit("-", 1)[1].encode()
    worker = port.faces["/site/sw.js"]
    port.faces["/site/sw.js"] = worker._replace(body=worker.body.replace(name, b"0123456789ab"))
    page.evaluate("() => navigator.serviceWorker.ready.then((r) => r.update()).then(() => true)")
    page.wait_for_timeout(1_000)
    assert page.evaluate("() => window.sameDocument")
    page.reload()
    page.locator(".tube-code").wait_for()
    page.wait_for_timeout(500)
    assert len(page.evaluate("() => caches.keys()")) == 2, "the old build stays while a tube is open"

    hold(page)
    sent(page)
    page.reload()
    page.wait_for_function("() => caches.keys().then((all) => all.join() === 'pratique-site-0123456789ab')")


def test_a_full_device_refuses_before_the_scan_and_keeps_its_queue(faces: Watched, port: Port) -> None:
    page = enrolled(faces, port)
    page.context.set_offline(True)
    sealed(page, port)
    page.evaluate("() => { navigator.storage.estimate = async () => ({ quota: 6e6, usage: 5e6 }); }")
    give(page, tube(port), "storage")

    expect(page.get_by_role("alert")).to_contain_text("nearly full")
    expect(page.locator(".queue-line")).to_contain_text("Waiting: 1")
