"""`pratique gate`: run a terminal, enrol it, bring its lists and counts up to date. Thin."""

import json
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from pratique.gate import texts
from pratique.gate.clock import Clock, Confirmed, ticks
from pratique.gate.enrol import (
    ENROLMENT,
    JOURNAL,
    KEY,
    SNAPSHOT,
    Enrolment,
    device_signer,
    read_enrolment,
)
from pratique.gate.enrol import enrol as enrol_gate
from pratique.gate.http import Refused, Unreachable
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists
from pratique.gate.loop import WAITING, Gate
from pratique.gate.memory import Memory
from pratique.gate.model import SLOT_SECONDS
from pratique.gate.relay import relay_for
from pratique.gate.screen import Screen
from pratique.gate.sources import Event, Scan, SerialLines, Synced, Turned, source_for
from pratique.gate.sync import PULL_EVERY, Sync

gate = App(name="gate", help="The terminal at the door: decides offline, remembers nobody.")

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
    screen: int | None = None,
    static: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Scan, decide, journal, open.

    Parameters
    ----------
    source: camera, camera:PATH (a device, or a Y4M or MJPEG clip), serial:PATH, stdin, image:PATH or browser.
    home: the gate's own folder, made by `pratique gate enrol`.
    snapshot: the signed lists to decide by; HOME/snapshot.cbor if not named.
    journal: where counts are kept; HOME/journal.db if not named.
    roots: a file like gate.json with the root keys; HOME/gate.json if not named.
    server: bring lists from, and counts to, this server while the gate runs. Without it nothing is sent.
    every: seconds between two rounds with the server.
    relay: serial:PATH of an LCUS relay.
    turn: serial:PATH of a turn sensor; without one a passage counts as made.
    screen: serve the kiosk page on 127.0.0.1 at this port (0: any free one).
    static: the built kiosk pages, if they are not those of the installation.
    as_json: one JSON line per decision: outcome, reason, policy, snapshot, slot15, ms.
    """
    try:
        reads, opens = source_for(source), relay_for(relay)
        turns = SerialLines(turn.removeprefix("serial:"), 9600) if turn else None
    except ValueError as fault:
        return _wrong(str(fault))
    try:
        enrolment = read_enrolment((roots or home / ENROLMENT).read_bytes())
    except OSError:
        return _wrong(
            f"{roots or home / ENROLMENT}: not there: run `pratique gate enrol` first, or name --roots"
        )
    except ValueError as fault:
        return _wrong(f"{roots or home / ENROLMENT}: {fault}")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold what was scanned
    path = journal or home / JOURNAL
    path.parent.mkdir(parents=True, exist_ok=True)
    signer = device_signer(home)
    try:
        book = Journal(path, signer.sign if signer else None)
    except (OSError, RuntimeError) as fault:
        return _fault(f"{path}: {fault}: check the disk")
    lists = Lists(
        snapshot or home / SNAPSHOT,
        enrolment.root_keys(),
        enrolment.quorum,
        int(book.setting("snapshot", "0")),
    )
    events: queue.Queue[Event] = queue.Queue(WAITING)
    stop = threading.Event()
    shows: Screen | None = None
    if screen is not None:
        try:
            shows = Screen(screen, lambda text: _drop_if_full(events, Scan(text, ticks())), static)
        except OSError:
            return _wrong(f"--screen {screen}: this port is taken: name another one")
        print(f"pratique gate: screen at http://127.0.0.1:{shows.port}/", file=sys.stderr, flush=True)
    outcomes: list[bool] = []

    def tell(line: dict[str, Any]) -> None:
        outcomes.append(line["outcome"] in ("clear", "conditions"))
        del outcomes[:-100]
        print(json.dumps(line) if as_json else _words(line), flush=True)

    clock = Clock(floor=book.floor(), seen=book.last_slot() * SLOT_SECONDS)
    terminal = Gate(
        lists, book, clock, Memory(os.urandom(32)), opens, tell, shows.show if shows else None,
        turn_sensor=turns is not None,
    )  # fmt: skip
    if enrolment.gate_id and signer is None:
        terminal.fault("device_key")
    if turns is not None:
        threading.Thread(
            target=turns.run, args=(lambda event: _turned(events, event), stop), name="turn", daemon=True
        ).start()
    brings = _start_sync(server, home, snapshot, path, roots, every, events) if server else None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        patient = source == "stdin" or source.startswith("image:")
        why = terminal.run(reads, stop, patient=patient, events=events)
    finally:
        stop.set()
        if brings is not None:
            brings.terminate()
        if shows is not None:
            shows.close()
        book.close()
    if why:
        return _wrong(why)
    return NO if source.startswith("image:") and not all(outcomes) else YES


@gate.command
def enrol(*, server: str, token: str, home: Path = HOME) -> int:
    """Make this device a gate: it makes its own key and keeps the root keys the server names.

    Parameters
    ----------
    server: https://host of the server.
    token: the one-time token of the console, valid 15 minutes.
    home: the gate's own folder.
    """
    try:
        enrolment = enrol_gate(server.rstrip("/"), token, home)
    except Refused as refused:
        return _no(str(refused))
    except Unreachable as fault:
        return _fault(f"{server}: {fault}: check the address and the network")
    except (OSError, ValueError) as fault:
        return _fault(f"{home}: {fault}")
    print(f"enrolled as {enrolment.gate_id}: {enrolment.place.en} / {enrolment.place.zh_hans}")
    print("compare these root keys with the console:")
    for root in enrolment.roots:
        print(f"  {root}")
    return YES


@gate.command
def sync(
    *,
    home: Path = HOME,
    server: str = "",
    snapshot: Path | None = None,
    journal: Path | None = None,
    roots: Path | None = None,
    every: float = PULL_EVERY,
    once: bool = False,
) -> int:
    """Bring lists here and counts there, until stopped or `--once`. What happens is told as JSON lines.

    Parameters
    ----------
    home: the gate's own folder.
    server: another server than the one it was enrolled with.
    snapshot: HOME/snapshot.cbor if not named.
    journal: HOME/journal.db if not named.
    roots: HOME/gate.json if not named.
    every: seconds between two rounds.
    once: one round, then stop; 1 if it did not succeed.
    """
    try:
        enrolment = read_enrolment((roots or home / ENROLMENT).read_bytes())
    except (OSError, ValueError) as fault:
        return _wrong(f"{roots or home / ENROLMENT}: {fault}: run `pratique gate enrol` first")
    signer = device_signer(home)
    if signer is None:
        return _fault(f"{home / KEY}: the device key is missing: enrol this gate again")
    told: list[dict[str, Any]] = []

    def tell(line: dict[str, Any]) -> None:
        told.append(line)
        del told[:-3]
        print(json.dumps(line), flush=True)

    to = _at(enrolment, server)
    work = Sync(to, signer, snapshot or home / SNAPSHOT, journal or home / JOURNAL, tell)
    if once:
        work.round()
        return NO if any(line.get("pull") or line.get("push") for line in told) else YES
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    work.run(stop, max(1.0, every))
    return YES


def _at(enrolment: Enrolment, server: str) -> Enrolment:
    import msgspec

    return msgspec.structs.replace(enrolment, server=(server or enrolment.server).rstrip("/"))


def _start_sync(
    server: str,
    home: Path,
    snapshot: Path | None,
    journal: Path,
    roots: Path | None,
    every: float,
    events: "queue.Queue[Event]",
) -> "subprocess.Popen[bytes]":
    """A process of its own: the one that decides opens no socket but the screen's."""
    command = [sys.executable, "-m", "pratique.gate", "sync", "--server", server, "--home", str(home)]
    command += ["--every", str(every)]
    command += ["--snapshot", str(snapshot or home / SNAPSHOT), "--journal", str(journal)]
    command += ["--roots", str(roots)] if roots else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    threading.Thread(target=_listen, args=(process, events), name="sync", daemon=True).start()
    return process


