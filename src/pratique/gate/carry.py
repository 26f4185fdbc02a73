"""A site without any line: lists and counts travel on a stick. Signatures are end to end, so the stick is not trusted.

On the stick: `snapshot.cbor` for the gates; for each gate a folder by its id with `N.http`, the signed requests in the
order of their numbers, and `N.ack.json`, the server's signed answers. A gate deletes nothing until it has read a
root key's signature for that very number; the same upload taken twice counts once.
"""

import json
import secrets
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from pratique.core.signer import Signer
from pratique.credentials.http_signature import write_message
from pratique.gate import database as db
from pratique.gate.enrol import Enrolment, write_whole
from pratique.gate.lists import load
from pratique.gate.sync import heard, signed_upload

SNAPSHOT = "snapshot.cbor"
AT_ONCE = 1_000


def take_lists(
    stick: Path, to: Path, enrolment: Enrolment, journal: Path, now: datetime, key: bytes = b""
) -> bool:
    """Put the stick's lists in place; False if they are the ones in use. `key` is that of a door reader.

    Raises CredentialError or ValueError for lists that are refused, OSError.
    """
    raw = (stick / SNAPSHOT).read_bytes()
    if to.exists() and to.read_bytes() == raw:
        return False
    with closing(db.connect(journal)) as connection:
        at_least = int(db.setting(connection, "snapshot", "0"))
    load(raw, enrolment.root_keys(), enrolment.quorum, at_least, now, door_key=key)
    write_whole(to, raw)
    return True


def give_counts(stick: Path, enrolment: Enrolment, signer: Signer, journal: Path) -> tuple[int, int]:
    """Drop what the server has acknowledged, write what waits; (acknowledged, written)."""
    folder, acknowledged, written = stick / enrolment.gate_id, 0, 0
    folder.mkdir(parents=True, exist_ok=True)
    with closing(db.connect(journal)) as connection:
        for seq, body in db.waiting(connection, AT_ONCE):
            if _answered(folder / f"{seq}.ack.json", enrolment, seq):
                db.acknowledged(connection, seq)
                (folder / f"{seq}.http").unlink(missing_ok=True)
                (folder / f"{seq}.ack.json").unlink(missing_ok=True)
                acknowledged += 1
            else:
                nonce = secrets.token_urlsafe(16)
                upload = signed_upload(json.loads(body), enrolment.gate_id, seq, nonce, signer)
                write_whole(folder / f"{seq}.http", write_message(upload))
                written += 1
    return acknowledged, written


def _answered(path: Path, enrolment: Enrolment, seq: int) -> bool:
    with suppress(OSError, ValueError):
        answer = json.loads(path.read_bytes())
        return (
            isinstance(answer, dict)
            and heard(answer, enrolment.gate_id, seq, str(answer.get("nonce")), enrolment.root_keys())
            is not None
        )
    return False
