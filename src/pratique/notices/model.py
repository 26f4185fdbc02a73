"""The facts of the room `notices`: kinds, openings, what the wallet reads. No I/O.

A notice knows a subject, never a site or a place. There is no score and no ranking of anybody.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.notices.clear import Condition
from pratique.people.service import SubjectSecrets
from pratique.policy import service as policy
from pratique.policy.model import Decision
from pratique.store.sealing import Sealer
from pratique.store.tx import Tx

Class = Literal["duty", "restriction", "information"]
Cause = Literal["person", "system"]
EvidenceChange = policy.EvidenceChange  # one piece of evidence, and the ref of what it withdraws
OPEN_STATES = ("open", "waiting")

# Nothing goes back: a correction opens a new notice that names the old one.
TRANSITIONS: dict[str, frozenset[str]] = {
    "open": frozenset({"waiting", "cleared", "lifted", "replaced", "withdrawn"}),
    "waiting": frozenset({"cleared", "lifted", "replaced", "withdrawn"}),
    "cleared": frozenset(),
    "lifted": frozenset(),
    "replaced": frozenset(),
    "withdrawn": frozenset(),
}


class House(NamedTuple):
    """What the room needs of the house around it; `port.py` makes it once. `forgets`: what rooms above delete of a
    subject who asks to be forgotten."""

    sealer: Sealer
    signer: Signer
    keys: SubjectSecrets
    forgets: tuple[Callable[[Tx, str], object], ...] = ()


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of notice, as data: texts in both languages, when it waits, when it clears, how long at most.

    `hours` is the usual time, `max_hours` the longest anybody may be asked; a kind without end does not exist. The desk
    calls where nothing reached the person for `reach_hours`, and `call_hours` before the deadline where no sample was
    given; 0 is never.
    """

    code: str
    version: int
    class_: Class = msgspec.field(name="class")
    cause: Cause
    title: Text
    reasons: dict[str, Text]
    remedy: tuple[Text, ...]
    allowed: tuple[Text, ...]
    waits: Condition | None = None
    clears: Condition
    hours: int
    max_hours: int
    reach_hours: int = 0
    call_hours: int = 0


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file `kinds.json`: every text of the room."""

    kinds: tuple[Kind, ...]
    events: dict[str, Text]
    causes: dict[str, Text]
    facts: dict[str, Text]
    answers: dict[str, Text]


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact as it is shown: what, from where, since when (RFC 3339, or null)."""

    what: Text
    source: Text | str
    at: str | None


class Opening(NamedTuple):
    """A notice to be opened. Its facts stand in `decision`, in `ground_id` (about nobody), or in `facts` (sealed).

    `deadline` None takes the kind's usual time; `since` None means samples from now on count.
    """

    subject_id: str
    kind: str
    mandate_id: str
    reason: str
    decision: Decision | None = None
    ground_id: str = ""
    facts: tuple[Said, ...] = ()
    analyte: str = ""
    source_ref: str = ""
    since: datetime | None = None
    deadline: datetime | None = None
    campaign_id: str = ""
    replaces: str = ""
    decider: str = ""
    notice_id: str = ""


class Campaign(NamedTuple):
    """What a campaign says to everybody: its mandate, the analyte tested for, and when it closes."""

    id: str
    name: Text
    mandate_id: str
    analyte: str
    opens_at: datetime
    closes_at: datetime


class NoticeRow(NamedTuple):
    """A notice as it is stored; times in milliseconds. The column names are the field names.

    `desk_at` is when the desk looks at it next, None for never; `reached_at` is 0 while nothing has reached its person,
    None where nobody asks.
    """

    id: str
    subject_id: str
    kind: str
    kind_version: int
    class_: str
    mandate_id: str
    campaign_id: str
    decision_id: str
    facts_row_id: str
    ground_id: str
    rule_id: str
    rule_version: str
    reason_code: str
    remedy_code: str
    appeal_path: str
    clock_profile: str
    analyte: str
    source_ref: str
    since_at: int
    opened_at: int
    duration_ms: int
    deadline_at: int
    ends_at: int
    due_at: int
    state: str
    state_at: int
    cause: str
    replaces: str
    decider: str
    sealed_facts: bytes | None
    desk_at: int | None = None
    reached_at: int | None = None


class AppealRow(NamedTuple):
    """An appeal as it is stored; times in milliseconds."""

    id: str
    notice_id: str
    subject_id: str
    mandate_id: str
    facts_row_id: str
    ground_id: str
    facts_hash: str
    opened_at: int
    profile: str
    stage: int
    stage_at: int
    due_at: int
    next_at: int
    escalated: int
    state: str
    decider: str
    reviewer: str
    first_reviewer: str
    outcome: str
    reason_code: str
    closed_at: int | None
    sealed_text: bytes
    text_digest: bytes
    sealed_answer: bytes | None
    answered_at: int | None


class OrderRow(NamedTuple):
    """An individual order as it is stored; times in milliseconds."""

    id: str
    subject_id: str
    mandate_id: str
    notice_id: str
    opened_at: int
    ends_at: int
    ordered_by: str
    food: str
    medicine: str
    contact: str
    daily_call: str
    review_path: str
    court_path: str
    sealed_why: bytes
    family_by: int = 0


