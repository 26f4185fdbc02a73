"""The scanner finds a text in every form it promises, says where, never what, and finds nothing else."""

import base64
import gzip
import json
import re
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.retire.scan import Needle, files_below, forms, scan

TEXT = "Kanari/Ünë 码头 x7Qz9"
NEEDLE = Needle("name", TEXT)
WRITTEN = {
    "plain": TEXT.encode(),
    "utf-16-le": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
    "base64 a": base64.b64encode(TEXT.encode() + b"..."),
    "base64 b": base64.b64encode(b"1" + TEXT.encode() + b".."),
    "base64 c": base64.b64encode(b"22" + TEXT.encode() + b"."),
    "base64url": base64.urlsafe_b64encode(b"22" + TEXT.encode() + b"."),
    "hex": TEXT.encode().hex().encode(),
    "HEX": TEXT.encode().hex().upper().encode(),
    "json": json.dumps({"a": TEXT}).encode(),
    "json raw": json.dumps({"a": TEXT}, ensure_ascii=False).encode(),
    "json slash": json.dumps({"a": TEXT}).replace("/", "\\/").encode(),
    "url": quote(TEXT, safe="").encode(),
    "url lower": re.sub("%..", lambda m: m[0].lower(), quote(TEXT, safe="")).encode(),
    "gzip": gzip.compress(b"padding" * 99 + TEXT.encode()),
    "zlib": zlib.compress(b"padding" * 99 + TEXT.encode()),
    "zlib fast": zlib.compress(TEXT.encode(), 1),
    "gzip in gzip": gzip.compress(gzip.compress(TEXT.encode())),
    "gzip of hex": gzip.compress(TEXT.encode().hex().encode()),
    "gzip cut short": gzip.compress(TEXT.encode() + bytes(range(256)) * 400)[:-200],
}


def _one(folder: Path, raw: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(b"before " * 50 + raw + b" after" * 50)
    return path


@pytest.mark.parametrize("how", WRITTEN)
def test_it_works(how: str, tmp_path: Path) -> None:
    path = _one(tmp_path, WRITTEN[how])

    found = scan([path], [NEEDLE])

    assert found.hits
    assert found.hits[0].file == str(path)
    assert found.hits[0].needle == "name"
    assert TEXT not in str(found)
    assert (found.files, found.bytes, found.unread) == (1, path.stat().st_size, ())


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    path = _one(tmp_path, TEXT.encode()[:-1] + gzip.compress(b"other") + bytes(range(256)) * 20)

    assert scan([path], [NEEDLE]).hits == ()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30), st.binary(max_size=7))
def test_base64_is_found_at_every_alignment(text: str, before: bytes) -> None:
    packed = base64.b64encode(before + text.encode() + b"after")

    assert any(form in packed for name, form in forms(text).items() if name.startswith("base64"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=30))
def test_json_and_url_forms_are_what_programs_write(text: str) -> None:
    shapes = forms(text).values()

    for written in (json.dumps(text), json.dumps(text, ensure_ascii=False), quote(text, safe="")):
        assert any(shape in written.encode() for shape in shapes)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    assert scan([folder], [NEEDLE]).unread != ()
    assert scan([tmp_path / "gone"], [NEEDLE]).unread == ()


def test_all_files_below_are_read_but_those_left_out(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "keep/list", "e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "keep" / "list")

    found = files_below([tmp_path, tmp_path / "e"], [tmp_path / "keep"])

    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/b/c", "a/d", "e"]


def test_a_bomb_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = _one(tmp_path, gzip.compress(bytes(200 * 1024 * 1024)))

    assert scan([path], [NEEDLE]).hits == ()
