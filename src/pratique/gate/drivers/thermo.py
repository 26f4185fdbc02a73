"""MLX90614 skin thermometers: on a serial module (GY-614 type, 9,600 baud) or on an I²C bus of the box.

Raw values only. The MLX90614 is ±0.5 °C: good for a hint. Arrays like the MLX90640 (±1.5 °C) are not driven here.
"""

import os
import time

import serial

from pratique.gate.drivers.smbus import read_word
from pratique.gate.ports import FOREIGN, Thermometer, Warmth, foreign

_HEAD = b"\x5a\x5a\x45\x04"  # module's header: type "both temperatures", four bytes follow
_OBJECT, _AMBIENT = 0x07, 0x06  # RAM of the sensor
_ADDRESS = 0x5A


class ModuleFrames:
    """Bytes of a serial module in, readings out. Noise between frames is passed over."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[Warmth]:
        """The readings that `chunk` completes."""
        self._held += chunk
        found: list[Warmth] = []
        while (start := self._held.find(_HEAD)) >= 0 and len(self._held) >= start + 9:
            frame = self._held[start : start + 9]
            if sum(frame[:8]) % 256 == frame[8]:
                skin, air = (int.from_bytes(frame[i : i + 2], "big", signed=True) / 100 for i in (4, 6))
                found.append(Warmth(skin, air))
                self._held = self._held[start + 9 :]
            else:
                self._held = self._held[start + 1 :]
        self._held = self._held[-8:] if self._held.find(_HEAD) < 0 else self._held
        return found


class SerialThermometer:
    """A module that sends by itself about five times a second. What it sent while nobody asked is passed over."""

    def __init__(self, path: str) -> None:
        self._path, self._frames = path, ModuleFrames()
        self._port: serial.Serial | None = None

    def read(self) -> Warmth:
        """The newest reading; three silent seconds are an OSError."""
        found: list[Warmth] = []
        until = time.monotonic() + 3
        try:
            if self._port is None:
                self._port = serial.Serial(self._path, 9600, timeout=0.3)
            while not found:
                found = self._frames.feed(self._port.read(max(9, self._port.in_waiting)))
                if not found and time.monotonic() > until:
                    raise OSError("silent")
        except (OSError, ValueError) as fault:
            self._port = None
            raise OSError(
                f"the thermometer at {self._path} does not answer: check cable and power"
            ) from fault
        return found[-1]


def crc8(raw: bytes) -> int:
    """SMBus packet error code: polynomial x⁸ + x² + x + 1."""
    crc = 0
    for byte in raw:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def celsius(register: int, answer: bytes) -> float | None:
    """°C from the three bytes of a read-word answer (low, high, code). None where the sensor flags an error.

    Raises OSError where the code is wrong: a disturbed bus must not make a temperature.
    """
    if crc8(bytes([_ADDRESS << 1, register, _ADDRESS << 1 | 1]) + answer[:2]) != answer[2]:
        raise OSError("the thermometer's answer is damaged")
    word = answer[0] | answer[1] << 8
    return None if word & 0x8000 else word * 0.02 - 273.15


class I2cThermometer:
    """The sensor at address 0x5A of /dev/i2c-N, five readings a second."""

    def __init__(self, path: str) -> None:
        """Raises ValueError where the bus cannot be opened."""
        try:
            self._bus = os.open(path, os.O_RDWR)
        except OSError as fault:
            raise ValueError(f"{path}: no I²C bus: {fault.strerror}") from None

    def read(self) -> Warmth:
        """One reading."""
        time.sleep(0.2)
        return Warmth(self._word(_OBJECT), self._word(_AMBIENT))

    def _word(self, register: int) -> float | None:
        return celsius(register, read_word(self._bus, register))


def thermometer_for(name: str) -> Thermometer:
    """`serial:PATH`, `i2c:PATH` or `python:…`. Raises ValueError."""
    if name.startswith(FOREIGN):
        made: Thermometer = foreign(name, Thermometer)
        return made
    kind, _, path = name.partition(":")
    if kind == "serial" and path:
        return SerialThermometer(path)
    if kind == "i2c" and path:
        return I2cThermometer(path)
    raise ValueError("a thermometer is serial:PATH, i2c:PATH or python:PACKAGE.MODULE:CLASS")
