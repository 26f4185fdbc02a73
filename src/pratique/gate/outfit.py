"""What stands around one gate, from the names on its command line: lamp, voice, slip printer, thermometer."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from pratique.core.text import Text
from pratique.gate.clock import wall
from pratique.gate.drivers.lcus import LcusLamp
from pratique.gate.ports import FOREIGN, Teller, Thermometer, foreign
from pratique.gate.sources import Advised, Put, Silent
from pratique.gate.texts import ADVICE
from pratique.gate.warmth import Calibration, advise

CALIBRATION = "thermometer.json"


def tellers(lamp: str, voice: str, printer: str, place: Text) -> list[tuple[str, Teller]]:
    """`lamp` serial:PATH or python:…; `voice` a folder or python:…; `printer` a device or python:…; each may be "".

    Raises ValueError with one sentence.
    """
    found: list[tuple[str, Teller]] = []
    if lamp.startswith("serial:"):
        found.append(("lamp", LcusLamp(lamp.removeprefix("serial:"))))
    elif lamp:
        found.append(("lamp", _foreign(lamp, "a lamp is serial:PATH or python:PACKAGE.MODULE:CLASS")))
    if voice.startswith(FOREIGN):
        found.append(("voice", foreign(voice, Teller)))
    elif voice:
        from pratique.gate.drivers.voice import Voice

        found.append(("voice", Voice(Path(voice))))
    if printer.startswith(FOREIGN):
        found.append(("printer", foreign(printer, Teller)))
    elif printer:
        from pratique.gate.drivers.printer import SlipPrinter

        found.append(("printer", SlipPrinter(printer, place)))
    return found


def _foreign(name: str, what: str) -> Teller:
    if not name.startswith(FOREIGN):
        raise ValueError(what)
    made: Teller = foreign(name, Teller)
    return made


def calibration_at(home: Path) -> Calibration:
    """What the self-test left. Raises ValueError where there is none: an untested sensor says nothing."""
    path = home / CALIBRATION
    try:
        return msgspec.json.decode(path.read_bytes(), type=Calibration)
    except OSError:
        raise ValueError(
            f"{path}: not there: test the sensor with `pratique gate thermometer-check` first"
        ) from None
    except msgspec.ValidationError as fault:
        raise ValueError(f"{path}: {fault}") from None


def today() -> date:
    """The day by the wall clock: good enough for a calibration that is due in a year."""
    return datetime.fromtimestamp(wall(), UTC).date()


def watch(
    thermometer: Thermometer,
    calibration: Calibration,
    put: Put,
    stop: threading.Event,
    day: Callable[[], date] = today,
) -> None:
    """Read until `stop`; tell each hint once as it comes and once as it goes. Readings are judged and forgotten."""
    said, silent = "", False
    while not stop.is_set():
        try:
            reading = thermometer.read()
        except OSError:
            if not silent:
                put(Silent("thermometer", True))
            silent = True
            stop.wait(1)
            continue
        if silent:
            put(Silent("thermometer", False))
            silent = False
        advice = advise(reading, calibration, day())
        word = advice if advice in ADVICE else ""
        if word or said:
            put(Advised(word))
        said = word
