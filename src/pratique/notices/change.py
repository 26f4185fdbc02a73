"""What follows from changed evidence, all in the transaction of the fact itself: decisions, notices, passes.

Every subject is decided once. Open notices are held against their clear-conditions, new ones opened, appeals whose
ground is gone closed, passes renewed or revoked. Nobody is called positive from a pool.
"""

from collections.abc import Iterable, Mapping, Sequence

from pratique.core.moment import Moment, from_ms, to_ms
from pratique.notices import store
from pratique.notices.asking import ASKS, NEVER, Correction, asked_by, corrected, known_of
from pratique.notices.clear import Standing, clears, happened
from pratique.notices.closing import end_notices
from pratique.notices.kinds import read_kind
from pratique.notices.model import EvidenceChange, House, NoticeRow, Opening
from pratique.notices.opening import first_live, open_many
from pratique.notices.passes import set_passes
from pratique.notices.store import Ended
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.model import Decision, Evidence, Mark, RuleSet
from pratique.store.tx import Tx

Pair = tuple[Decision, Decision | Mark | None]
Bodies = dict[tuple[str, int], str]


def evidence_changed(tx: Tx, moment: Moment, house: House, changes: Sequence[EvidenceChange]) -> None:
    """Record evidence and let everything follow from it, in the caller's transaction.

    Evidence about a subject that is unknown or forgotten is left out. Without a policy in force nobody is decided
    about; results still clear what they clear. Evidence recorded before changes nothing a second time.
    """
    known = people.existing(tx, [change.evidence.subject_id for change in changes])
    changes = [change for change in changes if change.evidence.subject_id in known]
    if not changes:
        return
    corrections = _corrections(tx, house, changes)
    policy.record_all(tx, moment, house.sealer, changes)
    theirs: dict[str, list[EvidenceChange]] = {}
    for change in changes:
        theirs.setdefault(change.evidence.subject_id, []).append(change)
    decided, rules = decide_again(tx, moment, house, list(theirs), [change.evidence for change in changes])
    ended = _ends(tx, moment, theirs, rules, decided)
    over = {one.notice_id for one in ended if one.state != "waiting"}
    openings, newer = _asked(tx, moment, house, theirs, over, decided)
    openings += _told_of_corrections(tx, moment, corrections, decided)
    finish(tx, moment, house, [*ended, *newer], openings, decided)
    _give_back_time(tx, moment, changes)
    people.touch(tx, list(theirs))


def decide_again(
    tx: Tx, moment: Moment, house: House, subject_ids: Sequence[str], fresh: Iterable[Evidence] = ()
) -> tuple[dict[str, Pair], RuleSet | None]:
    """Each subject's (new, previous) decision and the rules that made it; empty without a policy in force. `fresh` is
    evidence recorded just now."""
    rules = policy.live_policy(tx, moment.now)
    if rules is None:
        return {}, None
    results = policy.redecide_many(tx, moment, house.sealer, subject_ids, fresh)
    return dict(zip(subject_ids, results, strict=True)), rules


def finish(
    tx: Tx,
    moment: Moment,
    house: House,
    ended: Sequence[Ended],
    openings: Sequence[Opening],
    decided: Mapping[str, Pair],
) -> None:
    """Write the ends, open what is to be opened, set the passes right."""
    end_notices(tx, moment, ended)
    opened = open_many(tx, moment, house, openings)
    named = {opening.subject_id: notice_id for opening, notice_id in zip(openings, opened, strict=True)}
    set_passes(tx, moment, house, decided, named)


def ends_by_rule(tx: Tx, moment: Moment, decided: Mapping[str, Pair], rules: RuleSet | None) -> list[Ended]:
    """Notices whose rule is met although no evidence came: time alone changed the decision."""
    return _ends(tx, moment, {subject_id: [] for subject_id in decided}, rules, decided)


def ends_of(
    row: NoticeRow, body: str, changes: Sequence[EvidenceChange], met: bool, moment: Moment
) -> Ended | None:
    """What the changes do to one notice: end it, let it wait for a result, or nothing. Pure.

    `met` says that the rule behind the notice is no longer broken.
    """
    for change in changes:
        if row.source_ref and change.supersedes == row.source_ref:
            return Ended(row.id, "replaced", moment.now_ms, "corrected", "rule", change.evidence.ref)
    kind, facts = read_kind(body), [known_of(change.evidence) for change in changes]
    if met:
        facts.append(happened("rule-met", moment.now))
    standing = Standing(row.analyte, from_ms(row.since_at), NEVER)
    ref = changes[-1].evidence.ref if changes else ""
    if why := clears(kind.clears, standing, facts, moment.now):
        return Ended(row.id, "cleared", moment.now_ms, why, "rule", ref)
    if row.state == "open" and kind.waits and clears(kind.waits, standing, facts, moment.now):
        return Ended(row.id, "waiting", moment.now_ms, "sample", "rule", ref)
    return None


