"""The sync process: brings signed lists, takes signed counts away, learns the time. It may die; the gate goes on.

It never sees a code. Lists are checked before they are put in place by renaming; a count leaves the outbox only when
the server has acknowledged it under a root key's signature; the same batch sent twice counts once. What it learns it
tells in lines on its standard output: the time of a heartbeat is never written to disk.
"""

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pratique.core.canonical import canonical_json
from pratique.core.signer import Signer
from pratique.credentials.http_signature import Request, sign
from pratique.credentials.reasons import CredentialError
from pratique.gate import database as db
from pratique.gate.clock import Clock, Confirmed, Reading, ticks
from pratique.gate.enrol import CERTIFICATE, Enrolment, door_key, unbase64url, write_whole
from pratique.gate.http import Refused, Unreachable, get_lists, post_json, post_signed
from pratique.gate.lists import load

PULL_EVERY = 60.0
SAY_SOMETHING_EVERY = 900.0  # an empty batch where nothing was counted: the gate is heard, and hears the time
CERTIFY_EVERY = 86_400.0
COUNTS = "/v1/gate-counts"
SOFTWARE = version("pratique")
SLOWEST_ANSWER = 10.0  # seconds; a slower one tells no time


Tell = Callable[[dict[str, Any]], None]


class Sync:
    """One round after the other. `tell` gets `{"confirmed": [unix, ticks]}`, `{"pull": …}` and `{"push": …}`.

    An empty text is well, a code is a refusal by us or by the server, `offline` is no answer.
    """

    def __init__(
        self, enrolment: Enrolment, signer: Signer, snapshot: Path, journal: Path, tell: Tell
    ) -> None:
        self._to, self._signer, self._snapshot, self._tell = enrolment, signer, snapshot, tell
        self._journal = journal
        self._spoke = self._certified = float("-inf")
        self._confirmed: Confirmed | None = None

    def run(self, stop: threading.Event, every: float = PULL_EVERY) -> None:
        """Until `stop`. Nothing that fails in one round ends the next."""
        while not stop.is_set():
            self.round()
            stop.wait(every)

    def round(self) -> None:
        """Pull, then push. A door reader has nothing to push."""
        acts: list[tuple[str, Callable[[], object]]] = [("pull", self.pull)]
        for name, act in acts + [("push", self.push)] * (self._to.kind == "gate"):
            try:
                act()
                self._tell({name: ""})
            except Unreachable:
                self._tell({name: "offline"})
            except Refused as refused:
                # The relay of a door need not be where its lists are: those may come on a stick.
                busy = refused.status >= 500 or refused.status == 429
                busy = busy or (self._to.kind == "door" and refused.status == 404)
                self._tell({name: "offline" if busy else refused.code or str(refused.status)})
            except CredentialError as refused:
                self._tell({name: refused.code})
            except ValueError:
                self._tell({name: "BAD_TRUST"})
            except (OSError, sqlite3.Error):
                self._tell({name: "storage"})

    def pull(self) -> bool:
        """Fetch the snapshot; True if a newer one was put in place. A refused one leaves the present one untouched.

        Raises CredentialError or ValueError for a snapshot that is refused, Refused, Unreachable.
        """
        with closing(db.connect(self._journal)) as connection:
            at_least = int(db.setting(connection, "snapshot", "0"))
            now = self._now(connection).now
        url = f"{self._to.server}/v1/snapshot?gate={self._to.gate_id}"
        held = self._snapshot.read_bytes() if self._snapshot.exists() else None
        file = get_lists(url, held)
        if file is not None and file.made and not self._are_good(file.body, at_least, now):
            file = get_lists(url, held, whole=True)
        if file is None or file.body == held:
            return False
        self._load(file.body, at_least, now)
        write_whole(self._snapshot, file.body)
        return True

    def _are_good(self, lists: bytes, at_least: int, now: datetime) -> bool:
        """Would these be taken? A delta is trusted for nothing: it may have made anything."""
        try:
            self._load(lists, at_least, now)
        except (CredentialError, ValueError):
            return False
        return True

    def _load(self, lists: bytes, at_least: int, now: datetime) -> None:
        key = door_key(self._to, self._signer)
        load(lists, self._to.root_keys(), self._to.quorum, at_least, now, door_key=key)

    def push(self) -> int:
        """Send what waits, oldest first; how many were acknowledged. A refused one stays and stops the round."""
        sent = 0
        with closing(db.connect(self._journal)) as connection:
            if not db.waiting(connection, 1) and ticks() - self._spoke >= SAY_SOMETHING_EVERY:
                with db.transaction(connection):
                    snapshot = int(db.setting(connection, "snapshot", "0"))
                    db.post(connection, db.batch([], [], snapshot, int(self._now(connection).unix)))
            while batches := db.waiting(connection, 20):
                for seq, body in batches:
                    config = int(db.setting(connection, "config", "0"))
                    group = self._send(seq, json.loads(body), config)
                    db.acknowledged(connection, seq)
                    if group != db.setting(connection, "group"):
                        with db.transaction(connection):
                            db.put_setting(connection, "group", group)
                    sent += 1
        return sent

    def ring(self, number: int, box: str, sealed: str) -> None:
        """Bring a ring to the relay, and tell whether a host was there. What is sealed is not ours to read."""
        try:
            answer = post_json(f"{self._to.server}/v1/doorbell-rings", {"box": box, "sealed": sealed})
        except (Refused, Unreachable):
            answer = {}
        self._tell({"rang": number, "reached": answer.get("reached") is True})

    def _send(self, seq: int, fields: dict[str, Any], config: int) -> str:
        """Send one batch, keep what the answer tells; the group this gate is in."""
        nonce = secrets.token_urlsafe(16)
        upload = signed_upload({**fields, "config": config}, self._to.gate_id, seq, nonce, self._signer)
        before = ticks()
        answer = post_signed(self._to.server, upload)
        after = ticks()
        told = heard(answer, self._to.gate_id, seq, nonce, self._to.root_keys())
        if told is None:  # a login page of some network, or a forger: nothing was acknowledged
            raise Unreachable("the answer is not signed by a root key")
        self._spoke = after
        self._keep_certificate(answer)
        if after - before <= SLOWEST_ANSWER:
            # Made between the two readings and taken for the later one: the gate's time is never ahead of the server's.
            self._confirmed = Confirmed(told, after)
            self._tell({"confirmed": [told, after]})
        return str(answer["group"])

    def _keep_certificate(self, answer: dict[str, Any]) -> None:
        """The gate's own certificate for wallets, anew once a day. It carries a signature, and is not ours to judge."""
        path = self._snapshot.with_name(CERTIFICATE)
        told = answer.get("certificate")
        if not told or (path.exists() and ticks() - self._certified < CERTIFY_EVERY):
            return
        with suppress(ValueError):
            write_whole(path, unbase64url(told))
            self._certified = ticks()

    def _now(self, connection: sqlite3.Connection) -> Reading:
        row = connection.execute("SELECT max(unix) FROM time_floor").fetchone()
        clock = Clock(floor=float(row[0] or 0))
        if self._confirmed is not None:
            clock.confirm(self._confirmed)
        return clock.read()


