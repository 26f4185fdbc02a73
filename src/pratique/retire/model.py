"""The facts of the end: what is to be destroyed, what was destroyed, and the certificate that says so. No I/O.

The certificate has the fields of NIST SP 800-88r1 section 4.8 and our own. A field that cannot be filled says so in
words; an empty text does not construct.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from pratique.core.text import Text

# Which class of data of the catalogue each table of each room holds.
CLASS_OF_TABLE = {
    "contact_card": "contact", "claim_code": "contact", "subject": "contact", "subject_key": "contact",
    "access_index": "access", "access_log": "access",
    "evidence": "evidence",
    "decision": "decision", "facts_row": "decision", "policy": "decision", "policy_sweep": "decision",
    "policy_outbox": "evidence",
    "redecision": "decision", "rollout": "decision",
    "notice": "notice", "notice_event": "notice", "notice_ground": "notice", "fault": "notice",
    "care_order": "notice", "order_family": "notice", "desk_case": "notice", "desk_event": "notice",
    "desk_bulk_case": "notice", "channel": "contact", "message": "contact",
    "appeal": "appeal", "appeal_event": "appeal", "appeal_attachment": "appeal", "duty_message": "appeal",
    "tube": "tube", "tube_member": "tube", "tube_event": "tube", "tube_conflict": "tube", "tube_batch": "tube",
    "custody": "tube", "campaign": "tube", "site": "tube", "lane": "tube", "testing_task": "tube",
    "result_version": "result", "tube_state": "result", "lab_message": "result", "lab_quarantine": "result",
    "issuance": "issuance", "pass_outbox": "issuance", "revocation": "revocation",
    "slot_count": "count", "slot_flow": "count", "count_batch": "count", "site_count": "count",
    "gate": "device", "gate_token": "device", "gate_alarm": "device", "gate_step": "device",
    "device": "device", "device_token": "device",
}  # fmt: skip


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What will be destroyed: rows per room and table, secrets per kind. Made by trying it and undoing it."""

    v: Literal[1] = 1
    kind: Literal["destruction-plan"] = "destruction-plan"
    mandate: str
    early: bool
    classes: tuple[str, ...]
    rows: dict[str, dict[str, int]]
    secrets: dict[str, int]
    act_at: datetime

    def per_class(self) -> dict[str, int]:
        """Rows per class of data, every class of the mandate named."""
        counts = dict.fromkeys(self.classes, 0)
        for tables in self.rows.values():
            for table, n in tables.items():
                name = CLASS_OF_TABLE.get(table, "other")
                counts[name] = counts.get(name, 0) + n
        return counts


class FoundBefore(msgspec.Struct, frozen=True, kw_only=True):
    """What the scan found before anything was destroyed: without it the certificate is void."""

    planted: int
    forms_found: int
    forms_wanted: int
    ids_found: int
    sealed_opened: int
    sealed_wanted: int
    leaked: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """True if the scanner saw every form, every canary's id, and every sealed canary still opened."""
        return (
            self.planted > 0
            and self.forms_found == self.forms_wanted
            and self.ids_found == self.planted
            and self.sealed_opened == self.sealed_wanted > 0
        )


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """The scan afterwards."""

    at: datetime
    files: int
    bytes: int
    tables: int
    hits: tuple[str, ...]
    in_backups: int
    unread: tuple[str, ...]
    databases: dict[str, str]


class KeyEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the key store says: secrets per kind, digest of their names, the root generation that is gone."""

    counts: dict[str, int]
    names_digest: str
    root: str
    destroyed_generation: int
    generation_now: int


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Sanitisation or verification: who, in which office, when, where (NIST SP 800-88r1 4.8)."""

    name: Text
    title: Text
    at: datetime
    place: Text
    contact: Text
    signature: Text


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """One object per medium, with every field of NIST SP 800-88r1 4.8."""

    manufacturer: Text
    model: Text
    serial_number: Text
    property_number: Text
    media_type: Text
    media_source: Text
    confidentiality_before: Text
    confidentiality_after: Text
    description: Literal["Clear", "Purge", "Destroy"]
    method: Text
    tool: Text
    verification: Text
    destination: Text
    sanitised: Act
    verified: Act
    backups: Text


class Canaries(msgspec.Struct, frozen=True, kw_only=True):
    """The scan in the certificate."""

    valid: bool
    result: Text
    before: FoundBefore | None
    after: Scanned


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The text of the certificate's note."""

    v: Literal[1] = 1
    kind: Literal["certificate-of-destruction"] = "certificate-of-destruction"
    mandate: str
    mandate_log_index: int
    mandate_digest: str
    why: Text
    plan_digest: str
    classes: tuple[str, ...]
    records_before: dict[str, int]
    records_after: dict[str, int]
    keys: KeyEvidence
    ordered_at: datetime
    started_at: datetime
    finished_at: datetime
    media: tuple[Medium, ...]
    canaries: Canaries
    backups: Text
    replicas: Text
    gates: Text
    holds: Text
    previous: Text

    def __post_init__(self) -> None:
        for text in _texts(msgspec.to_builtins(self)):
            if not text.strip():
                raise ValueError("a certificate that cannot fill a field says so in words")


def _texts(plain: Any) -> list[str]:
    if isinstance(plain, str):
        return [plain]
    parts = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list | tuple) else ()
    return [text for part in parts for text in _texts(part)]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What two officers approve before an early destruction: this plan, not before this time."""

    v: Literal[1] = 1
    kind: Literal["destruction-order"] = "destruction-order"
    mandate: str
    plan_digest: str
    ordered_at: datetime
    act_at: datetime


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A destruction as it stands, for lists and answers."""

    mandate: str
    state: str
    plan: Plan
    approved_by: tuple[str, ...]
    attested_by: tuple[str, ...]
    certificate: bytes | None
    log_index: int | None
