"""Where codes come from: a line of text, a picture, a serial scan module, a camera, the kiosk page.

A source runs in its own thread and puts what it reads into the loop's queue. It judges nothing and keeps nothing.
"""

import sys
import threading
from collections.abc import Callable, Iterable
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import serial

from pratique.credentials.reasons import CredentialError
from pratique.gate.clock import Confirmed, ticks
from pratique.gate.frames import NoFrames, camera_frames
from pratique.gate.ports import FOREIGN, foreign
from pratique.gate.reader import Frame, read_frame
from pratique.gate.staff import Staffed

LONGEST_TEXT = 7_100  # the largest QR code holds 7,089 digits
PREFIXES = ("PQ1:", "PQM1:", "HC1:", "shc:/")
IDLE_AFTER = 60.0  # seconds without a code: the camera is then read twice a second
HINT_AFTER = 10  # frames


class Scan(NamedTuple):
    """A text that was read, and the running time at which its frame or line was complete. Empty: nothing readable."""

    text: str
    at: float


class Hint(NamedTuple):
    """A code is in view and cannot be read; `word` is one of `texts.HINTS`."""

    word: str


class Turned(NamedTuple):
    """The turn sensor says that somebody went through."""


class SourceLost(NamedTuple):
    """The camera or scanner is gone; the source tries again."""

    why: str


class SourceBack(NamedTuple):
    """It is there again."""


class SourceEnded(NamedTuple):
    """Nothing more will come: the end of a file or of a pipe. `why` is empty unless it could not be read at all."""

    why: str = ""


class Synced(NamedTuple):
    """What the sync process told: a signed time, how the last pull and the last push went ("" well, else why not)."""

    confirmed: Confirmed | None = None
    pull: str | None = None
    push: str | None = None


class Rang(NamedTuple):
    """The relay's answer to ring `number`: the host was reached, or was not."""

    number: int
    reached: bool


class Advised(NamedTuple):
    """The skin thermometer has a hint (`word` of `texts.ADVICE`), or with "" nothing to say."""

    word: str


class Silent(NamedTuple):
    """A lamp, voice, printer or thermometer does not answer (`stands`), or does again."""

    name: str
    stands: bool


Event = (
    Synced | Scan | Hint | Turned | Staffed | Advised | Rang | Silent | SourceLost | SourceBack | SourceEnded
)
Put = Callable[[Event], None]


@runtime_checkable
class Source(Protocol):
    """Runs until `stop` is set or nothing more can come."""

    def run(self, put: Put, stop: threading.Event) -> None: ...


class Lines:
    """One code per line. Used for standard input; a line may be any bytes."""

    def __init__(self, stream: BufferedReader | None = None) -> None:
        self._stream = stream

    def run(self, put: Put, stop: threading.Event) -> None:
        """Until the stream ends; a last line without an ending counts."""
        stream = self._stream or open(sys.stdin.fileno(), "rb", closefd=False)  # noqa: SIM115 - not ours to close
        splitter = Splitter()
        while not stop.is_set() and (chunk := stream.read1(65_536)):
            for text in splitter.feed(chunk):
                put(Scan(text, ticks()))
        for text in splitter.feed(b"\n"):
            put(Scan(text, ticks()))
        put(SourceEnded())


class SerialLines:
    """A scan module on a serial line: text, then CR or LF. 115,200 baud. Opened anew after it was unplugged."""

    def __init__(self, path: str, baud: int = 115_200) -> None:
        self._path, self._baud = path, baud

    def run(self, put: Put, stop: threading.Event) -> None:
        lost = False
        while not stop.is_set():
            try:
                with serial.Serial(self._path, self._baud, timeout=0.2) as port:
                    if lost:
                        put(SourceBack())
                        lost = False
                    self._listen(port, put, stop)
            except (OSError, ValueError):
                if not lost:
                    put(SourceLost(f"the scanner at {self._path} does not answer: check cable and power"))
                    lost = True
                stop.wait(1)

    def _listen(self, port: serial.Serial, put: Put, stop: threading.Event) -> None:
        splitter = Splitter()
        while not stop.is_set():
            for text in splitter.feed(port.read(max(1, port.in_waiting))):
                put(Scan(text, ticks()))


