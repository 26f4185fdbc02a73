"""The preview as a PDF that goes with the mandate: both languages, counts in tens, every assumption written out.

The font that comes with the house is embedded, so that the paper looks the same everywhere. A rule may use a rarer
character: it is set in a font of the machine where there is one, and without one the refusal names the character.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from zoneinfo import ZoneInfo

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.rollout import words
from pratique.rollout.model import Impact, Order, Tens

OWN = "card_font.ttf"
RARE = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
)
WIDTH = 180


def rare_font() -> tuple[Path, int] | None:
    """A font of the machine with more Chinese than ours: `PRATIQUE_FONT`, or where Debian and others put it."""
    named = os.environ.get("PRATIQUE_FONT", "")
    for path, number in ((named, 0), *RARE):
        if path and Path(path).is_file():
            return Path(path), number
    return None


def report(seen: Impact, zone: ZoneInfo, order: Order | None = None) -> bytes:
    """The preview as PDF. The same preview is the same bytes."""
    page = _Page(zone)
    page.title(words.REPORT)
    if order is not None:
        page.line(f"{order.id} · {order.mandate_id}")
        page.line(f"SHA-256 {order.hash}")
        page.line(f"SHA-256 {order.preview_hash or '–'}")
    made = words.MADE_UP if seen.made_up else words.REAL
    page.both(Text(f"{made.en}: {shown(seen.people)}", f"{made.zh_hans}：{shown(seen.people)}"))
    page.line(page.time(seen.looked_at))
    page.heading(words.WORSE)
    page.big(shown(seen.worse))
    page.both(words.headline(seen))
    for cause in seen.causes:
        page.both(cause.reason)
        page.both(cause.remedy, soft=True)
        page.line(f"{cause.rule}: {shown(cause.people)} · {_pair(words.NO_REMEDY)}: {shown(cause.no_remedy)}")
    page.heading(words.MATRIX)
    names = [words.OUTCOME[name] for name in words.OUTCOME]
    page.table(
        [["", *(_pair(name) for name in names)]]
        + [[_pair(name), *map(shown, row)] for name, row in zip(names, seen.days[0].matrix, strict=True)]
    )
    page.heading(words.TUBES)
    page.both(words.capacity(seen))
    head = ["", _pair(words.BEFORE), _pair(words.AFTER), _pair(words.WORSE_OFF)]
    page.table(
        [head]
        + [
            [page.short(day.at), shown(day.tubes_before), shown(day.tubes_after), shown(_worse(day.matrix))]
            for day in seen.days
        ]
    )
    for kind, rows in seen.groups.items():
        page.heading(words.GROUPS[kind])
        page.table(
            [["", _pair(words.WORSE_OFF), _pair(words.BETTER_OFF), _pair(words.SAME)]]
            + [[_pair(row.name), shown(row.worse), shown(row.better), shown(row.same)] for row in rows]
        )
    page.heading(words.ASSUMPTIONS)
    for text in seen.assumed:
        page.both(text)
    return page.bytes()


def shown(count: Tens) -> str:
    """A count in tens."""
    return "< 10" if count is None else f"{count:,}"


def _worse(matrix: Sequence[Sequence[Tens]]) -> Tens:
    cells = [matrix[i][j] for i in range(3) for j in range(i + 1, 3)]
    found = sum(cell or 0 for cell in cells)
    return None if not found and None in cells else found


def _pair(text: Text) -> str:
    return f"{text.zh_hans} {text.en}"


class _Page:
    """One A4 document, set line by line."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._rare = False
        self._pdf = FPDF()
        self._pdf.set_margins(15, 15, 15)
        with as_file(files("pratique.credentials") / OWN) as path:
            self._known = frozenset(TTFont(path, lazy=True).getBestCmap())
            self._pdf.add_font("text", "", path)
        self._pdf.add_page()
        self._pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=ZoneInfo("UTC")))

    def _fit(self, text: str) -> str:
        """The text itself, once every character of it can be set. Raises Refusal."""
        strange = next((c for c in text if ord(c) not in self._known and not c.isspace()), "")
        if strange and not self._rare:
            found = rare_font()
            if found is None:
                raise Refusal(
                    "NO_FONT",
                    "PRATIQUE_FONT",
                    Text(
                        f"the character {strange} is not in our font; install fonts-noto-cjk, or name a font file",
                        f"本机字体没有“{strange}”字；请安装 fonts-noto-cjk，或在 PRATIQUE_FONT 中指明字体文件",
                    ),
                )
            self._pdf.add_font("rare", "", found[0], collection_font_number=found[1])
            self._pdf.set_fallback_fonts(["rare"])
            self._rare = True
        return text

    def _write(self, text: str, size: float, height: float, grey: int = 20) -> None:
        self._fit(text)
        self._pdf.set_font("text", size=size)
        self._pdf.set_text_color(grey)
        self._pdf.multi_cell(WIDTH, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def title(self, text: Text) -> None:
        self._write(text.zh_hans, 18, 9)
        self._write(text.en, 14, 8)

    def heading(self, text: Text) -> None:
        self._pdf.ln(3)
        self._write(_pair(text), 12, 7)

    def big(self, text: str) -> None:
        self._write(text, 26, 12)

    def both(self, text: Text, *, soft: bool = False) -> None:
        self._write(text.zh_hans, 10, 5.5, 90 if soft else 20)
        self._write(text.en, 9, 5, 90 if soft else 60)

    def line(self, text: str) -> None:
        self._write(text, 8.5, 5, 60)

    def time(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M} {self._zone.key}"

    def short(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        self._pdf.set_font("text", size=8.5)
        self._pdf.set_text_color(20)
        with self._pdf.table(
            width=WIDTH,
            first_row_as_headings=False,
            line_height=5.5,
            text_align=("LEFT", *("RIGHT",) * (len(rows[0]) - 1)),
        ) as made:
            for row in rows:
                line = made.row()
                for cell in row:
                    line.cell(self._fit(cell))

    def bytes(self) -> bytes:
        return bytes(self._pdf.output())
