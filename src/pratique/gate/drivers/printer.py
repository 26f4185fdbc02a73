"""A slip for the counter, on any ESC/POS receipt printer: what the gate could not read, where to go.

Printed for `see_staff` only. The slip says the class of cause and the place, never a name, a code or a time; it is a
picture, so that the printer needs no Chinese font of its own.
"""

import os
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pratique.core.text import Text
from pratique.gate.ports import Sign

WIDTH = 384  # dots of a 58 mm head
INIT, CUT = b"\x1b@", b"\x1dV\x42\x00"
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)
HEAD = Text("Please come to the counter", "请到人工窗口")


class SlipPrinter:
    """A device like /dev/usb/lp0, or a serial line. `font`: a file with Chinese and Latin letters."""

    def __init__(self, path: str, place: Text, font: str = "") -> None:
        """Raises ValueError where no font can be found."""
        self._path, self._place = path, place
        self._font = font or next((name for name in FONTS if Path(name).is_file()), "")
        if not self._font:
            raise ValueError("a slip needs a Chinese font: apt-get install fonts-noto-cjk")

    def tell(self, sign: Sign) -> None:
        """Print for `see_staff`. Raises OSError where the printer is away."""
        if sign.state != "decided" or sign.outcome != "see_staff":
            return
        raw = INIT + raster(slip(sign.text, self._place, self._font)) + b"\n\n" + CUT
        handle = os.open(self._path, os.O_WRONLY | os.O_NOCTTY)
        with os.fdopen(handle, "wb") as device:
            device.write(raw)


def slip(text: Text, place: Text, font: str) -> Image.Image:
    """The slip, black on white, one bit a dot."""
    large, small = ImageFont.truetype(font, 34), ImageFont.truetype(font, 22)
    rows = [(line, large) for line in (*_wrapped(HEAD.zh_hans, large), *_wrapped(HEAD.en, large))]
    for language in ("zh-Hans", "en"):
        rows += [(line, small) for line in _wrapped(text.of(language), small)]
    rows += [(line, small) for line in _wrapped(f"{place.zh_hans} · {place.en}", small)]
    height = sum(int(face.size * 1.35) for _, face in rows) + 24
    picture = Image.new("1", (WIDTH, height), 1)
    draw, top = ImageDraw.Draw(picture), 8
    for line, face in rows:
        draw.text((8, top), line, fill=0, font=face)
        top += int(face.size * 1.35)
    return picture


def raster(picture: Image.Image) -> bytes:
    """GS v 0: the picture as the printer takes it, eight dots a byte, black is 1."""
    if picture.mode != "1" or picture.width % 8:
        raise ValueError("a raster is one bit a dot and whole bytes wide")
    dots = bytes(byte ^ 0xFF for byte in picture.tobytes())
    size = (picture.width // 8).to_bytes(2, "little") + picture.height.to_bytes(2, "little")
    return b"\x1dv0\x00" + size + dots


def _wrapped(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Lines that fit the head: broken at spaces where there are any, else between characters."""
    parts = text.split(" ") if " " in text.strip() else list(text)
    glue = " " if " " in text.strip() else ""
    lines = [""]
    for part in parts:
        longer = lines[-1] + (glue if lines[-1] else "") + part
        if font.getlength(longer) <= WIDTH - 16:
            lines[-1] = longer
        else:
            lines.append(part)
    return [line for line in lines if line]
