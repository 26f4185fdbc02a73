"""What a maker runs until it is content: does this driver keep the promises of `ports.py`?

Everything is tried on the real thing, without a gate around it: doors are opened and shut, lamps go through all their
words, a source is started and stopped, a thermometer is read. Each promise is one line with yes or no.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pratique.core.text import Text
from pratique.gate.model import LAMPS
from pratique.gate.ports import DoorFault, Relay, Sign, Teller, Thermometer, Warmth
from pratique.gate.sources import Event, Hint, Scan, Source, SourceBack, SourceEnded, SourceLost, Turned

OPEN_WITHIN = 0.06  # seconds: the whole way from frame to relay has 60 ms
TELL_WITHIN, READ_WITHIN, STOP_WITHIN = 15.0, 5.0, 2.0
MAY_PUT = (Scan, Hint, Turned, SourceLost, SourceBack, SourceEnded)


class Promise(NamedTuple):
    """One promise, whether it was kept, and what was seen."""

    promise: str
    kept: bool
    seen: str = ""


def examine(driver: Any) -> list[Promise]:
    """Try every port the driver has. Empty: it has none."""
    found: list[Promise] = []
    if isinstance(driver, Relay):
        found += _relay(driver)
    if isinstance(driver, Teller):
        found += _teller(driver)
    if isinstance(driver, Thermometer):
        found += _thermometer(driver)
    if isinstance(driver, Source):
        found += _source(driver)
    return found


def _tried(
    what: str, act: Callable[[], object], within: float, faults: tuple[type[Exception], ...]
) -> Promise:
    start = time.monotonic()
    try:
        act()
        seen, kept = "", True
    except faults as fault:
        seen, kept = f"{type(fault).__name__}: {fault}", False
    except Exception as fault:  # noqa: BLE001 - the very thing a driver must not do
        return Promise(what, False, f"raises {type(fault).__name__}, which stops a gate")
    took = time.monotonic() - start
    if took > within:
        return Promise(what, False, f"took {took * 1000:.0f} ms of {within * 1000:.0f}")
    return Promise(what, kept, seen or f"{took * 1000:.0f} ms")


def _relay(driver: Relay) -> Iterator[Promise]:
    for name in ("shut", "open", "open", "shut", "shut", "check"):
        yield _tried(f"door: {name}", getattr(driver, name), OPEN_WITHIN, (DoorFault,))


def _teller(driver: Teller) -> Iterator[Promise]:
    text = Text("Show your code", "请出示码")
    for state, lamp in LAMPS.items():
        sign = Sign(state, lamp, "", "", text)
        yield _tried(f"tell: {state}", lambda sign=sign: driver.tell(sign), TELL_WITHIN, (OSError,))  # type: ignore[misc]


def _thermometer(driver: Thermometer) -> Iterator[Promise]:
    readings: list[Warmth] = []
    yield _tried("read: answers", lambda: readings.append(driver.read()), READ_WITHIN, (OSError,))
    for reading in readings:
        plain = isinstance(reading, Warmth) and all(value is None or -50 < value < 400 for value in reading)
        yield Promise("read: °C and cm, None where nothing was measured", plain, str(reading))


def _source(driver: Source) -> Iterator[Promise]:
    seen: list[Event] = []
    stop = threading.Event()
    thread = threading.Thread(target=driver.run, args=(seen.append, stop), daemon=True)
    thread.start()
    time.sleep(1)
    stop.set()
    thread.join(STOP_WITHIN)
    yield Promise("source: ends when it is told to", not thread.is_alive())
    foreign = sorted({type(event).__name__ for event in seen if not isinstance(event, MAY_PUT)})
    yield Promise("source: puts codes, hints and faults only", not foreign, ", ".join(foreign))
    texts = [event.text for event in seen if isinstance(event, Scan)]
    yield Promise("source: a code is text without its line ending", all(t == t.rstrip("\r\n") for t in texts))
