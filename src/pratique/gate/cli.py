"""`pratique gate`: run a terminal, enrol it, bring its lists and counts up to date. Thin."""

import json
import os
import queue
import resource
import signal
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from pratique.core.text import Text
from pratique.gate import texts
from pratique.gate.clock import ticks
from pratique.gate.drivers.thermo import thermometer_for
from pratique.gate.enrol import KEY, Link, WrongServer, device_signer, read_link
from pratique.gate.enrol import enrol as enrol_gate
from pratique.gate.http import Refused, Unreachable
from pratique.gate.loop import WAITING, Show
from pratique.gate.outfit import calibration_at, tellers, watch
from pratique.gate.relay import relay_for
from pratique.gate.screen import Screen
from pratique.gate.signs import Signs
from pratique.gate.sources import Event, Scan, SerialLines, Silent, Turned, source_for
from pratique.gate.staff import FREE_ACTS, Act, Door, Staffed
from pratique.gate.station import CannotStart, Station, enrolment_at, places
from pratique.gate.sync import PULL_EVERY, Sync

gate = App(name="gate", help="The terminal at the door: decides offline, remembers nobody.")
for _name in (
    "pin",
    "voices",
    "thermometer-check",
    "disk-check",
    "driver-check",
    "carry",
    "hub",
    "repurpose",
    "counts",
):
    gate.command(f"pratique.gate.upkeep:{_name.replace('-', '_')}", name=_name)

HOME = Path(os.environ.get("PRATIQUE_GATE_HOME", "~/.pratique-gate")).expanduser()
YES, NO, WRONG_CALL, FAULT = 0, 1, 2, 3


