"""A worker's menu has what the worker may open, all of it and nothing else; a refusal on a page is a page."""

import re

from pratique.people.access import ROLES
from tests.abuse.house import House

A_SECTION = re.compile(r"/console(/[a-z]+)?")
HTML = {"accept": "text/html,application/xhtml+xml"}
NO_SECTION = {"/console/confirm", "/console/passkey"}


def menu(house: House, role: str) -> set[str]:
    shown = house.client(role).get("/console", headers=HTML).text
    found = re.search(r'<nav class="nav".*?</nav>', shown, re.DOTALL)
    assert found, role
    return set(re.findall(r'href="([^"]+)"', found[0]))


def test_each_role_finds_all_that_it_may_open_and_nothing_else(house: House) -> None:
    pages = [r for r in house.table if r.page and r.method == "GET" and A_SECTION.fullmatch(r.path)]
    for role in ROLES:
        may = {r.path for r in pages if role in house.callers(r)} - NO_SECTION
        shown = menu(house, role)
        # Whoever has the laboratory's pages reaches its tubes from there.
        assert may - shown <= {"/console/custody"}, role
        assert ("/console/custody" in may - shown) == ("/console/laboratory" in may), role
        assert shown <= may, role


def test_a_refusal_on_a_page_is_a_page_in_the_readers_language(house: House) -> None:
    for path in ("/console/desk", "/no/such/page"):
        answer = house.client("auditor").get(path, headers=HTML | {"accept-language": "zh-CN"})

        assert answer.status_code == 404
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert 'lang="zh-Hans"' in answer.text
        assert "此处没有与您有关的内容" in answer.text
        assert "default-src" in answer.headers["content-security-policy"]


def test_a_refused_form_says_that_nothing_entered_is_lost(house: House) -> None:
    answer = house.client("console").post(
        "/console/exports",
        data={"mandate": "<b>none</b>"},
        headers=HTML | {"origin": "https://elsewhere.test"},
    )

    assert answer.status_code == 403
    assert "what you entered is still there" in answer.text
    assert "<b>none" not in answer.text


def test_a_program_still_reads_problem_details(house: House) -> None:
    answer = house.client("auditor").get("/console/desk")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "NOT_FOUND"
