"""The clock of an appeal and what may be answered. Pure. Milliseconds since 1970 throughout.

The clock runs day and night and no fault stops it: it is the authority's. At half and at four fifths it escalates; at
zero the restriction lifts by itself.
"""

from typing import Literal, NamedTuple

HOUR = 3_600_000
MAX_TEXT = 8000

Outcome = Literal["upheld", "changed", "withdrawn", "referred"]

# Which reasons may be given with which outcome (texts in kinds.json, `answers`).
REASONS: dict[str, tuple[str, ...]] = {
    "upheld": ("FACTS_STAND", "RULE_STANDS"),
    "changed": ("FACT_WRONG", "RULE_MISAPPLIED", "HARDSHIP"),
    "withdrawn": ("FACT_WRONG", "RULE_MISAPPLIED"),
    "referred": ("OTHER_BODY",),
}


class Profile(NamedTuple):
    """`first`: hours to the first answer; `second`: hours from the opening to a higher body's word, None for none."""

    code: str
    first: int
    second: int | None


PROFILES = {
    "default-24": Profile("default-24", 24, None),
    "mo-24-72": Profile("mo-24-72", 24, 72),
    "urgent-2": Profile("urgent-2", 2, 24),
}


def profile(code: str) -> Profile:
    """The profile by its code; `default-N` for a mandate that answers within N hours. Raises KeyError."""
    if code in PROFILES:
        return PROFILES[code]
    hours = code.removeprefix("default-")
    if not hours.isdigit() or not 1 <= int(hours) <= 72:
        raise KeyError(code)
    return Profile(code, int(hours), None)


def profile_for(appeal_hours: int) -> Profile:
    """The clock that a mandate orders: 72 hours mean a first answer in 24 and confirmation in 72; less is less."""
    if appeal_hours == 72:
        return PROFILES["mo-24-72"]
    return profile(f"default-{max(1, min(appeal_hours, 24))}")


class Step(NamedTuple):
    """What the clock does next, and when."""

    at: int
    what: Literal["escalated-50", "escalated-80", "silence"]


def next_step(stage_at: int, due: int, escalated: int) -> Step:
    """The next thing the clock does by itself in this stage, after `escalated` escalations (0, 1, 2)."""
    span = due - stage_at
    if escalated == 0:
        return Step(stage_at + span // 2, "escalated-50")
    if escalated == 1:
        return Step(stage_at + span * 4 // 5, "escalated-80")
    return Step(due, "silence")


def second_due(clock: Profile, opened: int) -> int | None:
    """When a higher body must have confirmed, or None where the first answer is final."""
    return opened + clock.second * HOUR if clock.second is not None else None


def may_review(reviewer: str, decider: str, first_reviewer: str) -> bool:
    """A reviewer is neither who decided nor who answered the stage before."""
    return bool(reviewer) and reviewer not in (decider, first_reviewer)
