"""Use cases of the site: sealed-tube events come in, signed and chained; conflicts go to a desk.

Idempotent on the event id and on (device, seq). A second manifest for a tube never overwrites the first: it becomes
a conflict task and nothing of the tube is released until a person has decided. Every refusal names its field.
"""

from collections.abc import Sequence
from typing import Literal

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.store.tx import Tx
from pratique.testing import releasing, store, store_results, store_tubes
from pratique.testing.model import EventResult, TubeEvent
from pratique.testing.releasing import Tell
from pratique.testing.sealed import Device, Sealed, authentic, check, is_time, read_ms, refuse, skew_of

MAX_EVENTS = 50

Outcome = Literal["stored", "already", "conflict", "refused"]


def take_events(
    tx: Tx, moment: Moment, events: Sequence[TubeEvent], tell: Tell, device_now: str = ""
) -> list[EventResult]:
    """One result an event, in order. `device_now` is the device's clock as it sent them (RFC 3339), if it says so.

    Raises Refusal for more than 50 events or a `now` that is no time.
    """
    if len(events) > MAX_EVENTS:
        raise refuse("TOO_MANY", "events", "send at most 50 events at once", "每次最多发送 50 条")
    latest = max((read_ms(e.sealed, "sealed") for e in events if is_time(e.sealed)), default=moment.now_ms)
    if device_now:
        latest = read_ms(device_now, "now")
    return [_take(tx, moment, event, tell, latest - moment.now_ms, told=bool(device_now)) for event in events]


def take_carried(tx: Tx, moment: Moment, event: TubeEvent, tell: Tell, *, lost: bool) -> EventResult:
    """One event that another phone carried. Its own clock is not heard, so what was known of it counts. `lost`: the
    phone that signed it will send nothing more, so what is missing before it is not waited for."""
    return _take(tx, moment, event, tell, 0, told=False, lost=lost)


def _take(
    tx: Tx, moment: Moment, event: TubeEvent, tell: Tell, ahead: int, *, told: bool, lost: bool = False
) -> EventResult:
    try:
        device, digest = authentic(tx, event)
    except Refusal as refusal:
        return _said(event, "refused", refusal)
    known = store_tubes.event_by_id(tx, event.id)
    if known is not None and known[0] != digest:
        return _said(
            event,
            "refused",
            refuse("EVENT_ID_REUSED", "id", "another event has this id", "该编号已用于其他事件"),
        )
    if known is not None and known[1] != "refused":
        return _said(event, "already", None)
    skips = lost and event.seq > device.last_seq + 1
    next_in_chain = event.seq == device.last_seq + 1 or skips
    if known is None and event.seq > device.last_seq + 1 and not skips:
        return _said(event, "refused", refuse(
            "CHAIN_GAP", "seq", "an earlier event of this device is missing; send the oldest first",
            "缺少该设备更早的事件，请从最早的开始发送"))  # fmt: skip
    skew = skew_of(ahead, device.skew_ms, told=told)
    outcome, refused = _apply(tx, moment, device, event, tell, skew, again=known is not None, skips=skips)
    if known is None and next_in_chain:
        store_tubes.add_event(
            tx, device_id=device.id, seq=event.seq, id=event.id, hash=digest, code=event.code[:40],
            outcome=outcome, received_at=moment.now_ms,
        )  # fmt: skip
        store.move_chain(tx, device.id, event.seq, digest, skew, moment.now_ms)
    elif known is not None and outcome != "refused":
        store_tubes.change_event(tx, event.id, outcome)
    return _said(event, outcome, refused)


def _said(event: TubeEvent, outcome: Outcome, refusal: Refusal | None) -> EventResult:
    if refusal is None:
        return EventResult(event.id, outcome)
    return EventResult(event.id, outcome, refusal.code, refusal.field, refusal.text)


def _apply(
    tx: Tx,
    moment: Moment,
    device: Device,
    event: TubeEvent,
    tell: Tell,
    skew: int,
    *,
    again: bool,
    skips: bool = False,
) -> tuple[Outcome, Refusal | None]:
    """`again`: the same event was refused before and may be right by now."""
    try:
        sealed = check(tx, moment, device, event, skew)
    except Refusal as refusal:
        return "refused", refusal
    owner = store_tubes.tube_owner(tx, sealed.code)
    if not again and (why := _doubt(tx, device, event, sealed, owner, skips=skips)) is not None:
        _conflict(tx, moment, device, event, sealed)
        return "conflict", why
    if owner is not None and _same_people(tx, device, sealed, owner):
        return "stored", None
    if owner is not None:
        _amend(tx, moment, sealed, tell)
    else:
        _register(tx, moment, device, event, sealed, tell)
    if sealed.unknown:
        return "stored", refuse("UNKNOWN_SUBJECT", f"m[{sealed.unknown[0]}].s",
                                "the tube is registered; this person's code is not known any more and gets no result",
                                "采样管已登记；此人采样码已失效，不会收到结果")  # fmt: skip
    return "stored", None


