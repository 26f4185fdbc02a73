"""Real input and output around the loop: pseudo-terminals, pictures, clips, pipes; the program as it is started."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from tests.gate.making import Pty, a_home, a_pass

from pratique.gate.drivers.lcus import LcusRelay, lcus_frame
from pratique.gate.frames import NoFrames, camera_frames
from pratique.gate.ports import DoorFault
from pratique.gate.reader import halved, median, read_frame
from pratique.gate.sources import (
    LONGEST_TEXT,
    Camera,
    Hint,
    Pictures,
    Scan,
    SerialLines,
    SourceBack,
    SourceEnded,
    SourceLost,
    Splitter,
    source_for,
)


def now() -> datetime:
    """Asked when the pass is shown: a proof made while the tests were collected is old by its turn."""
    return datetime.now(UTC)


def qr(text: str, scale: int = 5, level: str = "M") -> np.ndarray:
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level)
    return np.array(made.to_image(scale=scale))


def frame(
    text: str = "", scale: int = 5, size: tuple[int, int] = (720, 1280), ground: int = 180
) -> np.ndarray:
    picture = np.full(size, ground, np.uint8)
    if text:
        code = qr(text, scale)
        picture[100 : 100 + code.shape[0], 300 : 300 + code.shape[1]] = code
    return picture


def gather(source: Any, seconds: float = 5.0) -> list[Any]:
    """What a source puts until it ends."""
    found: list[Any] = []
    stop = threading.Event()
    thread = threading.Thread(target=source.run, args=(found.append, stop), daemon=True)
    thread.start()
    thread.join(seconds)
    stop.set()
    return found


def gate(*args: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pratique.gate", "run", *args],
        capture_output=True,
        timeout=60,
        check=False,
        **more,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_home(tmp_path_factory.mktemp("home"), now())


# The program


def test_it_works(home: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    lines = [a_pass(now()), a_pass(now(), status=(1, 6), pass_class=2), "nonsense", ""]

    ran = gate(
        "--source",
        "stdin",
        "--home",
        str(home),
        "--journal",
        str(journal),
        "--json",
        input="\n".join(lines).encode(),
    )

    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(line["outcome"], line["reason"]) for line in told] == [
        ("clear", "pass"),
        ("conditions", "pass"),
        ("see_staff", "unreadable"),
    ]
    assert all(set(line) == {"outcome", "reason", "policy", "snapshot", "slot15", "ms"} for line in told)
    assert lines[0][10:40].encode() not in ran.stdout + ran.stderr + b"".join(
        path.read_bytes() for path in tmp_path.iterdir()
    )


def test_a_scan_module_on_a_line_opens_a_relay_on_another(home: Path, tmp_path: Path) -> None:
    scanner, relay = Pty(), Pty()
    command = [
        sys.executable,
        "-m",
        "pratique.gate",
        "run",
        "--source",
        f"serial:{scanner.name}",
        "--relay",
        f"serial:{relay.name}",
    ]
    process = subprocess.Popen(
        [*command, "--home", str(home), "--journal", str(tmp_path / "j.db"), "--json"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert relay.read(4) == lcus_frame(1, False)  # the way in is shut at start
    while not select.select([process.stdout], [], [], 0.3)[
        0
    ]:  # a line that comes before the port is open is lost
        os.write(scanner.ours, b"\x00\xff noise \r\n")
    assert json.loads(process.stdout.readline())["reason"] == "unreadable"
    os.write(scanner.ours, a_pass(now()).encode() + b"\r")

    decided = (json.loads(line) for line in process.stdout)
    # Noise may have been sent twice before the first line was answered.
    assert next(one for one in decided if one["reason"] != "unreadable")["outcome"] == "clear"
    assert relay.read(4) == bytes.fromhex("a00101a2")
    process.terminate()
    assert process.wait(10) == 0
    assert relay.read(4) == bytes.fromhex("a00100a1")


def test_the_exit_code_of_a_picture_says_whether_the_door_opened(home: Path, tmp_path: Path) -> None:
    green = Image.new("RGB", (600, 600), (0, 160, 60))
    green.save(tmp_path / "green.png")
    Image.fromarray(qr(a_pass(now(), status=(1, 7)))).save(tmp_path / "pass.png")

    codes = {}
    for name in ("green.png", "pass.png", "absent.png"):
        codes[name] = gate(
            "--source", f"image:{tmp_path / name}", "--home", str(home), "--journal", str(tmp_path / "j.db")
        )

    assert {name: ran.returncode for name, ran in codes.items()} == {
        "green.png": 1,
        "pass.png": 0,
        "absent.png": 2,
    }
    assert b"see_staff/unreadable" in codes["green.png"].stdout
    assert b"absent.png: no such file" in codes["absent.png"].stderr


@pytest.mark.parametrize(
    "args", [["--source", "telepathy"], ["--source", "serial:"], ["--source", "stdin", "--relay", "magic"]]
)
def test_a_wrong_call_says_so(home: Path, args: list[str]) -> None:
    ran = gate(*args, "--home", str(home))

    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1


def test_a_gate_that_was_never_enrolled_says_what_to_do(tmp_path: Path) -> None:
    ran = gate("--source", "stdin", "--home", str(tmp_path))

    assert ran.returncode == 2
    assert b"pratique gate enrol" in ran.stderr


def test_a_lost_device_key_is_out_of_order(home: Path, tmp_path: Path) -> None:
    other = a_home(tmp_path / "other", now())
    (other / "device.key").unlink()

    ran = gate("--source", "stdin", "--home", str(other), "--json", input=a_pass(now()).encode())

    assert json.loads(ran.stdout)["reason"] == "out_of_order"


def test_no_server_module_comes_with_the_gate() -> None:
    import pratique.gate

    names = sorted(
        f"pratique.gate.{path.stem}"
        for path in Path(pratique.gate.__path__[0]).glob("*.py")
        if path.stem != "__main__"
    )
    code = (
        "import importlib, sys; [importlib.import_module(n) for n in sys.argv[1:]]; "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('starlette', 'uvicorn', 'psycopg', 'jinja2') or "
        "m.startswith(('pratique.store', 'pratique.web', 'pratique.mandates', 'pratique.people', 'pratique.fleet'))]; "
        "print(bad); sys.exit(bool(bad))"
    )

    ran = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(names) > 15


# Serial lines


def test_serial_lines_come_whole_however_they_are_cut() -> None:
    splitter = Splitter()
    text = "PQ1:A B %C\r\nHC1:Ä x\n\n\rlast\r"
    found: list[str] = []
    for byte in text.encode():
        found += splitter.feed(bytes([byte]))

    assert found == ["PQ1:A B %C", "HC1:Ä x", "last"]
    assert Splitter().feed(text.encode()) == found


def test_a_line_that_never_ends_stays_small() -> None:
    splitter = Splitter()
    for _ in range(200):
        assert splitter.feed(b"A" * 50_000) == []

    (text,) = splitter.feed(b"\r")
    assert LONGEST_TEXT < len(text) < 100_000
    assert splitter.feed(b"next\r") == ["next"]


def test_a_scanner_that_is_unplugged_is_missed_and_found_again(tmp_path: Path) -> None:
    link = tmp_path / "scanner"
    first = Pty()
    link.symlink_to(first.name)
    found: list[Any] = []
    stop = threading.Event()
    thread = threading.Thread(target=SerialLines(str(link)).run, args=(found.append, stop), daemon=True)
    thread.start()

    def until(kind: type) -> None:
        for _ in range(100):
            if any(isinstance(event, kind) for event in found):
                return
            time.sleep(0.05)

    while not found:  # what comes before the port is open is lost
        os.write(first.ours, b"one\r")
        time.sleep(0.1)
    first.unplug()
    link.unlink()
    until(SourceLost)
    second = Pty()
    link.symlink_to(second.name)
    until(SourceBack)
    found.clear()
    os.write(second.ours, b"two\r")
    until(Scan)
    stop.set()
    thread.join(5)

    assert [event.text for event in found] == ["two"]


def test_a_relay_that_is_not_there_is_a_fault_of_the_door() -> None:
    with pytest.raises(DoorFault, match="check cable"):
        LcusRelay("/dev/no-such-relay").open()


# Pictures


@pytest.mark.parametrize("form", ["png", "jpg", "inverted", "transparent", "turned", "palette"])
def test_a_code_is_read_from_a_picture_of_any_kind(tmp_path: Path, form: str) -> None:
    text = a_pass(now())
    code = np.pad(qr(text), 40, constant_values=255)
    picture = Image.fromarray(255 - code if form == "inverted" else code)
    path = tmp_path / ("code.jpg" if form == "jpg" else "code.png")
    if form == "transparent":
        clear = Image.new("RGBA", picture.size, (0, 0, 0, 0))
        clear.paste((0, 0, 0, 255), mask=Image.fromarray(255 - code))
        picture = clear
    elif form == "turned":
        picture = picture.rotate(17, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    elif form == "palette":
        picture = picture.convert("P")
    picture.save(path)

    found = gather(Pictures(path))

    assert [event.text for event in found if isinstance(event, Scan)] == [text]
    assert found[-1] == SourceEnded()


def test_broken_pictures_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for name, body in (
        ("empty.png", b""),
        ("noise.png", os.urandom(4000)),
        ("cut.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
    ):
        (tmp_path / name).write_bytes(body)
        (end,) = gather(Pictures(tmp_path / name))
        assert end == SourceEnded(f"{name}: not a picture that can be opened")


def test_each_code_of_a_picture_is_judged(tmp_path: Path) -> None:
    first, second = qr("PQ1:AAAA"), qr("HC1:BBBB")
    both = np.full((900, 1600), 255, np.uint8)
    both[100 : 100 + first.shape[0], 100 : 100 + first.shape[1]] = first
    both[300 : 300 + second.shape[0], 900 : 900 + second.shape[1]] = second
    Image.fromarray(both).save(tmp_path / "two.png")

    texts = {event.text for event in gather(Pictures(tmp_path / "two.png")) if isinstance(event, Scan)}

    assert texts == {"PQ1:AAAA", "HC1:BBBB"}


# Frames and clips


def y4m(path: Path, frames: list[np.ndarray], chroma: str = "mono") -> Path:
    height, width = frames[0].shape
    half = bytes([128]) * (2 * ((width + 1) // 2) * ((height + 1) // 2)) if chroma == "420jpeg" else b""
    head = f"YUV4MPEG2 W{width} H{height} F15:1 Ip C{chroma}\n".encode()
    path.write_bytes(head + b"".join(b"FRAME\n" + one.tobytes() + half for one in frames))
    return path


@pytest.mark.parametrize("chroma", ["mono", "420jpeg"])
def test_a_clip_stands_in_for_the_camera(tmp_path: Path, chroma: str) -> None:
    text = a_pass(now())
    clip = y4m(
        tmp_path / "clip.y4m",
        [frame(), frame(text), frame(text), frame("https://poster.example"), frame()],
        chroma,
    )

    found = gather(source_for(f"camera:{clip}"))

    assert [event.text for event in found if isinstance(event, Scan)] == [text, text]
    assert [event.word for event in found if isinstance(event, Hint)] == ["not_a_pass"]
    assert found[-1] == SourceEnded()


def test_a_motion_jpeg_clip_comes_through_the_pipe(tmp_path: Path) -> None:
    text = a_pass(now())
    clip = tmp_path / "clip.mjpeg"
    raw = y4m(tmp_path / "clip.y4m", [frame(), frame(text), frame(text)], "420jpeg")
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", raw, "-q:v", "4", "-f", "mjpeg", clip], check=True)

    found = gather(source_for(f"camera:{clip}"), 20)

    assert [event.text for event in found if isinstance(event, Scan)] == [text, text]


def test_the_program_opens_for_a_clip(home: Path, tmp_path: Path) -> None:
    clip = y4m(tmp_path / "clip.y4m", [frame(a_pass(now(), status=(1, 8)), 4)] * 5)
    ran = gate(
        "--source", f"camera:{clip}", "--home", str(home), "--journal", str(tmp_path / "j.db"), "--json"
    )

    assert [json.loads(line)["outcome"] for line in ran.stdout.splitlines()] == ["clear"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"RIFF",
        b"YUV4MPEG2 W0 H0 Cmono\n",
        b"YUV4MPEG2 W99999 H99999 Cmono\n",
        b"YUV4MPEG2 W8 H8 C420p10\n",
        b"YUV4MPEG2 Wx H8\n",
    ],
)
def test_a_clip_that_is_none_says_so(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "clip.y4m").write_bytes(head)

    with pytest.raises(NoFrames):
        list(camera_frames(str(tmp_path / "clip.y4m")))


def test_two_passes_in_one_frame_are_no_decision(tmp_path: Path) -> None:
    both = frame("PQ1:AAAA")
    other = qr("PQ1:BBBB")
    both[100 : 100 + other.shape[0], 800 : 800 + other.shape[1]] = other

    found = gather(Camera(str(y4m(tmp_path / "clip.y4m", [both]))))

    assert found == [Hint("one_code"), SourceEnded()]


def test_a_camera_that_is_missing_is_missed(tmp_path: Path) -> None:
    found: list[Any] = []
    stop = threading.Event()
    threading.Thread(
        target=Camera(str(tmp_path / "video0")).run, args=(found.append, stop), daemon=True
    ).start()
    time.sleep(0.5)
    stop.set()

    assert len(found) == 1
    assert isinstance(found[0], SourceLost)
    assert "connect it" in found[0].why


def test_dark_frames_are_read_by_the_half_size_and_the_median_stage() -> None:
    rng = np.random.default_rng(4)
    text, read = a_pass(now()), 0
    for _ in range(10):
        dark = frame(text, 4) * 0.22 + rng.normal(0, 8, (720, 1280))
        read += read_frame(np.clip(dark, 0, 255).astype(np.uint8)).texts == (text,)

    assert read >= 9


def test_noise_is_never_a_code() -> None:
    rng = np.random.default_rng(5)

    assert not any(read_frame(rng.integers(0, 256, (480, 640)).astype(np.uint8), n).texts for n in range(100))


def test_the_median_is_the_median() -> None:
    rng = np.random.default_rng(6)
    picture = rng.integers(0, 256, (40, 50)).astype(np.uint8)
    padded = np.pad(picture, 1, mode="edge")
    layers = np.stack([padded[y : y + 40, x : x + 50] for y in range(3) for x in range(3)])

    assert (median(picture) == np.median(layers, axis=0)).all()
    assert halved(picture).shape == (20, 25)
    assert halved(np.full((5, 7), 9, np.uint8)).tolist() == [[9] * 3] * 2
