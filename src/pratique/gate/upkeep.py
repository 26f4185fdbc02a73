"""What is done at a gate by hand: PIN, voices, checks, a stick, a hub, a second life as a door reader. Thin."""

import json
import os
import signal
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Annotated

import msgspec
from cyclopts import Parameter

from pratique.core.moment import rfc3339
from pratique.credentials.reasons import CredentialError
from pratique.gate import database as db
from pratique.gate.carry import give_counts, take_lists
from pratique.gate.cli import FAULT, HOME, NO, WRONG_CALL, YES
from pratique.gate.clock import Clock
from pratique.gate.driver_check import examine
from pratique.gate.drivers.thermo import thermometer_for
from pratique.gate.drivers.voice import make_voices
from pratique.gate.enrol import KEY, device_signer, door_key, write_whole
from pratique.gate.http import Unreachable, checked
from pratique.gate.hub import Hub
from pratique.gate.model import SLOT_SECONDS
from pratique.gate.outfit import CALIBRATION, today
from pratique.gate.ports import foreign
from pratique.gate.repurpose import StillWorking
from pratique.gate.repurpose import repurpose as make_door
from pratique.gate.staff import set_pin
from pratique.gate.station import CannotStart, enrolment_at, places
from pratique.gate.warmth import LIMIT_C, Calibration, Fit, fit

DUE = timedelta(days=365)
READINGS = 10
SYNC_FLOOR_MS = 0.05  # a disk that "syncs" faster than any medium can is lying


def pin(*, home: Path = HOME) -> int:
    """Set the staff PIN, read as one line from standard input: six digits or more.

    Parameters
    ----------
    home
        the gate's own folder.
    """
    if sys.stdin.isatty():
        print("PIN: ", end="", file=sys.stderr, flush=True)
    try:
        set_pin(home, sys.stdin.readline().strip())
    except ValueError as fault:
        return _told(str(fault), WRONG_CALL)
    except OSError as fault:
        return _told(f"{home}: {fault}", FAULT)
    return YES


def voices(folder: Path) -> int:
    """Make a first set of spoken sentences with espeak-ng. Recordings of a person under the same names are better.

    Parameters
    ----------
    folder
        where `pratique gate run --voice` finds them.
    """
    try:
        print(f"{make_voices(folder)} sentences in {folder}")
    except ValueError as fault:
        return _told(str(fault), FAULT)
    return YES


