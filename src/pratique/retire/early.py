"""Destroying before the time: a plan with counts, two officers of different roles, 24 hours between order and act."""

from datetime import datetime, timedelta

from pratique.core.canonical import canonical_json
from pratique.core.errors import Conflict, NotAllowed, NotFound, Refusal
from pratique.core.mandate import Mandate
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.mandates.document import digest
from pratique.mandates.note import BadNote, Note, NoteSigner, check_note, parse_signature, parse_vkey
from pratique.retire import rooms, store
from pratique.retire.house import Retiring
from pratique.retire.model import Order, Plan
from pratique.retire.store import Approval, Row
from pratique.store.tx import Tx

EARLY_WAIT = timedelta(hours=24)


def plan(house: Retiring, mandate_id: str) -> Plan:
    """What a destruction now would destroy: done and undone. Nothing changes."""
    with house.store.read() as tx:
        mandate = mandate_of(tx, mandate_id)
    now = house.moment().now
    early = now < mandate.destroys_at()
    return Plan(
        mandate=mandate_id,
        early=early,
        classes=tuple(kept.data_class for kept in mandate.data),
        rows=rooms.count(house.store, mandate_id),
        secrets=house.keys.held(mandate_id).counts,
        act_at=now + EARLY_WAIT if early else now,
    )


def order_early(house: Retiring, mandate_id: str) -> Order:
    """Order a destruction before its time. Two officers approve; the act is 24 hours later. Ordering it again after a
    change gives a new plan, which must be approved anew. Raises Conflict where it has begun."""
    made = plan(house, mandate_id)
    if not made.early:
        raise Refusal("DUE", "mandate_id", _DUE)
    moment = house.moment()
    raw = canonical_json(made)

    def act(tx: Tx) -> None:
        row = store.find(tx, mandate_id)
        if row is not None and row.started_at is not None:
            raise Conflict("BEGUN", "mandate_id", _BEGUN)
        store.replace_early(tx, mandate_id)
        store.add(tx, mandate_id, "early", raw, digest(raw), moment.now_ms, to_ms(made.act_at))

    house.store.write(act)
    with house.store.read() as tx:
        return order_of(tx, mandate_id)


def order_of(tx: Tx, mandate_id: str) -> Order:
    """The early order that waits for approval. Raises NotFound."""
    row = store.find(tx, mandate_id)
    if row is None or row.kind != "early":
        raise NotFound("NO_ORDER", "mandate_id", _NO_ORDER)
    return Order(
        mandate=mandate_id, plan_digest=row.plan_digest, ordered_at=row.ordered_at, act_at=row.act_at
    )


def order_text(order: Order) -> bytes:
    """What an approver signs."""
    return canonical_json(order) + b"\n"


def approve(tx: Tx, moment: Moment, mandate_id: str, line: str) -> int:
    """One officer's approval of the early order as it stands now; how many there are."""
    text = order_text(order_of(tx, mandate_id))
    store.add_approval(tx, mandate_id, signed_by(tx, moment, "order", line, text), moment.now_ms)
    return len(store.approvals(tx, mandate_id, "order"))


def approve_with(tx: Tx, moment: Moment, mandate_id: str, signer: NoteSigner) -> int:
    """`approve` with a key at hand."""
    text = order_text(order_of(tx, mandate_id))
    return approve(tx, moment, mandate_id, signer.signature(text).line.decode())


def may_act(tx: Tx, row: Row, now: datetime) -> bool:
    """An early order with two approvals, 24 hours old, of a mandate that is in force no more."""
    if row.kind != "early" or row.started_at is not None or now < row.act_at:
        return False
    mandate = mandates.mandate_by_id(tx, row.mandate_id)
    return (
        mandate is not None
        and now >= mandate.ends()
        and two_roles(store.approvals(tx, row.mandate_id, "order"))
    )


def two_roles(signed: list[Approval]) -> bool:
    return len({approval.role for approval in signed}) >= 2


def signed_by(tx: Tx, moment: Moment, act: str, line: str, text: bytes) -> Approval:
    trusted = [
        parse_vkey(officer.vkey)
        for officer in mandates.officers(tx)
        if officer.from_at <= moment.now_ms and (officer.until_at is None or moment.now_ms < officer.until_at)
    ]
    try:
        found = parse_signature(line.rstrip("\n").encode())
        (key,) = check_note(Note(text, (found,)), trusted)
    except BadNote:
        raise NotAllowed("SIGNATURE_WRONG", "signature", _SIGNATURE) from None
    return Approval(act, key.text, key.name.rsplit("/", 1)[-1], found.line.decode().rstrip("\n"))


def mandate_of(tx: Tx, mandate_id: str) -> Mandate:
    mandate = mandates.mandate_by_id(tx, mandate_id)
    if mandate is None:
        raise NotFound("NO_SUCH_MANDATE", "mandate_id", _NO_SUCH)
    return mandate


_DUE = Text(
    "this mandate is past its end and grace: destruction needs no order, it runs by itself",
    "该令已过宽限期：销毁无需下令，会自动执行",
)

_BEGUN = Text("this destruction has begun and cannot be ordered anew", "销毁已开始，不能重新下令")

_NO_ORDER = Text("no destruction was ordered for this mandate", "该授权令没有销毁命令")

_NO_SUCH = Text("no published mandate has this id", "没有此编号的已公布授权令")

_SIGNATURE = Text(
    "the signature is wrong, or its key is not trusted here now", "签名有误，或此处目前不信任该密钥"
)
