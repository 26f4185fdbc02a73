"""The duty officer is told by SMS that appeals wait: at half, and at four fifths, of an appeal's time.

Day and night, for the clock runs day and night. What falls into the same five minutes is one message, so that a wave of
appeals is no wave of messages. It says how many and when the first of them ends, never whose or against what. Without a
number or a gateway nothing is sent; the console's first page names the appeals either way.
"""

from datetime import timedelta

from pratique.core.moment import Moment, from_ms, to_ms
from pratique.notices import service as notices
from pratique.reminding import smpp, store
from pratique.reminding.hands import Hands
from pratique.reminding.model import DUTY, MAX_TRIES, DutyRow
from pratique.store.tx import Tx

TOGETHER_MS = 5 * 60_000


def plan_duty(tx: Tx, moment: Moment, hands: Hands, limit: int = 2000) -> int:
    """Turn appeals that escalated into what waits to be said; how many were gone through."""
    found = notices.waiting_appeals(tx, limit)
    if hands.gateway is not None and hands.duty:
        due = -(-moment.now_ms // TOGETHER_MS) * TOGETHER_MS
        store.add_duty(
            tx,
            [
                DutyRow(one.appeal_id, one.level, one.subject_id, one.mandate_id, one.ends_at, due, 0)
                for one in found
            ],
        )
    return len(found)


def send_duty(hands: Hands, moment: Moment) -> int:
    """Send what is due as one message to each number; how many numbers took it. Tried again, at most five times."""
    with hands.store.read() as tx:
        rows = store.duty_due(tx, moment.now_ms)
        open_now = notices.appeals_open(tx, [row.appeal_id for row in rows]) if rows else set()
    if not rows:
        return 0
    waiting = [row for row in rows if row.appeal_id in open_now]
    taken, again = _send(hands, waiting) if waiting else (0, False)

    def note(tx: Tx) -> None:
        if not taken and again and rows[0].tries + 1 < MAX_TRIES:
            store.put_off_duty(tx, rows, to_ms(moment.now + timedelta(minutes=2 ** rows[0].tries)))
        else:
            store.drop_duty(tx, rows)

    hands.store.write(note)
    return taken


def _send(hands: Hands, waiting: list[DutyRow]) -> tuple[int, bool]:
    """(numbers that took it, whether another try may help)"""
    ends = from_ms(waiting[0].ends_at).astimezone(hands.zone)
    appeals = len({row.appeal_id for row in waiting})
    text = DUTY.fill(n=appeals, at=f"{ends:%m-%d %H:%M}").of(hands.duty_language)
    taken, again = 0, False
    for number in hands.duty if hands.gateway is not None else ():
        try:
            with smpp.session(hands.gateway) as bound:  # type: ignore[arg-type]
                bound.submit(number, text)
            taken += 1
        except smpp.Never:
            continue
        except smpp.Later:
            again = True
    return taken, again
