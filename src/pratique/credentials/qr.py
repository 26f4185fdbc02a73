"""QR codes: pictures and camera frames in, pictures out (zxing-cpp).

Reading tries the cheap way first, a picture of half the size, and more only where that fails. Writing uses level M
and whole square modules with a quiet zone of four.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any, Literal, NamedTuple

import numpy as np
import zxingcpp
from PIL import Image, ImageOps, UnidentifiedImageError

from pratique.credentials import qr_mask
from pratique.credentials.reasons import CredentialError, TooLarge

Level = Literal["L", "M", "Q", "H"]
MAX_PIXELS = 16_000_000
_QR = zxingcpp.barcode_formats_from_str("QRCode")
QUIET = 4
_SMALL, _LARGE = 700, 3000
_HEADER = 17  # modules = 17 + 4 × version


class Code(NamedTuple):
    """A QR code as square modules without quiet zone; True is dark."""

    modules: Any
    version: int


def read_picture(raw: bytes) -> list[str]:
    """The texts of all QR codes in a PNG, JPEG or other picture, empty where there is none.

    Raises CredentialError UNREADABLE where it is no picture, TooLarge beyond 16 million pixels (a JPEG: 64 times that).
    """
    try:
        with Image.open(BytesIO(raw)) as opened:
            opened.draft("L", (_LARGE, _LARGE))  # a JPEG can be opened at a fraction of its size
            too_large = opened.width * opened.height > MAX_PIXELS
            flat = None if too_large else _on_white(opened)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise CredentialError("UNREADABLE", "not a picture that can be opened") from None
    if flat is None:
        raise TooLarge("a picture of more than 16 million pixels")
    return read_frame(np.asarray(flat))


def read_frame(grey: Any) -> list[str]:
    """The texts of all QR codes in a grey frame (rows of bytes), cheapest way first."""
    for frame, thorough in _ways(grey):
        found = zxingcpp.read_barcodes(
            frame,
            formats=_QR,
            try_rotate=thorough,
            try_downscale=thorough,
            try_invert=thorough,
            text_mode=zxingcpp.TextMode.Plain,
        )
        texts = [code.text for code in found if code.valid and code.text]
        if texts:
            return list(dict.fromkeys(texts))
    return []


def _ways(grey: Any) -> Iterator[tuple[Any, bool]]:
    if min(grey.shape[:2]) >= _SMALL:
        yield np.ascontiguousarray(grey[::2, ::2]), False
    yield grey, False
    yield grey, True
    picture = Image.fromarray(grey)
    height, width = grey.shape[:2]
    for scale in (0.5, 2.0, 3.0, 0.33, 1.5):
        if max(height, width) * scale <= 4000 and min(height, width) * scale >= 60:
            size = (round(width * scale), round(height * scale))
            yield np.asarray(picture.resize(size, Image.Resampling.BICUBIC)), True
    # Blank paper up to the very edge of the code, or a faint print.
    yield (
        np.pad(
            np.asarray(ImageOps.autocontrast(picture)), max(8, min(height, width) // 16), constant_values=255
        ),
        True,
    )


def _on_white(opened: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(opened) or opened
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        layered = upright.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        paper.alpha_composite(layered)
        upright = paper
    return upright.convert("L")


def write(text: str, level: Level = "M") -> Code:
    """The smallest QR code of `text` in its best mask. Raises TooLarge where no version holds it."""
    first = _written(text, level, 0)
    side = len(first)
    version = (side - _HEADER) // 4
    return Code(_modules(qr_mask.best(_bits(first), _differences(version, level), side), side), version)


def _written(text: str, level: Level, mask: int, **more: str) -> Any:
    """The modules, True is dark, in one of the eight masks."""
    try:
        made = zxingcpp.create_barcode(
            text, zxingcpp.BarcodeFormat.QRCode, ec_level=level, dataMask=str(mask), **more
        )
        return np.asarray(made.to_image(scale=1, add_quiet_zones=False)) < 128
    except ValueError:
        raise TooLarge("more than a QR code holds") from None


@cache
def _differences(version: int, level: Level) -> tuple[int, ...]:
    """What turns a symbol in mask 0 into each of the eight: the same for every text, so any text tells."""
    first, *others = (_bits(_written("0", level, mask, version=str(version))) for mask in range(8))
    return 0, *(first ^ other for other in others)


def _bits(modules: Any) -> int:
    packed: bytes = np.packbits(modules).tobytes()
    return int.from_bytes(packed, "big") >> (-len(modules) * len(modules) % 8)


def _modules(symbol: int, side: int) -> Any:
    size = (side * side + 7) // 8
    raw = (symbol << (-side * side % 8)).to_bytes(size, "big")
    return np.unpackbits(np.frombuffer(raw, np.uint8), count=side * side).view(bool).reshape(side, side)


def _light(code: Code) -> Any:
    """The modules with their quiet zone, True is light."""
    side = len(code.modules)
    light = np.ones((side + 2 * QUIET, side + 2 * QUIET), dtype=bool)
    light[QUIET:-QUIET, QUIET:-QUIET] = ~code.modules
    return light


def to_picture(code: Code, module_px: int = 8) -> Image.Image:
    """The code as a grey picture, `module_px` pixels a module, with its quiet zone."""
    framed = _light(code).astype(np.uint8) * 255
    return Image.fromarray(framed.repeat(module_px, 0).repeat(module_px, 1))


def to_png(code: Code, module_px: int = 8) -> bytes:
    """The code as a PNG of one bit a pixel, `module_px` pixels a module, with its quiet zone."""
    light = _light(code)
    side = len(light) * module_px
    rows = np.packbits(light.repeat(module_px, 1), axis=1)
    # Each row begins with the number of its filter: 0 for the first of a module, then 2, "as the row above".
    lines = np.zeros((len(rows), module_px, rows.shape[1] + 1), dtype=np.uint8)
    lines[:, 0, 1:] = rows
    lines[:, 1:, 0] = 2
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 4)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def to_svg(code: Code, module_mm: float = 0.5) -> str:
    """The code as an SVG with true sizes: `module_mm` millimetres a module."""
    side = len(code.modules) + 2 * QUIET
    path = "".join(
        f"M{start + QUIET} {y + QUIET}h{end - start}v1h-{end - start}z"
        for y, row in enumerate(code.modules)
        for start, end in runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side * module_mm:g}mm" height="{side * module_mm:g}mm" '
        f'viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    )


def to_terminal(code: Code) -> str:
    """The code in half blocks, light on dark terminals and dark on light ones alike (ANSI black on white)."""
    framed = np.pad(code.modules, QUIET)
    if len(framed) % 2:
        framed = np.vstack([framed, np.zeros((1, framed.shape[1]), bool)])
    blocks = np.array([" ", "▄", "▀", "█"])
    rows = blocks[framed[::2] * 2 + framed[1::2]]
    return "\n".join(f"\x1b[30;107m{''.join(row)}\x1b[0m" for row in rows)


def runs(row: Any) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of dark modules in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
