"""The pages of notices and appeals: counts by kind, the list by due time, one appeal with its facts as decided.

Reading an appeal is a look that its holder sees; a list names nobody.
"""

from datetime import datetime
from typing import Any, NamedTuple

from pratique.console.model import Desk
from pratique.console.render import local, page, see
from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.notices.appeal import REASONS
from pratique.notices.kinds import answer_text, kind_of
from pratique.notices.statistics import SMALLEST
from pratique.people.model import Staff
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

DESK = ("staff:console", "staff:reviewer", "staff:case-worker", "staff:duty-doctor", "staff:campaign-officer")
REVIEWERS = ("staff:reviewer",)


class KindRow(NamedTuple):
    """How many notices of one kind are in each state, under all live mandates."""

    title: Text
    open: int
    waiting: int
    cleared: int
    lifted: int


def routes(desk: Desk) -> list[Route]:
    """Notices and appeals for staff."""

    async def overview(call: Call) -> Answer:
        def read(tx: Tx) -> tuple[list[KindRow], list[Any]]:
            return kind_rows(tx, call), notices.appeals_by_due(tx)

        rows, appeals = await desk.store.aread(read)
        return page(call, "notices", desk.zone, section="notices", kinds=rows, appeals=appeals)

    async def appeal(call: Call) -> Answer:
        return await _appeal(desk, call, None)

    async def answer(call: Call) -> Answer:
        outcome, _, reason = call.form.get("choice", "").partition(" ")
        try:
            await desk.store.awrite(
                lambda tx: notices.decide_appeal(
                    tx,
                    call.moment,
                    desk.house,
                    worker(call),
                    call.path["id"],
                    outcome=outcome,
                    reason=reason,
                    answer=call.form.get("answer", ""),
                )
            )
        except Refusal as refusal:
            return await _appeal(desk, call, refusal)
        return see("/console/notices")

    async def attachment(call: Call) -> Answer:
        found = await desk.store.awrite(
            lambda tx: notices.read_attachment(
                tx,
                call.moment,
                desk.house,
                worker(call),
                appeal_id=call.path["id"],
                attachment_id=call.path["file"],
            )
        )
        return Answer(found.body, media=found.media, headers={"Content-Disposition": "attachment"})

    async def statistics(call: Call) -> Answer:
        weeks = await desk.store.aread(notices.appeal_weeks)
        return page(call, "appeal_statistics", desk.zone, section="", weeks=weeks, smallest=SMALLEST)

    return [
        Route("GET", "/statistics/appeals", statistics, ("public",), "appeals in public", page=True),
        Route(
            "GET", "/console/appeals/{id}/attachments/{file}", attachment, REVIEWERS,
            "an attachment of an appeal", page=True,
        ),
        Route("GET", "/console/notices", overview, DESK, "notices and appeals", page=True),
        Route("GET", "/console/appeals/{id}", appeal, REVIEWERS, "read an appeal", page=True),
        Route("POST", "/console/appeals/{id}", answer, REVIEWERS, "answer an appeal", page=True),
    ]  # fmt: skip


def worker(call: Call) -> Staff:
    """Who is signed in, as the rooms want it."""
    return Staff(call.caller.id, call.caller.name, call.caller.role)


def kind_rows(tx: Tx, call: Call) -> list[KindRow]:
    """Counts of notices by kind."""
    total: dict[str, dict[str, int]] = {}
    for mandate in mandates.live_mandates(tx, call.moment.now):
        for kind, states in notices.notice_counts(tx, mandate.id).items():
            for state, n in states.items():
                total.setdefault(kind, {})[state] = total.get(kind, {}).get(state, 0) + n
    return [
        KindRow(
            kind_of(code).title,
            found.get("open", 0),
            found.get("waiting", 0),
            found.get("cleared", 0),
            found.get("lifted", 0) + found.get("withdrawn", 0) + found.get("replaced", 0),
        )
        for code, found in sorted(total.items())
    ]


async def _appeal(desk: Desk, call: Call, refusal: Refusal | None) -> Answer:
    file = await desk.store.awrite(
        lambda tx: notices.read_appeal(tx, call.moment, desk.house, worker(call), call.path["id"])
    )

    def when_text(at: str) -> str:
        return local(datetime.fromisoformat(at), desk.zone, call.language)

    answer = page(
        call,
        "appeal",
        desk.zone,
        section="notices",
        file=file,
        refused=refusal.text if refusal else None,
        typed=call.form.get("answer", ""),
        choices=[
            (outcome, [(code, answer_text(code)) for code in codes]) for outcome, codes in REASONS.items()
        ],
        when_text=when_text,
    )
    return answer._replace(status=refusal.status if refusal else 200)
