"""One terminal put together: its files, its key, its lists, its loop, and the sync process beside it.

The gate is a program of its own, so this is its composition root: the only file that knows every part.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pratique.gate.challenge import Challenger
from pratique.gate.clock import Clock, Confirmed
from pratique.gate.end import ENDED, destroy
from pratique.gate.enrol import (
    CERTIFICATE,
    ENROLMENT,
    JOURNAL,
    SNAPSHOT,
    Enrolment,
    base64url,
    device_signer,
    door_key,
    read_enrolment,
)
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists
from pratique.gate.loop import Gate, Show, Tell
from pratique.gate.memory import Memory
from pratique.gate.model import SLOT_SECONDS
from pratique.gate.order import Order
from pratique.gate.porter import Porter
from pratique.gate.ports import Relay
from pratique.gate.sources import Event, Rang, Synced
from pratique.gate.staff import PIN


class CannotStart(Exception):  # noqa: N818 - names the state
    """The terminal cannot be put together; the text says what to do. `ended` if it has ended its work for good."""

    def __init__(self, text: str, *, ended: bool = False) -> None:
        super().__init__(text)
        self.ended = ended


class Places(NamedTuple):
    """Where a gate keeps what it has."""

    home: Path
    snapshot: Path
    journal: Path
    roots: Path


def places(home: Path, snapshot: Path | None, journal: Path | None, roots: Path | None) -> Places:
    """All in `home`, but for what is named."""
    return Places(home, snapshot or home / SNAPSHOT, journal or home / JOURNAL, roots or home / ENROLMENT)


def enrolment_at(where: Places) -> Enrolment:
    """What enrolment left. Raises CannotStart."""
    ended = where.home / ENDED
    try:
        return read_enrolment(where.roots.read_bytes())
    except OSError:
        if ended.exists():
            text = (
                f"this gate has ended its work, its certificate is {ended}; to use it again, enrol it, "
                "or make it a door reader with `pratique gate repurpose`"
            )
            raise CannotStart(text, ended=True) from None
        text = f"{where.roots}: not there: run `pratique gate enrol` first, or name --roots"
        raise CannotStart(text) from None
    except ValueError as fault:
        raise CannotStart(f"{where.roots}: {fault}") from None


class Station:
    """A gate with its files open. `close` lets go of them."""

    def __init__(
        self,
        where: Places,
        enrolment: Enrolment,
        relay: Relay,
        tell: Tell,
        show: Show | None,
        *,
        turn_sensor: bool,
    ) -> None:
        """Raises CannotStart where the journal cannot be used at all (a full disk is not that)."""
        self._where, self._enrolment = where, enrolment
        self._signer = device_signer(where.home)
        self._sync: subprocess.Popen[bytes] | None = None
        is_gate = enrolment.kind == "gate"
        try:
            where.journal.parent.mkdir(parents=True, exist_ok=True)
            self.journal = Journal(where.journal, self._signer.sign if self._signer else None, sends=is_gate)
        except (OSError, RuntimeError) as fault:
            raise CannotStart(f"{where.journal}: {fault}: check the disk") from None
        at_least = int(self.journal.setting("snapshot", "0"))
        self.gate = Gate(
            Lists(
                where.snapshot,
                enrolment.root_keys(),
                enrolment.quorum,
                at_least,
                door_key(enrolment, self._signer),
                lambda: self.journal.setting("group"),
            ),
            self.journal,
            Clock(floor=self.journal.floor(), seen=self.journal.last_slot() * SLOT_SECONDS),
            Memory(os.urandom(32)),
            relay,
            tell,
            show,
            turn_sensor=turn_sensor,
            challenger=Challenger(self._signer.sign, self._certificate, os.urandom) if self._signer else None,
            end=self._end,
            porter=None if is_gate or self._signer is None else Porter(self._signer.sign, os.urandom),
        )
        if enrolment.gate_id and self._signer is None:
            self.gate.fault("device_key")

    def start_sync(self, server: str, every: float, events: "queue.Queue[Event]") -> None:
        """A process of its own brings lists and takes counts: the one that decides opens no socket but the screen's."""
        command = [sys.executable, "-m", "pratique.gate", "sync", "--server", server, "--every", str(every)]
        for name, path in self._where._asdict().items():
            command += [f"--{name}", str(path)]
        self._sync = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        if self.gate.porter is not None and self._sync.stdin is not None:
            os.set_blocking(self._sync.stdin.fileno(), False)  # a sync process that hangs holds up no door
            self.gate.porter.send = self._ring
        threading.Thread(target=_listen, args=(self._sync, events), name="sync", daemon=True).start()

    def _ring(self, number: int, box: bytes, sealed: bytes) -> None:
        line = json.dumps({"ring": number, "box": base64url(box), "sealed": base64url(sealed)})
        if self._sync is not None and self._sync.stdin is not None:
            # One line is less than a pipe takes at once: it goes whole or not at all. Where it does not, because the
            # sync process is dead or hangs, the visitor is told that nobody was reached.
            with suppress(OSError, ValueError):
                os.write(self._sync.stdin.fileno(), line.encode() + b"\n")

    def close(self) -> None:
        """Stop the sync process and let go of the files."""
        self._stop_sync()
        self.journal.close()

    def _stop_sync(self) -> None:
        if self._sync is not None:
            self._sync.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._sync.wait(5)

    def _certificate(self) -> bytes | None:
        """What the server says this gate is, as the sync process keeps it."""
        loaded = self.gate.lists.current
        if loaded is not None and loaded.door is not None:
            return loaded.door.door.certificate
        try:
            return (self._where.home / CERTIFICATE).read_bytes()
        except OSError:
            return None

    def _end(self, orders: tuple[Order, ...]) -> None:
        """Destroy what is here (the sync process first: it could write a file anew)."""
        self._stop_sync()
        told = {
            "gate_id": self._enrolment.gate_id,
            "mandates": sorted(order.id for order in orders),
            "decisions": self.journal.decisions(),
            "last_hash": self.journal.last_hash().hex(),
            "public_key": base64url(self._signer.public_key) if self._signer else "",
        }
        self.journal.close()
        journal = self._where.journal
        files = [journal.with_name(journal.name + suffix) for suffix in ("", "-wal", "-shm", ".ring")]
        sign = self._signer.sign if self._signer else None
        files += [self._where.snapshot, self._where.home / CERTIFICATE, self._where.home / PIN]
        destroy(self._where.home, files, sign, told)


def _listen(process: "subprocess.Popen[bytes]", events: "queue.Queue[Event]") -> None:
    for line in process.stdout or ():
        with suppress(ValueError, TypeError, AttributeError):
            told = json.loads(line)
            if "rang" in told:
                events.put(Rang(int(told["rang"]), told.get("reached") is True))
                continue
            at = told.get("confirmed")
            events.put(Synced(Confirmed(*at) if at else None, told.get("pull"), told.get("push")))
