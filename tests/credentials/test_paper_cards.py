"""A paper card carries a code that is read, words in both languages, and never a pass bound to a device."""

import re
from datetime import timedelta, timezone
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from pratique.core.text import Text
from pratique.credentials import CredentialError, card, pq1, qr
from tests.credentials.making import NOW, pass_bytes

TITLE = Text("Pass on paper", "纸质通行凭证")
LINES = [
    Text("Valid until 2026-01-06 <noon>", "有效期至 2026-01-06"),
    Text("Appeal: desk 3", "申诉：3 号窗口"),
]
CREDENTIAL = pass_bytes(holder_key=None, expires=NOW + timedelta(days=20), hints=["L", None, 4, None])
BEIJING = timezone(timedelta(hours=8))


def test_it_works() -> None:
    svg = card.card_svg(CREDENTIAL, TITLE, LINES)

    assert "纸质通行凭证" in svg
    assert "&lt;noon&gt;" in svg
    code = qr.write(pq1.paper(CREDENTIAL), "Q")
    drawn = sum(map(int, re.findall(r"h([0-9]+)v1h", svg)))
    assert drawn == code.modules.sum()


def test_the_picture_is_read_by_a_reader_and_has_words_on_it() -> None:
    raw = card.card_png(CREDENTIAL, TITLE, LINES, BEIJING)
    picture = Image.open(BytesIO(raw))

    assert qr.read_picture(raw) == [pq1.paper(CREDENTIAL)]
    assert picture.mode == "1"
    assert round(picture.info["dpi"][0]) == 305
    below = np.asarray(picture)[round(108 * card.DOTS_PER_MM) :]
    assert 0.01 < 1 - below.mean() < 0.2


def test_the_document_has_real_text_in_both_languages_and_a_code_that_is_read(tmp_path: Path) -> None:
    raw = card.card_pdf(CREDENTIAL, TITLE, LINES, BEIJING)

    assert raw.startswith(b"%PDF-")
    assert raw == card.card_pdf(CREDENTIAL, TITLE, LINES, BEIJING)
    assert b"/ToUnicode" in raw
    assert b"/Lang (zh-Hans)" in raw


def test_the_words_say_what_the_pass_says() -> None:
    said = card.words_of(CREDENTIAL, BEIJING)

    assert [words.en for words in said] == [
        "May pass",
        "Valid 2026-01-05 19:00 to 2026-01-25 20:00 (UTC+08:00)",
        "Holder: given name begins with L, born on day 4",
        "Paper pass: no device needed, shown as it is",
    ]
    assert said[2].zh_hans == "持有人：名字首字母 L，生日为 4 日"


def test_a_pass_of_a_device_is_not_printed() -> None:
    with pytest.raises(CredentialError, match="bound to a device"):
        card.card_svg(pass_bytes(), TITLE, LINES)


def test_words_that_do_not_fit_and_letters_that_are_not_there_are_refused() -> None:
    with pytest.raises(CredentialError, match="say less"):
        card.card_svg(CREDENTIAL, TITLE, LINES * 9)
    with pytest.raises(CredentialError, match="no 𠀀"):
        card.card_svg(CREDENTIAL, TITLE, [Text("x", "𠀀")])


def test_long_words_are_broken_and_none_is_lost() -> None:
    long = Text("Appeal at the counter of the office. " * 4, "如有异议，请到港口卫生办公室窗口申诉。" * 3)
    before = len(card.lay_out(CREDENTIAL, TITLE, []).lines)
    lines = card.lay_out(CREDENTIAL, TITLE, [long]).lines
    rows = {
        language: [line for line in lines[before:] if line.language == language]
        for language in ("zh-Hans", "en")
    }

    assert "".join(line.text for line in rows["zh-Hans"]) == long.zh_hans
    assert " ".join(line.text for line in rows["en"]).strip() == long.en.strip()
    assert len(rows["en"]) > 1
    assert not any(line.text[0] in "，。）" or line.text[-1] in "（" for line in rows["zh-Hans"])
    room = card.WIDTH_MM - 2 * card.MARGIN_MM
    assert all(card._font(10).getlength(line.text.strip()) * line.size / 10 <= room for line in lines)


def test_the_font_may_be_shipped() -> None:
    with card._font_file().open("rb") as file:
        names = TTFont(file)["name"]

        assert "SIL Open Font License" in str(names.getDebugName(13))
