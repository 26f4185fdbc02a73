"""The facts behind a notice, read from where they were written once, never made anew.

A decision's facts row, a ground that is about nobody, or what is sealed with the notice. The wallet and the appeal
read the same bytes, and the appeal keeps their hash.
"""

from hashlib import sha256

import msgspec

from pratique.core.canonical import canonical_json
from pratique.core.errors import Destroyed
from pratique.core.moment import rfc3339
from pratique.notices import store
from pratique.notices.model import House, NoticeRow, Said
from pratique.notices.opening import open_facts
from pratique.policy import service as policy
from pratique.policy.model import Decision
from pratique.store.tx import Tx

_SAID = msgspec.json.Decoder(tuple[Said, ...])


def facts_behind(tx: Tx, house: House, row: NoticeRow) -> tuple[Said, ...]:
    """What the notice stands on, as it was known then. Empty where the key was destroyed.

    Raises ValueError where stored facts are not what was written.
    """
    try:
        told = open_facts(house, row)
        if row.facts_row_id:
            told += said_of_decision(policy.facts_of(tx, house.sealer, row.facts_row_id))
    except Destroyed:
        return ()
    if row.ground_id:
        found = store.ground(tx, row.ground_id)
        if found is None or sha256(found[0].encode()).hexdigest() != found[1]:
            raise ValueError("notice_ground.body does not have the hash it was written with")
        told += _SAID.decode(found[0])
    return told


def facts_hash(facts: tuple[Said, ...]) -> str:
    """What an appeal keeps: SHA-256 of the canonical JSON of what is shown, in hex."""
    return sha256(canonical_json(facts)).hexdigest()


def said_of_decision(decision: Decision) -> tuple[Said, ...]:
    """A decision's facts as lines."""
    return tuple(
        Said(fact.what, fact.source, rfc3339(fact.at) if fact.at else None) for fact in decision.facts
    )
