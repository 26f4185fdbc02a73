"""Deciding about stored people: again, many at once, under a new policy, when time is over.

A decision is written only when it says something new; its subject is queued for the mirror in the same transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pratique.core.errors import Destroyed, NoMandate
from pratique.core.moment import Moment, to_ms
from pratique.policy import mirror_store, store
from pratique.policy.decide import decide
from pratique.policy.model import Decision, Evidence, Mark, RuleSet, Verdict
from pratique.policy.policies import live_policy
from pratique.policy.sealed import open_decision, read_evidence, write_decision
from pratique.store.sealing import Sealer
from pratique.store.tx import Tx


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
