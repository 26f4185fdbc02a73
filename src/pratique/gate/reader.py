"""From one grey frame to the texts of its QR codes. Frames never leave memory.

Order of the stages: a half-size copy first (cheap, and the best rescue for dark frames), then the full frame, then a
3×3 median where the frame is dark. One frame in five is also tried inverted, for phones in dark mode.
"""

from typing import Any, NamedTuple

import numpy as np
import zxingcpp
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

DARK = 60.0  # mean grey below which the slow stage is worth its time
INVERT_EVERY = 5


class Seen(NamedTuple):
    """Texts of the codes in one frame; `hint` is set where a code is there but cannot be read."""

    texts: tuple[str, ...]
    hint: str = ""


def read_frame(frame: Frame, number: int = 0) -> Seen:
    """All QR texts of a frame (2-D, one byte a pixel). `number` counts frames and picks the inverted tries."""
    invert = number % INVERT_EVERY == INVERT_EVERY - 1
    half = halved(frame)
    if texts := _texts(half, invert):
        return Seen(texts)
    found = _codes(frame, invert)
    if texts := tuple(code.text for code in found if code.valid):
        return Seen(texts)
    mean = float(half.mean())
    if mean < DARK and (texts := _texts(median(frame), invert)):
        return Seen(texts)
    if found:
        return Seen((), _hint(frame, found[0], mean))
    return Seen(())


def halved(frame: Frame) -> Frame:
    """Half the size, each pixel the mean of four."""
    height, width = frame.shape[0] & ~1, frame.shape[1] & ~1
    even = frame[:height:2, :width].astype(np.uint16) + frame[1:height:2, :width]
    return ((even[:, ::2] + even[:, 1::2]) >> 2).astype(np.uint8)


# Exchanges that bring the median of nine values to place 4 (a sorting network's pruned form).
_NETWORK = (
    (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3),
    (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
)  # fmt: skip


def median(frame: Frame) -> Frame:
    """The 3×3 median; the edge is repeated."""
    padded = np.pad(frame, 1, mode="edge")
    height, width = frame.shape
    layers = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    for low, high in _NETWORK:
        layers[low], layers[high] = (
            np.minimum(layers[low], layers[high]),
            np.maximum(layers[low], layers[high]),
        )
    return np.ascontiguousarray(layers[4])


def _codes(frame: Frame, invert: bool) -> list[Any]:
    found: list[Any] = zxingcpp.read_barcodes(
        np.ascontiguousarray(frame),
        formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode),
        try_rotate=False,
        try_downscale=False,
        try_invert=invert,
        text_mode=zxingcpp.TextMode.Plain,
        return_errors=True,
    )
    return found


def _texts(frame: Frame, invert: bool) -> tuple[str, ...]:
    return tuple(code.text for code in _codes(frame, invert) if code.valid)


def _hint(frame: Frame, code: Any, mean: float) -> str:
    """What the person can do: by the light first, then by how much of the frame the code fills."""
    if mean < DARK:
        return "brighter"
    corners = [
        (p.x, p.y) for p in (code.position.top_left, code.position.top_right, code.position.bottom_left)
    ]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    side = max(max(xs) - min(xs), max(ys) - min(ys))
    height, width = frame.shape
    if side < min(height, width) * 0.25:
        return "closer"
    if side > min(height, width) * 0.9:
        return "further"
    return "still"
