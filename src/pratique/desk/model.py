"""The facts of the room `desk`: cases, outcomes, bulk actions, visits. No I/O.

A case is one thing to do for one person by a time. Cases are ordered by due time and by nothing else; no field holds
what a person is like (law 5), no field holds a place (law 4).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from pratique.core.text import Text

Kind = Literal["call", "call-me", "daily-call", "visit", "help"]
Result = Literal["reached", "no-answer", "wrong-number", "needs-help", "refuses", "not-this-person"]
Why = Literal["", "unreached", "near", "family"]
Action = Literal["give", "later", "close"]
Whose = Literal["mine", "pool", "both"]
KINDS: tuple[Kind, ...] = ("call", "call-me", "daily-call", "visit", "help")
RESULTS: tuple[Result, ...] = (
    "reached", "no-answer", "wrong-number", "needs-help", "refuses", "not-this-person",
)  # fmt: skip
MAX_BULK = 10_000
MAX_NOTE = 500


class CaseRow(NamedTuple):
    """A case as it is stored; times in milliseconds. `why` says more than the kind where the desk itself began it."""

    id: str
    subject_id: str
    mandate_id: str
    kind: str
    notice_id: str
    area: str
    owner: str
    opened_at: int
    due_at: int
    state: str
    state_at: int
    result: str
    attempts: int
    version: int
    why: str = ""


class CaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """A case in the list: no name, no subject."""

    id: str
    kind: Kind
    title: Text
    due_at: datetime
    mine: bool
    attempts: int


class Line(NamedTuple):
    """One line of a case's history."""

    at: datetime
    what: Text
    by_me: bool
    note: str = ""


class CaseFile(NamedTuple):
    """A case as its worker reads it: whom to call, what to say, what was done. `card` holds what the role may see."""

    row: CaseRow
    title: Text
    reason: Text
    script: Sequence[Text]
    language: str
    card: dict[str, str]
    due_at: datetime
    lines: Sequence[Line]
    pseudonym: str


class Place(NamedTuple):
    """A place in a list ordered by due time: the last line that was seen."""

    due_at: int = 0
    id: str = ""


class Chosen(NamedTuple):
    """Which cases a bulk action takes: kinds (none: all), due before, mine or the pool. Never names."""

    kinds: tuple[str, ...] = ()
    due_before: datetime | None = None
    whose: Whose = "mine"
    limit: int = MAX_BULK


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk action as it stands."""

    id: str
    action: Action
    target: str
    total: int
    done: int
    state: Literal["running", "done", "undoing", "undone"]
    made_at: datetime
    undo_until: datetime


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit of the day as the phone of its worker carries it, sealed there. `answers`: results in its own words."""

    case_id: str
    title: Text
    reason: Text
    script: tuple[Text, ...]
    due_at: str
    card: dict[str, str]
    answers: dict[str, Text] = {}


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """The day's own visits, and when the phone has to forget them."""

    visits: tuple[Visit, ...]
    results: tuple[str, ...]
    ends_at: str
    now: str


class VisitResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of a visit, written down without a network. `key` makes sending it twice harmless."""

    case_id: str
    result: Result
    at: str
    key: str
    note: str = ""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one result: `stored`, `known`, or `conflict` with what a colleague wrote: both are kept."""

    key: str
    what: Literal["stored", "known", "conflict", "not-yours"]
    other: str = ""
