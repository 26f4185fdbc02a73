"""Use cases of the room: give out passes, revoke them, say what a verifier must know.

Every function works inside the caller's transaction. A pass is issued in the same transaction as the decision it
stands for, and a pass that says more than the newest decision is revoked there too.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials import pq1, store
from pratique.credentials.cose import EDDSA, ES256
from pratique.credentials.jose import b64url
from pratique.credentials.model import HeldPass
from pratique.credentials.reasons import NotIssued
from pratique.credentials.revoking import check_said, revocation_row, revoke_rows, revoke_what_says_more
from pratique.credentials.shuffle import place_of
from pratique.credentials.snapshot import Bundle, KeyEntry, Purpose, StatusEntry
from pratique.credentials.status import SIZE, build
from pratique.credentials.trust import make_bundle
from pratique.store.tx import Tx

PASS_LIFE = timedelta(hours=24)
PAPER_LIFE = timedelta(days=28)
PASSES_A_DAY, MOST_ALIVE = 8, 24
# A pass begins a little before it is made: enough for slow clocks at gates, by chance for everything else.
_BACKDATED_LEAST, _BACKDATED_MOST = timedelta(minutes=5), timedelta(minutes=30)
_SHORTENED = timedelta(hours=1)
_APPEAL_TIME = timedelta(days=30)
_KIDS_OWN_ISSUER = ""


class KeySigner(Signer, Protocol):
    """A signer that also tells its key as DER SubjectPublicKeyInfo."""

    @property
    def spki(self) -> bytes: ...


class PassOrder(NamedTuple):
    """One subject's part of a batch; the fields are those of `renew_passes`."""

    subject_id: str
    holder_keys: Sequence[bytes]
    pass_class: int | None
    mandate_id: str
    until: datetime


def register_key(
    tx: Tx, moment: Moment, signer: KeySigner, purpose: Purpose, valid_to: datetime, max_per_day: int = 0
) -> None:
    """Make a key known as ours from now until `valid_to`; again is harmless. `max_per_day` 0 means no quota."""
    store.add_key(
        tx,
        kid=signer.kid,
        purpose=purpose,
        alg=ES256 if len(signer.public_key) == 65 else EDDSA,
        public_key=signer.spki,
        valid_from=moment.now_ms,
        valid_to=to_ms(valid_to),
        max_per_day=max_per_day,
    )


def public_keys(tx: Tx, now: datetime) -> list[KeyEntry]:
    """Our own keys that verifiers must know now. A key's validity reaches back over backdated passes."""
    return [
        KeyEntry(
            kid=bytes(kid),
            key=bytes(public),
            purpose=purpose,
            issuer=_KIDS_OWN_ISSUER,
            valid_from=(begins - to_ms_span(_BACKDATED_MOST)) // 1000,
            valid_to=ends // 1000,
        )
        for kid, purpose, public, begins, ends in store.keys(tx, to_ms(now))
    ]


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
    issued = _whole(moment.now - _BACKDATED_LEAST)
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


def revoke_passes(
    tx: Tx, moment: Moment, *, subject_id: str, mandate_id: str, reason: str, notice_id: str | None
) -> int:
    """Revoke every live credential of the subject. Returns how many. A revocation ends with what it revokes."""
    rows = store.live_issuances(tx, subject_id, moment.now_ms)
    store.clear_outbox(tx, subject_id)
    return revoke_rows(tx, moment, rows, subject_id, mandate_id, reason, notice_id)


def revoke_batch(tx: Tx, moment: Moment, *, batch_id: str, mandate_id: str, reason: str) -> int:
    """Revoke every live credential of one batch. Returns how many."""
    rows = store.live_of_batch(tx, batch_id, moment.now_ms)
    store.drop_from_outbox(tx, [row[0] for row in rows])
    return revoke_rows(tx, moment, rows, None, mandate_id, reason, None)


def live_batches(tx: Tx, now: datetime) -> list[dict[str, Any]]:
    """Batches with something alive in them: id, key, kind, when, how many. No subjects."""
    return [
        {"batch": batch, "kid": b64url(bytes(kid)), "kind": kind, "issued_at": issued, "alive": alive}
        for batch, kid, kind, issued, alive in store.live_batches(tx, to_ms(now))
    ]


