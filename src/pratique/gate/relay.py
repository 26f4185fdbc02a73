"""The door's relay. Open means: the way in is free. The way out is never a relay's business (fire rule)."""

from typing import Protocol

import serial


class DoorFault(Exception):  # noqa: N818 - names what is wrong
    """The relay does not take its command."""


class Relay(Protocol):
    """What opens the way in. Raises DoorFault where the command did not go out."""

    def open(self) -> None: ...
    def shut(self) -> None: ...


class NoRelay:
    """A gate with a screen only."""

    def open(self) -> None:
        """Nothing to open."""

    def shut(self) -> None:
        """Nothing to shut."""


def lcus_frame(channel: int, on: bool) -> bytes:
    """A0 ‖ channel ‖ 1 or 0 ‖ sum of the three mod 256, as LCUS-type USB relays take it."""
    body = bytes([0xA0, channel, int(on)])
    return body + bytes([sum(body) % 256])


class LcusRelay:
    """A serial relay of the LCUS type at 9,600 baud. Opened anew after a fault."""

    def __init__(self, path: str, channel: int = 1) -> None:
        self._path, self._channel = path, channel
        self._port: serial.Serial | None = None

    def open(self) -> None:
        """Contact closed: the way in is free."""
        self._send(True)

    def shut(self) -> None:
        """Contact open."""
        self._send(False)

    def _send(self, on: bool) -> None:
        try:
            if self._port is None:
                self._port = serial.Serial(self._path, 9600, write_timeout=1)
            self._port.write(lcus_frame(self._channel, on))
            self._port.flush()
        except (OSError, ValueError) as fault:
            self._port = None
            raise DoorFault(
                f"the relay at {self._path} does not take its command: check cable and power"
            ) from fault


def relay_for(name: str) -> Relay:
    """`serial:PATH` or empty. Raises ValueError for anything else."""
    if not name:
        return NoRelay()
    kind, _, path = name.partition(":")
    if kind == "serial" and path:
        return LcusRelay(path)
    raise ValueError("a relay is given as serial:PATH")
