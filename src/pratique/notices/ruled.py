"""What a new policy means for people: each of them is decided again, told if it got worse, and given the right pass.

The caller names whom the policy may touch, in batches; a batch is one transaction and may be done twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pratique.core.moment import Moment
from pratique.notices.change import decide_again, ends_by_rule, finish
from pratique.notices.model import House, Opening
from pratique.notices.opening import first_live
from pratique.people import service as people
from pratique.policy.model import WORSE, Decision
from pratique.store.tx import Tx


class Ruled(NamedTuple):
    """What one batch came to: decisions written, people told."""

    changed: int
    told: int


def policy_changed(tx: Tx, moment: Moment, house: House, subject_ids: Sequence[str]) -> Ruled:
    """Decide again about these subjects under the policy in force; notices end or open, passes follow.

    Who is unknown or forgotten is left out. Only what says something new is written; without a policy in force
    nothing is.
    """
    known = people.existing(tx, subject_ids)
    decided, rules = decide_again(tx, moment, house, [one for one in subject_ids if one in known])
    new = {subject: pair for subject, pair in decided.items() if pair[0] is not pair[1]}
    openings = [opening for pair in new.values() if (opening := _told(tx, moment, *pair)) is not None]
    finish(tx, moment, house, ends_by_rule(tx, moment, new, rules), openings, new)
    people.touch(tx, list(new))
    return Ruled(len(new), len(openings))


def _told(tx: Tx, moment: Moment, new: Decision, old: Decision | None) -> Opening | None:
    """The notice for somebody who is worse off than before; a first decision takes nothing from anybody."""
    if old is None or WORSE[new.outcome] <= WORSE[old.outcome]:
        return None
    mandate = first_live(tx, (new.mandate_id,), "restriction", moment.now)
    if mandate is None:
        return None
    return Opening(
        subject_id=new.subject_id,
        kind="N8",
        mandate_id=mandate.id,
        reason="RULE_CHANGED",
        decision=new,
        source_ref=f"policy:{new.policy_number}",
    )
