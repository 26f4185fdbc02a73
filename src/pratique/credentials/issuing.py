"""Giving out passes: for every device of a subject, for one day's fresh keys, on paper.

Every function works inside the caller's transaction. A pass lives a day at most and never beyond its decision; begin
and end are moved by chance, so that neither its length nor its hour says anything about the evidence behind it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, to_ms
from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials import pq1, store
from pratique.credentials.model import HeldPass
from pratique.credentials.reasons import NotIssued
from pratique.credentials.revoking import revoke_what_says_more
from pratique.credentials.shuffle import KEY_BYTES, places_of
from pratique.credentials.status import SIZE
from pratique.store.tx import Tx

PASS_LIFE = timedelta(hours=24)
PAPER_LIFE = timedelta(days=28)
PASSES_A_DAY, MOST_ALIVE = 8, 24
# A pass begins a little before it is made: enough for slow clocks at gates, by chance for everything else.
BACKDATED_LEAST, BACKDATED_MOST = timedelta(minutes=5), timedelta(minutes=30)
_SHORTENED = timedelta(hours=1)


class PassOrder(NamedTuple):
    """One subject's part of a batch; the fields are those of `renew_passes`."""

    subject_id: str
    holder_keys: Sequence[bytes]
    pass_class: int | None
    mandate_id: str
    until: datetime


def renew_passes(
    tx: Tx,
    moment: Moment,
    signer: Signer,
    *,
    subject_id: str,
    holder_keys: Sequence[bytes],
    pass_class: int | None,
    mandate_id: str,
    until: datetime,
) -> int:
    """Give each of the subject's devices a fresh pass of at most 24 hours, never beyond `until`.

    `pass_class` None (hold) gives none. Live passes that say more than the new decision are revoked. Returns how
    many were issued. Raises NoMandate through the store's guard, Refusal where the key is cut or over its quota.
    """
    order = PassOrder(subject_id, holder_keys, pass_class, mandate_id, until)
    return renew_many(tx, moment, signer, [order])


def renew_many(tx: Tx, moment: Moment, signer: Signer, items: Iterable[PassOrder]) -> int:
    """`renew_passes` for many subjects, with one look at the key and one run of status places."""
    batch_id = moment.new_id()
    issuances: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    orders = list(items)
    wanted = sum(len(order.holder_keys) for order in orders if _gives(order, moment))
    _check_key(tx, moment, signer, wanted)
    places = _take_places(tx, moment, wanted, to_ms(moment.now + PASS_LIFE))
    live = store.live_issuances_of(tx, [order.subject_id for order in orders], moment.now_ms)
    store.clear_outboxes(tx, [order.subject_id for order in orders])
    for order in orders:
        revoke_what_says_more(
            tx, moment, order.subject_id, order.pass_class, order.mandate_id, live.get(order.subject_id, [])
        )
        if not _gives(order, moment):
            continue
        for holder_key in order.holder_keys:
            row, held = _made(moment, signer, order, holder_key, places.pop())
            issuances.append(row | {"batch_id": batch_id})
            waiting.append(
                {name: row[name] for name in ("subject_id", "mandate_id", "issued_at", "expires_at")}
                | {"issuance_id": row["id"], "credential": held.credential}
            )
    if issuances:
        store.add_issuances(tx, issuances)
        store.add_to_outbox(tx, waiting)
    return len(issuances)


def issue_for_the_day(
    tx: Tx,
    moment: Moment,
    signer: Signer,
    *,
    subject_id: str,
    holder_keys: Sequence[bytes],
    pass_class: int,
    mandate_id: str,
    until: datetime,
) -> list[HeldPass]:
    """One pass for each of up to eight fresh keys of one device, so that its visits of a day cannot be told to be one
    holder's: every pass has a key, a status place and times of its own. They go to the wallet that asks and wait
    nowhere.

    Raises Refusal for keys that are too many, not fresh among themselves, or not P-256; else as `renew_passes`.
    """
    if not 0 < len(holder_keys) <= PASSES_A_DAY or len({*holder_keys}) != len(holder_keys):
        raise Refusal("KEYS", "keys", Text("send one to eight different keys", "请发送一至八个不同的密钥"))
    order = PassOrder(subject_id, holder_keys, pass_class, mandate_id, until)
    if not _gives(order, moment):
        return []
    if len(store.live_issuances(tx, subject_id, moment.now_ms)) + len(holder_keys) > MOST_ALIVE:
        text = Text(
            "enough passes are alive; ask again when some have ended", "有效凭证已足够，请待部分到期后再申请"
        )
        raise Refusal("TOO_MANY", "keys", text)
    _check_key(tx, moment, signer, len(holder_keys))
    places = _take_places(tx, moment, len(holder_keys), to_ms(moment.now + PASS_LIFE))
    try:
        made = [_made(moment, signer, order, holder_key, places.pop()) for holder_key in holder_keys]
    except NotIssued:
        raise Refusal(
            "KEYS", "keys", Text("a key is not a point of P-256", "密钥不是 P-256 曲线上的点")
        ) from None
    # Each in a batch of its own: a shared number would tie them together again for whoever reads the table.
    store.add_issuances(tx, [row | {"batch_id": moment.new_id()} for row, _ in made])
    return [held for _, held in made]


