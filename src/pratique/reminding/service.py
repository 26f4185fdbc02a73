"""Use cases of the room `reminding`: wishes kept, messages planned, messages sent. What other rooms may use.

Planning and the outcome of sending are transactions; the sending itself holds none. A message may come twice after a
crash; it says nothing that would matter twice.
"""

from collections.abc import Collection
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec

from pratique.core.canonical import canonical_json
from pratique.core.errors import Destroyed, Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.people import service as people
from pratique.people.binding import check_key
from pratique.reminding import smpp, store
from pratique.reminding.duty import plan_duty, send_duty
from pratique.reminding.hands import Hands
from pratique.reminding.model import MAX_TRIES, SAYS, ChannelRow, MessageRow, PushWish, SmsWish
from pratique.reminding.quiet import Quiet, not_before, remind_at
from pratique.reminding.store import erase_mandate
from pratique.reminding.webpush import Target, authorization, b64, encrypt, one_time_key, unb64
from pratique.store.sealing import Place, Sealer
from pratique.store.tx import Tx

AT_ONCE = 2000
SENT_AT_ONCE = 50
TTL_S = 12 * 3600

Wish = PushWish | SmsWish


def keep_push(tx: Tx, moment: Moment, hands: Hands, subject_id: str, wish: PushWish) -> None:
    """Tell this browser from now on. Raises Refusal for an address that is no push service's, NoMandate, NotFound."""
    check_endpoint(wish.endpoint, hands.hosts)
    try:
        check_key(unb64(wish.p256dh))
        whole = len(unb64(wish.auth)) == 16
    except ValueError:
        whole = False
    if not whole:
        raise Refusal("BAD_KEYS", "p256dh", Text("the browser's keys are not whole", "浏览器密钥不完整"))
    _keep(tx, moment, hands, subject_id, "push", wish, wish.endpoint)


def keep_sms(tx: Tx, moment: Moment, hands: Hands, subject_id: str, wish: SmsWish) -> None:
    """Tell the phone on the person's own card from now on. Raises Refusal without a card or a gateway, NoMandate."""
    if hands.gateway is None:
        raise Refusal("NO_SMS", "", Text("no text messages are sent here", "此处不发送短信"))
    if people.own_card(tx, hands.sealer, subject_id) is None:
        raise Refusal("NO_CARD", "phone", Text("write your contact card first", "请先填写联系卡"))
    store.drop_channels(tx, subject_id, "sms")
    _keep(tx, moment, hands, subject_id, "sms", wish, "sms")


def stop(tx: Tx, subject_id: str, kind: str) -> int:
    """No more messages of this kind; how many channels there were."""
    return store.drop_channels(tx, subject_id, kind)


def kinds_of(tx: Tx, subject_id: str) -> list[str]:
    """The kinds of channels a person has."""
    return sorted({row.kind for row in store.channels_of(tx, [subject_id])})


def check_endpoint(endpoint: str, hosts: Collection[str]) -> None:
    """Raises Refusal unless this is an address of a known push service over TLS: we call no address we are told to."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    known = any(
        host == one or (one.startswith("*.") and host.endswith(one[1:])) or parts.netloc == one
        for one in hosts
    )
    local = parts.netloc in hosts and host in ("127.0.0.1", "::1")  # a peer named with its port, as in tests
    if not known or (parts.scheme != "https" and not local) or parts.username or "\\" in endpoint:
        raise Refusal(
            "UNKNOWN_PUSH_SERVICE",
            "endpoint",
            Text("this push service is not known here", "此推送服务未登记"),
        )


def plan(tx: Tx, moment: Moment, hands: Hands, limit: int = AT_ONCE) -> int:
    """Turn what nobody was told yet into messages that wait; how many notices were gone through."""
    told = notices.unsaid(tx, moment, limit)
    if not told:
        return 0
    theirs: dict[str, list[ChannelRow]] = {}
    for row in store.channels_of(tx, [one.subject_id for one in told if one.what]):
        theirs.setdefault(row.subject_id, []).append(row)
    rows = []
    for one in told:
        if not one.what:
            continue
        for channel in theirs.get(one.subject_id, []):
            wish = _wish(hands.sealer, channel)
            if wish is None:
                continue
            quiet = Quiet(wish.quiet_from, wish.quiet_to)
            if one.what == "reminder":
                at = remind_at(moment.now, from_ms(one.due_at), quiet, hands.zone)
            else:
                at = not_before(moment.now, quiet, hands.zone)
            if at is not None:
                rows.append(
                    MessageRow(
                        channel.id, one.what, one.subject_id, channel.mandate_id, one.notice_id, moment.now_ms,
                        to_ms(at), 0,
                    )
                )  # fmt: skip
    store.add_messages(tx, rows)
    return len(told)


def send_due(hands: Hands, moment: Moment, limit: int = SENT_AT_ONCE) -> int:
    """Send what is due; how many were sent. A peer that fails is tried again, at most five times."""
    with hands.store.read() as tx:
        waiting = [(row, *_ready(tx, hands, row)) for row in store.due(tx, moment.now_ms, limit)]
    sent = 0
    for row, wish, phone in waiting:
        outcome = _send(hands, moment, row, wish, phone)
        sent += outcome == "sent"
        hands.store.write(lambda tx, row=row, outcome=outcome: _note(tx, moment, row, outcome))  # type: ignore[misc]
    return sent


def forget(tx: Tx, subject_id: str) -> None:
    """Delete a person's channels and what waits for them."""
    store.delete_subject(tx, subject_id)


