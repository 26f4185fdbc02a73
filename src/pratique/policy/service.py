"""Use cases of the room: publish a policy, record evidence, decide again. Each runs in its caller's transaction.

A decision is written only when it says something new. Evidence bodies and facts are sealed; a subject whose key was
destroyed has no evidence any more and is not decided about.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from pratique.core.errors import Destroyed, NoMandate, NotFound
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.policy import check, mirror_store, store
from pratique.policy.certlogic import SPECIFICATION
from pratique.policy.decide import decide
from pratique.policy.model import Decision, Evidence, Mark, Policy, RuleSet, Verdict
from pratique.policy.ruleset import read_rule_set
from pratique.policy.sealed import open_decision, open_facts, read_evidence, seal_evidence, write_decision
from pratique.store.sealing import Sealer
from pratique.store.tx import Tx

SWEEP = 500  # subjects a sweep decides in one transaction
_RULE_SETS: dict[store.PolicyRow, RuleSet] = {}  # parsed policies of this process; a policy never changes
_MAX_RULE_SETS = 16


class EvidenceChange(NamedTuple):
    """One piece of evidence to record; `supersedes` is the ref of what it withdraws."""

    evidence: Evidence
    supersedes: str | None = None


def town_rules() -> bytes:
    """The rule set of the demo town, as it is published."""
    return (files("pratique.policy") / "rules" / "town.json").read_bytes()


def check_policy(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> RuleSet:
    """The rule set, if it could be published now under this mandate. Raises NoMandate, or Refusal with the code of the
    first failed check."""
    ends_at = store.mandate_end(tx, mandate_id, moment.now_ms)
    if ends_at is None:
        raise NoMandate(what="a policy")
    ruleset = read_rule_set(raw)
    check.refuse_unpublishable(ruleset, moment.now, from_ms(ends_at), store.rule_versions(tx))
    return ruleset


def publish_policy(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> Policy:
    """Check and store a rule set as the next policy, in force from its `from` (or now) to its `to`, and never
    beyond the end of its mandate. Raises NoMandate, or Refusal with the code of the first failed check."""
    ends_at = store.mandate_end(tx, mandate_id, moment.now_ms)
    if ends_at is None:
        raise NoMandate(what="a policy")
    ruleset = read_rule_set(raw)
    known = store.rule_versions(tx)
    check.refuse_unpublishable(ruleset, moment.now, from_ms(ends_at), known)
    number = store.last_number(tx) + 1
    policy = Policy(
        number=number,
        mandate_id=mandate_id,
        published_at=moment.now,
        from_at=max(ruleset.from_at, moment.now),
        to_at=min(ruleset.to_at, from_ms(ends_at)),
        hash=ruleset.hash,
        body=raw,
    )
    store.add_policy(
        tx,
        number=number,
        mandate_id=mandate_id,
        published_at=moment.now_ms,
        from_at=to_ms(policy.from_at),
        to_at=to_ms(policy.to_at),
        engine_version=SPECIFICATION,
        hash=policy.hash,
        body=raw,
    )
    store.add_rule_versions(
        tx,
        [
            {
                "identifier": rule.id,
                "version": rule.version,
                "hash": check.rule_hash(rule),
                "first_policy": number,
            }
            for rule in ruleset.rules
        ],
    )
    return policy


def live_policy(tx: Tx, now: datetime) -> RuleSet | None:
    """The rule set in force at `now`, under a mandate in force at `now`; None if there is none."""
    row = store.live_policy(tx, to_ms(now))
    return None if row is None else _rule_set(tx, row)


def rule_set(tx: Tx, number: int) -> RuleSet | None:
    """A published rule set by its number, in force or not."""
    row = store.policy_row(tx, number)
    return None if row is None else _rule_set(tx, row)


def _rule_set(tx: Tx, row: store.PolicyRow) -> RuleSet:
    if (known := _RULE_SETS.get(row)) is not None:
        return known
    raw = store.policy_body(tx, row.number)
    if raw is None or sha256(raw).hexdigest() != row.hash:
        raise RuntimeError(f"policy {row.number} is not what was published")
    ruleset = msgspec.structs.replace(
        read_rule_set(raw),
        number=row.number,
        mandate_id=row.mandate_id,
        from_at=from_ms(row.from_at),
        to_at=from_ms(min(row.to_at, row.ends_at)),
    )
    while len(_RULE_SETS) >= _MAX_RULE_SETS:
        _RULE_SETS.pop(next(iter(_RULE_SETS)))
    _RULE_SETS[row] = ruleset
    return ruleset


def policy_document(tx: Tx, number: int) -> bytes:
    """A published policy byte for byte: what a snapshot carries. Raises NotFound."""
    if (raw := store.policy_body(tx, number)) is None:
        raise NotFound("NO_POLICY", "number", Text("there is no such policy", "没有此政策"))
    return raw


def policies(tx: Tx) -> list[Policy]:
    """Every policy ever published, newest first, without the bodies."""
    return [
        Policy(
            number=row[0],
            mandate_id=row[1],
            published_at=from_ms(row[2]),
            from_at=from_ms(row[3]),
            to_at=from_ms(row[4]),
            hash=row[5],
            body=b"",
        )
        for row in store.policy_rows(tx)
    ]


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


def redecide(
    tx: Tx, moment: Moment, sealer: Sealer, subject_id: str
) -> tuple[Decision, Decision | Mark | None]:
    """Decide about one subject now: (decision, what stood before). If nothing changed both are the stored one.
    Raises NoMandate when no policy is in force, Destroyed when the subject was forgotten."""
    for result in redecide_many(tx, moment, sealer, [subject_id]):
        return result
    raise Destroyed


def redecide_many(
    tx: Tx, moment: Moment, sealer: Sealer, subject_ids: Sequence[str], fresh: Iterable[Evidence] = ()
) -> list[tuple[Decision, Decision | Mark | None]]:
    """`redecide` for many subjects, once each and in their order, with a handful of statements. Who was forgotten is
    left out. A stored decision is opened only where its mark does not tell already that the new one differs. `fresh`
    is evidence that the caller has just recorded: it is not unsealed again. Raises NoMandate."""
    ruleset = live_policy(tx, moment.now)
    if ruleset is None:
        raise NoMandate("policy", "a decision")
    wanted = list(dict.fromkeys(subject_ids))
    evidence = read_evidence(tx, sealer, wanted, {one.id: one for one in fresh}, moment.now_ms)
    marks = store.marks(tx, wanted)
    alike: dict[tuple[Any, ...], tuple[Verdict, list[str]]] = {}
    verdicts = {one: _decide_like_others(alike, evidence.get(one, []), moment.now, ruleset) for one in wanted}
    unsure = [one for one in wanted if one in marks and _marked_the_same(marks[one], verdicts[one])]
    before = {row.subject_id: open_decision(sealer, row) for row in store.current_decisions(tx, unsure)}
    results: list[tuple[Decision, Decision | Mark | None]] = []
    rows = []
    for subject_id, verdict in verdicts.items():
        old = before.get(subject_id)
        if old is not None and _says_the_same(old, verdict):
            results.append((old, old))
            continue
        try:
            decision, row = write_decision(moment, sealer, subject_id, verdict)
        except Destroyed:
            continue
        rows.append(row)
        results.append((decision, marks.get(subject_id)))
    _keep(tx, rows)
    return results


def redecide_changed(
    tx: Tx, moment: Moment, sealer: Sealer, subject_ids: Sequence[str]
) -> dict[str, tuple[Decision, Mark | None]]:
    """What a new policy changes: each subject's new decision and what stood unsealed of the one before, None for none.

    Who the policy in force decided already, who would read the same, and who was forgotten is left out, and nothing of
    them is written. A stored decision is opened only where outcome and mandate are the same. Raises NoMandate.
    """
    ruleset = live_policy(tx, moment.now)
    if ruleset is None:
        raise NoMandate("policy", "a decision")
    wanted = list(dict.fromkeys(subject_ids))
    marks = store.marks(tx, wanted)
    wanted = [one for one in wanted if one not in marks or marks[one].policy_number != ruleset.number]
    once = sealer.for_one_use()
    evidence = read_evidence(tx, once, wanted)
    alike: dict[tuple[Any, ...], tuple[Verdict, list[str]]] = {}
    verdicts = {one: _decide_like_others(alike, evidence.get(one, []), moment.now, ruleset) for one in wanted}
    unsure = [
        one for one, verdict in verdicts.items() if one in marks and _may_read_the_same(marks[one], verdict)
    ]
    same = {
        row.subject_id
        for row in store.current_decisions(tx, unsure)
        if (old := open_decision(once, row)) is not None and _reads_the_same(old, verdicts[row.subject_id])
    }
    results: dict[str, tuple[Decision, Mark | None]] = {}
    rows = []
    for one, verdict in verdicts.items():
        if one in same:
            continue
        try:
            decision, row = write_decision(moment, once, one, verdict)
        except Destroyed:
            continue
        rows.append(row)
        results[one] = decision, marks.get(one)
    _keep(tx, rows)
    return results


def _keep(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    store.replace_decisions(tx, rows)
    mirror_store.queue(tx, (row["subject_id"] for row in rows), evidence=False)


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


def sweep_due(
    tx: Tx, moment: Moment, sealer: Sealer, limit: int = 100
) -> list[tuple[Decision, Decision | Mark | None]]:
    """Decide again about those whose decision time alone has ended. With no policy in force they simply end: nobody
    is decided about without a mandate, and the list is empty."""
    due = store.due_subjects(tx, moment.now_ms, limit)
    if not due:
        return []
    if live_policy(tx, moment.now) is None:
        store.retire_decisions(tx, due)
        mirror_store.queue(tx, due, evidence=False)
        return []
    return redecide_many(tx, moment, sealer, due)


class Progress(NamedTuple):
    """How far a policy's sweep over everybody has come. `results` are the decisions of this step."""

    done: int
    changed: int
    finished: bool
    results: list[tuple[Decision, Decision | Mark | None]]


