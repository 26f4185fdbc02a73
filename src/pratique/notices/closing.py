"""Ending notices, and with them the appeals that have lost their ground."""

from collections.abc import Sequence

from pratique.core.moment import Moment
from pratique.notices import appeal_store, store
from pratique.notices.store import Ended
from pratique.store.tx import Tx


def end_notices(tx: Tx, moment: Moment, ended: Sequence[Ended], *, answered: str = "") -> None:
    """Move notices on; an appeal against one that is over closes as withdrawn, except the one `answered` just now.

    A notice that somebody else ended first stays as it is, and says nothing twice.
    """
    store.set_states(tx, ended)
    over = [one.notice_id for one in ended if one.state != "waiting"]
    for appeal in appeal_store.open_about(tx, over):
        if appeal.id == answered:
            continue
        appeal_store.save(
            tx,
            appeal._replace(
                state="closed", outcome="withdrawn", reason_code="GROUND_GONE", closed_at=moment.now_ms
            ),
        )
        appeal_store.add_event(
            tx, appeal.id, moment.now_ms, "ground-gone", "rule", reference=appeal.notice_id
        )
