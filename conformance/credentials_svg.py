"""Just enough SVG to look at a QR code drawn as one stroked path of `M`, `m`, `h` (the specification's examples)."""

import re

import numpy as np
from numpy.typing import NDArray

_STEP = re.compile(r"([Mmh])\s*(-?[0-9.]+)(?:[ ,]+(-?[0-9.]+))?")


def grey_of(svg: str, scale: int = 6) -> NDArray[np.uint8]:
    """The picture in grey, `scale` pixels a unit. Raises ValueError for any other kind of SVG."""
    box = re.search(r'viewBox="0 0 ([0-9]+) ([0-9]+)"', svg)
    path = re.search(r'stroke="#000000"\s+d="([^"]+)"', svg)
    if not box or not path:
        raise ValueError("not the drawing of a QR code")
    grey = np.full((int(box[2]), int(box[1])), 255, dtype=np.uint8)
    x = y = 0.0
    for letter, one, other in _STEP.findall(path[1]):
        if letter == "h":
            grey[int(y), int(x) : int(x + float(one))] = 0
            x += float(one)
        elif letter == "M":
            x, y = float(one), float(other)
        else:
            x, y = x + float(one), y + float(other)
    return grey.repeat(scale, 0).repeat(scale, 1)
