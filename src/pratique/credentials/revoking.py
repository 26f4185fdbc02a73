"""Rows of revocation: each with a mandate, a reason and an end (laws 1, 2, 3)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pratique.core.errors import NoMandate, Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials import store
from pratique.store.tx import Tx

MAX_REASON = 200


def revoke_what_says_more(
    tx: Tx,
    moment: Moment,
    subject_id: str,
    pass_class: int | None,
    mandate_id: str,
    rows: Sequence[Sequence[Any]],
) -> None:
    """Revoke those of the subject's live passes `rows` that are better than `pass_class` (None: hold, so all)."""
    more = [row for row in rows if row[2] and (pass_class is None or row[2] < pass_class)]
    if more:
        revoke_rows(tx, moment, more, subject_id, mandate_id, "DECISION_CHANGED", None)


class TooMuch(NamedTuple):
    """A subject whose live passes say more than the new decision; `notice_id` is where that is told."""

    subject_id: str
    mandate_id: str
    reason: str
    notice_id: str


def revoke_many(tx: Tx, moment: Moment, items: Sequence[TooMuch]) -> None:
    """Revoke every live credential of many subjects with a handful of statements; nothing waits for them any more."""
    subject_ids = [one.subject_id for one in items]
    live = store.live_issuances_of(tx, subject_ids, moment.now_ms)
    store.clear_outboxes(tx, subject_ids)
    for one in items:
        if rows := live.get(one.subject_id):
            revoke_rows(tx, moment, rows, one.subject_id, one.mandate_id, one.reason, one.notice_id)


def revoke_rows(
    tx: Tx,
    moment: Moment,
    rows: Sequence[Sequence[Any]],
    subject_id: str | None,
    mandate_id: str,
    reason: str,
    notice_id: str | None,
) -> int:
    """Revoke issuances as `store.live_issuances` gives them; each revocation ends with what it revokes.

    `subject_id` None: each row says its own, as `store.live_of_batch` gives them.
    """
    check_said(mandate_id, reason)
    common = revocation_row(moment, mandate_id, reason)
    made = [
        common
        | {
            "id": moment.new_id(),
            "issuance_id": row[0],
            "kid": bytes(row[1]),
            "subject_id": row[6] if subject_id is None else subject_id,
            "status_list": row[3],
            "status_index": row[4],
            "notice_id": notice_id,
            "ends_at": row[5],
        }
        for row in rows
    ]
    if made:
        store.add_revocations(tx, made)
    return len(made)


def check_said(mandate_id: str, reason: str) -> None:
    """Laws 1 and 2: raises NoMandate without a mandate, Refusal without a reason."""
    if not mandate_id:
        raise NoMandate("mandate_id", "a revocation")
    if not reason.strip() or len(reason) > MAX_REASON:
        raise Refusal(
            "REASON",
            "reason",
            Text("say in one sentence why; at most 200 characters", "请用一句话说明原因，最多 200 字"),
        )


def revocation_row(moment: Moment, mandate_id: str, reason: str) -> dict[str, Any]:
    """A revocation of nothing yet: the caller says what, and until when."""
    return {
        "id": moment.new_id(),
        "scope": "issuance",
        "issuance_id": None,
        "kid": None,
        "subject_id": None,
        "status_list": None,
        "status_index": None,
        "mandate_id": mandate_id,
        "reason": reason,
        "notice_id": None,
        "revoked_at": moment.now_ms,
    }
