"""The facts of the law: what a mandate's text says, which data exists, how long it may be kept at most.

Promise: what comes from outside is refused by name where it holds anything this file does not list. No I/O.
"""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from pratique.core.mandate import Kept, Unlock
from pratique.core.text import Text

ROLES = ("legal", "public-health", "court")
Role = Literal["legal", "public-health", "court"]

# Every class of data the house can hold, with the longest time a mandate may ask for, in days. What is not here
# cannot be named in a mandate, and so cannot be held (law 4). Extending this table is a decision record.
CEILINGS: dict[str, int] = {
    "contact": 30,  # sealed contact cards: name, phone, language
    "evidence": 180,  # signed facts: test results, vaccination, recovery, exemption, order
    "decision": 90,  # decisions and the facts rows under them
    "notice": 90,  # what a person was told to do, with its history
    "appeal": 180,  # appeals outlast the notice they are about
    "tube": 14,  # who is in which tube: the correction window of a laboratory
    "result": 90,  # result versions per tube
    "issuance": 30,  # that a pass was issued: no payload, no device key
    "revocation": 30,
    "access": 90,  # who looked at a contact card
    "count": 90,  # counts per gate and quarter-hour: no person in them
    "device": 90,  # gates and site devices
}
CLASS_TEXT: dict[str, Text] = {
    "contact": Text("name and phone, sealed", "姓名和电话（加密封存）"),
    "evidence": Text("test results and other signed facts", "检测结果及其他签名事实"),
    "decision": Text("decisions and their reasons", "判定及其理由"),
    "notice": Text("notices and their history", "提示及其经过"),
    "appeal": Text("appeals", "申诉"),
    "tube": Text("who is in which tube", "采样管成员"),
    "result": Text("results per tube", "每管结果"),
    "issuance": Text("that a pass was issued", "通行凭证签发记录"),
    "revocation": Text("that a pass was withdrawn", "通行凭证撤销记录"),
    "access": Text("who looked at a contact card", "联系卡查阅记录"),
    "count": Text("counts per gate, without persons", "哨位计数（不含个人）"),
    "device": Text("gates and site devices", "哨位及采样点设备"),
}

LEAD_HOURS = 48  # how long a rule that can make somebody worse off is known before it binds, where nothing else is said

# What a gate does when something is missing (`gate.md` 2.3): per cause the allowed answers, the default first.
FAIL_ACTIONS: dict[str, tuple[str, ...]] = {
    "lists-stale": ("admit", "see-staff", "stop"),
    "clock-bad": ("see-staff", "admit"),
    "storage-full": ("count-in-memory",),
    "device-key-lost": ("out-of-order",),
    "mandate-ended": ("stop",),
    "door-fault": ("out-of-order", "by-hand"),
}


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who orders. `vkeys` are its keys, each named `…/role`."""

    name: Text
    office: Text
    vkeys: tuple[str, ...]


class Basis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The law it stands on, with the digest of the text that was in force."""

    law: Text
    article: str
    url: str
    sha256: str


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What for."""

    code: str
    text: Text


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and for whom: codes, never persons."""

    areas: tuple[str, ...]
    groups: tuple[str, ...]


class AppealTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who hears appeals, and within how many hours; after that the restriction lifts (law 3)."""

    office: Text
    clock_hours: int


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an order is contested besides the appeal, with address and time limit: administrative review, court."""

    review: Text
    court: Text


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where residents read the order, and its SHA-256."""

    url: str
    sha256: str
    media: str


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The text of a mandate note (`docs/mandates.md`, format 1).

    `lead_hours` is written only where it is shorter than usual: an emergency in which a rule that can make somebody
    worse off may come into force sooner after it was published. Left out, it is not in the text at all. `paths` stands
    on every individual order under this mandate; left out, whoever gives an order writes them.
    """

    v: Literal[1]
    kind: Literal["mandate"]
    id: str
    extends: str | None
    supersedes: str | None
    issuer: Issuer
    basis: tuple[Basis, ...]
    purpose: Purpose
    scope: Scope
    unlocks: tuple[Unlock, ...]
    data: tuple[Kept, ...]
    recipients: tuple[Text, ...]
    start: datetime
    end: datetime
    grace_hours: int
    appeal: AppealTo
    fail: dict[str, str]
    eps: dict[str, str]
    text: Reading
    lead_hours: int = LEAD_HOURS
    paths: Paths | None = None


class EndOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The text of a note that ends a mandate early: one signature of the issuer or of the court it names."""

    v: Literal[1]
    kind: Literal["mandate-end"]
    id: str
    reason: str
    at: datetime


class Signed(NamedTuple):
    """One signature on a draft, as it is stored."""

    role: str
    vkey: str
    line: str


class Standing(msgspec.Struct, frozen=True):
    """A mandate as it stands: its document, the signatures so far, and where it is in its life."""

    document: Document
    digest: str
    signatures: tuple[Signed, ...]
    published_at: datetime | None
    ended_at: datetime | None
    log_seq: int | None
    destroyed_at: datetime | None

    def state(self, now: datetime) -> str:
        """draft, signed, waiting, live, grace, due or destroyed: derived, never stored."""
        if self.destroyed_at is not None:
            return "destroyed"
        if self.published_at is None:
            roles = {signed.role for signed in self.signatures}
            return "signed" if {"legal", "public-health"} <= roles else "draft"
        ends = min(self.document.end, self.ended_at or self.document.end)
        if now < ends:
            return "live" if now >= self.document.start else "waiting"
        gone = (now - ends).total_seconds()
        return "grace" if gone < self.document.grace_hours * 3600 else "due"
