"""A paper card carries a code that is read, words in both languages, and never a pass bound to a device."""

import re

import pytest

from pratique.core.text import Text
from pratique.credentials import pq1, qr
from pratique.credentials.card import card_svg
from tests.credentials.making import pass_bytes

TITLE = Text("Pass on paper", "纸质通行凭证")
LINES = [
    Text("Valid until 2026-01-06 <noon>", "有效期至 2026-01-06"),
    Text("Appeal: desk 3", "申诉:3 号窗口"),
]


def test_it_works() -> None:
    credential = pass_bytes(holder_key=None)
    svg = card_svg(credential, TITLE, LINES)

    assert "纸质通行凭证" in svg
    assert "&lt;noon&gt;" in svg
    code = qr.write(pq1.paper(credential), "Q")
    drawn = sum(map(int, re.findall(r"h([0-9]+)v1h", svg)))
    assert drawn == code.modules.sum()


def test_a_pass_of_a_device_is_not_printed() -> None:
    with pytest.raises(ValueError, match="bound to a device"):
        card_svg(pass_bytes(), TITLE, LINES)
