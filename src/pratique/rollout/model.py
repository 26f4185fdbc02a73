"""The facts of the room: an order for a policy, its preview, and how far it has come. No I/O, no person.

Every count that leaves this room is in tens: 0, "fewer than ten" (None), or rounded down to a multiple of ten.
"""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from pratique.core.text import Text

Tens = int | None  # 0, None for 1 to 9, else rounded down to tens
SIGNING_ROLES = ("legal", "public-health")
OrderState = Literal["draft", "previewed", "signed", "published", "withdrawn"]
JobState = Literal["waiting", "running", "halted", "done", "superseded"]
RolloutState = Literal["waiting", "running", "stopped", "done", "superseded"]


class Measure(NamedTuple):
    """One thing a policy does to people, and what a mandate must unlock and be allowed to hold for it."""

    code: str
    text: Text
    unlock: str
    data: tuple[str, ...]


class Laboratory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the laboratories can do, and what is assumed of the disease. None of it is known to the house: the officer
    states it, and it stands in the preview. Parts of a thousand, so that signed documents carry no floats."""

    tubes_a_day: int | None = None
    people_a_tube: int = 10
    infected_per_mille: int = 2
    found_per_mille: int = 900

    def __post_init__(self) -> None:
        if self.tubes_a_day is not None and not 0 <= self.tubes_a_day <= 10_000_000:
            raise ValueError("tubes_a_day")
        if not 1 <= self.people_a_tube <= 20:
            raise ValueError("people_a_tube")
        if not 0 <= self.infected_per_mille <= 1000:
            raise ValueError("infected_per_mille")
        if not 1 <= self.found_per_mille <= 1000:
            raise ValueError("found_per_mille")


class Moved(msgspec.Struct, frozen=True):
    """People of one group by what the draft does to them."""

    name: Text
    worse: Tens
    better: Tens
    same: Tens


class Cause(msgspec.Struct, frozen=True):
    """Why people would be worse off: the rule's reason, how many, the remedy it names, and whom that does not help."""

    rule: str
    reason: Text
    remedy: Text
    people: Tens
    no_remedy: Tens


class DayAhead(msgspec.Struct, frozen=True):
    """One clock. `matrix`: people from (rows) to (columns), each in the order clear, conditions, hold.

    `tubes`: tubes that would be needed that day, under the policy in force and under the draft.
    """

    at: datetime
    matrix: tuple[tuple[Tens, ...], ...]
    tubes_before: Tens
    tubes_after: Tens


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would do. `worse` stands first. Totals are sums of the shown cells, so they give nothing away."""

    v: Literal[1] = 1
    kind: Literal["policy-preview"] = "policy-preview"
    worse: Tens
    better: Tens
    people: Tens
    made_up: bool
    harms: bool
    cannot_be_judged: Tens
    no_remedy: Tens
    causes: tuple[Cause, ...]
    days: tuple[DayAhead, ...]
    groups: dict[str, tuple[Moved, ...]]
    infections_found: int
    restricted_per_infection: int | None
    laboratory: Laboratory
    days_over_capacity: int
    draft: str
    policy_before: int | None
    looked_at: datetime
    assumed: tuple[Text, ...]


class PolicyOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The text two officers sign. `policy` and `preview` are SHA-256; `back` is the policy one click may return to."""

    v: Literal[1] = 1
    kind: Literal["policy-order"] = "policy-order"
    id: str
    mandate: str
    policy: str
    preview: str
    worse_off: str
    measures: tuple[str, ...]
    lead_hours: int
    begins: datetime | None
    back: str | None
    back_number: int | None
    at: datetime


class SignedBy(NamedTuple):
    """One officer's signature on an order."""

    role: str
    vkey: str
    line: str
    by_whom: str
    signed_at: datetime


class Order(NamedTuple):
    """A draft on its way. `lead_ms` is how long it must be known before it binds."""

    id: str
    mandate_id: str
    body: bytes
    hash: str
    drafted_at: datetime
    drafted_by: str
    previewed_at: datetime | None
    preview: bytes | None
    preview_hash: str | None
    people: int | None
    lead_ms: int
    back_number: int | None
    back_hash: str | None
    back_until: datetime | None
    text: bytes | None
    published_at: datetime | None
    policy_number: int | None
    withdrawn_at: datetime | None
    signatures: tuple[SignedBy, ...] = ()

    @property
    def state(self) -> OrderState:
        """Derived, never stored."""
        if self.published_at is not None:
            return "published"
        if self.withdrawn_at is not None:
            return "withdrawn"
        if {signed.role for signed in self.signatures} >= set(SIGNING_ROLES):
            return "signed"
        return "draft" if self.preview is None else "previewed"


class Job(NamedTuple):
    """Everybody decided again under one policy, as far as it has come."""

    policy_number: int
    mandate_id: str
    state: JobState
    total: int
    done: int
    changed: int
    told: int
    place: str
    started_at: datetime | None
    beat_at: datetime | None
    finished_at: datetime | None


class Rollout(NamedTuple):
    """A policy on its way to the gates. Shares are per mille of showings that ended in a hold."""

    policy_number: int
    order_id: str
    mandate_id: str
    before_number: int | None
    state: RolloutState
    stage: int
    stage_at: datetime | None
    snapshot: int
    base_holds: int
    low: int
    high: int
    why: str
    by_whom: str
    alarmed: str = ""
