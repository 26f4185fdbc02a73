"""Uploads: accepted + refused = rows in the file, always; a file that is not what was declared is refused."""

import io
import zipfile
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.errors import Refusal
from pratique.testing import service, tables
from pratique.testing.reading import Refused, Result, read_file
from tests.testing.world import World

HEAD = "tube_code,result,ct_orf1ab,ct_n,tested_at,instrument,status"


def sheet(rows: list[list[str]]) -> bytes:
    """A made-up .xlsx with inline and shared strings, as spreadsheets write it."""
    shared: list[str] = []
    lines = []
    for n, row in enumerate(rows, 1):
        cells = []
        for m, value in enumerate(row):
            place = f"{chr(65 + m)}{n}"
            if not value:
                continue
            if m % 2:
                cells.append(f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>')
            else:
                shared.append(value)
                cells.append(f'<c r="{place}" t="s"><v>{len(shared) - 1}</v></c>')
        lines.append(f'<row r="{n}">{"".join(cells)}</row>')
    name = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {name}><sheetData>{''.join(lines)}</sheetData></worksheet>",
        )
        book.writestr(
            "xl/sharedStrings.xml", f"<sst {name}>{''.join(f'<si><t>{s}</t></si>' for s in shared)}</sst>"
        )
    return out.getvalue()


def upload(world: World, raw: bytes, rows: int | None = None, digest: str = "") -> service.Uploaded:
    counted = rows if rows is not None else sum(1 for _ in tables.rows(raw))
    return world.store.write(
        lambda tx: service.receive_table(
            tx, world.moment(), raw, rows=counted, digest=digest or sha256(raw).hexdigest(), lab_name="LAB-A",
            by="uploader", tell=world.tell,
        )
    )  # fmt: skip


def test_it_works(world: World) -> None:
    subjects = world.pool("X0001")
    raw = f"{HEAD}\nX0001,negative,,,2026-01-04T23:50:00Z,PCR-1,F\n".encode()

    done = upload(world, raw)

    assert (done.rows, done.accepted, done.refused) == (1, 1, ())
    assert world.heard(subjects[0]) == ["not-detected"]
    assert upload(world, raw).accepted == 1  # the same file again changes nothing
    assert world.count("result_version") == 1


def test_every_row_is_accepted_or_refused_by_row_and_column(world: World) -> None:
    world.pool("X0001", 2)
    rows = [
        "X0001,阴性,,,2026-01-04T23:50:00Z,PCR-1,F",
        "X 002,negative,,,,,",
        "X0003,perhaps,,,,,",
        "X0004,negative,,forty,,,",
        "X0005,negative,,,yesterday,,",
        "X0006,negative,,,,,Z",
        "X0007,negative",
        '"X0008,negative,,,,,',
    ]
    done = upload(world, "\n".join([HEAD, *rows]).encode())

    assert done.rows == 8
    assert done.accepted + len(done.refused) == 8
    assert [place for place, _ in done.refused] == [
        "row 3/tube_code", "row 4/result", "row 5/ct_n", "row 6/tested_at", "row 7/status", "row 8", "row 9",
    ]  # fmt: skip


def test_a_truncated_file_is_refused_whole(world: World) -> None:
    """England, autumn 2020: a table that was cut at its last possible row went through."""
    world.pool("X0001", 1)
    raw = f"{HEAD}\nX0001,negative,,,,,\nX0002,positive,,,,,\n".encode()
    cut = raw[: raw.rindex(b"X0002")]

    with pytest.raises(Refusal, match="sha256"):
        upload(world, cut, rows=2, digest=sha256(raw).hexdigest())
    with pytest.raises(Refusal, match="rows"):
        upload(world, cut, rows=2)
    assert world.count("result_version") == 0


def test_names_are_not_even_taken_as_a_column(world: World) -> None:
    with pytest.raises(Refusal) as refusal:
        upload(world, b"tube_code,result,patient_name\nX0001,negative,Ada\n", rows=1)
    assert refusal.value.field == "row 1/patient_name"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030"])
def test_separators_and_charsets(mark: str, charset: str) -> None:
    raw = f"{HEAD}\nX0001,阴性,,31.5,,,F\n".replace(",", mark).encode(charset)

    (row,) = tables.rows(raw, "GB 18030" if charset == "gb18030" else "")

    assert isinstance(row, tables.Row)
    assert (row.cells["tube_code"], row.cells["result"], row.cells["ct_n"]) == ("X0001", "阴性", "31.5")


def test_undeclared_gb18030_is_refused_not_garbled() -> None:
    with pytest.raises(Refusal, match="row 2"):
        list(tables.rows(f"{HEAD}\nX1,阴性,,,,,\n".encode("gb18030")))


def test_a_spreadsheet_with_65537_rows_keeps_them_all() -> None:
    raw = sheet([HEAD.split(","), *([f"X{n:06d}", "negative"] for n in range(65_537))])

    rows = list(tables.rows(raw))

    assert len(rows) == 65_537
    assert isinstance(rows[-1], tables.Row)
    assert (rows[-1].number, rows[-1].cells["tube_code"]) == (65_538, "X065536")


def test_a_spreadsheet_is_taken_in(world: World) -> None:
    subjects = world.pool("X0001", 2)
    done = upload(world, sheet([HEAD.split(","), ["X0001", "negative", "", "", "46026.99", "PCR", "F"]]))

    assert (done.accepted, done.refused) == (1, ())
    assert world.heard(subjects[1]) == ["not-detected"]


@pytest.mark.parametrize(
    "raw",
    [b"PK\x03\x04not a zip", b"\xd0\xcf\x11\xe0old excel", b"PK\x03\x04" + bytes(100)],
)
def test_files_that_are_no_table_are_refused(raw: bytes) -> None:
    with pytest.raises(Refusal):
        list(tables.rows(raw))


def test_a_document_type_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>')
    with pytest.raises(Refusal, match="document type"):
        list(tables.rows(out.getvalue()))


@given(st.text(alphabet='ab,;\t\n\r"X01é阴', max_size=200))
def test_no_table_makes_reading_crash(text: str) -> None:
    for line in read_file("x.csv", text.encode()):
        assert isinstance(line, Refused | Result)
