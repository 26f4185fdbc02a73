"""What new evidence asks of a person: which notices it opens. Pure.

A pool only ever asks for a test of one's own. A restriction opens only where the policy's rules say so, and once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pratique.core.moment import from_ms, rfc3339
from pratique.notices.clear import Known, Standing, clears
from pratique.notices.kinds import fact_text, kind_of
from pratique.notices.model import NoticeRow, Opening, Said
from pratique.policy.model import Decision, Evidence

NEVER = datetime.max.replace(tzinfo=UTC)  # time is the sweeper's business, not a fact's
ASKS = {
    "retest-required": ("N2", "POOL_NEEDS_SINGLE"),
    "recollect": ("N3", "SAMPLE_UNUSABLE"),
    "detected": ("N4", "SINGLE_DETECTED"),
}


class Correction(NamedTuple):
    """Evidence that took the place of another with a different outcome, of which the person had been told."""

    was: Evidence
    now: Evidence


def asked_by(
    evidence: Evidence,
    standing: Sequence[NoticeRow],
    everything: Sequence[Known],
    decision: Decision | None,
    mandate_id: str,
    now: datetime,
) -> tuple[Opening | None, NoticeRow | None]:
    """The notice this evidence opens, and the older one of its kind that it takes the place of.

    `standing` are the subject's open notices, `everything` all that is known of it: what was done already is not
    asked again. A restriction counts from sampling, so that a late result never makes it longer.
    """
    if evidence.kind != "test" or evidence.outcome not in ASKS:
        return None, None
    code, reason = ASKS[evidence.outcome]
    if code == "N4" and (decision is None or decision.outcome == "clear"):
        return None, None
    kind = kind_of(code)
    before = [row for row in standing if row.kind == code and evidence.analyte in ("", row.analyte)]
    if any(from_ms(row.since_at) >= evidence.sampled_at or code == "N4" for row in before):
        return None, None
    if clears(kind.clears, Standing(evidence.analyte, evidence.sampled_at, NEVER), everything, now):
        return None, None
    ends = evidence.sampled_at + timedelta(hours=kind.hours) if kind.class_ == "restriction" else None
    if ends is not None and ends <= now:
        return None, None
    opening = Opening(
        subject_id=evidence.subject_id,
        kind=code,
        mandate_id=mandate_id,
        reason=reason,
        decision=None if code == "N3" else decision,
        facts=() if decision is not None and code != "N3" else (said_of(evidence),),
        analyte=evidence.analyte,
        source_ref=evidence.ref,
        since=evidence.sampled_at,
        deadline=ends,
        replaces=before[0].id if before else "",
    )
    return opening, before[0] if before else None


def corrected(correction: Correction, decision: Decision | None, mandate_id: str, replaces: str) -> Opening:
    """The notice that says a result was corrected: what it was, what it is, and by whom."""
    facts = (said_of(correction.was, "before"), said_of(correction.now, "after"))
    return Opening(
        subject_id=correction.now.subject_id,
        kind="N6",
        mandate_id=mandate_id,
        reason="RESULT_CORRECTED",
        decision=decision,
        facts=facts,
        analyte=correction.now.analyte,
        source_ref=correction.now.ref,
        replaces=replaces,
    )


def known_of(evidence: Evidence) -> Known:
    """Evidence as the clear-conditions see it."""
    return Known(evidence.kind, evidence.outcome, evidence.analyte, evidence.pooled, evidence.sampled_at)


def said_of(evidence: Evidence, *before: str) -> Said:
    """Evidence as one line of facts; `before` are codes of words put in front."""
    source = evidence.source if evidence.source else fact_text("laboratory")
    return Said(fact_text(*before, evidence.outcome or evidence.kind), source, rfc3339(evidence.sampled_at))
