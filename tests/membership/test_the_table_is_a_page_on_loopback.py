"""The attendance page: files in, rows, refusals and CSV out; from its own page, on this machine, and nothing stays."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pratique.credentials.challenge import certify
from pratique.credentials.jose import b64url
from pratique.credentials.receipt import make_receipt
from pratique.membership import register as reg
from pratique.membership.attendance import hand_in
from pratique.membership.files import House, found
from pratique.membership.table import Page
from tests.membership.making import CLUB, NORTH, NOW, ed25519, es256, point, wallet_key

PHONE, GATE = es256(), ed25519()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    opened = Page(found(tmp_path / "club", CLUB, "Asia/Shanghai", ""), 0)
    yield opened
    opened.close()


def week(house: House) -> str:
    """A member's file with one receipt, twice."""
    kept, membership = reg.with_member(
        house.register, house.member, wallet_key(PHONE), "7", NOW, timedelta(days=9)
    )
    kept, _ = reg.with_door(kept, f"PQD1:{b64url(GATE.public_key)}", NORTH)
    house.keep(kept)
    certificate = certify(house.member, bytes(16), NORTH, GATE.public_key, NOW, NOW + timedelta(days=9))
    receipt = make_receipt(GATE.sign, certificate, secrets.token_bytes(16), point(PHONE), NOW)
    return hand_in(PHONE, membership, [receipt, receipt]).decode()


def asks(page: Page, body: Any, **headers: str) -> dict[str, Any]:
    sent = {"Content-Type": "application/json", "Origin": page.address.rstrip("/")} | headers
    request = urllib.request.Request(page.address + "check", json.dumps(body).encode(), sent)
    with urllib.request.urlopen(request, timeout=10) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def test_it_works(page: Page, tmp_path: Path) -> None:
    text = week(page.house)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    told = asks(page, {"files": [{"name": "w.json", "text": text}, {"name": "x.json", "text": "{}"}]})

    assert [(row["member"], row["door"]) for row in told["rows"]] == [("7", "北门 / North door")]
    assert [(one["file"], one["code"]) for one in told["refused"]] == [
        ("w.json", "TWICE"),
        ("x.json", "NOT_A_HAND_IN"),
    ]
    assert set(told["refused"][0]["text"]) == {"en", "zh-Hans"}
    assert told["csv"].startswith("\ufeffmember,date,time,door,receipt")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with urllib.request.urlopen(page.address, timeout=10) as answer:
        assert b"<main>" in answer.read()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Host": "elsewhere.example"}, 403),
        ({"Content-Type": "text/plain"}, 404),
    ],
)
def test_only_its_own_page_asks(page: Page, headers: dict[str, str], status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        asks(page, {"files": []}, **headers)
    assert refused.value.code == status


@pytest.mark.parametrize("body", [None, [], {"files": [{"name": "x"}]}, {"files": [], "more": 1}])
def test_what_is_no_file_of_the_page_is_refused(page: Page, body: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        asks(page, body)
    assert refused.value.code == 422


def test_no_other_file_is_served(page: Page) -> None:
    for path in ("../register.json", "register.json", "page/../model.py"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(page.address + path, timeout=10)
        assert refused.value.code == 404
