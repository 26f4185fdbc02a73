"""A gate whose epidemic is over becomes a door reader: a new key, other roots, an empty database.

Nothing of the old work goes along: a home that still holds any of it is refused, and the end of a gate is not made here
(`end.py`: by itself, with its mandate). Its certificate of destruction stays where it is.
"""

from pathlib import Path

import msgspec

from pratique.core.ids import encode_id
from pratique.core.text import Text
from pratique.credentials.doors import gate_of
from pratique.credentials.keys import load_or_create_signer
from pratique.gate.enrol import (
    CERTIFICATE,
    ENROLMENT,
    JOURNAL,
    KEY,
    SNAPSHOT,
    Enrolment,
    base64url,
    read_enrolment,
    write_whole,
)

PREFIX = "PQD1:"
_LEFT = (ENROLMENT, JOURNAL, JOURNAL + "-wal", JOURNAL + ".ring", SNAPSHOT, CERTIFICATE, KEY)


class Organisation(msgspec.Struct, frozen=True):
    """The public file of an organisation. `roots` are base64url Ed25519 keys, `server` where its lists are."""

    name: Text
    roots: tuple[str, ...]
    quorum: int = 1
    server: str = ""


class StillWorking(ValueError):  # noqa: N818 - names the state
    """This home holds what a gate works with; the text says what to do."""


def repurpose(home: Path, organisation: bytes) -> tuple[Enrolment, str]:
    """Make `home` that of a door reader; what it is now, and the text by which the organisation adds it to its doors.

    Done again on a door reader of the same organisation it changes nothing. Raises StillWorking, ValueError for a file
    that is no organisation's, OSError.
    """
    to = msgspec.json.decode(organisation, type=Organisation)
    left = [name for name in _LEFT if (home / name).exists()]
    if left and not _is_door_of(home, to):
        raise StillWorking(
            f"{home} still holds {', '.join(left)}: a gate ends with its mandate and then empties its home; "
            "name another --home, or wait for ended.json"
        )
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    signer = load_or_create_signer(home / KEY, "Ed25519")
    made = Enrolment(
        encode_id(gate_of(signer.public_key)), to.name, to.roots, to.quorum, to.server, kind="door"
    )
    made.root_keys()
    write_whole(home / ENROLMENT, msgspec.json.encode(made))
    return made, PREFIX + base64url(signer.public_key)


def _is_door_of(home: Path, to: Organisation) -> bool:
    try:
        found = read_enrolment((home / ENROLMENT).read_bytes())
    except (OSError, ValueError):
        return False
    return found.kind == "door" and found.roots == to.roots
