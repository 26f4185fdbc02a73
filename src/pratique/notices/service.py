"""Use cases of the room `notices`, each in its caller's transaction. What other rooms may use is named here."""

from collections.abc import Sequence
from datetime import datetime

from pratique.core.errors import Conflict, NotFound
from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.core.text import Text
from pratique.credentials import service as credentials
from pratique.notices import store
from pratique.notices.answering import (
    appeals_by_due,
    decide_appeal,
    open_appeal,
    read_appeal,
    words_of,
)
from pratique.notices.attaching import attach, own_attachment, read_attachment
from pratique.notices.campaigns import join_campaigns, start_campaign
from pratique.notices.change import evidence_changed
from pratique.notices.clear import Happening, Standing, clears, happened
from pratique.notices.closing import end_notices
from pratique.notices.faults import declare_fault, end_fault, keep_stopped
from pratique.notices.kinds import fact_text, read_kind
from pratique.notices.listing import line_of
from pratique.notices.model import (
    OPEN_STATES,
    AppealView,
    Campaign,
    EvidenceChange,
    House,
    NoticeLine,
    Opening,
    Results,
    ResultView,
    Said,
)
from pratique.notices.my_data import Held
from pratique.notices.opening import open_many, open_notice
from pratique.notices.ordering import (
    Family,
    live_orders,
    order_of_notice,
    order_stay_home,
    orders_of,
    paths_of,
    tell_family,
)
from pratique.notices.passes import day_passes, paper_pass, pass_mandate, refresh_passes
from pratique.notices.publishing import appeal_weeks, publish_weeks
from pratique.notices.reaching import reached, reached_among, to_call
from pratique.notices.ruled import Ruled, policy_changed
from pratique.notices.saying import appeals_open, unsaid, waiting_appeals
from pratique.notices.store import Ended, open_under
from pratique.notices.sweep import end_mandate, end_own, sweep
from pratique.notices.wallet import appeal_view, needs_refresh, wallet_tag, wallet_view
from pratique.people import service as people
from pratique.people.model import Forgotten
from pratique.policy import service as policy
from pratique.store.tx import Tx


def appeal(tx: Tx, moment: Moment, house: House, *, subject_id: str, notice_id: str, text: str) -> AppealView:
    """Open an appeal and show it. Raises as `open_appeal`."""
    row = open_appeal(tx, moment, house, subject_id=subject_id, notice_id=notice_id, text=text)
    return appeal_view(tx, house, row)


def held(tx: Tx, moment: Moment, house: House, subject_id: str, results: Results) -> Held:
    """Everything that is held of one person, for that person to take away. Raises NotFound."""
    return Held(
        wallet_view(tx, moment, house, subject_id, results, 0),
        people.own_card(tx, house.sealer, subject_id),
        policy.evidence_of(tx, house.sealer, subject_id),
        words_of(tx, house, subject_id),
    )


def tell_of_opening(
    tx: Tx,
    moment: Moment,
    house: House,
    *,
    subject_id: str,
    mandate_id: str,
    who: Text,
    why: Text,
    decider: str = "",
) -> str:
    """Somebody opened this person's data in an emergency: who (a role, never a name), when and why, as a notice (N7).

    Called in the transaction of the opening. `decider`, the worker, cannot review an appeal of it. Raises NoMandate.
    """
    what = fact_text("break-glass")
    told = Text(f"{what.en}: {why.en}", f"{what.zh_hans}：{why.zh_hans}")
    facts = (Said(told, who, rfc3339(moment.now)),)
    opening = Opening(subject_id, "N7", mandate_id, "BREAK_GLASS", facts=facts, decider=decider)
    return open_notice(tx, moment, house, opening)


def catch_up(tx: Tx, moment: Moment, house: House, subject_id: str) -> None:
    """What a poll brings up to date: what is due ends, N1 of campaigns that run, the decision, the pass; and that its
    person was reached.

    Raises NotFound for an unknown or forgotten subject.
    """
    people.wallet_version(tx, subject_id)
    end_own(tx, moment, subject_id)
    join_campaigns(tx, moment, house, subject_id)
    refresh_passes(tx, moment, house, subject_id)
    reached(tx, moment, subject_id)


def note(tx: Tx, moment: Moment, what: Happening, *, notice_id: str, subject_id: str = "") -> None:
    """Something happened that no evidence says: read, in touch, order ended. Ends the notice if that is its condition.

    With `subject_id` the notice must be that subject's. Doing it twice changes nothing. Raises NotFound.
    """
    row = store.notice(tx, notice_id)
    if row is None or (subject_id and row.subject_id != subject_id):
        raise NotFound("NO_SUCH_THING", "notice_id", Text("there is nothing here by that id", "没有此项"))
    if row.state not in OPEN_STATES:
        return
    kind = read_kind(store.kind_bodies(tx)[row.kind, row.kind_version])
    standing = Standing(row.analyte, from_ms(row.since_at), from_ms(row.ends_at))
    why = clears(kind.clears, standing, [happened(what, moment.now)], moment.now)
    if why != what:
        raise Conflict(
            "DOES_NOT_END", "notice_id", Text("this notice does not end by that", "此提示不会因此结束")
        )
    end_notices(tx, moment, [Ended(row.id, "cleared", moment.now_ms, why, "person")])
    people.touch(tx, [row.subject_id])