# What the wallet reads


class ReasonView(msgspec.Struct, frozen=True):
    code: str
    text: Text


class RuleView(msgspec.Struct, frozen=True):
    id: str
    version: str


class AppealPath(msgspec.Struct, frozen=True):
    """Where to appeal, and within how many hours somebody must answer."""

    path: str
    clock_hours: int


class EventView(msgspec.Struct, frozen=True):
    at: str
    what: Text


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as the holder sees it: why, what to do, by when, how to appeal, what happened."""

    id: str
    kind: str
    class_: Class = msgspec.field(name="class")
    cause: Cause
    title: Text
    reason: ReasonView
    facts: tuple[Said, ...]
    rule: RuleView
    mandate_id: str
    remedy: tuple[Text, ...]
    allowed: tuple[Text, ...]
    opened_at: str
    deadline: str
    deadline_effective: str
    extended_because: tuple[Text, ...]
    state: str
    replaces: str
    appeal: AppealPath
    history: tuple[EventView, ...]


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    outcome: str
    reasons: tuple[ReasonView, ...]
    remedy: tuple[Text, ...]
    rule: RuleView
    facts: tuple[Said, ...]
    mandate_id: str
    valid_until: str
    would_change: tuple[Text, ...]


class MandateView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    purpose: Text
    issuer: Text
    appeal_office: Text
    start: str
    end: str


class PassView(msgspec.Struct, frozen=True):
    credential: str
    expires: str


class ResultView(msgspec.Struct, frozen=True):
    """A result of one's own tube, as `testing` gives it."""

    tube_kind: str
    outcome: str
    sampled_at: str
    known_at: str
    analyte: str


class LookView(msgspec.Struct, frozen=True):
    at: str
    role: str
    purpose: Text
    fields: tuple[str, ...]


class AttachmentView(msgspec.Struct, frozen=True):
    """A file that was added to an appeal."""

    id: str
    media: str
    size: int
    added_at: str


class AppealView(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal as its holder sees it; `reason` and `answer` once it is answered."""

    id: str
    notice_id: str
    opened_at: str
    due_at: str
    state: str
    outcome: str
    reason: Text | None = None
    answer: str = ""
    attachments: tuple[AttachmentView, ...] = ()


class CareView(msgspec.Struct, frozen=True):
    """One duty of care and who answers for it."""

    code: str
    what: Text
    who: str


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """The copy of an order that its subject holds: why, until when, who cares for what, where to object.

    `review_path` and `court_path` are the mandate's words in both languages, or the line the doctor wrote where the
    mandate names none. `family`: "" not yet (by `family_by` at the latest), told or not-wished, at `family_at`.
    """

    id: str
    notice_id: str
    state: str
    issuer: Text
    basis: tuple[str, ...]
    why: str
    opened_at: str
    ends_at: str
    care: tuple[CareView, ...]
    review_path: Text | str
    court_path: Text | str
    appeal_office: Text
    mandate_id: str
    family_by: str
    family: str
    family_at: str | None


class WalletView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a wallet shows. The times are RFC 3339 in UTC."""

    now: str
    subject_id: str
    mandate: MandateView | None
    decision: DecisionView | None
    notices: tuple[NoticeView, ...]
    passes: tuple[PassView, ...]
    results: tuple[ResultView, ...]
    looks: tuple[LookView, ...]
    appeals: tuple[AppealView, ...]
    skew_s: int
    orders: tuple[OrderView, ...] = ()


Results = Callable[[Tx, str], list[ResultView]]

# What the rooms above read


class Unsaid(NamedTuple):
    """Something a person was not told yet: `what` is news, reminder, or "" for nothing to say. `due_at` in ms."""

    notice_id: str
    subject_id: str
    what: Literal["news", "reminder", ""]
    due_at: int


class ToCall(NamedTuple):
    """Somebody the desk calls although nobody asked: `why` is unreached or near; by when, in ms."""

    line: "NoticeLine"
    subject_id: str
    why: Literal["unreached", "near"]
    due_at: int


class Waiting(NamedTuple):
    """An appeal that used up half (`level` 1) or four fifths (2) of its time, which ends at `ends_at` (ms)."""

    appeal_id: str
    subject_id: str
    mandate_id: str
    level: int
    ends_at: int


# What the console reads: no name, no subject


class NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    title: Text
    state: str
    cause: str
    opened_at: datetime
    due_at: datetime
    mandate_id: str


class AppealLine(msgspec.Struct, frozen=True, kw_only=True):
    """`level` is how far it escalated: 0, 1 (half of the clock), 2 (four fifths)."""

    id: str
    notice_id: str
    kind: str
    title: Text
    opened_at: datetime
    due_at: datetime
    state: str
    stage: int
    level: int
    decider: str
    reviewer: str
    outcome: str


class AppealFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer reads: the row the decision was made with, the person's text, and nothing else."""

    line: AppealLine
    facts: tuple[Said, ...]
    facts_hash: str
    rule: RuleView
    reason: ReasonView
    text: str
    attachments: tuple[AttachmentView, ...] = ()
