"""Passes that follow from decisions: a fresh one for a new decision, none for a hold, revoked where too much."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pratique.core.mandate import Mandate
from pratique.core.moment import Moment
from pratique.credentials import service as credentials
from pratique.credentials.model import HeldPass
from pratique.mandates import service as mandates
from pratique.notices.model import House
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.model import WORSE, Decision, Mark
from pratique.store.tx import Tx

PASS_CLASS: dict[str, int | None] = {"clear": 1, "conditions": 2, "hold": None}
RENEW_BEFORE = timedelta(hours=12)
ROUNDED = timedelta(
    hours=1
)  # a pass may end up to an hour before it could; that alone is no reason for a new one

Decided = Mapping[str, tuple[Decision, Decision | Mark | None]]


def set_passes(tx: Tx, moment: Moment, house: House, decided: Decided, notices: Mapping[str, str]) -> int:
    """For everybody whose decision is new. `notices` names the notice (by subject) that a revocation points to.

    Returns how many passes were issued. Without a mandate in force that unlocks `gate` none is.
    """
    changed = {subject: pair for subject, pair in decided.items() if pair[0] is not pair[1]}
    if not changed:
        return 0
    keys = people.holder_keys_of(tx, changed)
    allowed: dict[str, Mandate | None] = {}
    orders, too_much = [], []
    for subject_id, (new, old) in changed.items():
        if new.mandate_id not in allowed:
            allowed[new.mandate_id] = pass_mandate(tx, moment.now, new.mandate_id)
        mandate = allowed[new.mandate_id]
        if mandate is None:
            continue
        if old is not None and WORSE[new.outcome] > WORSE[old.outcome] and subject_id in notices:
            reason = new.reasons[0].code if new.reasons else "DECISION_CHANGED"
            too_much.append(credentials.TooMuch(subject_id, mandate.id, reason, notices[subject_id]))
        orders.append(_order(new, keys.get(subject_id, []), mandate))
    credentials.revoke_many(tx, moment, too_much)
    return credentials.renew_many(tx, moment, house.signer, orders)


def refresh_passes(tx: Tx, moment: Moment, house: House, subject_id: str) -> int:
    """What a poll does where the pass runs out: decide again where time has ended the decision, and issue.

    Returns how many passes were issued; 0 where nothing was due.
    """
    if policy.live_policy(tx, moment.now) is None:
        return 0
    new, old = policy.redecide(tx, moment, house.sealer, subject_id)
    if new is not old:
        people.touch(tx, [subject_id])
        return set_passes(tx, moment, house, {subject_id: (new, old)}, {})
    mandate = pass_mandate(tx, moment.now, new.mandate_id)
    if mandate is None or not runs_out(tx, moment.now, subject_id, new, mandate):
        return 0
    people.touch(tx, [subject_id])
    keys = people.holder_keys(tx, subject_id)
    return credentials.renew_many(tx, moment, house.signer, [_order(new, keys, mandate)])


def paper_pass(tx: Tx, moment: Moment, house: House, subject_id: str) -> HeldPass | None:
    """A pass to print for somebody without a phone, good while the decision is; None for a hold or without mandate."""
    if policy.live_policy(tx, moment.now) is None:
        return None
    decision, _ = policy.redecide(tx, moment, house.sealer, subject_id)
    pass_class = PASS_CLASS[decision.outcome]
    mandate = pass_mandate(tx, moment.now, decision.mandate_id)
    if pass_class is None or mandate is None:
        return None
    return credentials.issue_paper(
        tx,
        moment,
        house.signer,
        subject_id=subject_id,
        pass_class=pass_class,
        mandate_id=mandate.id,
        until=min(decision.valid_until, mandate.ends()),
    )


def day_passes(
    tx: Tx, moment: Moment, house: House, subject_id: str, holder_keys: Sequence[bytes]
) -> list[HeldPass]:
    """Passes of one day for fresh keys of the holder's device, one each; none for a hold or without mandate.

    Raises Refusal as `credentials.issue_for_the_day`.
    """
    if policy.live_policy(tx, moment.now) is None:
        return []
    decision, _ = policy.redecide(tx, moment, house.sealer, subject_id)
    pass_class = PASS_CLASS[decision.outcome]
    mandate = pass_mandate(tx, moment.now, decision.mandate_id)
    if pass_class is None or mandate is None:
        return []
    return credentials.issue_for_the_day(
        tx,
        moment,
        house.signer,
        subject_id=subject_id,
        holder_keys=holder_keys,
        pass_class=pass_class,
        mandate_id=mandate.id,
        until=min(decision.valid_until, mandate.ends()),
    )


def is_refresh_due(tx: Tx, now: datetime, decision: Decision | None, subject_id: str) -> bool:
    """True where `refresh_passes` would have something to do. Reads only."""
    if policy.live_policy(tx, now) is None:
        return False
    if decision is None or now >= decision.valid_until:
        return True
    mandate = pass_mandate(tx, now, decision.mandate_id)
    return mandate is not None and runs_out(tx, now, subject_id, decision, mandate)


def runs_out(tx: Tx, now: datetime, subject_id: str, decision: Decision, mandate: Mandate) -> bool:
    """True if there should be a pass that lives longer than the one there is."""
    if PASS_CLASS[decision.outcome] is None or not people.holder_keys(tx, subject_id):
        return False
    until = min(decision.valid_until, mandate.ends())
    held = credentials.passes_of(tx, subject_id, now)
    best = max((one.expires for one in held), default=now)
    return best - now < RENEW_BEFORE and until - best > ROUNDED


def pass_mandate(tx: Tx, now: datetime, first: str) -> Mandate | None:
    """The mandate a pass is issued under: the decision's own if it unlocks `gate`, else the one that lasts longest."""
    own = mandates.mandate_by_id(tx, first)
    if own is not None and own.in_force(now, "gate"):
        return own
    return max(
        (m for m in mandates.live_mandates(tx, now) if m.in_force(now, "gate")),
        key=lambda m: m.ends(),
        default=None,
    )


def _order(decision: Decision, keys: Iterable[bytes], mandate: Mandate) -> credentials.PassOrder:
    return credentials.PassOrder(
        decision.subject_id,
        list(keys),
        PASS_CLASS[decision.outcome],
        mandate.id,
        min(decision.valid_until, mandate.ends()),
    )
