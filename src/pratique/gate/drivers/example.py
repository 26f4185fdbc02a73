"""A maker's box as an example: one TCP line that opens a door, lights a lamp, reads codes and measures warmth.

It speaks lines: `OPEN` and `SHUT` are answered with `OK`; `LAMP success` with `OK`; `WARM` with `36.4 22.1`; and it
sends `CODE <text>` when its reader saw something. Copy this file, change what is on the wire, and run
`pratique gate driver-check python:yourpackage.box:Box:HOST:PORT` until it is content.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from pratique.gate.clock import ticks
from pratique.gate.ports import DoorFault, Sign, Warmth
from pratique.gate.sources import Put, Scan, SourceBack, SourceLost


class Box:
    """`--relay`, `--lamp`, `--source` and `--thermometer` may each name it: `python:…example:Box:HOST:PORT`."""

    def __init__(self, argument: str) -> None:
        host, _, port = argument.rpartition(":")
        self._at = (host or "127.0.0.1", int(port))

    # A door

    def open(self) -> None:
        """The way in is free."""
        self._door("OPEN")

    def shut(self) -> None:
        """And shut again."""
        self._door("SHUT")

    def check(self) -> None:
        """Is the box there?"""
        self._door("PING")

    def _door(self, command: str) -> None:
        try:
            answer = self._ask(command)
        except OSError as fault:
            raise DoorFault("the box does not answer: check cable and power") from fault
        if answer != "OK":
            raise DoorFault("the box refuses the command")

    # A lamp

    def tell(self, sign: Sign) -> None:
        """Light what the screen says."""
        self._ask(f"LAMP {sign.lamp}")

    # A thermometer

    def read(self) -> Warmth:
        """The next raw reading."""
        skin, air = self._ask("WARM").split()
        return Warmth(float(skin), float(air))

    # A reader of codes

    def run(self, put: Put, stop: threading.Event) -> None:
        """Until `stop`; comes back by itself."""
        lost = False
        while not stop.is_set():
            with suppress(OSError), socket.create_connection(self._at, 1) as line:
                if lost:
                    put(SourceBack())
                    lost = False
                for text in _codes(line, stop):
                    put(Scan(text, ticks()))
            if not stop.is_set() and not lost:
                put(SourceLost("the box does not answer: check cable and power"))
                lost = True
            stop.wait(0.5)

    def _ask(self, command: str) -> str:
        with socket.create_connection(self._at, 1) as line:
            line.settimeout(1)
            line.sendall(command.encode() + b"\n")
            return line.makefile("r", encoding="utf-8").readline().strip()


def _codes(line: socket.socket, stop: threading.Event) -> Iterator[str]:
    line.sendall(b"LISTEN\n")
    line.settimeout(0.2)
    held = b""
    while not stop.is_set():
        try:
            chunk = line.recv(4096)
        except TimeoutError:
            continue
        if not chunk:
            return
        *whole, held = (held + chunk).split(b"\n")
        for row in whole:
            if row.startswith(b"CODE "):
                yield row[5:].decode("utf-8", "replace")