def signed_upload(fields: dict[str, Any], gate_id: str, seq: int, nonce: str, signer: Signer) -> Request:
    """A batch of the outbox as the server takes it: numbered, the request signed by the device (RFC 9421).

    The signature's time is that of the batch, at slot grain: law 4 allows no finer one to leave a gate.
    """
    body = canonical_json({**fields, "gate_id": gate_id, "seq": seq, "software": SOFTWARE})
    bare = Request("POST", COUNTS, {"content-type": "application/json", "accept": "application/json"}, body)
    created = int(datetime.fromisoformat(str(fields["at"])).timestamp())
    return bare._replace(
        fields={**bare.fields, **sign(bare, signer.sign, keyid=gate_id, nonce=nonce, created=created)}
    )


def heard(
    answer: dict[str, Any], gate_id: str, seq: int, nonce: str, roots: tuple[bytes, ...]
) -> float | None:
    """The time of a signed answer, in seconds since 1970; None if no root key signed it for this very request."""
    now = answer.get("now")
    signed = {
        "gate_id": gate_id, "seq": seq, "nonce": nonce, "now": str(now), "group": str(answer.get("group"))
    }  # fmt: skip
    body = b"pratique-heard\n" + canonical_json(signed)
    try:
        signature = unbase64url(answer.get("sig"))
        at = datetime.fromisoformat(str(now))
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    for root in roots:
        try:
            Ed25519PublicKey.from_public_bytes(root).verify(signature, body)
        except InvalidSignature:
            continue
        return at.timestamp()
    return None