def _listen(process: "subprocess.Popen[bytes]", events: "queue.Queue[Event]") -> None:
    for line in process.stdout or ():
        with suppress(ValueError, TypeError):
            told = json.loads(line)
            at = told.get("confirmed")
            events.put(Synced(Confirmed(*at) if at else None, told.get("pull"), told.get("push")))


def _turned(events: "queue.Queue[Event]", event: Event) -> None:
    if isinstance(event, Scan):
        _drop_if_full(events, Turned())


def _drop_if_full(events: "queue.Queue[Event]", event: Event) -> None:
    with suppress(queue.Full):
        events.put_nowait(event)


def _words(line: dict[str, Any]) -> str:
    if line["outcome"] is None:
        state = "no_check" if line["reason"] == "no_check" else "out_of_order"
        return f"{texts.STATES[state].zh_hans} · {texts.STATES[state].en}"
    text = texts.REASONS[(line["outcome"], line["reason"])]
    return f"{line['outcome']}/{line['reason']} · {text.zh_hans} · {text.en}"


def _no(text: str) -> int:
    print(f"pratique gate: {text}", file=sys.stderr)
    return NO


def _wrong(text: str) -> int:
    print(f"pratique gate: {text}", file=sys.stderr)
    return WRONG_CALL


def _fault(text: str) -> int:
    print(f"pratique gate: {text}", file=sys.stderr)
    return FAULT
