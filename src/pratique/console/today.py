"""The first staff page: problems first, then a few numbers, then how far the campaigns are."""

from datetime import timedelta

from pratique.console.campaigns import CampaignRow, campaign_rows, lab_figures, midnight_ms
from pratique.console.model import Desk, Figure, Problem
from pratique.console.notices import kind_rows
from pratique.console.render import page, words
from pratique.core.text import Text
from pratique.fleet import overview
from pratique.fleet.overview import GroupSum
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.rollout import service as rollout
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.web.frame import Answer, Call, Route

ENDING_WITHIN = timedelta(days=7)
URGENT = timedelta(hours=2)


def routes(desk: Desk) -> list[Route]:
    """The page of the day."""

    async def today(call: Call) -> Answer:
        problems, figures, rows = await desk.store.aread(lambda tx: _read(desk, tx, call))
        return page(
            call, "today", desk.zone, section="today", problems=problems, tiles=figures, campaigns=rows
        )

    return [Route("GET", "/console", today, ("staff",), "today", page=True)]


def _read(desk: Desk, tx: Tx, call: Call) -> tuple[list[Problem], list[Figure], list[CampaignRow]]:
    board = testing.board(tx, midnight_ms(desk, call))
    appeals = notices.appeals_by_due(tx)
    gates = overview.sums(tx, call.moment.now)
    kinds = kind_rows(tx, call)

    def say(key: str) -> str:
        return words()[key].of(call.language)

    figures = [
        *lab_figures(board, call.language),
        Figure(sum(row.open + row.waiting for row in kinds), say("tile_open_notices"), "/console/notices"),
        Figure(len(appeals), say("tile_appeals"), "/console/notices"),
        Figure(sum(one.up + one.late for one in gates), say("tile_gates"), "/console/gates"),
    ]
    due = sum(line.due_at - call.moment.now <= URGENT for line in appeals)
    waits = sum(line.level > 0 for line in appeals)
    return _problems(tx, call, (due, waits), board, gates), figures, campaign_rows(tx, call.moment.now_ms)


def _problems(
    tx: Tx, call: Call, appeals: tuple[int, int], board: testing.Board, gates: list[GroupSum]
) -> list[Problem]:
    live = mandates.live_mandates(tx, call.moment.now)
    found = [
        ("bad", appeals[0], "problem_appeal", "/console/notices"),
        ("warn", appeals[1], "problem_appeal_waits", "/console/notices"),
        ("warn", board.held, "problem_held", "/console/laboratory"),
        ("warn", len(board.tasks), "problem_task", "/console/laboratory"),
        ("bad", sum(one.lost for one in gates), "problem_gate", "/console/gates"),
        ("bad", int(not live), "problem_mandate", "/console/mandates"),
        (
            "bad",
            sum(one.state == "stopped" for one in rollout.rollouts(tx)),
            "problem_policy",
            "/console/policy",
        ),
    ]
    problems = [Problem(kind, _filled(key, n), href) for kind, n, key, href in found if n]
    ending = [m for m in live if m.ends() - call.moment.now <= ENDING_WITHIN]
    if ending:
        days = max(0, (min(m.ends() for m in ending) - call.moment.now).days)
        problems.append(Problem("info", _filled("problem_ending", days), "/console/mandates"))
    return problems


def _filled(key: str, n: int) -> Text:
    return words()[key].fill(n=n)
