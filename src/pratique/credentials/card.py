"""A pass on paper: one card with a large code and words in both languages, as SVG for any printer.

The words are set by whatever shows the SVG, so no font is shipped; the code is a path and prints everywhere. Level Q
and modules of 0.6 mm, because paper is folded, wet and photographed.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from pratique.core.text import Text
from pratique.credentials import pq1, qr

MODULE_MM = 0.6
WIDTH_MM, MARGIN_MM, LINE_MM = 105.0, 6.0, 5.5


def card_svg(credential: bytes, title: Text, lines: Sequence[Text]) -> str:
    """The card of a pass without holder key. `lines` say what a person must know: until when, where to appeal.

    Raises ValueError for a pass that is bound to a device: on paper it would open nothing.
    """
    text = pq1.paper(credential)
    if pq1.read(text).claims.holder is not None:
        raise ValueError("a pass that is bound to a device cannot be printed")
    code = qr.write(text, "Q")
    side = (len(code.modules) + 8) * MODULE_MM
    top = MARGIN_MM + 2 * LINE_MM
    height = top + side + LINE_MM * (2 * len(lines) + 1) + MARGIN_MM
    words = [
        _line(title.zh_hans, MARGIN_MM + LINE_MM, "zh", 5),
        _line(title.en, MARGIN_MM + 1.9 * LINE_MM, "en", 4),
    ]
    for number, line in enumerate(lines):
        below = top + side + LINE_MM * (2 * number + 1)
        words += [_line(line.zh_hans, below, "zh", 3.6), _line(line.en, below + LINE_MM * 0.9, "en", 3.2)]
    drawing = qr.to_svg(code, MODULE_MM).replace(
        "<svg ", f'<svg x="{(WIDTH_MM - side) / 2:g}" y="{top:g}" ', 1
    )
    drawing = drawing.replace("mm", "")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {WIDTH_MM:g} {height:g}"><rect width="100%" height="100%" fill="#fff"/>'
        f"{drawing}{''.join(words)}</svg>"
    )


def _line(text: str, y: float, language: str, size: float) -> str:
    return (
        f'<text x="{WIDTH_MM / 2:g}" y="{y:g}" font-size="{size:g}" text-anchor="middle" lang="{language}" '
        f'font-family="sans-serif">{escape(text)}</text>'
    )
