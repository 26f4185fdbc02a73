"""XLSX as a stream of rows: the first sheet, cell by cell, never the whole sheet in memory.

Office Open XML (ECMA-376 part 1, section 18): a zip with `xl/worksheets/sheet*.xml` and shared strings. Cells that
are left out are empty; a document type declaration is refused; sizes are capped. Pure: bytes in, rows out.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO
from xml.etree.ElementTree import Element, ParseError, iterparse

from pratique.core.errors import Refusal
from pratique.core.text import Text

MAX_UNPACKED = 512 << 20
MAX_STRINGS = 2_000_000
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day number has no zone


def rows(raw: bytes) -> Iterator[tuple[int, list[str] | Refusal]]:
    """(row number as the spreadsheet shows it, cells) of the first sheet. Raises Refusal."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            sheet = _first_sheet(book)
            strings = _strings(book)
            with book.open(sheet) as stream:
                yield from _rows(_guarded(stream), strings)
    except (
        zipfile.BadZipFile,
        ParseError,
        KeyError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ):
        raise _refuse("this is not a readable .xlsx file", "无法读取此 .xlsx 文件") from None


def _refuse(en: str, zh: str) -> Refusal:
    return Refusal("102", "file", Text(en, zh))


def _first_sheet(book: zipfile.ZipFile) -> zipfile.ZipInfo:
    if sum(item.file_size for item in book.infolist()) > MAX_UNPACKED:
        raise _refuse("the file unpacks to more than 512 MiB", "文件解压后超过 512 MiB")
    sheets = [i for i in book.infolist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", i.filename)]
    if not sheets:
        raise _refuse("there is no sheet in this .xlsx file", "此 .xlsx 文件中没有工作表")
    return min(sheets, key=lambda item: int(re.sub(r"\D", "", item.filename.rsplit("/", 1)[1])))


def _guarded(stream: IO[bytes]) -> IO[bytes]:
    head = stream.read(2048)
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise _refuse("a document type is not taken", "不接收文档类型声明")
    stream.seek(0)
    return stream


def _strings(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    found: list[str] = []
    with book.open("xl/sharedStrings.xml") as stream:
        for _, item in iterparse(_guarded(stream)):  # noqa: S314 - no document type came this far
            if _tag(item) == "si":
                found.append(_text(item))
                item.clear()
                if len(found) > MAX_STRINGS:
                    raise _refuse("too many texts in this file", "文件中文本过多")
    return found


def _rows(stream: IO[bytes], strings: list[str]) -> Iterator[tuple[int, list[str] | Refusal]]:
    width, expected = 0, 0
    for _, item in iterparse(stream):  # noqa: S314 - no document type came this far
        if _tag(item) != "row":
            continue
        expected = int(item.get("r") or expected + 1)
        cells: dict[int, str] = {}
        for cell in item:
            if _tag(cell) == "c":
                cells[_column(cell.get("r") or "", len(cells))] = _cell(cell, strings)
        width = width or max(cells, default=-1) + 1
        yield expected, [cells.get(n, "") for n in range(max(width, max(cells, default=-1) + 1))]
        item.clear()


def _tag(item: Element) -> str:
    return item.tag.rsplit("}", 1)[-1]


def _text(item: Element) -> str:
    return "".join(t.text or "" for t in item.iter() if _tag(t) == "t")


def _column(place: str, otherwise: int) -> int:
    letters = re.match(r"[A-Z]{1,3}", place)
    if not letters:
        return otherwise
    n = 0
    for c in letters[0]:
        n = n * 26 + ord(c) - 64
    return n - 1


def _cell(cell: Element, strings: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _text(cell)
    value = next((part.text or "" for part in cell if _tag(part) == "v"), "")
    if kind == "s":
        number = int(value)
        if not 0 <= number < len(strings):
            raise ValueError("a text that is not there")
        return strings[number]
    return value.removesuffix(".0") if kind == "n" else value


def day_number(text: str) -> datetime | None:
    """The time a spreadsheet means by a day number such as 46027.51, without zone; None for anything else."""
    try:
        days = float(text)
    except ValueError:
        return None
    return _DAY_ZERO + timedelta(seconds=round(days * 86_400)) if 20_000 <= days < 80_000 else None
