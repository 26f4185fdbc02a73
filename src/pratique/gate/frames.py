"""Where frames come from: a camera, or a clip that stands in for one. Yields grey pictures, keeps none.

A Y4M clip is read here; a V4L2 camera and every other clip (MJPEG …) come through an ffmpeg pipe in the same form.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from pratique.gate.reader import Frame

MAX_PIXELS = 8_000_000
_CHROMA = {"mono": 0.0, "420": 0.5, "422": 1.0, "444": 2.0}


class NoFrames(Exception):  # noqa: N818 - names what is missing
    """The camera or clip gives no frames. The text says what to do."""


def camera_frames(where: str, per_second: int = 15) -> Iterator[Frame]:
    """Grey frames of `where`: a device such as /dev/video0, or a clip. Raises NoFrames.

    A device is read at 1280×720; the pipe ends with the iterator.
    """
    path = Path(where)
    if not path.exists():
        raise NoFrames(f"there is no camera or clip at {where}: connect it or name another one")
    if path.suffix == ".y4m":
        with path.open("rb") as stream:
            yield from y4m_frames(stream)
        return
    if shutil.which("ffmpeg") is None:
        raise NoFrames("ffmpeg is missing: apt-get install ffmpeg")
    device = (
        ["-f", "v4l2", "-video_size", "1280x720", "-framerate", str(per_second)]
        if path.is_char_device()
        else []
    )
    command = [
        "ffmpeg", "-nostdin", "-loglevel", "error", *device, "-i", where,
        "-pix_fmt", "gray", "-strict", "-1", "-f", "yuv4mpegpipe", "-",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as pipe:
        assert pipe.stdout is not None  # noqa: S101 - PIPE was asked for
        try:
            yield from y4m_frames(pipe.stdout)
        finally:
            pipe.terminate()


def y4m_frames(stream: IO[bytes]) -> Iterator[Frame]:
    """The luma planes of a YUV4MPEG2 stream of 8-bit samples. Raises NoFrames for another form; a cut end just ends."""
    head = stream.readline(256)
    fields = {part[:1]: part[1:] for part in head.decode("ascii", "replace").split()[1:]}
    chroma = fields.get("C", "420")
    planes = next(
        (size for name, size in _CHROMA.items() if chroma.startswith(name) and "p1" not in chroma), None
    )
    if (
        not head.startswith(b"YUV4MPEG2")
        or planes is None
        or not (fields.get("W", "") + fields.get("H", "")).isdigit()
    ):
        raise NoFrames("this is not an 8-bit Y4M stream")
    width, height = int(fields["W"]), int(fields["H"])
    if not 0 < width * height <= MAX_PIXELS:
        raise NoFrames("this Y4M stream has pictures of no useful size")
    # Chroma planes of odd sizes are rounded up.
    half_w, half_h = (width + 1) // 2, (height + 1) // 2
    rest = {0.0: 0, 0.5: 2 * half_w * half_h, 1.0: 2 * half_w * height, 2.0: 2 * width * height}[planes]
    while stream.readline(256).startswith(b"FRAME"):
        luma = _exactly(stream, width * height)
        if luma is None or _exactly(stream, rest) is None:
            return
        yield np.frombuffer(luma, np.uint8).reshape(height, width)


def _exactly(stream: IO[bytes], size: int) -> bytes | None:
    parts: list[bytes] = []
    while size > 0:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