def _doubt(
    tx: Tx,
    device: Device,
    event: TubeEvent,
    sealed: Sealed,
    owner: tuple[str, int] | None,
    *,
    skips: bool,
) -> Refusal | None:
    """Why a person must look before this event counts. Nothing of it is lost meanwhile."""
    if event.seq <= device.last_seq:
        return refuse("SEQ_REUSED", "seq", "this number of the device's chain is taken; a person will look",
                      "该序号已被占用，将由人工处理")  # fmt: skip
    if event.prev != device.last_hash and not skips:
        return refuse("CHAIN_BROKEN", "prev", "this event does not follow the last one; a person will look",
                      "事件链不连续，将由人工处理")  # fmt: skip
    reserved = store_tubes.reservation(tx, sealed.code)
    if reserved is not None and sealed.subjects != [reserved[0]]:
        return refuse("RESERVED", "m", "this single tube is kept for another person; a person will look",
                      "此单管为他人预留，将由人工处理")  # fmt: skip
    if (
        owner is not None
        and not _same_people(tx, device, sealed, owner)
        and not _more_people(tx, device, sealed, owner)
    ):
        return refuse("TUBE_TAKEN", "code", "this tube is registered already; nothing was overwritten",
                      "该管已登记，原记录未被覆盖，将由人工处理")  # fmt: skip
    return None


def _same_people(tx: Tx, device: Device, sealed: Sealed, owner: tuple[str, int]) -> bool:
    return owner[0] == device.id and store_tubes.members(tx, sealed.code) == sealed.subjects


def _more_people(tx: Tx, device: Device, sealed: Sealed, owner: tuple[str, int]) -> bool:
    """The same device adds people it had left out: the same people in the same places, and more after them.

    Not once a single tube's result is out: its person may have been told what a pool must never say.
    """
    before = store_tubes.members(tx, sealed.code)
    if len(before) == 1 and store_results.is_told(tx, sealed.code):
        return False
    return (
        owner[0] == device.id
        and 0 < len(before) < len(sealed.members)
        and sealed.subjects[: len(before)] == before
    )


def _register(tx: Tx, moment: Moment, device: Device, event: TubeEvent, sealed: Sealed, tell: Tell) -> None:
    single = len(sealed.members) == 1
    pools = store_tubes.open_pools(tx, sealed.subjects[0], sealed.sealed_at) if single else []
    store_tubes.drop_reservation(tx, sealed.code)
    for pool in pools:
        if (spare := store_tubes.reserved_code(tx, pool, sealed.subjects[0])) is not None:
            store_tubes.drop_reservation(tx, spare)
    store_tubes.add_tube(
        tx, code=sealed.code, campaign_id=device.campaign_id, kind="single" if single else "mixed",
        purpose="retest" if pools else "screen", parent_pool=pools[0] if pools else "", reserved_for="",
        site_id=device.site_id, lane=event.lane, device_id=device.id, opened_at=sealed.opened_at,
        sealed_at=sealed.sealed_at, device_sealed_at=sealed.device_sealed_at, registered_at=moment.now_ms,
        people=len(sealed.members), state="sealed",
    )  # fmt: skip
    store_tubes.add_members(tx, sealed.code, sealed.members)
    _tell_sealed(tx, moment, sealed, sealed.subjects, tell, pooled=not single)
    for analyte in store_results.analytes_reported(tx, sealed.code):
        releasing.judge(tx, moment, sealed.code, analyte, tell)


def _amend(tx: Tx, moment: Moment, sealed: Sealed, tell: Tell) -> None:
    known = set(store_tubes.members(tx, sealed.code))
    fresh = [row for row in sealed.members if row[1] not in known]
    store_tubes.add_members(tx, sealed.code, fresh)
    store_tubes.set_people(tx, sealed.code, len(sealed.members))
    subjects = [subject for _, subject, _ in fresh]
    _tell_sealed(tx, moment, sealed, subjects, tell, pooled=True)
    for analyte in store_results.analytes_reported(tx, sealed.code):
        releasing.tell_latecomers(tx, moment, sealed.code, analyte, set(subjects), tell)
        releasing.judge(tx, moment, sealed.code, analyte, tell)


def _tell_sealed(
    tx: Tx, moment: Moment, sealed: Sealed, subjects: Sequence[str], tell: Tell, *, pooled: bool
) -> None:
    unknown = {sealed.members[n][1] for n in sealed.unknown}
    changes = releasing.sealed_evidence(
        tx, moment, subjects, mandate_id=sealed.mandate_id, analyte=sealed.analytes[0], pooled=pooled,
        sealed_at=sealed.sealed_at, known=set(subjects) - unknown,
    )  # fmt: skip
    if changes:
        tell(tx, moment, changes)


def _conflict(tx: Tx, moment: Moment, device: Device, event: TubeEvent, sealed: Sealed) -> None:
    store_tubes.add_conflict(
        tx, id=event.id, code=sealed.code, device_id=device.id, sealed_at=sealed.sealed_at,
        members=" ".join(sealed.subjects), opened_at=moment.now_ms,
    )  # fmt: skip
    store_tubes.set_conflict(tx, sealed.code, 1)
    store.open_task(tx, moment.new_id(), "conflict", event.id, "", moment.now_ms)