def _ready(tx: Tx, hands: Hands, row: MessageRow) -> tuple[Wish | None, str]:
    """How to reach the person, or None where there is nothing to say any more."""
    channel = store.channel(tx, row.channel_id)
    if channel is None or (row.what == "reminder" and not notices.standing_notices(tx, [row.notice_id])):
        return None, ""
    card = people.own_card(tx, hands.sealer, row.subject_id) if channel.kind == "sms" else None
    return _wish(hands.sealer, channel), card.phone if card else ""


def _send(hands: Hands, moment: Moment, row: MessageRow, wish: Wish | None, phone: str) -> str:
    """sent, later, gone (the channel is no more), or over (nothing to say)."""
    if wish is None:
        return "over"
    text = SAYS[row.what].of(wish.language)
    if isinstance(wish, PushWish):
        return _push(hands, moment, wish, text)
    if not phone or hands.gateway is None:
        return "over"
    try:
        with smpp.session(hands.gateway) as bound:
            bound.submit(phone, text)
    except smpp.Never:
        return "gone"
    except smpp.Later:
        return "later"
    return "sent"


def _push(hands: Hands, moment: Moment, wish: PushWish, text: str) -> str:
    target = Target(wish.endpoint, unb64(wish.p256dh), unb64(wish.auth))
    body = encrypt(canonical_json({"text": text}), target, one_time_key(moment.random(40)), moment.random(16))
    headers = {
        "Authorization": authorization(hands.signer, hands.point, wish.endpoint, hands.contact, moment.now),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_S),
        "Urgency": "normal",
    }
    try:
        status = hands.post(wish.endpoint, headers, body)
    except OSError:
        return "later"
    if status in (404, 410):
        return "gone"
    if 200 <= status < 300:
        return "sent"
    return "gone" if status in (400, 401, 403) else "later"


def _note(tx: Tx, moment: Moment, row: MessageRow, outcome: str) -> None:
    if outcome == "sent":
        notices.reached(tx, moment, row.subject_id)
    if outcome == "gone":
        store.drop_channel(tx, row.channel_id)
    elif outcome == "later" and row.tries + 1 < MAX_TRIES:
        store.put_off(tx, row, to_ms(moment.now + timedelta(minutes=2**row.tries)))
    else:
        store.drop_message(tx, row)


def _keep(tx: Tx, moment: Moment, hands: Hands, subject_id: str, kind: str, wish: Wish, unique: str) -> None:
    mandate = next(
        (one for one in mandates.live_mandates(tx, moment.now) if one.in_force(moment.now, "enrolment")), None
    )
    people.wallet_version(tx, subject_id)
    mandate_id = mandates.require(tx, mandate.id if mandate else "", "enrolment", moment.now).id
    digest = hands.sealer.blind_index(mandate_id, "channel", unique)
    store.drop_channels(tx, subject_id, kind, digest)
    row_id = moment.new_id()
    sealed = hands.sealer.seal(
        _place(row_id, mandate_id, moment.now_ms, subject_id), msgspec.json.encode(wish)
    )
    store.put_channel(tx, ChannelRow(row_id, subject_id, mandate_id, kind, moment.now_ms, digest, sealed))


def _wish(sealer: Sealer, row: ChannelRow) -> Wish | None:
    """What the person wished; None where its key was destroyed."""
    try:
        raw = sealer.open(_place(row.id, row.mandate_id, row.made_at, row.subject_id), row.sealed)
    except Destroyed:
        return None
    return (
        msgspec.json.decode(raw, type=PushWish)
        if row.kind == "push"
        else msgspec.json.decode(raw, type=SmsWish)
    )


def _place(row_id: str, mandate_id: str, at: int, subject_id: str) -> Place:
    return Place("channel", "sealed", row_id, mandate_id, from_ms(at).date().isoformat(), subject_id)


__all__ = [
    "Hands", "b64", "check_endpoint", "erase_mandate", "forget", "keep_push", "keep_sms", "kinds_of", "plan",
    "plan_duty", "send_due", "send_duty", "stop",
]  # fmt: skip
