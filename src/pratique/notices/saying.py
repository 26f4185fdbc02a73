"""What a person was not told yet: a notice that began, a time that is near, a notice that ended; and what the duty
officer was not told: an appeal that waits.

Reading it marks it as said, in the caller's transaction; what to do with it is the business of whoever asks. Each run
does a bounded number. Who gave the sample is not reminded; what a person did themselves is no news to them.
"""

from collections.abc import Sequence

from pratique.core.moment import Moment
from pratique.notices import appeal_store, say_store
from pratique.notices.model import OPEN_STATES, Unsaid, Waiting
from pratique.store.tx import Tx

HOUR = 3_600_000
FIRST, LAST = 24 * HOUR, 3 * HOUR  # before a duty is due
BEGAN, REMINDED, REMINDED_LAST, ENDED = 1, 2, 3, 9
OWN = ("read", "contact", "sample")


def unsaid(tx: Tx, moment: Moment, limit: int) -> list[Unsaid]:
    """What is to be said now, and marked as said; an entry without `what` was only gone through."""
    now = moment.now_ms
    began = say_store.began(tx, limit)
    found = [Unsaid(one[0], one[1], "news" if one[2] in OPEN_STATES else "", one[3]) for one in began]
    say_store.mark(tx, [(one[0], BEGAN if one[2] in OPEN_STATES else ENDED) for one in began])
    near = say_store.near(tx, BEGAN, now + FIRST, limit) + say_store.near(tx, REMINDED, now + LAST, limit)
    for notice_id, subject_id, state, due, class_ in near:
        asks = class_ == "duty" and state == "open" and due > now
        found.append(Unsaid(notice_id, subject_id, "reminder" if asks else "", due))
    say_store.mark(tx, [(one[0], REMINDED if one[3] > now + LAST else REMINDED_LAST) for one in near])
    ended = say_store.ended(tx, limit)
    found += [Unsaid(one[0], one[1], "" if one[2] in OWN else "news", 0) for one in ended]
    say_store.mark(tx, [(one[0], ENDED) for one in ended])
    return found


def appeals_open(tx: Tx, appeal_ids: Sequence[str]) -> set[str]:
    """Those of these appeals that nobody answered yet."""
    return appeal_store.standing(tx, appeal_ids)


def waiting_appeals(tx: Tx, limit: int) -> list[Waiting]:
    """Appeals that used up half, or four fifths, of their time since this was last asked; marked as told."""
    found = [Waiting(*row) for row in appeal_store.untold(tx, limit)]
    appeal_store.set_told(tx, [(one.appeal_id, one.level) for one in found])
    return found
