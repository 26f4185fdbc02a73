"""What may be added to an appeal: pictures and PDF, told apart by their content, never by a name or a header. Pure.

A picture is drawn anew, so that nothing hidden in it is kept: no place, no device, no time (law 4).
"""

import warnings
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageOps

from pratique.core.errors import Refusal
from pratique.core.text import Text

MAX_SIZE = 1_000_000
MAX_NUMBER = 3
MAX_PIXELS = 20_000_000
LONGEST_SIDE = 2400
PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png"}
ACTIVE = (b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile", b"/OpenAction", b"/RichMedia", b"/XFA")


class Clean(NamedTuple):
    """Bytes that may be kept, and what they are."""

    media: str
    body: bytes


def checked(raw: bytes) -> Clean:
    """The attachment as it may be kept. Raises Refusal naming what is wrong with it."""
    if not raw:
        raise _refused("EMPTY", "the file is empty; choose another one", "文件为空，请另选一个")
    if len(raw) > MAX_SIZE:
        raise _refused(
            "TOO_LARGE",
            f"the file is larger than {MAX_SIZE // 1000} kB; send a smaller picture",
            f"文件超过 {MAX_SIZE // 1000} kB，请改用较小的图片",
        )
    if raw.startswith(b"%PDF-"):
        return _pdf(raw)
    return _picture(raw)


def _pdf(raw: bytes) -> Clean:
    if b"%%EOF" not in raw[-1024:]:
        raise _refused("CUT", "the PDF is cut off; send it again", "PDF 不完整，请重新发送")
    if any(mark in raw for mark in ACTIVE):
        raise _refused(
            "ACTIVE",
            "the PDF holds a program or another file; send a picture",
            "PDF 内含程序或附件，请改发图片",
        )
    return Clean("application/pdf", raw)


def _picture(raw: bytes) -> Clean:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(raw), formats=list(PICTURES))
            kind = opened.format or ""
            if opened.width * opened.height > MAX_PIXELS:
                raise _refused("TOO_LARGE", "the picture has too many dots", "图片像素过大")
            upright = ImageOps.exif_transpose(opened)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            return Clean(PICTURES[kind], _drawn_anew(upright, kind))
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile file does to a decoder, it is simply no picture
        raise _refused(
            "NOT_A_PICTURE", "send a JPEG or PNG picture, or a PDF", "请发送 JPEG、PNG 图片或 PDF"
        ) from None


def _drawn_anew(picture: Image.Image, kind: str) -> bytes:
    flat = picture.convert("RGB" if kind == "JPEG" else "RGBA")
    bare = Image.frombytes(flat.mode, flat.size, flat.tobytes())
    out = BytesIO()
    bare.save(out, kind, **({"quality": 85} if kind == "JPEG" else {}))
    return out.getvalue()


def _refused(code: str, en: str, zh: str) -> Refusal:
    return Refusal(f"ATTACHMENT_{code}", "attachment", Text(en, zh))