def live_revocations(tx: Tx, now: datetime) -> list[dict[str, Any]]:
    """Revocations that have not ended: what, under which mandate, why, until when. No subjects."""
    return [
        {
            "id": id_,
            "scope": scope,
            "kid": b64url(bytes(kid)) if kid is not None else None,
            "mandate": mandate_id,
            "reason": reason,
            "revoked_at": revoked,
            "ends_at": ends,
        }
        for id_, scope, kid, mandate_id, reason, revoked, ends in store.live_revocations(tx, to_ms(now))
    ]


def revoke_key(tx: Tx, moment: Moment, *, kid: bytes, mandate_id: str, reason: str) -> bool:
    """Take one of our keys off the list: all that it signed ends with the next bundle. False if it was off already."""
    check_said(mandate_id, reason)
    row = store.key_row(tx, kid)
    if row is None or not store.cut_key(tx, kid, moment.now_ms):
        return False
    revocation = revocation_row(moment, mandate_id, reason) | {
        "scope": "kid",
        "kid": kid,
        "ends_at": max(row[2], moment.now_ms + 1),
    }
    store.add_revocations(tx, [revocation])
    return True


def passes_of(tx: Tx, subject_id: str, now: datetime) -> list[HeldPass]:
    """The passes that wait for the subject's devices, the longest-lived first."""
    return [
        HeldPass(credential=bytes(credential), issued=from_ms(issued), expires=from_ms(expires))
        for credential, issued, expires in store.outbox(tx, subject_id, to_ms(now))
    ]


def status_lists(tx: Tx, now: datetime) -> list[StatusEntry]:
    """Every list with a live credential, for the bundle. One bit an entry; 1 is revoked."""
    at = to_ms(now)
    made = []
    for list_no, bits, size in store.live_lists(tx, at):
        marks = [(index, 1) for index in store.revoked_places(tx, list_no, at)]
        made.append(StatusEntry(_KIDS_OWN_ISSUER, list_no, bits, build(bits, size, marks).pack(), size))
    return made


def publish_bundle(
    tx: Tx, moment: Moment, signers: Sequence[Signer], expires: datetime, rest: Callable[[int], Bundle]
) -> tuple[int, bytes]:
    """A new bundle under the next number. `rest(number)` makes it; number, times, our keys and lists are set here."""
    number = store.highest_bundle(tx) + 1
    made = rest(number)
    issued = int(moment.now.timestamp())
    fields = {name: getattr(made, name) for name in made.__struct_fields__} | {
        "number": number,
        "issued": issued,
        "expires": int(expires.timestamp()),
        "keys": (*made.keys, *public_keys(tx, moment.now)),
        "status": (*made.status, *status_lists(tx, moment.now)),
    }
    raw = make_bundle(Bundle(**fields), signers)
    store.add_bundle(tx, number, moment.now_ms, to_ms(expires), sha256(raw).digest())
    return number, raw


def sweep(tx: Tx, moment: Moment) -> int:
    """Delete issuance and revocation rows whose credential expired longer ago than an appeal can take."""
    return store.sweep(tx, to_ms(moment.now - _APPEAL_TIME))


def forget_subject(tx: Tx, subject_id: str) -> None:
    """Cut the tie between a subject and what was issued to it. That something was issued, and that it is revoked, stays
    until it expires, under nobody's id."""
    store.forget_subject(tx, subject_id)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete what was issued and revoked under a mandate; rows deleted per table. No index is handed out again."""
    return store.erase_mandate(tx, mandate_id)


def to_ms_span(span: timedelta) -> int:
    """A span in milliseconds."""
    return int(span.total_seconds() * 1000)


def _gives(order: PassOrder, moment: Moment) -> bool:
    return order.pass_class is not None and order.until - moment.now >= timedelta(minutes=1)


def _blurred(moment: Moment, until: datetime) -> tuple[datetime, datetime]:
    """Begin and end of a pass, moved by chance so that its length and hour say nothing about the evidence behind it."""
    now = moment.now
    ends = min(until, now + PASS_LIFE)
    give_away = min(_SHORTENED, (ends - now) / 8)
    backdated = _BACKDATED_LEAST + _chance(moment) * (_BACKDATED_MOST - _BACKDATED_LEAST)
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
            store.add_list(tx, SIZE, moment.random(32))
            continue
        list_no, size, key, handed_out = row
        some = min(wanted - len(places), size - handed_out)
        places += [(list_no, place_of(bytes(key), handed_out + n, size)) for n in range(some)]
        store.take_places(tx, list_no, handed_out + some, expires)
    return places
