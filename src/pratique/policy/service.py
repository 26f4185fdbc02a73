"""Use cases of the room: publish a policy, record evidence, decide again. Each runs in its caller's transaction.

A decision is written only when it says something new. Evidence bodies and facts are sealed; a subject whose key was
destroyed has no evidence any more and is not decided about.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple

from pratique.core.errors import Destroyed, NotFound
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.policy import mirror_store, store
from pratique.policy.deciding import redecide, redecide_changed, redecide_many, sweep_due
from pratique.policy.model import Decision, Evidence
from pratique.policy.policies import (
    check_policy,
    live_policy,
    policies,
    policy_document,
    publish_policy,
    rule_set,
)
from pratique.policy.sealed import open_decision, open_facts, read_evidence, seal_evidence
from pratique.store.sealing import Sealer
from pratique.store.tx import Tx


class EvidenceChange(NamedTuple):
    """One piece of evidence to record; `supersedes` is the ref of what it withdraws."""

    evidence: Evidence
    supersedes: str | None = None


def town_rules() -> bytes:
    """The rule set of the demo town, as it is published."""
    return (files("pratique.policy") / "rules" / "town.json").read_bytes()


def record_evidence(
    tx: Tx, moment: Moment, sealer: Sealer, evidence: Evidence, supersedes: str | None
) -> None:
    """Keep one piece of evidence, sealed. The same id again changes nothing. `supersedes` is the `ref` of the
    subject's evidence that this one withdraws."""
    record_all(tx, moment, sealer, [EvidenceChange(evidence, supersedes)])


def record_all(tx: Tx, moment: Moment, sealer: Sealer, changes: Iterable[EvidenceChange]) -> None:
    """`record_evidence` for many at once. Evidence about a subject that was forgotten is not kept."""
    added, withdrawn = [], []
    for evidence, supersedes in changes:
        if supersedes:
            withdrawn.append({"subject_id": evidence.subject_id, "ref": supersedes, "now": moment.now_ms})
        try:
            body = seal_evidence(sealer, evidence, moment.now_ms)
        except Destroyed:
            continue
        added.append(
            {
                "id": evidence.id,
                "subject_id": evidence.subject_id,
                "mandate_id": evidence.mandate_id,
                "ref": evidence.ref,
                "recorded_at": moment.now_ms,
                "body": body,
            }
        )
    if withdrawn:
        store.withdraw_evidence(tx, withdrawn)
    if added:
        store.add_evidence(tx, added)
    mirror_store.queue(tx, (str(row["subject_id"]) for row in (*withdrawn, *added)))


def rule_versions(tx: Tx) -> dict[tuple[str, str], str]:
    """The hash of every version of every rule ever published."""
    return store.rule_versions(tx)


def count_subjects(tx: Tx) -> int:
    """How many people a policy decides about."""
    return store.count_subjects(tx)


def waiting_otherwise(tx: Tx, number: int, after: str, limit: int) -> list[str]:
    """Who changed since the mirror last looked and is not decided by policy `number`, in order of their random ids."""
    return mirror_store.waiting_otherwise(tx, number, after, limit)


def evidence_of(tx: Tx, sealer: Sealer, subject_id: str) -> list[Evidence]:
    """What stands for one subject, oldest sample first; nothing withdrawn, nothing whose key was destroyed."""
    return read_evidence(tx, sealer, [subject_id]).get(subject_id, [])


def current_decision(tx: Tx, sealer: Sealer, subject_id: str) -> Decision | None:
    """The current decision, None if there is none or its key was destroyed. Look at `valid_until` before using it."""
    for row in store.current_decisions(tx, [subject_id]):
        return open_decision(sealer, row)
    return None


def facts_of(tx: Tx, sealer: Sealer, facts_row_id: str) -> Decision:
    """The decision as it was made, from its facts row alone: what an appeal reads. Raises NotFound, Destroyed, and
    ValueError if the row is not what was written."""
    row = store.decision_of_facts(tx, facts_row_id)
    if row is None:
        raise NotFound("NO_FACTS", "facts_row_id", Text("there is no such record", "没有此记录"))
    return open_facts(sealer, row)


def forget_subject(tx: Tx, subject_id: str) -> None:
    """Delete what this room holds of a subject; its keys go elsewhere, in the same act."""
    store.forget_subject(tx, subject_id)
    mirror_store.forget(tx, subject_id)


def leave_mirror(tx: Tx, subject_id: str) -> None:
    """A subject is being forgotten: the columns for sweeps are made anew without them."""
    mirror_store.forget(tx, subject_id)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete what is known and decided about people under a mandate; rows deleted per table.

    The policies themselves stay: rules are public, and their digests stand in the log.
    """
    queued = mirror_store.forget_mandate(tx, mandate_id)
    return {**store.erase_mandate(tx, mandate_id), "policy_outbox": queued}


__all__ = [
    "EvidenceChange",
    "check_policy",
    "count_subjects",
    "current_decision",
    "erase_mandate",
    "evidence_of",
    "facts_of",
    "forget_subject",
    "leave_mirror",
    "live_policy",
    "policies",
    "policy_document",
    "publish_policy",
    "record_all",
    "record_evidence",
    "redecide",
    "redecide_changed",
    "redecide_many",
    "rule_set",
    "rule_versions",
    "sweep_due",
    "town_rules",
    "waiting_otherwise",
]