def _ends(
    tx: Tx,
    moment: Moment,
    theirs: dict[str, list[EvidenceChange]],
    rules: RuleSet | None,
    decided: Mapping[str, Pair],
) -> list[Ended]:
    rows = store.open_notices(tx, theirs)
    bodies = store.kind_bodies(tx) if rows else {}
    ended = []
    for row in rows:
        met = _rule_is_met(row, rules, decided.get(row.subject_id))
        end = ends_of(row, bodies[row.kind, row.kind_version], theirs[row.subject_id], met, moment)
        if end is not None:
            ended.append(end)
    return ended


def _rule_is_met(row: NoticeRow, rules: RuleSet | None, pair: Pair | None) -> bool:
    """True if the rule a notice was opened by is no longer among the reasons of the decision."""
    if not row.decision_id or pair is None or rules is None:
        return False
    reasons = {reason.code for reason in pair[0].reasons}
    codes = {rule.house.reason for rule in rules.rules if rule.id == row.rule_id and rule.house is not None}
    return codes.isdisjoint(reasons)


def _asked(
    tx: Tx,
    moment: Moment,
    house: House,
    theirs: dict[str, list[EvidenceChange]],
    over: set[str],
    decided: Mapping[str, Pair],
) -> tuple[list[Opening], list[Ended]]:
    """What the changes ask for. Most results ask for nothing, and cost nothing here."""
    asking = [s for s, changes in theirs.items() if any(c.evidence.outcome in ASKS for c in changes)]
    openings: list[Opening] = []
    ended: list[Ended] = []
    standing: dict[str, list[NoticeRow]] = {}
    for row in store.open_notices(tx, asking):
        if row.id not in over:
            standing.setdefault(row.subject_id, []).append(row)
    for subject_id in asking:
        decision = decided[subject_id][0] if subject_id in decided else None
        everything = [known_of(one) for one in policy.evidence_of(tx, house.sealer, subject_id)]
        rows = standing.get(subject_id, [])
        for change in theirs[subject_id]:
            candidates = (change.evidence.mandate_id, decision.mandate_id if decision else "")
            mandate = first_live(tx, candidates, "restriction", moment.now)
            if mandate is None:
                continue  # law 1: nothing is asked of anybody without a mandate in force
            opening, older = asked_by(change.evidence, rows, everything, decision, mandate.id, moment.now)
            if opening is None:
                continue
            openings.append(opening)
            if older is not None:
                ended.append(Ended(older.id, "replaced", moment.now_ms, "newer", "rule", change.evidence.ref))
    return openings, ended


def _corrections(tx: Tx, house: House, changes: Iterable[EvidenceChange]) -> list[Correction]:
    """Changes that take back an outcome a person had been told. Asked before the new evidence is recorded."""
    found = []
    for change in changes:
        if change.supersedes is None:
            continue
        for was in policy.evidence_of(tx, house.sealer, change.evidence.subject_id):
            told = was.ref == change.supersedes and was.outcome not in ("", "sample-sealed")
            if told and was.outcome != change.evidence.outcome:
                found.append(Correction(was, change.evidence))
    return found


def _told_of_corrections(
    tx: Tx,
    moment: Moment,
    corrections: Sequence[Correction],
    decided: Mapping[str, Pair],
) -> list[Opening]:
    openings = []
    for correction in corrections:
        subject_id = correction.now.subject_id
        decision = decided[subject_id][0] if subject_id in decided else None
        candidates = (correction.now.mandate_id, decision.mandate_id if decision else "")
        mandate = first_live(tx, candidates, "restriction", moment.now)
        if mandate is not None:
            old = store.ended_by(tx, subject_id, correction.was.ref)
            openings.append(corrected(correction, decision, mandate.id, old))
    return openings


def _give_back_time(tx: Tx, moment: Moment, changes: Iterable[EvidenceChange]) -> None:
    """A sample that could not be tested cost its giver the time since it was taken: every duty gets it back."""
    lost = [change.evidence for change in changes if change.evidence.outcome == "recollect"]
    store.add_faults(
        tx,
        [
            {
                "id": moment.new_id(),
                "scope": "subject",
                "scope_id": evidence.subject_id,
                "from_at": to_ms(evidence.sampled_at),
                "to_at": moment.now_ms,
                "cause": "unusable-sample",
                "by": "rule:N3",
                "now": moment.now_ms,
                "mandate_id": evidence.mandate_id,
            }
            for evidence in lost
            if evidence.sampled_at < moment.now
        ],
    )
