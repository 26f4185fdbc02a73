"""A pass on paper: one card with a large code and words in both languages, as PDF, PNG or SVG.

Level Q and modules of 0.75 mm, because paper is folded, wet and photographed. Words come from the caller and from the
pass itself: a card says what it is worth to people who have no reader. One page holds one card (105 × 148 mm, A6).
"""

import importlib.resources
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from pratique.core.text import Text
from pratique.credentials import pq1, qr
from pratique.credentials.reasons import CredentialError

MODULE_MM = 0.75
WIDTH_MM, HEIGHT_MM, MARGIN_MM = 105.0, 148.0, 7.0
DOTS_PER_MM = 12  # 305 dpi: a module is 9 whole dots
_CLASSES = {
    pq1.CLEAR: Text("May pass", "可以通行"),
    pq1.CONDITIONS: Text("May pass under conditions: ask the staff", "有条件通行：请询问工作人员"),
}
_FIRST, _FAMILY, _DAY, _MONTH = (
    Text("given name begins with {x}", "名字首字母 {x}"),
    Text("family name begins with {x}", "姓氏首字母 {x}"),
    Text("born on day {x}", "生日为 {x} 日"),
    Text("born in month {x}", "生于 {x} 月"),
)
_OPENING, _CLOSING = tuple("（《“‘【"), tuple("，。：；、！？）》”’】")
_PAPER = Text("Paper pass: no device needed, shown as it is", "纸质通行凭证：无需设备，直接出示")


class Line(NamedTuple):
    """Words at a height, centred; sizes in millimetres."""

    text: str
    language: str
    y: float
    size: float


class Card(NamedTuple):
    """What is drawn where: the code with its upper left corner at (x, y), and lines."""

    code: qr.Code
    x: float
    y: float
    lines: tuple[Line, ...]


def words_of(credential: bytes, zone: tzinfo = UTC) -> tuple[Text, ...]:
    """What the pass says, for people: its class, until when, and the hints for a human look."""
    claims = pq1.read(pq1.paper(credential)).claims
    begins, ends = (
        f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}" for at in (claims.issued, claims.expires)
    )
    offset = f"{datetime.fromtimestamp(claims.expires, zone):%z}"
    zone_text = f"UTC{offset[:3]}:{offset[3:5]}"
    worth = _CLASSES.get(claims.pass_class, Text("Class {x}", "等级 {x}").fill(x=claims.pass_class))
    valid = Text("Valid {a} to {b} ({z})", "有效期 {a} 至 {b}（{z}）").fill(a=begins, b=ends, z=zone_text)
    kinds = (_FIRST, _FAMILY, _DAY, _MONTH)
    hints = [
        kind.fill(x=hint) for kind, hint in zip(kinds, claims.hints or (), strict=False) if hint is not None
    ]
    looks = (
        Text(
            "Holder: " + ", ".join(hint.en for hint in hints),
            "持有人：" + "，".join(h.zh_hans for h in hints),
        ),
    )
    return (worth, valid, *(looks if hints else ()), _PAPER)


def lay_out(credential: bytes, title: Text, lines: Sequence[Text], zone: tzinfo = UTC) -> Card:
    """The card of a pass without holder key. `lines` say more, for instance where to appeal.

    Raises CredentialError PAPER_NOT_ALLOWED for a pass that is bound to a device (on paper it would open nothing),
    TOO_LARGE where the words leave the card.
    """
    text = pq1.paper(credential)
    if pq1.read(text).claims.holder is not None:
        raise CredentialError("PAPER_NOT_ALLOWED", "a pass that is bound to a device cannot be printed")
    code = qr.write(text, "Q")
    side = (len(code.modules) + 8) * MODULE_MM
    placed = [Line(title.zh_hans, "zh-Hans", MARGIN_MM + 5, 5.5), Line(title.en, "en", MARGIN_MM + 10.5, 4.2)]
    top = MARGIN_MM + 12
    y = top + side + 1
    for words in (*words_of(credential, zone), *lines):
        for said, language, size in ((words.zh_hans, "zh-Hans", 3.6), (words.en, "en", 3.2)):
            for row in _wrapped(said, size):
                y += size * 1.25
                placed.append(Line(row, language, y, size))
        y += 0.8
    if y > HEIGHT_MM - MARGIN_MM / 2:
        raise CredentialError("TOO_LARGE", "the words do not fit on the card: say less")
    return Card(code, (WIDTH_MM - side) / 2, top, tuple(placed))


