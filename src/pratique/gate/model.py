"""What a gate can say, be and count: closed lists. No I/O, no clock.

An outcome is the house's decision (`clear`, `conditions`, `hold`) or `see_staff`: the gate could not decide, which
says nothing about the person. A reason names the class of cause, never a health fact. The list is closed so that
thirty days of counts stay small and no pair can single anybody out.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

SLOT_SECONDS = 900
SLOT_CLOSES_AFTER = 60  # seconds after its end: an open passage may still be taken back

Outcome = Literal["clear", "conditions", "hold", "see_staff", "staff", "annulled"]

Pair = tuple[Outcome, str]

PAIRS: tuple[Pair, ...] = (
    ("clear", "pass"),
    ("clear", "paper"),
    ("conditions", "pass"),
    ("hold", "policy"),
    ("hold", "expired"),
    ("hold", "revoked"),
    ("see_staff", "unreadable"),
    ("see_staff", "unknown_issuer"),
    ("see_staff", "bad_signature"),
    ("see_staff", "clock"),
    ("see_staff", "stale"),
    ("annulled", "annulled"),
    ("staff", "admitted"),
)

# Of a gate that is a door reader (door.py): as few as those of an epidemic, and about a door and an hour.
DOOR_PAIRS: tuple[Pair, ...] = (
    ("clear", "member"),
    ("clear", "visitor"),
    ("hold", "door"),
    ("hold", "hours"),
    ("hold", "expired"),
    ("hold", "revoked"),
    ("see_staff", "unreadable"),
    ("see_staff", "unknown_issuer"),
    ("see_staff", "bad_signature"),
    ("see_staff", "clock"),
    ("see_staff", "stale"),
    ("annulled", "annulled"),
    ("staff", "admitted"),
)

# Rows on disk hold places in this list: it only ever grows at its end.
EVERY_PAIR: tuple[Pair, ...] = tuple(dict.fromkeys(PAIRS + DOOR_PAIRS))

OPENS = frozenset({"clear", "conditions", "staff"})

State = Literal[
    "starting", "ready", "reading", "decided", "waiting_passage", "annulled",
    "degraded", "out_of_order", "maintenance", "no_check", "retired",
]  # fmt: skip
STATES: tuple[State, ...] = (
    "starting", "ready", "reading", "decided", "waiting_passage", "annulled",
    "degraded", "out_of_order", "maintenance", "no_check", "retired",
)  # fmt: skip

Grade = Literal["good", "lower_bound", "bad"]

# A fault that stops the gate, and one that it works through with an amber lamp.
STOPS = frozenset({"start", "door", "device_key", "scanner", "snapshot_missing"})
AMBER = frozenset({"stale", "clock", "storage", "snapshot_refused", "upload", "peripheral"})

Lamp = Literal["off", "progress", "success", "attention", "error"]
LAMPS: dict[str, Lamp] = {
    "starting": "progress",
    "ready": "off",
    "reading": "progress",
    "clear": "success",
    "staff": "success",
    "conditions": "attention",
    "hold": "error",
    "see_staff": "attention",
    "waiting_passage": "success",
    "annulled": "attention",
    "degraded": "attention",
    "out_of_order": "error",
    "maintenance": "progress",
    "no_check": "off",
    "retired": "off",
}


class Decision(msgspec.Struct, frozen=True):
    """What the gate decided and by which numbers. Carries no part of the code that was read."""

    outcome: Outcome
    reason: str
    policy: int
    snapshot: int

    def __post_init__(self) -> None:
        if (self.outcome, self.reason) not in PAIRS and (self.outcome, self.reason) not in DOOR_PAIRS:
            raise ValueError("not one of the closed list of outcomes and reasons")

    @property
    def opens(self) -> bool:
        """True if the door opens for this."""
        return self.outcome in OPENS


class FailTable(NamedTuple):
    """What the mandate says the gate does when it cannot know.

    `stale`: lists out of date → `admit` on a valid signature with an amber lamp, `see-staff`, or `stop` (stop checking,
    door free). `clock`: clock bad → `see-staff`, or `admit` what had not expired at the newest time that is certain.
    """

    stale: str = "admit"
    clock: str = "see-staff"


def fail_table(fail: Mapping[str, str]) -> FailTable:
    """The causes of a mandate's `fail` that a gate can act on. What it leaves out takes the default; an answer that
    is not known here, the strict one."""
    stale = fail.get("lists-stale", "admit")
    clock = fail.get("clock-bad", "see-staff")
    return FailTable(
        stale if stale in ("admit", "stop") else "see-staff", clock if clock == "admit" else "see-staff"
    )


def slot_of(unix: float) -> int:
    """The quarter of an hour a time falls into. Finer times are neither stored nor sent (law 4)."""
    return int(unix // SLOT_SECONDS)
