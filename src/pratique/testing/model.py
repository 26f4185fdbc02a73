"""The facts of the room `testing`: what a laboratory said, what a site sent, what stands about a tube.

Frozen structs, no input or output. A laboratory knows tube codes only: nothing here that comes from a laboratory has
a field for a person. A pooled tube has a state; a person is never positive from a pool.
"""

from datetime import datetime
from typing import Literal

import msgspec

from pratique.core.text import Text

Outcome = Literal["negative", "positive", "indeterminate", "unusable", "withdrawn"]
Status = Literal["P", "F", "C", "X", "D"]
State = Literal["no-result", "waiting", "held", "negative", "positive", "indeterminate", "unusable", "closed"]


class Reading(msgspec.Struct, frozen=True):
    """One result as a file holds it, texts as sent: what `pratique lab read` prints."""

    specimen: str | None = None
    placer: str | None = None
    loinc: str | None = None
    value: str | None = None
    status: str | None = None
    collected: str | None = None
    reported: str | None = None
    ct: str | None = None


class Sender(msgspec.Struct, frozen=True):
    """Who sent a message and under which key: MSH-3, MSH-4 and MSH-10, or what stands for them in FHIR and CSV."""

    application: str
    facility: str
    name: str
    oid: str
    control_id: str


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One test result of one tube. Times are aware UTC; `where` names the place in the message for refusals."""

    analyte: str
    outcome: Outcome
    sent_code: str
    pooled_code: bool
    status: Status
    reported_at: datetime
    tested_at: datetime | None = None
    analysed_at: datetime | None = None
    ct_milli: int | None = None
    ct2_milli: int | None = None
    where: str = ""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one tube, read and stripped of everything personal.

    `people` is SPM-13; `reject` SPM-21; `run_key` names the run ("" if the message does not); `named` says that
    something like a name was sent; `kept` are the bytes that may be stored; `parents` are the tubes of a pool that the
    laboratory made itself (SPM-11 `L` with SPM-3).
    """

    sender: Sender
    code: str
    message_at: datetime
    observed: tuple[Observed, ...]
    people: int | None
    reject: str
    run_key: str
    named: bool
    kept: bytes
    parents: tuple[str, ...] = ()


class Lab(msgspec.Struct, frozen=True):
    """A laboratory and how it speaks. `run_minutes`: no PCR run is shorter; `tubes_a_day`: what its licensed machines
    can run, 0 where nobody said."""

    id: str
    name: str
    oid: str
    zone: str
    charset: str
    always_answer: bool
    sends_controls: bool
    run_minutes: int
    filler_is_tube: bool
    tubes_a_day: int = 0


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person in a tube: subject id, place 1 to capacity, device time of the scan."""

    s: str
    p: int
    at: str


class TubeEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sealed tube as a site device signed it. Unknown fields are refused by name."""

    id: str
    code: str
    site: str
    lane: int
    dev: str
    seq: int
    prev: str
    opened: str
    sealed: str
    m: list[Member]
    sig: str


class EventResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event. `already` counts as success: the device may forget its copy."""

    id: str
    outcome: Literal["stored", "already", "conflict", "refused"]
    code: str = ""
    field: str = ""
    text: Text | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One result version as stored. `seq` is the order of receipt, kept for the record only."""

    id: str
    outcome: Outcome
    status: Status
    lab_id: str
    reported_at: int
    message_at: int
    received_at: int
    tested_at: int | None = None
    analysed_at: int | None = None
    people: int | None = None
    pooled_code: bool = False
    run_id: str = ""


class Tube(msgspec.Struct, frozen=True, kw_only=True):
    """A registered tube with the campaign's terms it was taken under. `in_force`: its mandate, from and until (ms)."""

    code: str
    campaign_id: str
    mandate_id: str
    kind: Literal["single", "mixed"]
    purpose: Literal["screen", "retest"]
    parent_pool: str
    sealed_at: int
    people: int
    in_conflict: bool
    state: str
    analytes: frozenset[str]
    in_force: tuple[int, int]


class Result(msgspec.Struct, frozen=True):
    """One line of a person's own results, for the wallet. No site and no tube code."""

    tube_kind: Literal["single", "mixed"]
    outcome: str
    sampled_at: datetime
    known_at: datetime
    analyte: str


class Ack(msgspec.Struct, frozen=True):
    """The verdict on one message. `letter`: A accepted, E understood and refused, R unusable.

    `code` and `field` are empty for A; `text` is what the laboratory reads; `location` is ERR-2.
    """

    letter: Literal["A", "E", "R"]
    control_id: str = ""
    code: str = ""
    field: str = ""
    text: Text | None = None
    location: str = ""
