"""A scanner that is a keyboard (USB HID): records of the kernel's input layer, the device grabbed for us alone.

Grabbed, so that what is scanned never reaches another window. The keys are read as a US keyboard, which is what scan
modules send unless they are set otherwise.
"""

import fcntl
import os
import select
import stat
import struct
import threading
from contextlib import suppress

from pratique.gate.clock import ticks
from pratique.gate.sources import LONGEST_TEXT, Put, Scan, SourceBack, SourceLost

RECORD = struct.Struct("@llHHi")  # struct input_event: time (2), type, code, value
_GRAB = 0x40044590  # EVIOCGRAB
_KEY, _DOWN, _ENTER, _SHIFT = 1, 1, (28, 96), (42, 54)

_PLAIN = {57: " ", 74: "-", 78: "+", 55: "*", 98: "/", 83: "."}
_UPPER = {57: " ", 74: "-", 78: "+", 55: "*", 98: "/", 83: "."}
for _first, _plain, _upper in (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
):
    _PLAIN |= {_first + place: sign for place, sign in enumerate(_plain)}
    _UPPER |= {_first + place: sign for place, sign in enumerate(_upper)}


class Keys:
    """Records in, texts out. A text that is too long is one unreadable text; memory stays bounded."""

    def __init__(self) -> None:
        self._rest = b""
        self._text: list[str] = []
        self._shift = False

    def feed(self, chunk: bytes) -> list[str]:
        """The texts that `chunk` completes."""
        raw = self._rest + chunk
        whole = len(raw) - len(raw) % RECORD.size
        self._rest = raw[whole:]
        done: list[str] = []
        for _, _, kind, code, value in RECORD.iter_unpack(raw[:whole]):
            if kind != _KEY:
                continue
            if code in _SHIFT:
                self._shift = value != 0
            elif value == _DOWN and code in _ENTER:
                if self._text:
                    done.append("".join(self._text))
                self._text.clear()
            elif value == _DOWN and len(self._text) <= LONGEST_TEXT:
                self._text.append((_UPPER if self._shift else _PLAIN).get(code, ""))
        return done


class Hid:
    """A device like /dev/input/by-id/…-event-kbd. Opened anew after it was unplugged."""

    def __init__(self, path: str) -> None:
        self._path = path

    def run(self, put: Put, stop: threading.Event) -> None:
        """Until `stop`."""
        lost = False
        while not stop.is_set():
            try:
                handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                handle = -1
            if handle >= 0:
                if lost:
                    put(SourceBack())
                    lost = False
                with suppress(OSError):
                    self._listen(handle, put, stop)
                os.close(handle)
            if not stop.is_set() and not lost:
                put(SourceLost(f"the scanner at {self._path} does not answer: check cable and power"))
                lost = True
            stop.wait(1)

    def _listen(self, handle: int, put: Put, stop: threading.Event) -> None:
        if stat.S_ISCHR(os.fstat(handle).st_mode):
            fcntl.ioctl(handle, _GRAB, 1)
        keys = Keys()
        while not stop.is_set():
            if not select.select([handle], [], [], 0.2)[0]:
                continue
            chunk = os.read(handle, RECORD.size * 64)
            if not chunk:
                return
            for text in keys.feed(chunk):
                put(Scan(text, ticks()))