def _made(
    moment: Moment, signer: Signer, order: PassOrder, holder_key: bytes, place: tuple[int, int]
) -> tuple[dict[str, Any], HeldPass]:
    """A signed pass and its row of issuance, which lacks the batch."""
    issued, expires = _blurred(moment, order.until)
    credential = pq1.issue_pass(signer, holder_key, order.pass_class or 0, issued, expires, place)
    row = {
        "id": moment.new_id(),
        "kind": "PQ1",
        "kid": signer.kid,
        "mandate_id": order.mandate_id,
        "subject_id": order.subject_id,
        "pass_class": order.pass_class,
        "status_list": place[0],
        "status_index": place[1],
        "issued_at": moment.now_ms,
        "expires_at": to_ms(expires),
    }
    return row, HeldPass(credential=credential, issued=issued, expires=expires)


def issue_paper(
    tx: Tx,
    moment: Moment,
    signer: Signer,
    *,
    subject_id: str,
    pass_class: int,
    mandate_id: str,
    until: datetime,
) -> HeldPass:
    """A pass to be printed: bound to no device, of at most 28 days, never beyond `until`; revoked like any other.

    Raises NoMandate through the store's guard, Refusal where the key is cut, over its quota, or `until` is past.
    """
    issued = _whole(moment.now - BACKDATED_LEAST)
    expires = _whole(min(until, issued + PAPER_LIFE))  # a gate counts the 28 days from `issued`
    if expires <= moment.now:
        raise Refusal(
            "TOO_LATE", "until", Text("this decision has ended; decide again", "该判定已结束，请重新判定")
        )
    _check_key(tx, moment, signer, 1)
    ((list_no, index),) = _take_places(tx, moment, 1, to_ms(expires))
    store.add_issuances(
        tx,
        [
            {
                "id": moment.new_id(),
                "kind": "PAPER",
                "kid": signer.kid,
                "mandate_id": mandate_id,
                "subject_id": subject_id,
                "pass_class": pass_class,
                "status_list": list_no,
                "status_index": index,
                "batch_id": moment.new_id(),
                "issued_at": moment.now_ms,
                "expires_at": to_ms(expires),
            }
        ],
    )
    credential = pq1.issue_pass(signer, None, pass_class, issued, expires, (list_no, index))
    return HeldPass(credential=credential, issued=issued, expires=expires)


def _gives(order: PassOrder, moment: Moment) -> bool:
    return order.pass_class is not None and order.until - moment.now >= timedelta(minutes=1)


def _blurred(moment: Moment, until: datetime) -> tuple[datetime, datetime]:
    """Begin and end of a pass, moved by chance so that its length and hour say nothing about the evidence behind it."""
    now = moment.now
    ends = min(until, now + PASS_LIFE)
    give_away = min(_SHORTENED, (ends - now) / 8)
    backdated = BACKDATED_LEAST + _chance(moment) * (BACKDATED_MOST - BACKDATED_LEAST)
    return now - backdated, _whole(ends - _chance(moment) * give_away)


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _chance(moment: Moment) -> float:
    return int.from_bytes(moment.random(4), "big") / 2**32


def _check_key(tx: Tx, moment: Moment, signer: Signer, wanted: int) -> None:
    row = store.key_row(tx, signer.kid)
    if row is None or not wanted:
        return
    _, _, valid_to, cut_at, max_per_day = row
    if cut_at is not None or valid_to <= moment.now_ms:
        text = Text(
            "the issuing key is cut off or out of date; use another", "签发密钥已停用或过期；请更换密钥"
        )
        raise Refusal("KEY_NOT_VALID", "kid", text)
    day = to_ms(moment.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0))
    if max_per_day and store.issued_since(tx, signer.kid, day) + wanted > max_per_day:
        text = Text("the issuing key has reached its quota for today", "签发密钥已达今日限额")
        raise Refusal("QUOTA", "kid", text)


def _take_places(tx: Tx, moment: Moment, wanted: int, expires: int) -> list[tuple[int, int]]:
    """`wanted` unused places (list, index), in an order nobody can foresee."""
    places: list[tuple[int, int]] = []
    while len(places) < wanted:
        row = store.open_list(tx)
        if row is None:
            store.add_list(tx, SIZE, moment.random(KEY_BYTES))
            continue
        list_no, size, key, handed_out = row
        some = min(wanted - len(places), size - handed_out)
        places += [(list_no, place) for place in places_of(bytes(key), handed_out, some, size)]
        store.take_places(tx, list_no, handed_out + some, expires)
    return places