@gate.command
def run(
    *,
    source: str,
    home: Path = HOME,
    snapshot: Path | None = None,
    journal: Path | None = None,
    roots: Path | None = None,
    server: str = "",
    every: float = PULL_EVERY,
    relay: str = "",
    turn: str = "",
    lamp: str = "",
    voice: str = "",
    printer: str = "",
    thermometer: str = "",
    screen: int | None = None,
    static: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Scan, decide, journal, open.

    Parameters
    ----------
    source
        camera, camera:PATH (a device, or a Y4M or MJPEG clip), serial:PATH, hid:PATH, stdin, image:PATH, browser
        or python:PACKAGE.MODULE:CLASS.
    home
        the gate's own folder, made by `pratique gate enrol`.
    snapshot
        the signed lists to decide by; HOME/snapshot.cbor if not named.
    journal
        where counts are kept; HOME/journal.db if not named.
    roots
        a file like gate.json with the root keys; HOME/gate.json if not named.
    server
        bring lists from, and counts to, this server while the gate runs. Without it nothing is sent.
    every
        seconds between two rounds with the server.
    relay
        serial:PATH[:CHANNEL] of an LCUS board, osdp:PATH:ADDRESS:KEYFILE, gpio:CHIP:LINE or python:….
    turn
        serial:PATH of a turn sensor; without one a passage counts as made.
    lamp
        serial:PATH of an LCUS board with green, amber and red on channels 2, 3 and 4, or python:….
    voice
        a folder of spoken sentences (`pratique gate voices FOLDER`), or python:….
    printer
        an ESC/POS printer for counter slips: /dev/usb/lp0, or python:….
    thermometer
        serial:PATH, i2c:PATH or python:… of a skin thermometer that passed `thermometer-check`: a hint, no more.
    screen
        serve the kiosk page on 127.0.0.1 at this port (0: any free one).
    static
        the built kiosk pages, if they are not those of the installation.
    as_json
        one JSON line per decision: outcome, reason, policy, snapshot, slot15, ms.
    """
    try:
        reads, opens = source_for(source), relay_for(relay)
        if turn and not turn.startswith("serial:"):
            raise ValueError("a turn sensor is given as serial:PATH")
        where = places(home, snapshot, journal, roots)
        enrolment = enrolment_at(where)
        around = tellers(lamp, voice, printer, enrolment.place)
        sensor = thermometer_for(thermometer) if thermometer else None
        calibration = calibration_at(home) if sensor else None
    except (ValueError, CannotStart) as fault:
        return _told(str(fault), NO if isinstance(fault, CannotStart) and fault.ended else WRONG_CALL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold what was scanned
    events: queue.Queue[Event] = queue.Queue(WAITING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    opened: list[bool] = []

    def tell(line: dict[str, Any]) -> None:
        opened[:] = [*opened, line["outcome"] in ("clear", "conditions")][-100:]
        print(json.dumps(line) if as_json else _words(line), flush=True)

    with ExitStack() as held:
        try:
            shows: list[Show] = []
            if screen is not None:
                page = _screen(screen, static, home, events)
                held.callback(page.close)
                shows.append(page.show)
            if around:
                signs = Signs(around, lambda name, stands: _drop_if_full(events, Silent(name, stands)))
                held.callback(signs.close)
                shows.append(signs.show)
            station = Station(where, enrolment, opens, tell, _to_all(shows), turn_sensor=bool(turn))
        except CannotStart as fault:
            return _told(str(fault), FAULT)
        held.callback(station.close)
        held.callback(stop.set)
        if turn:
            _start_turn_sensor(turn, events, stop)
        if sensor and calibration:
            watching = (sensor, calibration, lambda event: _drop_if_full(events, event), stop)
            threading.Thread(target=watch, args=watching, name="thermometer", daemon=True).start()
        if server:
            station.start_sync(server.rstrip("/"), every, events)
        patient = source == "stdin" or source.startswith("image:")
        why = station.gate.run(reads, stop, patient=patient, events=events)
    if why:
        return _told(why, WRONG_CALL)
    return NO if source.startswith("image:") and not all(opened) else YES


@gate.command
def enrol(*, link: str = "", server: str = "", token: str = "", home: Path = HOME) -> int:
    """Make this device a gate: it makes its own key and keeps the root keys the server names.

    It shows five words; the console shows the same ones. Confirm them there: then the gate goes live. With a token
    alone it also asks here, because nothing else says that this is the right server.

    Parameters
    ----------
    link
        the console's link, or what its code holds: names the server, the token and the root keys.
    server
        https://host of the server, where there is no link.
    token
        the one-time token of the console, valid 15 minutes, where there is no link.
    home
        the gate's own folder.
    """
    try:
        given = read_link(link) if link else Link(server.rstrip("/"), token, "")
        enrolment = enrol_gate(given, home, lambda words: _same_words(words, ask=not given.roots))
    except (Refused, WrongServer) as refused:
        return _told(str(refused), NO)
    except Unreachable as fault:
        return _told(f"{given.server}: {fault}: check the address and the network", FAULT)
    except ValueError as fault:
        return _told(str(fault), WRONG_CALL)
    except OSError as fault:
        return _told(f"{home}: {fault}", FAULT)
    print(f"enrolled as {enrolment.gate_id}: {enrolment.place.en} / {enrolment.place.zh_hans}")
    return YES


def _same_words(words: Text, *, ask: bool) -> bool:
    """Show the words; where `ask`, a person must say that the console shows the same."""
    print(f"  {words.en}\n  {words.zh_hans}", flush=True)
    if not ask:
        print("confirm these words in the console / 请在工作台确认以上词语", flush=True)
        return True
    print("does the console show the same words? y/n / 工作台的词语相同吗？y/n: ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是")


@gate.command
def sync(
    *,
    home: Path = HOME,
    server: str = "",
    snapshot: Path | None = None,
    journal: Path | None = None,
    roots: Path | None = None,
    every: float = PULL_EVERY,
    once: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Bring lists here and counts there, until stopped or `--once`. What happens is told as JSON lines.

    Parameters
    ----------
    home
        the gate's own folder.
    server
        another server than the one it was enrolled with.
    snapshot
        HOME/snapshot.cbor if not named.
    journal
        HOME/journal.db if not named.
    roots
        HOME/gate.json if not named.
    every
        seconds between two rounds.
    once
        one round, then stop; 1 if it did not succeed.
    """
    where = places(home, snapshot, journal, roots)
    try:
        enrolment = enrolment_at(where)
    except CannotStart as fault:
        return _told(str(fault), NO if fault.ended else WRONG_CALL)
    signer = device_signer(home)
    if signer is None:
        return _told(f"{home / KEY}: the device key is missing: enrol this gate again", FAULT)
    told: list[dict[str, Any]] = []

    def tell(line: dict[str, Any]) -> None:
        told.append(line)
        del told[:-3]
        print(json.dumps(line), flush=True)

    to = msgspec.structs.replace(enrolment, server=(server or enrolment.server).rstrip("/"))
    work = Sync(to, signer, where.snapshot, where.journal, tell)
    if once:
        work.round()
        return NO if any(line.get("pull") or line.get("push") for line in told) else YES
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not sys.stdin.isatty():  # by hand, in the background, a look at the terminal would stop it
        threading.Thread(target=_ring_for, args=(work,), name="rings", daemon=True).start()
    work.run(stop, max(1.0, every))
    return YES


def _ring_for(work: Sync) -> None:
    """What the deciding process wants rung, one JSON line each. A relay may take seconds: each has its own thread."""
    for line in sys.stdin:
        with suppress(ValueError, TypeError, KeyError):
            asked = json.loads(line)
            what = (int(asked["ring"]), str(asked["box"]), str(asked["sealed"]))
            threading.Thread(target=work.ring, args=what, daemon=True).start()


def _to_all(shows: list[Show]) -> Show | None:
    """One screen, or none, or everything that says the same as the screen."""
    if not shows:
        return None

    def show(status: dict[str, Any]) -> None:
        for each in shows:
            each(status)

    return show


def _screen(port: int, static: Path | None, home: Path, events: "queue.Queue[Event]") -> Screen:
    door = Door(home)

    def staffed(act: Act, typed: str) -> bool | None:
        knows = True if act in FREE_ACTS else door.opens(typed, ticks())
        if knows:
            events.put(Staffed(act))
        return knows

    try:
        page = Screen(port, lambda text: _drop_if_full(events, Scan(text, ticks())), static, staffed=staffed)
    except OSError:
        raise CannotStart(f"--screen {port}: this port is taken: name another one") from None
    print(f"pratique gate: screen at http://127.0.0.1:{page.port}/", file=sys.stderr, flush=True)
    return page


def _start_turn_sensor(name: str, events: "queue.Queue[Event]", stop: threading.Event) -> None:
    """Any line from the sensor is one turn."""
    sensor = SerialLines(name.removeprefix("serial:"), 9600)

    def turned(event: Event) -> None:
        if isinstance(event, Scan):
            _drop_if_full(events, Turned())

    threading.Thread(target=sensor.run, args=(turned, stop), name="turn", daemon=True).start()


def _drop_if_full(events: "queue.Queue[Event]", event: Event) -> None:
    with suppress(queue.Full):
        events.put_nowait(event)


def _words(line: dict[str, Any]) -> str:
    if line["outcome"] is None:
        state = "no_check" if line["reason"] == "no_check" else "out_of_order"
        return f"{texts.STATES[state].zh_hans} · {texts.STATES[state].en}"
    text = texts.reason_line(line["outcome"], line["reason"])
    return f"{line['outcome']}/{line['reason']} · {text.zh_hans} · {text.en}"


def _told(text: str, code: int) -> int:
    print(f"pratique gate: {text}", file=sys.stderr)
    return code
