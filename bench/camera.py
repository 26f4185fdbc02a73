"""How many frames of a code are read, in the hand, with glare, in motion and in the dark; and what noise is taken for.

Frames are synthetic: 1280×720 grey, random place, a turn of up to 20 degrees, a keystone of up to 4 %. In the hand:
blur σ 0.8 and noise σ 6; glare: the same with a white spot over the code; motion: smeared sideways by one module;
dark: 22 % of the light and noise σ 8. A person holds a code for several frames, so both are told: frames read, and
codes read within ten frames. No lens, no rolling shutter, no moiré. Noise frames are grey noise, smoothed noise and
modules in no order, 640×480. The peer is zxing-cpp with all its own tries. The last line is one JSON object.

    python bench/camera.py [CODES PER CELL, 40] [NOISE FRAMES, 3000]
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from bench.gate import a_certificate, a_pass
from pratique.gate.reader import Frame, read_frame
from pratique.gate.sources import PREFIXES

CODES = int(sys.argv[1]) if len(sys.argv) > 1 else 40
NOISE = int(sys.argv[2]) if len(sys.argv) > 2 else 3_000
WITHIN = 10
WIDTH, HEIGHT = 1280, 720
Grey = NDArray[np.float32]


def laid(text: str, pixels: float, rng: np.random.Generator) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The code at so many pixels a module in a frame, and where it lies."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    picture = Image.fromarray(np.array(code.to_image(scale=8)))
    side = round(picture.width * pixels / 8)
    picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    skew = [float(x) for x in rng.uniform(-0.04, 0.04, 8) * side]
    corners = [0, 0, 0, side, side, side, side, 0]
    bent = picture.transform(
        (side, side),
        Image.Transform.QUAD,
        [a + b for a, b in zip(corners, skew, strict=True)],
        Image.Resampling.BICUBIC,
        fillcolor=255,
    )
    angle = float(rng.uniform(-20, 20))
    turned = bent.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    paper = Image.new("L", bent.size, 255).rotate(angle, expand=True)
    ground = Image.fromarray(rng.integers(60, 200, (18, 32)).astype(np.uint8)).resize((WIDTH, HEIGHT))
    x = int(rng.integers(max(1, WIDTH - turned.width)))
    y = int(rng.integers(max(1, HEIGHT - turned.height)))
    ground.paste(turned.point(lambda grey: int(grey * 0.82 + 22)), (x, y), paper)
    return ground, (x, y, turned.width, turned.height)


def noisy(picture: Image.Image | Grey, sigma: float, rng: np.random.Generator) -> Frame:
    grey = np.asarray(picture, np.float32)
    return np.clip(grey + rng.normal(0, sigma, grey.shape), 0, 255).astype(np.uint8)


def in_hand(text: str, pixels: float, rng: np.random.Generator) -> Frame:
    ground, _ = laid(text, pixels, rng)
    return noisy(ground.filter(ImageFilter.GaussianBlur(0.8)), 6, rng)


def glare(text: str, pixels: float, rng: np.random.Generator) -> Frame:
    ground, (x, y, width, height) = laid(text, pixels, rng)
    grey = np.asarray(ground.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    at_x, at_y = x + rng.uniform(0.2, 0.8) * width, y + rng.uniform(0.2, 0.8) * height
    spot = np.exp(-((columns - at_x) ** 2 + (rows - at_y) ** 2) / (2 * (0.12 * width) ** 2))
    return noisy(grey + 160 * spot.astype(np.float32), 6, rng)


def motion(text: str, pixels: float, rng: np.random.Generator) -> Frame:
    ground, _ = laid(text, pixels, rng)
    grey = np.asarray(ground, np.float32)
    steps = max(2, round(pixels))
    smeared = sum(np.roll(grey, step, axis=1) for step in range(steps)) / steps
    return noisy(smeared, 6, rng)


def dark(text: str, pixels: float, rng: np.random.Generator) -> Frame:
    ground, _ = laid(text, pixels, rng)
    return noisy(np.asarray(ground.filter(ImageFilter.GaussianBlur(0.8)), np.float32) * 0.22, 8, rng)


CELLS: tuple[tuple[str, Callable[[str, float, np.random.Generator], Frame], float], ...] = (
    ("hand", in_hand, 3),
    ("glare", glare, 3),
    ("motion", motion, 3),
    ("dark", dark, 4),
)


def alone(frame: Frame) -> tuple[str, ...]:
    """zxing-cpp with all it tries by itself."""
    found = zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return tuple(code.text for code in found)


def cell(make: Callable[..., Frame], pixels: float, kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """One cell for one kind of code."""
    frames = read = by_peer = codes = 0
    for number in range(CODES):
        text = a_pass(number) if kind == "pass" else a_certificate(number)
        got = False
        for look in range(WITHIN):
            frame = make(text, pixels, rng)
            seen = text in read_frame(frame, look).texts
            frames += 1
            read += seen
            by_peer += text in alone(frame)
            got = got or seen
            if got and look >= 2:  # enough frames of each code for the share of frames
                break
        codes += got
    return {
        "frames": frames,
        "frames_read": round(read / frames, 4),
        "peer_frames_read": round(by_peer / frames, 4),
        "codes_within_10": round(codes / CODES, 4),
    }


def noise_frame(number: int, rng: np.random.Generator) -> Frame:
    """Grey noise, smoothed noise, or dark and light squares in no order."""
    if number % 3 == 0:
        return rng.integers(0, 256, (480, 640), dtype=np.uint8)
    if number % 3 == 1:
        small = Image.fromarray(rng.integers(0, 256, (120, 160), dtype=np.uint8))
        return np.asarray(small.resize((640, 480), Image.Resampling.BICUBIC))
    side = int(rng.integers(3, 9))
    squares = rng.integers(0, 2, (480 // side + 1, 640 // side + 1), dtype=np.uint8) * 255
    return np.ascontiguousarray(np.kron(squares, np.ones((side, side), np.uint8))[:480, :640])


def main() -> None:
    """Every cell, then noise."""
    rng = np.random.default_rng(2026)
    found: dict[str, Any] = {"bench": "camera", "codes_per_cell": CODES}
    for name, make, pixels in CELLS:
        for kind in ("pass", "certificate"):
            found[f"{name}_{pixels}px_{kind}"] = told = cell(make, pixels, kind, rng)
            print(name, pixels, kind, told, flush=True)
    began = time.process_time()
    texts = [text for number in range(NOISE) for text in read_frame(noise_frame(number, rng), number).texts]
    found |= {
        "noise_frames": NOISE,
        "noise_read_as_a_code": len(texts),
        "noise_with_a_prefix_of_ours": sum(text.startswith(PREFIXES) for text in texts),
        "noise_cpu_ms_per_frame": round((time.process_time() - began) * 1000 / max(1, NOISE), 2),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
