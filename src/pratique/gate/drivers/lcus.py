"""Serial relay boards of the LCUS type (9,600 baud): a door on one channel, a lamp tower on three."""

from collections.abc import Mapping

import serial

from pratique.gate.ports import DoorFault, Sign

# Channels of a lamp tower, in the house's words. `progress` shows two, so that it is no outcome's colour.
GREEN, AMBER, RED = 2, 3, 4
TOWER: Mapping[str, frozenset[int]] = {
    "off": frozenset(),
    "progress": frozenset({GREEN, AMBER}),
    "success": frozenset({GREEN}),
    "attention": frozenset({AMBER}),
    "error": frozenset({RED}),
}


def lcus_frame(channel: int, on: bool) -> bytes:
    """A0 ‖ channel ‖ 1 or 0 ‖ sum of the three mod 256."""
    body = bytes([0xA0, channel, int(on)])
    return body + bytes([sum(body) % 256])


class Board:
    """One board. Opened at the first command, and anew after a fault. Raises OSError where it does not answer."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._port: serial.Serial | None = None

    def switch(self, channel: int, on: bool) -> None:
        """Close (`on`) or open one contact."""
        try:
            if self._port is None:
                self._port = serial.Serial(self.path, 9600, write_timeout=1)
            self._port.write(lcus_frame(channel, on))
            self._port.flush()
        except (OSError, ValueError) as fault:
            self._port = None
            raise OSError(f"the board at {self.path} does not take its command") from fault


class LcusRelay:
    """A door on one channel. The board does not answer, so a lost door shows with the next command."""

    def __init__(self, path: str, channel: int = 1) -> None:
        self._board, self._channel = Board(path), channel

    def open(self) -> None:
        """Contact closed: the way in is free."""
        self._send(True)

    def shut(self) -> None:
        """Contact open."""
        self._send(False)

    def check(self) -> None:
        """The board says nothing."""

    def _send(self, on: bool) -> None:
        try:
            self._board.switch(self._channel, on)
        except OSError as fault:
            text = f"the relay at {self._board.path} does not take its command: check cable and power"
            raise DoorFault(text) from fault


class LcusLamp:
    """A tower of green, amber and red on channels 2, 3 and 4."""

    def __init__(self, path: str) -> None:
        self._board = Board(path)
        self._lit: frozenset[int] | None = None

    def tell(self, sign: Sign) -> None:
        """Light what the sign says; only what changes is sent."""
        want = TOWER[sign.lamp]
        before = self._lit
        self._lit = None
        for channel in (GREEN, AMBER, RED):
            if before is None or (channel in want) is not (channel in before):
                self._board.switch(channel, channel in want)
        self._lit = want