class Splitter:
    """Bytes in, texts out, in bounded memory: a line that is too long is one unreadable text."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, chunk: bytes) -> list[str]:
        """The texts that `chunk` completes. Empty lines are nothing."""
        done: list[str] = []
        for part in chunk.replace(b"\r", b"\n").splitlines(keepends=True):
            if len(self._line) <= LONGEST_TEXT:
                self._line += part
            if part.endswith(b"\n"):
                if text := as_text(bytes(self._line)):
                    done.append(text)
                self._line.clear()
        return done


class Pictures:
    """One picture file; each code in it is one scan. A picture without a code is one empty scan."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(self, put: Put, stop: threading.Event) -> None:
        """One look, then the end."""
        from pratique.credentials.qr import read_picture

        try:
            at, texts = ticks(), read_picture(self._path.read_bytes())
        except OSError as fault:
            why = "no such file" if isinstance(fault, FileNotFoundError) else "cannot be read"
            put(SourceEnded(f"{self._path.name}: {why}"))
            return
        except CredentialError as fault:
            put(SourceEnded(f"{self._path.name}: {fault.detail}"))
            return
        for text in texts or ("",):
            put(Scan(text, at))
        put(SourceEnded())


class Camera:
    """Frames of a camera or clip. Codes without a known prefix are only a hint: posters are no passes."""

    def __init__(self, where: str, frames: Callable[[str], Iterable[Frame]] = camera_frames) -> None:
        self._where, self._frames = where, frames
        self._last = ticks()  # a code was in view
        self._blind = 0  # frames with a code that could not be read, in a row

    def run(self, put: Put, stop: threading.Event) -> None:
        clip = Path(self._where).is_file()
        lost = False
        while not stop.is_set():
            why = "the camera stopped"
            try:
                for number, frame in enumerate(self._frames(self._where)):
                    if stop.is_set():
                        return
                    if lost:
                        put(SourceBack())
                        lost = False
                    self._look(frame, number, put)
            except (NoFrames, OSError, ValueError) as fault:
                why = str(fault)
                if clip:
                    put(SourceEnded(why))
                    return
            if clip:
                put(SourceEnded())
                return
            if not lost:
                put(SourceLost(why))
                lost = True
            stop.wait(1)

    def _look(self, frame: Frame, number: int, put: Put) -> None:
        at = ticks()
        if at - self._last > IDLE_AFTER and number % 8:
            return
        seen = read_frame(frame, number)
        known = [text for text in seen.texts if text.startswith(PREFIXES)]
        if seen.texts or seen.hint:
            self._last = at
        if len(known) == 1:
            self._blind = 0
            put(Scan(known[0], at))
        elif known:
            put(Hint("one_code"))
        elif seen.texts:
            put(Hint("not_a_pass"))
        elif seen.hint:
            self._blind += 1
            if self._blind >= HINT_AFTER:
                self._blind = 0
                put(Hint(seen.hint))


class Page:
    """The kiosk page reads and posts to loopback; there is nothing to run here."""

    def run(self, put: Put, stop: threading.Event) -> None:
        stop.wait()


def as_text(line: bytes) -> str:
    """A line without its ending. Never trimmed inside: the space is a character of base45."""
    return line.rstrip(b"\r\n").decode("utf-8", "replace")


def source_for(name: str) -> Source:
    """`stdin`, `image:PATH`, `serial:PATH`, `hid:PATH`, `camera`, `camera:PATH`, `browser` or `python:…`.

    Raises ValueError.
    """
    if name.startswith(FOREIGN):
        made: Source = foreign(name, Source)
        return made
    kind, _, path = name.partition(":")
    if name == "stdin":
        return Lines()
    if name == "browser":
        return Page()
    if kind == "image" and path:
        return Pictures(Path(path))
    if kind == "serial" and path:
        return SerialLines(path)
    if kind == "hid" and path:
        from pratique.gate.drivers.hid import Hid

        return Hid(path)
    if kind == "camera":
        return Camera(path or "/dev/video0")
    raise ValueError(
        "a source is camera, camera:PATH, serial:PATH, hid:PATH, stdin, image:PATH, browser "
        "or python:PACKAGE.MODULE:CLASS"
    )
