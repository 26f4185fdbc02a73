"""What a new policy means for people: each of them is decided again, told if it got worse, and given the right pass.

The caller names whom the policy may touch, in batches; a batch is one transaction and may be done twice.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pratique.core.moment import Moment
from pratique.notices.change import ends_by_rule, finish
from pratique.notices.model import House, Opening
from pratique.notices.opening import first_live
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.model import WORSE, Decision
from pratique.store.tx import Tx


class Ruled(NamedTuple):
    """What one batch came to: decisions written, people told."""

    changed: int
    told: int


def policy_changed(tx: Tx, moment: Moment, house: House, subject_ids: Sequence[str]) -> Ruled:
    """Decide again about these subjects under the policy in force; notices end or open, passes follow.

    Who is unknown, forgotten, or decided by that policy already is left out. Only what says something new is written;
    without a policy in force nothing is.
    """
    rules = policy.live_policy(tx, moment.now)
    if rules is None:
        return Ruled(0, 0)
    known = people.existing(tx, subject_ids)
    new = policy.redecide_changed(tx, moment, house.sealer, [one for one in subject_ids if one in known])
    mandate = first_live(tx, (rules.mandate_id,), "restriction", moment.now)
    openings = [
        _told(decision)
        for decision, old in new.values()
        if mandate is not None and old is not None and WORSE[decision.outcome] > WORSE[old.outcome]
    ]
    finish(tx, moment, house, ends_by_rule(tx, moment, new, rules), openings, new)
    people.touch(tx, list(new))
    return Ruled(len(new), len(openings))


def _told(new: Decision) -> Opening:
    """The notice for somebody who is worse off than before; a first decision takes nothing from anybody."""
    return Opening(
        subject_id=new.subject_id,
        kind="N8",
        mandate_id=new.mandate_id,
        reason="RULE_CHANGED",
        decision=new,
        source_ref=f"policy:{new.policy_number}",
    )
