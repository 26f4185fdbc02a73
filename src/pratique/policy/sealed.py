"""Evidence and decisions as they stand in the database: sealed, and opened again.

The only file of the room that seals. What cannot be opened because its key was destroyed is not there.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from pratique.core.errors import Destroyed
from pratique.core.ids import encode_id
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.policy import store
from pratique.policy.dates import DAY_MS
from pratique.policy.model import Decision, Evidence, Verdict
from pratique.store.sealing import Place, Sealer
from pratique.store.tx import Tx

_READ_EVIDENCE = msgspec.json.Decoder(Evidence)


class FactsRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sealed with a decision. `salt` keeps anybody from guessing the facts from the hash."""

    salt: str
    verdict: Verdict


_READ_FACTS = msgspec.json.Decoder(FactsRow)
_WRITE = msgspec.json.Encoder(order="sorted")
_NONE: Mapping[str, Evidence] = {}


def seal_evidence(sealer: Sealer, evidence: Evidence, now: int) -> bytes:
    """The sealed body of one piece of evidence recorded at `now`. Raises Destroyed."""
    place = _evidence_place(evidence.id, evidence.subject_id, evidence.mandate_id, now)
    return sealer.seal(place, _WRITE.encode(evidence))


def open_facts(sealer: Sealer, row: store.DecisionRow) -> Decision:
    """The decision as it was made. Raises Destroyed, and ValueError if the row is not what was written."""
    raw = sealer.open(_facts_place(row), row.body)
    if sha256(raw).hexdigest() != row.hash:
        raise ValueError("facts_row.body does not have the hash it was written with")
    return _as_decision(row, _READ_FACTS.decode(raw).verdict)


def read_evidence(
    tx: Tx,
    sealer: Sealer,
    subject_ids: Sequence[str],
    fresh: Mapping[str, Evidence] = _NONE,
    now: int = 0,
) -> dict[str, list[Evidence]]:
    """What stands of each of these subjects, oldest sample first. What was recorded at `now` (milliseconds) and is
    among `fresh`, by id, is taken from there instead of being unsealed."""
    found: dict[str, list[Evidence]] = {}
    for row in store.evidence_of(tx, subject_ids):
        one = fresh.get(row.id) if row.recorded_at == now else None
        if one is None:
            place = _evidence_place(row.id, row.subject_id, row.mandate_id, row.recorded_at)
            try:
                one = _READ_EVIDENCE.decode(sealer.open(place, row.body))
            except Destroyed:
                continue
        found.setdefault(row.subject_id, []).append(one)
    for items in found.values():
        items.sort(key=lambda one: (one.sampled_at, one.known_at, one.id))
    return found


def write_decision(
    moment: Moment, sealer: Sealer, subject_id: str, verdict: Verdict
) -> tuple[Decision, dict[str, Any]]:
    """A new decision and its row for `store.replace_decisions`. Raises Destroyed."""
    chance = moment.random(48)
    raw = _WRITE.encode(FactsRow(chance[32:].hex(), verdict))
    row = store.DecisionRow(
        id=encode_id(chance[:16]),
        subject_id=subject_id,
        mandate_id=verdict.mandate_id,
        policy_number=verdict.policy_number,
        outcome=verdict.outcome,
        facts_row_id=encode_id(chance[16:32]),
        made_at=moment.now_ms,
        valid_until=to_ms(verdict.valid_until),
        written_at=moment.now_ms,
        hash=sha256(raw).hexdigest(),
        body=b"",
    )
    sealed = sealer.seal(_facts_place(row), raw)
    return _as_decision(row, verdict), {**row._asdict(), "body": sealed}


def open_decision(sealer: Sealer, row: store.DecisionRow) -> Decision | None:
    """The decision, or None if its key was destroyed."""
    try:
        return open_facts(sealer, row)
    except Destroyed:
        return None


def _as_decision(row: store.DecisionRow, verdict: Verdict) -> Decision:
    # Written out: this runs for every person of a release, and a loop over the fields costs ten times as much.
    return Decision(
        id=row.id,
        subject_id=row.subject_id,
        facts_row_id=row.facts_row_id,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        facts=verdict.facts,
        remedy=verdict.remedy,
        would_change=verdict.would_change,
        rule=verdict.rule,
        policy_number=verdict.policy_number,
        mandate_id=verdict.mandate_id,
        made_at=verdict.decided_at,
        valid_until=verdict.valid_until,
        looks=verdict.looks,
        open_rules=verdict.open_rules,
    )


def _evidence_place(row: str, subject_id: str, mandate_id: str, at: int) -> Place:
    return Place("evidence", "body", row, mandate_id, _day(at // DAY_MS), subject_id)


def _facts_place(row: store.DecisionRow) -> Place:
    day = _day(row.written_at // DAY_MS)
    return Place("facts_row", "body", row.facts_row_id, row.mandate_id, day, row.subject_id)


@lru_cache(maxsize=512)
def _day(number: int) -> str:
    """The UTC day, YYYY-MM-DD, that is so many days after 1970 began."""
    return from_ms(number * DAY_MS).date().isoformat()
