"""Result tables: CSV and XLSX. Every row is accepted or refused by row and column; none is ever dropped.

Promises: the declared row count and SHA-256 are checked before anything else, and a mismatch refuses the whole file;
accepted + refused = rows in the file. Row numbers are those a spreadsheet shows: the header is row 1. Old .xls is
refused (its 65,536 rows once cut 15,841 positives off). Pure.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.testing import codes, xlsx
from pratique.testing.model import Incoming, Lab, Observed, Reading, Sender
from pratique.testing.times import read_fhir, read_hl7

COLUMNS = ("tube_code", "result", "ct_orf1ab", "ct_n", "tested_at", "instrument", "status", "run")
NEEDED = ("tube_code", "result")
MAX_FILE = 64 << 20
MAX_CELL = 64 << 10


class Row(msgspec.Struct, frozen=True):
    """One row: its number and its cells by our column names (only the columns we know)."""

    number: int
    cells: dict[str, str]


class RefusedRow(Refusal):
    """One row that is refused; the others are not touched by it. `field` reads `row 7/result`."""

    def __init__(self, number: int, column: str, en: str, zh: str, code: str = "102") -> None:
        super().__init__(code, f"row {number}/{column}" if column else f"row {number}", Text(en, zh))
        self.number = number


def refuse_file(field: str, en: str, zh: str) -> Refusal:
    """The whole file is refused and nothing of it is stored."""
    return Refusal("102", field, Text(en, zh))


def check_declared(raw: bytes, rows: int, digest: str, counted: int) -> None:
    """Raises Refusal where the file is not what the sender said it sent."""
    if sha256(raw).hexdigest() != digest.strip().lower():
        raise refuse_file("sha256", "the file is not the one whose SHA-256 was declared; send it again whole",
                          "文件与声明的 SHA-256 不符，请完整重新发送")  # fmt: skip
    if rows != counted:
        raise refuse_file("rows", f"{counted} rows were found, another number was declared; nothing was taken",
                          f"实际 {counted} 行，与声明行数不符，未接收任何内容")  # fmt: skip


def rows(raw: bytes, charset: str = "", *, strict: bool = False) -> Iterator[Row | RefusedRow]:
    """The rows of a CSV or XLSX file. `strict` refuses columns we do not know, by name.

    Raises Refusal for a file that cannot be read as a table at all.
    """
    if len(raw) > MAX_FILE:
        raise refuse_file("file", "the file is larger than 64 MiB", "文件超过 64 MiB")
    if raw[:4] == b"\xd0\xcf\x11\xe0":
        raise refuse_file("file", "old .xls files lose rows beyond 65,536; send .xlsx or CSV",
                          "旧版 .xls 会丢失 65536 行以后的数据，请发送 .xlsx 或 CSV")  # fmt: skip
    lines = xlsx.rows(raw) if raw[:4] == b"PK\x03\x04" else _csv_rows(raw, charset)
    header: list[str] | None = None
    for number, cells in lines:
        if isinstance(cells, Refusal):
            yield RefusedRow(number, "", cells.text.en, cells.text.zh_hans)
        elif header is None:
            header = _header(cells, strict=strict)
        elif any(cell.strip() for cell in cells):
            yield _row(number, cells, header)


def _header(cells: Sequence[str], *, strict: bool) -> list[str]:
    ours = {alias: name for name, aliases in codes.CSV_COLUMNS.items() for alias in aliases}
    sent = [cell.strip().lower().replace(" ", "_") for cell in cells]
    named = [ours.get(name, name if name in COLUMNS else "") for name in sent]
    if strict:
        for name, known in zip(sent, named, strict=True):
            if known not in COLUMNS:
                raise refuse_file(f"row 1/{name[:40]}", "this column is not taken; leave it out, above all names",
                                  "不接收此列，请删除，尤其是姓名")  # fmt: skip
        for name in NEEDED:
            if name not in named:
                raise refuse_file(f"row 1/{name}", "this column is missing", "缺少此列")
    # The first column of a name counts: specimen_id beats accession_number where both stand there.
    return [name if name and name not in named[:n] else "" for n, name in enumerate(named)]


def _row(number: int, cells: Sequence[str], header: Sequence[str]) -> Row | RefusedRow:
    if len(cells) != len(header):
        return RefusedRow(number, "", f"the row has {len(cells)} cells, the header {len(header)}",
                          f"本行有 {len(cells)} 个单元格，表头有 {len(header)} 个")  # fmt: skip
    return Row(number, {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name})


def _csv_rows(raw: bytes, charset: str) -> Iterator[tuple[int, list[str] | Refusal]]:
    encoding = "gb18030" if charset.upper().replace(" ", "").startswith("GB") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        raise refuse_file(f"row {line}", "the bytes are not UTF-8; send UTF-8, or declare GB 18030",
                          "字节内容不是 UTF-8,请使用 UTF-8 或声明 GB 18030") from None  # fmt: skip
    first = text.split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=mark)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield number, refuse_file(f"row {number}", "the row cannot be read as CSV", "本行无法按 CSV 读取")
            continue
        yield number, cells


def readings(raw: bytes, charset: str = "") -> Iterator[tuple[int, Reading | Refusal]]:
    """What `pratique lab read` prints of a table: one line a row, texts as sent."""
    for row in rows(raw, charset):
        if isinstance(row, RefusedRow):
            yield row.number, row
            continue
        missing = next((name for name in NEEDED if not row.cells.get(name)), "")
        if missing:
            why = "the cell is empty" if missing in row.cells else "the column is missing"
            zh = "单元格为空" if missing in row.cells else "缺少此列"
            yield row.number, RefusedRow(row.number, missing, why, zh, "101")
            continue
        get = row.cells.get
        yield row.number, Reading(
            specimen=get("tube_code") or None, loinc=get("loinc") or None, value=get("result") or None,
            status=get("status") or None, collected=get("collected") or None, reported=get("tested_at") or None,
            ct=get("ct_n") or get("ct_orf1ab") or None,
        )  # fmt: skip


def incoming(raw: bytes, lab: Lab, analyte: str, received: str) -> Iterator[Incoming | RefusedRow]:
    """Each row as one tube's result for intake. `analyte` is the campaign's; `received` RFC 3339, the time that
    stands for a missing `tested_at`. Raises Refusal for an unreadable file or an unknown column."""
    digest = sha256(raw).hexdigest()
    for row in rows(raw, lab.charset, strict=True):
        if isinstance(row, RefusedRow):
            yield row
            continue
        try:
            yield _incoming(row, lab, analyte, received, digest)
        except RefusedRow as refusal:
            yield refusal


def _incoming(row: Row, lab: Lab, analyte: str, received: str, digest: str) -> Incoming:
    get, zone = row.cells.get, ZoneInfo(lab.zone)
    code = get("tube_code", "").upper()
    if not code or len(code) > 40 or not all(c.isalnum() or c in "-_." for c in code):
        raise RefusedRow(row.number, "tube_code", "a tube code is 1 to 40 letters, digits or hyphens",
                         "采样管编号为 1 至 40 位字母、数字或连字符")  # fmt: skip
    meaning = codes.meaning_of(get("result", ""))
    if meaning is None:
        raise RefusedRow(
            row.number, "result", "this result is not in the table of results", "结果不在结果代码表中", "103"
        )
    status = codes.STATUS_HL7.get((get("status") or "F").upper())
    if status is None:
        raise RefusedRow(
            row.number, "status", "the status is not P, F, C, X or D", "状态不是 P、F、C、X 或 D", "103"
        )
    try:
        tested = _when(get("tested_at") or received, zone)
    except ValueError:
        raise RefusedRow(row.number, "tested_at", "not a time such as 2026-01-05T12:15:00+08:00",
                         "时间格式应如 2026-01-05T12:15:00+08:00") from None  # fmt: skip
    cts = [ct for column in ("ct_n", "ct_orf1ab") if (ct := _ct(row, column)) is not None]
    observed = Observed(
        analyte=analyte, sent_code=get("result", "")[:80], pooled_code=meaning.pooled, status=status,
        outcome="withdrawn" if status == "D" else "unusable" if status == "X" else meaning.outcome,
        reported_at=tested, tested_at=tested if get("tested_at") else None,
        ct_milli=cts[0] if cts else None, ct2_milli=cts[1] if len(cts) > 1 else None, where=f"row {row.number}/result",
    )  # fmt: skip
    run = get("run") or ""
    key = f"run:{run}" if run else f"instrument:{get('instrument')}" if get("instrument") else ""
    return Incoming(
        sender=Sender("TABLE", lab.name, lab.name, lab.oid, f"{digest}/{row.number}"),
        code=code, message_at=tested, observed=(observed,), people=None, reject="", run_key=key,
        named=False, kept=b"",
    )  # fmt: skip


def _when(text: str, zone: ZoneInfo) -> datetime:
    if (day := xlsx.day_number(text)) is not None:
        return day.replace(tzinfo=zone).astimezone(UTC)
    return (read_hl7 if text[:8].isdigit() else read_fhir)(text, zone).at


def _ct(row: Row, column: str) -> int | None:
    if not (text := row.cells.get(column, "")):
        return None
    try:
        value = float(text)
    except ValueError:
        raise RefusedRow(row.number, column, "a Ct value is a number", "Ct 值应为数字") from None
    if not 0 <= value <= 100:
        raise RefusedRow(row.number, column, "a Ct value lies between 0 and 100", "Ct 值应在 0 到 100 之间")
    return round(value * 1000)