def thermometer_check(
    *,
    thermometer: str,
    home: Path = HOME,
    points: str = "30,32,34,36,38,40,42",
    limit: float = LIMIT_C,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Test the sensor against a blackbody: set it to each point, press Enter, wait. Only a sensor that passes is used.

    Parameters
    ----------
    thermometer
        serial:PATH, i2c:PATH or python:PACKAGE.MODULE:CLASS.
    home
        the gate's own folder; thermometer.json is written there.
    points
        blackbody temperatures in °C, at least five from 30 to 42.
    limit
        skin temperature in °C from which the screen asks for a clinical reading.
    as_json
        one JSON line with slope, offset and faults.
    """
    try:
        sensor = thermometer_for(thermometer)
        wanted = [float(point) for point in points.split(",")]
        shown: list[tuple[float, float]] = []
        references: list[float] = []
        for point in wanted:
            print(f"set the blackbody to {point:g} °C and press Enter", file=sys.stderr, flush=True)
            if not sys.stdin.readline():
                return _told("the test was not finished", NO)
            readings = [sensor.read() for _ in range(READINGS)]
            shown.append((point, fmean(r.object_c for r in readings if r.object_c is not None)))
            references += [r.reference_c for r in readings if r.reference_c is not None]
        found = fit(shown)
    except ValueError as fault:
        return _told(str(fault), WRONG_CALL)
    except OSError as fault:
        return _told(str(fault), FAULT)
    if not found.faults:
        day = today()
        reference = fmean(references) if references else None
        kept = Calibration(day, day + DUE, found.slope, found.offset_c, reference, limit)
        write_whole(home / CALIBRATION, msgspec.json.encode(kept))
    print(_fit_line(found, as_json))
    return NO if found.faults else YES


def _fit_line(found: Fit, as_json: bool) -> str:
    if as_json:
        told = {"slope": round(found.slope, 4), "offset_c": round(found.offset_c, 2), "faults": found.faults}
        return json.dumps(told)
    faults = ", ".join(found.faults)
    verdict = f"not fit for use: {faults}" if faults else "fit for a hint, for a year"
    return f"slope {found.slope:.3f}, offset {found.offset_c:+.2f} °C: {verdict}"


def disk_check(
    *, home: Path = HOME, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> int:
    """Write and sync a hundred times: tells how long a decision waits, and warns of a card that only pretends.

    Parameters
    ----------
    home
        the gate's own folder, on the disk in question.
    as_json
        one JSON line.
    """
    path, took = home / "disk-check.tmp", list[float]()
    try:
        with path.open("wb", buffering=0) as file:
            for number in range(100):
                start = time.perf_counter()
                file.write(number.to_bytes(4, "big") * 1024)
                os.fsync(file.fileno())
                took.append((time.perf_counter() - start) * 1000)
    except OSError as fault:
        return _told(f"{home}: {fault}: check the disk", FAULT)
    finally:
        path.unlink(missing_ok=True)
    took.sort()
    median, worst = took[50], took[98]
    lies = median < SYNC_FLOOR_MS
    if as_json:
        print(json.dumps({"p50_ms": round(median, 3), "p99_ms": round(worst, 3), "suspicious": lies}))
    else:
        text = "faster than any medium: this disk may lose what it confirmed" if lies else "plausible"
        print(f"4 KiB and sync: p50 {median:.2f} ms, p99 {worst:.2f} ms: {text}")
    return NO if lies else YES


def carry(stick: Path, *, home: Path = HOME) -> int:
    """Bring lists from a stick, and counts onto it: for a gate without any line.

    Parameters
    ----------
    stick
        the folder of the stick; `pratique fleet carry STICK` at the server fills it and takes from it.
    home
        the gate's own folder.
    """
    where = places(home, None, None, None)
    try:
        enrolment = enrolment_at(where)
        signer = device_signer(home)
        if signer is None:
            return _told(f"{home / KEY}: the device key is missing: enrol this gate again", FAULT)
        key = door_key(enrolment, signer)
        fresh = take_lists(stick, where.snapshot, enrolment, where.journal, Clock().read().now, key)
        acknowledged, written = (0, 0) if key else give_counts(stick, enrolment, signer, where.journal)
    except CannotStart as fault:
        return _told(str(fault), NO if fault.ended else WRONG_CALL)
    except CredentialError as refused:
        return _told(f"{stick}: the lists are refused ({refused.code}): the ones in use stay", NO)
    except (OSError, ValueError) as fault:
        return _told(f"{stick}: {fault}", FAULT)
    print(
        f"lists: {'new' if fresh else 'as before'}; uploads: {acknowledged} acknowledged, {written} on the stick"
    )
    return YES


def repurpose(
    *,
    organisation: Path,
    home: Path = HOME,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """A second life as a door reader: a new key and an empty database, under an organisation's own roots.

    Parameters
    ----------
    organisation
        organisation.json, as `pratique member found` made it.
    home
        the gate's own folder: empty, or that of a gate that has ended its work.
    as_json
        one JSON line: gate_id, key (for `pratique member door`), organisation.
    """
    try:
        made, key = make_door(home, organisation.read_bytes())
    except StillWorking as refused:
        return _told(str(refused), NO)
    except (OSError, ValueError) as fault:
        return _told(f"{organisation}: {fault}", WRONG_CALL)
    if as_json:
        told = {"gate_id": made.gate_id, "key": key, "organisation": made.place.en}
        print(json.dumps(told, ensure_ascii=False))
        return YES
    print(f"a door reader of {made.place.en} / {made.place.zh_hans}")
    print(f"give this to the organisation, for `pratique member door`:\n  {key}")
    return YES


def counts(
    *, home: Path = HOME, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> int:
    """What this gate counted in the last thirty days: quarter of an hour, outcome, reason, how many. It knows no more.

    Parameters
    ----------
    home
        the gate's own folder.
    as_json
        one JSON line for each count.
    """
    journal = places(home, None, None, None).journal
    if not journal.exists():
        return _told(f"{journal}: not there: this gate has counted nothing", NO)
    with closing(db.connect(journal)) as connection:
        rows = connection.execute(
            "SELECT slot15, outcome, reason, n FROM counter WHERE n > 0 ORDER BY slot15, outcome, reason"
        ).fetchall()
    for slot15, outcome, reason, n in rows:
        begins = rfc3339(datetime.fromtimestamp(slot15 * SLOT_SECONDS, UTC))
        row = {"begins": begins, "outcome": outcome, "reason": reason, "n": n}
        print(json.dumps(row) if as_json else f"{begins}  {outcome}/{reason}  {n}")
    return YES


def hub(*, upstream: str, home: Path, host: str = "0.0.0.0", port: int = 8070) -> int:  # noqa: S104 - a site's own net
    """One box per site between its gates and the server: keeps the lists, passes uploads on, is not trusted.

    Parameters
    ----------
    upstream
        https://host of the server.
    home
        where the newest lists are kept.
    host
        the address to listen on.
    port
        the port to listen on (0: any free one).
    """
    try:
        opened = Hub(checked(upstream.rstrip("/")), home, (host, port))
    except (OSError, Unreachable) as fault:
        return _told(f"hub: {fault}", WRONG_CALL)
    print(f"pratique hub: port {opened.port}, for {upstream}", file=sys.stderr, flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=opened.close).start())
    opened.serve()
    return YES


def driver_check(
    driver: str, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> int:
    """For makers: does this driver keep its promises? It is tried for real: doors open, lamps light.

    Parameters
    ----------
    driver
        python:PACKAGE.MODULE:CLASS[:ARGUMENT]
    as_json
        one JSON line for each promise.
    """
    try:
        promises = examine(foreign(driver, object))
    except ValueError as fault:
        return _told(str(fault), WRONG_CALL)
    for promise in promises:
        mark = "yes" if promise.kept else "NO "
        line = (
            json.dumps(promise._asdict(), ensure_ascii=False)
            if as_json
            else f"{mark}  {promise.promise}  {promise.seen}"
        )
        print(line.rstrip())
    if not promises:
        return _told(f"{driver}: has no port: see docs/gate-sdk.md", NO)
    return YES if all(promise.kept for promise in promises) else NO


def _told(text: str, code: int) -> int:
    print(f"pratique gate: {text}", file=sys.stderr)
    return code