def notice_list(tx: Tx, after: tuple[datetime, str] | None = None, limit: int = 100) -> list[NoticeLine]:
    """Open notices by due time, for the console: no name, no subject. `after` is (due_at, id) of the last line seen."""
    place = (int(after[0].timestamp() * 1000), after[1]) if after else (0, "")
    bodies = store.kind_bodies(tx)
    return [
        NoticeLine(
            id=row[0],
            kind=row[1],
            title=read_kind(bodies[row[1], row[2]]).title,
            state=row[3],
            cause=row[4],
            opened_at=from_ms(row[5]),
            due_at=from_ms(row[6]),
            mandate_id=row[7],
        )
        for row in store.lines(tx, place, limit)
    ]


def notice_line(tx: Tx, notice_id: str, subject_id: str = "") -> NoticeLine | None:
    """An open notice (with `subject_id`: of that subject) as a line; None where it is over or not theirs."""
    row = store.notice(tx, notice_id)
    if row is None or row.state not in OPEN_STATES or (subject_id and row.subject_id != subject_id):
        return None
    return line_of(row, read_kind(store.kind_bodies(tx)[row.kind, row.kind_version]))


def standing_notices(tx: Tx, notice_ids: Sequence[str]) -> set[str]:
    """Those of these notices that are not over."""
    return store.standing(tx, notice_ids)


def notice_counts(tx: Tx, mandate_id: str) -> dict[str, dict[str, int]]:
    """How many notices of each kind are in each state, under one mandate."""
    found: dict[str, dict[str, int]] = {}
    for kind, state, n in store.counts(tx, mandate_id):
        found.setdefault(kind, {})[state] = int(n)
    return found


def told_at(tx: Tx, subject_id: str) -> list[datetime]:
    """When this subject was told something, one time a message: everything of one moment is one message.

    The wallet's own acts and a sealed sample tell nobody anything.
    """
    rows = store.notices_of(tx, subject_id, limit=10_000)
    silent = {"sample", "read", "contact", "appeal-opened"}
    lines = store.events(tx, [row.id for row in rows])
    return [
        from_ms(at)
        for at in sorted({line[0] for row in lines.values() for line in row if line[1] not in silent})
    ]


def forget(tx: Tx, moment: Moment, house: House, subject_id: str) -> Forgotten:
    """Forget one subject: passes end, notices and appeals are deleted, the secrets destroyed. Raises NotFound.

    What ends: everything sealed of the subject in every room. What stays: counts, log entries that point at nobody, and
    places in tubes by a random id that nothing knows any more, until their mandate ends.
    """
    people.wallet_version(tx, subject_id)
    mandate = pass_mandate(tx, moment.now, "")
    if mandate is not None:
        credentials.revoke_passes(
            tx, moment, subject_id=subject_id, mandate_id=mandate.id, reason="FORGOTTEN", notice_id=None
        )
    credentials.forget_subject(tx, subject_id)
    policy.forget_subject(tx, subject_id)
    store.delete_subject(tx, subject_id)
    for also in house.forgets:
        also(tx, subject_id)
    return people.forget(tx, moment, house.keys, subject_id)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete this room's rows of a mandate; rows deleted per table."""
    return store.erase_mandate(tx, mandate_id)


__all__ = [
    "Campaign",
    "EvidenceChange",
    "Family",
    "House",
    "Opening",
    "ResultView",
    "Ruled",
    "Said",
    "appeal",
    "appeal_weeks",
    "appeals_by_due",
    "appeals_open",
    "attach",
    "catch_up",
    "day_passes",
    "decide_appeal",
    "declare_fault",
    "end_fault",
    "end_mandate",
    "erase_mandate",
    "evidence_changed",
    "forget",
    "held",
    "keep_stopped",
    "live_orders",
    "needs_refresh",
    "note",
    "notice_counts",
    "notice_line",
    "notice_list",
    "open_many",
    "open_notice",
    "open_under",
    "order_of_notice",
    "order_stay_home",
    "orders_of",
    "own_attachment",
    "paper_pass",
    "paths_of",
    "policy_changed",
    "publish_weeks",
    "reached",
    "reached_among",
    "read_appeal",
    "read_attachment",
    "standing_notices",
    "start_campaign",
    "sweep",
    "tell_family",
    "tell_of_opening",
    "to_call",
    "told_at",
    "unsaid",
    "waiting_appeals",
    "wallet_tag",
    "wallet_view",
]  # fmt: skip