def card_svg(credential: bytes, title: Text, lines: Sequence[Text], zone: tzinfo = UTC) -> str:
    """The card as SVG. The words are set by whatever shows it; the code is a path and prints everywhere."""
    card = lay_out(credential, title, lines, zone)
    drawing = qr.to_svg(card.code, MODULE_MM).replace("<svg ", f'<svg x="{card.x:g}" y="{card.y:g}" ', 1)
    words = "".join(
        f'<text x="{WIDTH_MM / 2:g}" y="{line.y:g}" font-size="{line.size:g}" text-anchor="middle" '
        f'lang="{line.language}" font-family="sans-serif">{escape(line.text)}</text>'
        for line in card.lines
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM:g}mm" height="{HEIGHT_MM:g}mm" '
        f'viewBox="0 0 {WIDTH_MM:g} {HEIGHT_MM:g}"><rect width="100%" height="100%" fill="#fff"/>'
        f"{drawing.replace('mm', '')}{words}</svg>"
    )


def card_png(credential: bytes, title: Text, lines: Sequence[Text], zone: tzinfo = UTC) -> bytes:
    """The card as a plain PNG of two colours at 305 dpi, for any printer that prints pictures."""
    from PIL import Image, ImageDraw

    card = lay_out(credential, title, lines, zone)
    sheet = Image.new("L", (round(WIDTH_MM * DOTS_PER_MM), round(HEIGHT_MM * DOTS_PER_MM)), 255)
    drawn = qr.to_picture(card.code, round(MODULE_MM * DOTS_PER_MM))
    sheet.paste(drawn, ((sheet.width - drawn.width) // 2, round(card.y * DOTS_PER_MM)))
    pen = ImageDraw.Draw(sheet)
    for line in card.lines:
        place = (sheet.width / 2, line.y * DOTS_PER_MM)
        pen.text(place, line.text, fill=0, font=_font(round(line.size * DOTS_PER_MM)), anchor="ms")
    made = BytesIO()
    sheet.point(lambda grey: 255 if grey > 140 else 0, "1").save(made, "PNG", dpi=(DOTS_PER_MM * 25.4,) * 2)
    return made.getvalue()


def card_pdf(credential: bytes, title: Text, lines: Sequence[Text], zone: tzinfo = UTC) -> bytes:
    """The card as PDF: one page of A6, real text, the code as vector squares. Dated like the pass, by no clock."""
    from fpdf import FPDF

    card = lay_out(credential, title, lines, zone)
    page = FPDF(unit="mm", format=(WIDTH_MM, HEIGHT_MM))
    page.set_creation_date(datetime.fromtimestamp(pq1.read(pq1.paper(credential)).claims.issued, UTC))
    page.set_title(title.en)
    page.set_lang("zh-Hans")
    page.set_auto_page_break(False)
    with importlib.resources.as_file(_font_file()) as path:
        page.add_font("card", fname=str(path))
    page.add_page()
    page.set_fill_color(0)
    for x, y, width in _squares(card.code):
        page.rect(card.x + x * MODULE_MM, card.y + y * MODULE_MM, width * MODULE_MM, MODULE_MM, style="F")
    for line in card.lines:
        page.set_font("card", size=line.size / 25.4 * 72)
        page.text((WIDTH_MM - page.get_string_width(line.text)) / 2, line.y, line.text)
    return bytes(page.output())


def _squares(code: qr.Code) -> Iterator[tuple[int, int, int]]:
    """Runs of dark modules: x, y and length, with the quiet zone counted in."""
    for y, row in enumerate(code.modules):
        for start, end in qr.runs(row):
            yield start + qr.QUIET, y + qr.QUIET, end - start


def _font_file() -> Any:
    return importlib.resources.files("pratique.credentials") / "card_font.ttf"


@cache
def _font(pixels: int) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(BytesIO(_font_file().read_bytes()), pixels)


def _wrapped(text: str, size: float) -> list[str]:
    """The text in rows that fit the card: broken at spaces, Chinese anywhere. Refuses what the font cannot show."""
    if missing := {letter for letter in text if not _has(letter)}:
        raise CredentialError("BAD_TEXT", f"the card's font has no {' '.join(sorted(missing))}")
    most = (WIDTH_MM - 2 * MARGIN_MM) * 10 / size
    rows = [""]
    for piece in _pieces(text):
        if rows[-1] and _font(10).getlength(rows[-1] + piece.rstrip()) > most:
            rows[-1] = rows[-1].rstrip()
            rows.append(piece.lstrip())
        else:
            rows[-1] += piece
    return rows


def _pieces(text: str) -> Iterator[str]:
    """Where a row may end: after a space or a Chinese letter, but not between a bracket or stop and its word."""
    start = 0
    for at, letter in enumerate(text, 1):
        chinese = ord(letter) > 0x2E80 and letter not in _OPENING
        if (letter == " " or chinese) and text[at : at + 1] not in _CLOSING:
            yield text[start:at]
            start = at
    yield text[start:]


@cache
def _glyphs() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    return frozenset(TTFont(BytesIO(_font_file().read_bytes()), lazy=True).getBestCmap())


def _has(letter: str) -> bool:
    return ord(letter) in _glyphs()
