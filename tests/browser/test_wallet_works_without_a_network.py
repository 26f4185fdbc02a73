"""After the first load the wallet needs no network: it opens, shows pass and notices, and keeps what is written."""

from playwright.sync_api import Page, expect

from pratique.credentials import pq1
from tests.browser import samples
from tests.browser.conftest import Watched, read_code
from tests.browser.port import Port
from tests.browser.test_wallet_passes_are_live import begin

NOTICE = "00000000000000000000000N02"


def bound(faces: Watched, port: Port) -> tuple[Page, str]:
    """A wallet with a pass, an open notice and its files kept."""
    page, subject = begin(faces, port)
    port.give_pass(subject)
    now = port.now()
    port.wallets[subject] |= {
        "mandate": samples.mandate(now), "notices": [samples.single_test(now), samples.cleared(now)],
        "decision": samples.decision(now), "results": [samples.result(now)], "looks": [samples.look(now)],
    }  # fmt: skip
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.locator(".top-notice").wait_for()
    return page, subject


def test_it_works(faces: Watched, port: Port) -> None:
    page, _ = bound(faces, port)
    port.close()
    page.context.set_offline(True)
    page.reload()

    expect(page.locator(".top-notice h2")).to_have_text("Please take a single test")
    expect(page.locator("[data-offline]")).to_contain_text("Your pass still works at the gate")
    page.goto(f"{port.url}/wallet/#/pass")
    page.locator(".code-box svg").wait_for()
    assert pq1.read(read_code(page)).proof
    for place, words in (
        ("results", "Not detected"),
        ("looks", "Case worker"),
        ("paper", "The paper way"),
        ("settings", "Forget me"),
    ):
        page.goto(f"{port.url}/wallet/#/{place}")
        expect(page.locator("main")).to_contain_text(words)


def test_the_address_without_a_slash_also_opens_offline(faces: Watched, port: Port) -> None:
    page = faces.page("/wallet")
    page.locator(".button.big").wait_for()
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    port.close()
    page.context.set_offline(True)
    page.reload()

    expect(page.locator("h1")).to_have_text("Your wallet for passes and notices")


def test_an_appeal_written_offline_is_sent_once_later(faces: Watched, port: Port) -> None:
    page, subject = bound(faces, port)
    page.context.set_offline(True)
    page.goto(f"{port.url}/wallet/#/notice/{NOTICE}")
    page.locator("#appeal-text").fill("我昨天在一号码头单独采样")
    page.get_by_role("button", name="Send the appeal").click()
    expect(page.get_by_text("kept on this phone")).to_be_visible()
    page.reload()
    expect(page.get_by_text("kept on this phone")).to_be_visible()
    assert port.appeals == {}

    page.context.set_offline(False)
    page.reload()

    expect(page.get_by_text("Answer due by")).to_be_visible()
    assert [(a["notice"], a["text"]) for a in port.appeals.values()] == [(NOTICE, "我昨天在一号码头单独采样")]
    assert len(port.wallets[subject]["appeals"]) == 1


def test_answers_of_the_server_are_not_in_any_cache(faces: Watched, port: Port) -> None:
    page, _ = bound(faces, port)

    kept = page.evaluate(
        """async () => {
          const all = [];
          for (const name of await caches.keys())
            for (const r of await (await caches.open(name)).keys()) all.push(new URL(r.url).pathname);
          return all;
        }"""
    )

    assert "/wallet/" in kept
    assert not [path for path in kept if path.startswith("/v1/")]


def test_nothing_new_costs_a_304(faces: Watched, port: Port) -> None:
    page, _ = bound(faces, port)
    page.reload()
    page.locator(".top-notice").wait_for()
    page.wait_for_timeout(500)

    assert port.told_304 >= 1
    expect(page.locator(".since").first).to_have_text("Last checked just now")


def test_a_token_that_ran_out_is_renewed_with_the_same_key(faces: Watched, port: Port) -> None:
    page, subject = bound(faces, port)
    port.tokens.clear()
    page.reload()
    page.locator(".top-notice").wait_for()
    page.wait_for_timeout(500)

    assert list(port.tokens.values()) == [subject]
    assert len(port.keys) == 1


def test_a_broken_file_of_a_new_build_leaves_the_old_one_whole(faces: Watched, port: Port) -> None:
    """The precache list carries hashes: one byte wrong and the new build is not taken."""
    page, _ = bound(faces, port)
    script = next(
        name for name in port.faces if name.startswith("/static/wallet/app-") and name.endswith(".js")
    )
    worker = port.faces["/wallet/sw.js"]
    cache = page.evaluate("() => caches.keys()")[0].rsplit("-", 1)[1].encode()
    assert cache in worker.body
    port.faces["/wallet/sw.js"] = worker._replace(body=worker.body.replace(cache, b"0123456789ab"))
    port.faces[script] = port.faces[script]._replace(body=b"half a fi")
    page.evaluate("() => navigator.serviceWorker.ready.then((r) => r.update()).catch(() => 0)")
    page.wait_for_timeout(800)
    assert page.evaluate("() => caches.keys()") == [f"pratique-wallet-{cache.decode()}"]
    port.close()
    page.context.set_offline(True)
    page.reload()

    expect(page.locator(".top-notice h2")).to_have_text("Please take a single test")


def test_a_whole_new_build_is_taken_at_the_next_start(faces: Watched, port: Port) -> None:
    page, _ = bound(faces, port)
    worker = port.faces["/wallet/sw.js"]
    cache = page.evaluate("() => caches.keys()")[0].rsplit("-", 1)[1].encode()
    port.faces["/wallet/sw.js"] = worker._replace(body=worker.body.replace(cache, b"0123456789ab"))
    page.evaluate("() => navigator.serviceWorker.ready.then((r) => r.update()).catch(() => 0)")
    page.wait_for_timeout(800)
    assert len(page.evaluate("() => caches.keys()")) == 2
    page.reload()
    page.locator(".top-notice").wait_for()
    page.wait_for_function("() => caches.keys().then((all) => all.join() === 'pratique-wallet-0123456789ab')")
