"""The organisation's page: files are chosen; what holds is a table, what does not has its sentence; a CSV is saved."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from pratique.membership.files import found
from pratique.membership.table import Page
from tests.browser.conftest import Watched
from tests.browser.test_wallet_site_gate_are_for_everybody import judged
from tests.membership.making import CLUB
from tests.membership.test_the_table_is_a_page_on_loopback import week


def test_it_works(browser: Browser, tmp_path: Path) -> None:
    desk = Page(found(tmp_path / "club", CLUB, "Asia/Shanghai", ""), 0)
    (tmp_path / "week.json").write_text(week(desk.house))
    (tmp_path / "=photo.json").write_bytes(b"\xff\xd8")
    watched = Watched(browser, desk.address.rstrip("/"))
    page = watched.page("/?lang=zh-Hans")

    page.get_by_label("会员提交的文件").set_input_files([tmp_path / "week.json", tmp_path / "=photo.json"])
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_have_text("72026-11-2409:00北门")
    expect(page.locator("#refused li")).to_contain_text(["此前已提交", "卡包"])
    assert judged(page, "zh-Hans", False) == []
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("status")).to_have_text("Receipts that hold: 1. That do not: 2.")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    assert (
        saved.value.path().read_text(encoding="utf-8-sig").splitlines()[1].startswith("7,2026-11-24,09:00,")
    )
    assert judged(page, "en", False) == []
    watched.close()
    desk.close()
