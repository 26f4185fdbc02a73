"""The end of a mandate: its data is destroyed, a scan shows it, a certificate says so in the public log (law 6).

Order: count → let the scanner find the canaries → delete the rows → destroy the secrets → empty the write-ahead log →
scan everything → certificate → log entry. Nothing is certified before a full scan found nothing. At the stored time it
runs by itself; nobody can press "later".
"""

from datetime import timedelta

import msgspec

from pratique.core.canonical import canonical_json
from pratique.core.errors import NotFound, Refusal
from pratique.core.mandate import Mandate
from pratique.core.moment import to_ms
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.mandates.document import digest
from pratique.mandates.keystore import Forgotten
from pratique.retire import canary, store
from pratique.retire.early import (
    approve,
    approve_with,
    mandate_of,
    may_act,
    order_early,
    order_of,
    order_text,
    plan,
)
from pratique.retire.house import Incomplete, Retiring, alone
from pratique.retire.model import Plan, Standing
from pratique.retire.proof import attest, attest_with, certificate_text, certificates, log_unattested, whole
from pratique.retire.steps import STEPS
from pratique.retire.store import Row
from pratique.store.tx import Tx


def destroy_due(house: Retiring) -> int:
    """Destroy what is due, go on with what was interrupted, publish what waited too long, plant canaries under what
    is new. Run before any other work at start, and every minute. Returns how many certificates were made."""
    now = house.moment().now
    with house.store.read() as tx:
        due = [mandate.id for mandate in mandates.due_for_destruction(tx, now)]
        rows = store.every(tx)
        ready = [row.mandate_id for row in rows if row.kind == "early" and may_act(tx, row, now)]
        live = mandates.live_mandates(tx, now)
    begun = [row.mandate_id for row in rows if row.started_at is not None and row.finished_at is None]
    todo = list(dict.fromkeys([*begun, *due, *ready]))
    stopped: list[Incomplete | RuntimeError] = []
    for mandate_id in todo:
        try:
            destroy(house, mandate_id)
        except (
            Incomplete,
            RuntimeError,
        ) as fault:  # one that cannot be finished yet does not hold up the others
            stopped.append(fault)
    house.store.write(lambda tx: log_unattested(tx, house.moment()))
    for mandate in live:
        plant(house, mandate)
    if stopped:
        raise stopped[0]
    return len(todo)


def forget_nightly(house: Retiring) -> Forgotten:
    """What must be forgotten although its mandate lives: days older than anything the mandate may keep; then every
    forgetting since the last night, of days and of subjects, becomes final (a new root, the old one destroyed)."""
    today = house.moment().now.date()
    with house.store.read() as tx:
        standing_ones = [one for one in mandates.standings(tx) if one.published_at and not one.destroyed_at]
    for one in standing_ones:
        longest = max((kept.max_days for kept in one.document.data), default=0)
        house.keys.destroy_days_before(one.document.id, (today - timedelta(days=longest)).isoformat())
    return house.keys.rewrite()


def plant(house: Retiring, mandate: Mandate) -> int:
    """Plant the canaries of a mandate in force, once; how many it has."""
    return len(canary.plant(house.store, house.sealer, house.moment(), mandate, house.home))


def destroy(house: Retiring, mandate_id: str) -> Standing:
    """Destroy all data of a mandate that is past its end and grace, or early where two officers ordered it.

    Running it again goes on where it stopped and changes nothing after the end. Raises NotFound, Refusal where it is
    not yet due, Incomplete.
    """
    with alone(house.home):
        row = _ordered(house, mandate_id)
        if row.finished_at is None:
            for step in STEPS:
                step(house, row)
                row = _row(house, mandate_id)
            canary.drop_list(house.home, mandate_id)
        with house.store.read() as tx:
            return standing(tx, mandate_id)


def standing(tx: Tx, mandate_id: str) -> Standing:
    """A destruction as it stands. Raises NotFound."""
    row = store.find(tx, mandate_id)
    if row is None:
        raise NotFound("NO_DESTRUCTION", "mandate_id", _NO_ORDER)
    if row.finished_at is not None:
        state = "certified" if row.log_seq is not None else "waits for two signatures"
    elif row.started_at is not None:
        state = "running"
    else:
        state = "ordered"
    return Standing(
        mandate=mandate_id,
        state=state,
        plan=msgspec.json.decode(row.plan, type=Plan),
        approved_by=tuple(a.role for a in store.approvals(tx, mandate_id, "order")),
        attested_by=tuple(a.role for a in store.approvals(tx, mandate_id, "attest")),
        certificate=whole(tx, row).raw if row.certificate is not None else None,
        log_index=row.log_seq,
    )


def _ordered(house: Retiring, mandate_id: str) -> Row:
    """The order to act on now; at the end of a mandate it is made here."""
    now = house.moment().now
    with house.store.read() as tx:
        mandate, row = mandate_of(tx, mandate_id), store.find(tx, mandate_id)
        if row is not None and (row.started_at is not None or may_act(tx, row, now)):
            return row
    if now < mandate.destroys_at():
        raise Refusal("NOT_DUE", "mandate_id", _NOT_DUE)
    made = canonical_json(plan(house, mandate_id))

    def act(tx: Tx) -> None:
        store.replace_early(tx, mandate_id)
        store.add(tx, mandate_id, "end", made, digest(made), to_ms(now), to_ms(now))

    house.store.write(act)
    return _row(house, mandate_id)


def _row(house: Retiring, mandate_id: str) -> Row:
    with house.store.read() as tx:
        row = store.find(tx, mandate_id)
    if row is None:
        raise NotFound("NO_ORDER", "mandate_id", _NO_ORDER)
    return row


_NOT_DUE = Text(
    "not due: destroying early needs the mandate ended, two officers' approvals, and 24 hours after the order; start "
    "with `pratique retire --mandate ID --order`",
    "尚未到期：提前销毁须先终止授权令、两名官员批准，"
    "并在下令 24 小时之后；请先用 `pratique retire --mandate ID --order`",
)

_NO_ORDER = Text("no destruction was ordered for this mandate", "该授权令没有销毁命令")

__all__ = [
    "Incomplete", "Retiring", "approve", "approve_with", "attest", "attest_with", "certificate_text",
    "certificates", "destroy", "destroy_due", "forget_nightly", "log_unattested", "order_early", "order_of",
    "order_text", "plan", "plant", "standing",
]  # fmt: skip