def sweep_policy(tx: Tx, moment: Moment, sealer: Sealer, limit: int = SWEEP) -> Progress:
    """The next step of deciding about everybody under the live policy. A killed sweep goes on where it was: the
    place is stored with the decisions. Raises NoMandate."""
    ruleset = live_policy(tx, moment.now)
    if ruleset is None:
        raise NoMandate("policy", "a decision")
    store.begin_sweep(tx, ruleset.number, ruleset.mandate_id, moment.now_ms)
    after, done, changed, finished = store.sweep_state(tx, ruleset.number) or ("", 0, 0, None)
    if finished is not None:
        return Progress(done, changed, True, [])
    subject_ids = store.subjects_after(tx, after, limit)
    results = redecide_many(tx, moment, sealer, subject_ids) if subject_ids else []
    done += len(subject_ids)
    changed += sum(new is not old for new, old in results)
    last = len(subject_ids) < limit
    after = subject_ids[-1] if subject_ids else after
    store.note_sweep(tx, ruleset.number, after, done, changed, moment.now_ms if last else None)
    return Progress(done, changed, last, results)


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


def _decide_like_others(
    alike: dict[tuple[Any, ...], tuple[Verdict, list[str]]],
    evidence: list[Evidence],
    now: datetime,
    ruleset: RuleSet,
) -> Verdict:
    """Ten people of one tube mostly have the same evidence but for its ids: decide once, then exchange the ids."""
    key = tuple(
        (one.kind, one.outcome, one.analyte, one.pooled, one.sampled_at, one.known_at, one.source)
        for one in evidence
    )
    ids = [one.id for one in evidence]
    if (known := alike.get(key)) is None:
        verdict = decide(evidence, now, ruleset)
        alike[key] = verdict, ids
        return verdict
    verdict, theirs = known
    mine = dict(zip(theirs, ids, strict=True)) | {"": ""}
    return msgspec.structs.replace(
        verdict,
        facts=tuple(
            msgspec.structs.replace(fact, evidence_id=mine[fact.evidence_id]) for fact in verdict.facts
        ),
    )


def _says_the_same(old: Decision, verdict: Verdict) -> bool:
    return all(getattr(old, name) == getattr(verdict, name) for name in _COMPARED)


def _marked_the_same(mark: Mark, verdict: Verdict) -> bool:
    says = verdict.outcome, verdict.policy_number, verdict.mandate_id, to_ms(verdict.valid_until)
    return mark == says


def _may_read_the_same(mark: Mark, verdict: Verdict) -> bool:
    return (mark.outcome, mark.mandate_id) == (verdict.outcome, verdict.mandate_id)


def _reads_the_same(old: Decision, verdict: Verdict) -> bool:
    """The same to the person, whichever policy says it."""
    return all(getattr(old, name) == getattr(verdict, name) for name in _COMPARED if name != "policy_number")


_COMPARED = tuple(name for name in Verdict.__struct_fields__ if name not in ("decided_at", "looks"))
