"""What passes between a gate and the server, and what the server keeps of gates. No I/O.

A gate is known by a random id and the key it made itself. It tells counts per quarter of an hour and what is wrong
with it; there is no field for a person, a code or a finer time, and an unknown field is refused by name.
"""

from datetime import datetime
from typing import Any

import msgspec

from pratique.core.canonical import canonical_json
from pratique.core.text import Text

SLOT_SECONDS = 900
MAX_ROWS, MAX_ALARMS = 500, 50
MAX_COUNT = 1_000_000  # of one outcome at one gate in a quarter of an hour

# Outcomes with their reasons, and alarms: what a gate can say. A test holds these equal to the gate's own lists.
PAIRS = frozenset(
    {
        ("clear", "pass"), ("clear", "paper"), ("conditions", "pass"),
        ("hold", "policy"), ("hold", "expired"), ("hold", "revoked"),
        ("see_staff", "unreadable"), ("see_staff", "unknown_issuer"), ("see_staff", "bad_signature"),
        ("see_staff", "clock"), ("see_staff", "stale"), ("annulled", "annulled"), ("staff", "admitted"),
    }
)  # fmt: skip
ALARMS = frozenset(
    {
        "start", "door", "device_key", "scanner", "snapshot_missing",
        "stale", "clock", "storage", "snapshot_refused", "upload", "peripheral",
    }
)  # fmt: skip


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device with its one-time token. `public_key`: base64url of 32 bytes, Ed25519."""

    token: str
    public_key: str


class Enrolled(msgspec.Struct, frozen=True):
    """What a gate must keep: its id, and the root keys (base64url) of which `quorum` sign every snapshot.

    `certificate` (base64url) says what this gate is to a wallet that asks: see credentials/challenge.py.
    """

    gate_id: str
    place: Text
    roots: tuple[str, ...]
    quorum: int
    now: datetime
    certificate: str = ""


class CountRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`n` more of one outcome in the quarter of an hour `slot15` (unix seconds / 900)."""

    slot15: int
    outcome: str
    reason: str
    policy: int
    n: int


class AlarmRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alarm; `last_slot` is null while it stands."""

    kind: str
    first_slot: int
    last_slot: int | None


class CountBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of one upload; the request is signed by the device key (credentials/http_signature.py)."""

    gate_id: str
    seq: int
    rows: tuple[CountRow, ...]
    alarms: tuple[AlarmRow, ...]
    snapshot: int
    at: str
    config: int = 0  # version of its group's configuration that it works by
    software: str = ""


class Heard(msgspec.Struct, frozen=True):
    """The signed answer to an upload: it is stored, and it is `now`. `sig` by a root key over `heard_bytes`.

    `nonce` is that of the request: an answer kept back from an earlier sending tells no time.
    `group` is the one this gate is in; "" for none. `certificate` is the gate's own, fresh; it carries a signature.
    """

    gate_id: str
    seq: int
    nonce: str
    now: str
    group: str
    sig: str
    certificate: str = ""


class IssuerKeys(msgspec.Struct, frozen=True):
    """The keys that sign passes and gates' certificates, as JWK (RFC 7517): what a wallet knows gates by."""

    keys: tuple[dict[str, str], ...]


class Gate(msgspec.Struct, frozen=True):
    """A gate as the console shows it. `alarms` stand at the moment; `last_seen_at` is when it last uploaded."""

    id: str
    mandate_id: str
    place: Text
    state: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    snapshot: int
    alarms: tuple[str, ...] = ()


class Unconfirmed(msgspec.Struct, frozen=True):
    """A gate that waits until a person has compared the words on its screen with these."""

    id: str
    place: Text
    words: Text
    enrolled_at: datetime


class SlotCount(msgspec.Struct, frozen=True):
    """People per quarter of an hour at one gate, by outcome."""

    gate_id: str
    slot15: int
    outcome: str
    reason: str
    n: int


def content_bytes(batch: CountBatch) -> bytes:
    """The batch in one form, however it was written: the same content under the same number counts once."""
    fields: dict[str, Any] = msgspec.to_builtins(batch)
    return canonical_json(fields)


def heard_bytes(gate_id: str, seq: int, nonce: str, now: str, group: str = "") -> bytes:
    """What a root key signs to tell a gate the time and its group."""
    told = {"gate_id": gate_id, "seq": seq, "nonce": nonce, "now": now, "group": group}
    return b"pratique-heard\n" + canonical_json(told)
