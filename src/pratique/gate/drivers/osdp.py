"""A door board over OSDP (IEC 60839-11-5) with the secure channel: the gate is its control panel.

The line is RS-485 at 9,600 baud. The library polls the board every 20 ms in a thread of its own; the loop only hands
it commands. A board without our key is not spoken to: there is no unencrypted mode here.
"""

import threading
import time
from pathlib import Path

import serial

from pratique.gate.ports import DoorFault

CONFIRM_WITHIN = 30.0  # seconds until an unconfirmed command makes the door a fault
_OFF, _ON = 1, 2  # output control codes: permanent off, permanent on


def read_key(path: str) -> bytes:
    """The secure-channel base key from a file of 32 hexadecimal digits. Raises ValueError."""
    try:
        key = bytes.fromhex(Path(path).read_text("ascii").strip())
    except (OSError, ValueError) as fault:
        raise ValueError(f"{path}: the OSDP key cannot be read: {fault}") from None
    if len(key) != 16:
        raise ValueError(f"{path}: an OSDP key is 32 hexadecimal digits")
    return key


class OsdpRelay:
    """Output 0 of the board at `address` opens the way in."""

    def __init__(self, path: str, address: int, key: bytes) -> None:
        """Raises ValueError where the library is not installed or the line cannot be opened."""
        try:
            import osdp
            from osdp import helpers
        except ImportError:
            raise ValueError("OSDP needs one more package: pip install libosdp") from None
        self._osdp, self._address, self._path = osdp, address, path
        try:
            self._line = serial.Serial(path, 9600, timeout=0, write_timeout=0.5)
        except (OSError, ValueError):
            raise ValueError(f"{path}: the OSDP line cannot be opened: check cable and name") from None
        self._lock = threading.Lock()
        self._asked: float | None = None
        board = helpers.PDInfo(
            address, _channel(self._line), scbk=key, flags=[osdp.LibFlag.EnforceSecure], name="door"
        )
        self._panel = osdp.ControlPanel(
            [board], log_level=osdp.LogLevel.Emergency, command_completion_handler=self._completed
        )
        self._panel.start()

    def open(self) -> None:
        """Output on until it is told otherwise."""
        self._output(_ON)

    def shut(self) -> None:
        """Output off."""
        self._output(_OFF)

    def check(self) -> None:
        """Raises DoorFault where the board is away, or has not confirmed its last command for 30 s."""
        if not self._panel.is_sc_active(self._address):
            raise DoorFault(f"the door board at {self._path} does not answer: check line, address and key")
        with self._lock:
            late = self._asked is not None and time.monotonic() - self._asked > CONFIRM_WITHIN
        if late:
            raise DoorFault(f"the door board at {self._path} does not confirm its command")

    def close(self) -> None:
        """Let go of the line."""
        self._panel.teardown()
        self._line.close()

    def _output(self, code: int) -> None:
        self.check()
        command = {
            "command": self._osdp.Command.Output,
            "output_no": 0,
            "control_code": code,
            "timer_count": 0,
        }
        with self._lock:
            self._asked = time.monotonic()
        if not self._panel.submit_command(self._address, command):
            raise DoorFault(f"the door board at {self._path} takes no more commands")

    def _completed(self, _: int, __: object, status: int) -> None:
        if status == self._osdp.CompletionStatus.Ok:
            with self._lock:
                self._asked = None


def _channel(line: serial.Serial) -> object:
    """A serial line as the library wants it: never waits."""
    from osdp.channel import Channel

    class Line(Channel):  # type: ignore[misc, unused-ignore]
        def read(self, max_bytes: int) -> bytes:
            try:
                return bytes(line.read(max_bytes))
            except (OSError, serial.SerialException):
                return b""

        def write(self, buf: bytes) -> int:
            try:
                return int(line.write(buf) or 0)
            except (OSError, serial.SerialException):
                return 0

        def flush(self) -> None:
            return None

    return Line()
