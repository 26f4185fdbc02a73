"""Synthetic roots, mandates, passes and snapshots for the tests of gates. Every key is made for one run."""

import os
import secrets
import select
import termios
import time
import tty
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from tests.credentials.making import HOLDER, ISSUER, pass_bytes, pass_key, show

from pratique import town
from pratique.core.canonical import canonical_cbor
from pratique.core.moment import Moment
from pratique.credentials.keys import new_signer
from pratique.credentials.snapshot import KeyEntry, StatusEntry
from pratique.credentials.status import build
from pratique.credentials.trust import Bundle, make_bundle
from pratique.gate.enrol import KEY, Enrolment, base64url
from pratique.gate.lists import Loaded, load
from pratique.mandates.document import document_text
from pratique.mandates.note import sign_note

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ROOTS = [new_signer("Ed25519") for _ in range(3)]
ROOT_KEYS = tuple(root.public_key for root in ROOTS)


def mandate_note(
    now: datetime = NOW, *, days: float = 10, unlocks: tuple[str, ...] = ("gate",), **fail: str
) -> bytes:
    """A signed mandate in force since a day before `now`, for `days` days from then."""
    moment = Moment(now - timedelta(days=1), secrets.token_bytes)
    officers = town.Officers(moment)
    document = town.mandate_document(moment, officers, lasts=timedelta(days=days))
    fail = {name.replace("_", "-"): action for name, action in fail.items()} or document.fail
    changed = msgspec.structs.replace(document, unlocks=unlocks, fail=fail)
    return sign_note(document_text(changed), *officers.both).raw


def bundle(now: datetime = NOW, **changes: Any) -> Bundle:
    """A bundle an hour old, good for three days, with the key of ISSUER and status list 1."""
    parts: dict[str, Any] = {
        "number": 7,
        "issued": int(now.timestamp()) - 3600,
        "expires": int(now.timestamp()) + 3 * 86_400,
        "keys": (pass_key(),),
        "status": (StatusEntry("", 1, 1, build(1, 1024, []).pack(), 1024),),
        "mandates": (mandate_note(now),),
    }
    return Bundle(**(parts | changes))


def signed(now: datetime = NOW, **changes: Any) -> bytes:
    """The bundle as a file, signed by two of the three roots."""
    return make_bundle(bundle(now, **changes), ROOTS[:2])


def loaded(now: datetime = NOW, **changes: Any) -> Loaded:
    """The bundle as a gate has it."""
    return load(signed(now, **changes), ROOT_KEYS, 2, 0, now)


def revoked(*places: int) -> StatusEntry:
    """Status list 1 with these places revoked."""
    return StatusEntry("", 1, 1, build(1, 1024, [(place, 1) for place in places]).pack(), 1024)


def a_pass(now: datetime = NOW, at: datetime | None = None, **changes: Any) -> str:
    """What the phone shows at `at`: a pass an hour old, clear, good for a day."""
    credential = pass_bytes(
        **({"issued": now - timedelta(hours=1), "expires": now + timedelta(hours=23)} | changes)
    )
    return show(credential, at or now)


def policy_bytes(body: bytes, number: int = 4) -> bytes:
    """A rule set as a snapshot carries it."""
    return canonical_cbor({"number": number, "mandate": "0" * 26, "body": body})


def a_home(folder: Path, now: datetime, **changes: Any) -> Path:
    """A gate's home as enrolment leaves it, with a snapshot."""
    from pratique.credentials.keys import load_or_create_signer

    folder.mkdir(parents=True, exist_ok=True)
    load_or_create_signer(folder / KEY, "Ed25519")
    enrolment = Enrolment("0" * 26, town.GATE, tuple(map(base64url, ROOT_KEYS)), 2)
    (folder / "gate.json").write_bytes(msgspec.json.encode(enrolment))
    (folder / "snapshot.cbor").write_bytes(signed(now, **changes))
    return folder


class Pty:
    """One end is a real serial device by name; the other is ours."""

    def __init__(self) -> None:
        self.ours, theirs = os.openpty()
        tty.setraw(theirs, termios.TCSANOW)
        self.name = os.ttyname(theirs)
        self._theirs = theirs

    def read(self, size: int, seconds: float = 30) -> bytes:
        got, until = b"", time.monotonic() + seconds
        while len(got) < size and time.monotonic() < until:
            if select.select([self.ours], [], [], 0.1)[0]:
                got += os.read(self.ours, size - len(got))
        return got

    def unplug(self) -> None:
        os.close(self._theirs)
        os.close(self.ours)


__all__ = ["HOLDER", "ISSUER", "KeyEntry", "pass_bytes", "show"]
