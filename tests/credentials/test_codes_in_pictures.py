"""What is written is read back: pictures, screens at an angle, prints, SVG sizes."""

import re
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pratique.credentials import base45, qr
from pratique.credentials.reasons import CredentialError, TooLarge
from tests.credentials.making import hcert_text, pass_bytes, show


def test_it_works() -> None:
    text = show(pass_bytes(status=(1, 1_000_000)))

    assert qr.read_picture(qr.to_png(qr.write(text))) == [text]


def test_a_pass_fits_version_11_at_level_m_and_with_a_nonce_12() -> None:
    assert qr.write(show(pass_bytes(status=(1, 1_000_000)))).version <= 11
    with_hints = pass_bytes(status=(1, 1_000_000), hints=["A", "B", 12, 3])
    assert qr.write(show(with_hints, nonce=b"12345678")).version <= 12


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=base45.ALPHABET.decode(), min_size=1, max_size=300), st.sampled_from("LMQH"))
def test_any_text_comes_back(text: str, level: qr.Level) -> None:
    assert qr.read_picture(qr.to_png(qr.write(text, level), 4)) == [text]


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=base45.ALPHABET.decode(), min_size=1, max_size=700), st.sampled_from("LMQH"))
def test_a_code_is_the_library_s_own_in_the_mask_with_the_fewest_faults(text: str, level: qr.Level) -> None:
    code = qr.write(text, level)
    masks = [
        np.asarray(
            zxingcpp.create_barcode(
                text, zxingcpp.BarcodeFormat.QRCode, ec_level=level, dataMask=str(mask)
            ).to_image(scale=1, add_quiet_zones=False)
        )
        < 128
        for mask in range(8)
    ]
    faults = [faults_by_hand(modules) for modules in masks]

    assert (code.modules == masks[faults.index(min(faults))]).all()


def faults_by_hand(modules: Any) -> int:
    """ISO/IEC 18004:2015, table 11, module by module."""
    points = 0
    for grid in (modules, modules.T):
        for row in grid:
            line = "".join("#" if dark else "." for dark in row)
            points += sum(len(run) - 2 for run in re.findall(r"#{5,}|\.{5,}", line))
            points += 40 * len(re.findall(r"(?=#\.###\.#\.{4})|(?=\.{4}#\.###\.#)", line))
    same = (modules[1:] == modules[:-1])[:, 1:] & (modules[1:] == modules[:-1])[:, :-1]
    points += 3 * int((same & (modules[:-1, 1:] == modules[:-1, :-1])).sum())
    return points + 10 * int(abs(modules.mean() * 100 - 50) // 5)


@pytest.mark.parametrize("angle", [0, 7, 90, 180, 213])
@pytest.mark.parametrize("size", [400, 900, 1800])
def test_turned_and_scaled_pictures_are_read(angle: int, size: int) -> None:
    text = hcert_text()
    picture = qr.to_picture(qr.write(text), 8).resize((size, size), Image.Resampling.BICUBIC)
    out = BytesIO()
    picture.rotate(angle, expand=True, fillcolor=255).convert("RGB").save(out, "JPEG", quality=80)

    assert qr.read_picture(out.getvalue()) == [text]


def test_transparent_and_inverted_pictures_are_read() -> None:
    text = hcert_text()
    dark = ~qr.write(text).modules
    rgba = np.zeros((*dark.shape, 4), dtype=np.uint8)
    rgba[..., 3] = np.where(dark, 0, 255)
    out = BytesIO()
    Image.fromarray(np.pad(rgba, ((4, 4), (4, 4), (0, 0))).repeat(6, 0).repeat(6, 1)).save(out, "PNG")
    assert qr.read_picture(out.getvalue()) == [text]

    inverted = 255 - np.asarray(qr.to_picture(qr.write(text), 6))
    assert qr.read_frame(inverted) == [text]


def test_nothing_is_read_where_there_is_nothing() -> None:
    assert qr.read_frame(np.full((800, 800), 255, dtype=np.uint8)) == []
    with pytest.raises(CredentialError, match="UNREADABLE"):
        qr.read_picture(b"not a picture")
    with pytest.raises(CredentialError, match="UNREADABLE"):
        qr.read_picture(qr.to_png(qr.write("X"))[:60])


def test_a_picture_bomb_is_not_opened() -> None:
    out = BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")

    with pytest.raises(TooLarge):
        qr.read_picture(out.getvalue())


def test_too_much_text_is_refused() -> None:
    with pytest.raises(TooLarge):
        qr.write("A" * 4000)


def test_svg_has_true_sizes_and_the_same_modules() -> None:
    code = qr.write("HELLO")
    svg = qr.to_svg(code, 0.5)

    side = len(code.modules) + 8
    assert f'width="{side * 0.5:g}mm"' in svg
    assert sum(map(int, re.findall(r"h([0-9]+)v1h", svg))) == code.modules.sum()


def test_the_terminal_shows_every_row() -> None:
    code = qr.write("HELLO")

    assert len(qr.to_terminal(code).splitlines()) == (len(code.modules) + 9) // 2
