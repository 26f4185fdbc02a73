"""Every notice says why, what to do, by when and what stays allowed; it can be appealed; none vanishes in silence."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import samples
from tests.browser.conftest import Watched
from tests.browser.port import Port
from tests.browser.test_wallet_passes_are_live import begin

NOTICE = "00000000000000000000000N02"


def told(faces: Watched, port: Port, language: str = "en", **view: Any) -> tuple[Page, str]:
    """A wallet whose server says this."""
    page, subject = begin(faces, port, language)
    port.wallets[subject] |= {"mandate": samples.mandate(port.now())} | view
    page.reload()
    page.locator("[href='#/pass']").first.wait_for()
    page.wait_for_timeout(300)
    return page, subject


def test_it_works(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, "zh-CN", notices=[samples.single_test(port.now())])
    notice = page.locator(".top-notice")

    for words in (
        "请完成一次单管检测",
        "您与他人共用的混检管需要复查",
        "做一次单管检测",
        "随时就医",
        "认为有误",
    ):
        expect(notice).to_contain_text(words)
    assert re.search(r"\d+月\d+日星期. \d\d:\d\d（中国标准时间）之前", notice.inner_text())
    assert re.search(r"4[56]小时后", notice.inner_text())


def test_a_restriction_stands_before_a_duty_and_a_duty_before_news(faces: Watched, port: Port) -> None:
    now = port.now()
    news = samples.single_test(
        now, id="00000000000000000000000N06", **{"class": "information"}, title=samples.both("News", "告知")
    )
    hold = samples.single_test(
        now,
        id="00000000000000000000000N04",
        **{"class": "restriction"},
        title=samples.both("Please stay home", "请居家"),
    )
    page, _ = told(faces, port, notices=[news, samples.single_test(now), hold])

    order = [
        page.locator(".top-notice h2").inner_text(),
        *page.locator(".notice-line strong").all_inner_texts(),
    ]

    assert order == ["Please stay home", "Please take a single test", "News"]


def test_an_appeal_carries_the_facts_that_were_called_wrong(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, notices=[samples.single_test(port.now())])
    page.locator(".top-notice a", has_text="appeal").click()
    expect(page.get_by_text("must answer within 24 hours")).to_be_visible()
    page.get_by_label("this is wrong").nth(1).check()
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("Answer due by").wait_for()

    assert [a["text"] for a in port.appeals.values()] == ["Wrong: Your sample was taken"]
    page.goto(f"{port.url}/wallet/#/appeals")
    expect(page.locator("main .card h3")).to_have_text("Please take a single test")


def test_an_appeal_needs_no_words(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, notices=[samples.single_test(port.now())])
    page.goto(f"{port.url}/wallet/#/notice/{NOTICE}")
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("Answer due by").wait_for()

    assert [a["text"] for a in port.appeals.values()] == [""]


def test_rule_mandate_and_facts_are_there(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, notices=[samples.single_test(port.now())])
    page.goto(f"{port.url}/wallet/#/notice/{NOTICE}")
    page.get_by_text("Rule and mandate").click()

    main = page.locator("main")
    for words in (
        "PQ-POOL-0001",
        "version 1.0.0",
        samples.MANDATE_ID,
        "Source: Synthetic harbour laboratory",
    ):
        expect(main).to_contain_text(words)


def test_time_given_back_says_why(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, notices=[samples.test_by(port.now())])

    expect(page.locator(".top-notice")).to_contain_text(
        "You have more time, because: Sampling site Pier One was closed"
    )


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_notice_that_ended_leaves_a_line_that_says_why(faces: Watched, port: Port, language: str) -> None:
    page, subject = told(faces, port, language, notices=[samples.single_test(port.now())])
    port.wallets[subject]["notices"] = [samples.cleared(port.now())]
    page.reload()
    page.locator(".ended li").first.wait_for()

    lines = " ".join(page.locator(".ended li").all_inner_texts())
    assert ("Cleared: your result" in lines) if language == "en" else ("已解除：混检结果" in lines)
    # The other one is no longer listed by the server at all: it still has its line.
    assert ("Please take a single test" in lines) if language == "en" else ("请完成一次单管检测" in lines)


def test_nobody_is_positive_from_a_pool(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, results=[samples.result(port.now(), "positive", "mixed")])
    page.goto(f"{port.url}/wallet/#/results")

    expect(page.locator("article h2")).to_have_text("A single test is needed")
    expect(page.locator("article")).to_contain_text("Nobody is positive from it")


def test_who_looked_is_shown(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, "zh-CN", looks=[samples.look(port.now())])
    page.goto(f"{port.url}/wallet/#/looks")

    expect(page.locator("article")).to_contain_text("社区工作人员")
    expect(page.locator("article")).to_contain_text("查看内容：姓名, 电话")


def test_forgetting_empties_server_and_phone(faces: Watched, port: Port) -> None:
    page, subject = told(faces, port)
    page.goto(f"{port.url}/wallet/#/settings")
    page.get_by_label("I want this").check()
    page.get_by_role("button", name="Forget everything").click()
    expect(page.get_by_text("Forgotten. This phone is empty.")).to_be_visible()

    assert subject not in port.wallets
    assert page.evaluate("() => indexedDB.databases().then((all) => all.length)") == 0
    page.goto(f"{port.url}/wallet/#/")
    expect(page.get_by_role("button", name="Make my wallet")).to_be_visible()


def test_a_contact_card_is_sent_only_when_asked(faces: Watched, port: Port) -> None:
    page, subject = told(faces, port)
    assert port.cards == {}
    page.goto(f"{port.url}/wallet/#/settings")
    page.get_by_text("How we may reach you").click()
    page.get_by_label("Name").fill("Synthetic Person One")
    page.get_by_label("Phone").fill("+00 555 0100")
    page.get_by_role("button", name="Keep this").click()
    expect(page.get_by_text("Kept, sealed")).to_be_visible()

    assert port.cards[subject] == {"name": "Synthetic Person One", "phone": "+00 555 0100", "language": "en"}


def test_a_refusal_is_a_sentence_in_the_readers_language(faces: Watched, port: Port) -> None:
    page, _ = told(faces, port, "zh-CN", notices=[samples.single_test(port.now())])
    port.refusals[f"/v1/notices/{NOTICE}/appeals"] = (
        409,
        "NOTICE_OVER",
        "this notice is over",
        "该提示已结束",
    )
    page.goto(f"{port.url}/wallet/#/notice/{NOTICE}")
    page.get_by_role("button", name="提交申诉").click()

    expect(page.get_by_role("alert")).to_have_text("该提示已结束")


def test_a_paper_slip_opens_its_notices_anywhere_and_leaves_nothing(faces: Watched, port: Port) -> None:
    subject, code = port.slip()
    port.wallets[subject]["notices"] = [samples.single_test(port.now())]
    page = faces.page("/wallet/")
    page.get_by_role("link", name="Read with a paper slip").click()
    page.get_by_label("Claim code").fill("XXXX XXXX XXX")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("compare it with the slip")
    page.get_by_label("Claim code").fill(f"{code[:4]} {code[4:8]}-{code[8:]}".lower())
    page.get_by_role("button", name="Open").click()
    expect(page.locator(".top-notice h2")).to_have_text("Please take a single test")
    page.locator(".top-notice a", has_text="appeal").click()
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("Answer due by").wait_for()
    page.get_by_role("button", name="Put the slip away").click()

    expect(page.get_by_role("button", name="Make my wallet")).to_be_visible()
    assert len(port.appeals) == 1
    kept = page.evaluate("() => indexedDB.databases().then((all) => all.length)")
    assert kept <= 1
    assert page.evaluate("() => JSON.stringify({ ...localStorage })").count(code) == 0
