"""The pages of the laboratory desk and of custody: tube codes, counts and laboratories, never people."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from pratique.console.campaigns import lab_figures, midnight_ms
from pratique.console.model import Desk, Figure
from pratique.console.render import local, page, see, words
from pratique.console.sections import ROLES
from pratique.core.errors import Refusal
from pratique.core.ids import tidy_typed
from pratique.core.moment import from_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.web.frame import Answer, Call, Route

LAB = ("staff:console", "staff:lab-desk", "staff:campaign-officer")
REVIEW = ("staff:lab-desk", "staff:console")
WAY = (*LAB, "staff:sampler", "staff:courier")
CODES_SHOWN = 20
EMPTY = {"act": "", "box": "", "codes": "", "lab": "", "counted": ""}


class TaskRow(NamedTuple):
    """Something the desk must look at, in words."""

    id: str
    what: Text
    about: str
    since: datetime
    closable: bool


def routes(desk: Desk, tell: testing.Tell) -> list[Route]:
    """The laboratory desk, the way of the tubes, and the scans on it."""

    async def laboratory(call: Call) -> Answer:
        return await _laboratory(desk, call)

    async def review_run(call: Call) -> Answer:
        out = call.form.get("verdict") == "release"
        return await _done(desk, call, lambda tx: testing.review_run(
            tx, call.moment, call.path["id"], call.caller.id, tell, let_out=out
        ))  # fmt: skip

    async def review_tube(call: Call) -> Answer:
        out, analyte = call.form.get("verdict") == "release", call.form.get("analyte", "")
        return await _done(desk, call, lambda tx: testing.resolve_hold(
            tx, call.moment, call.path["code"], analyte, call.caller.id, tell, let_out=out
        ))  # fmt: skip

    async def close_task(call: Call) -> Answer:
        return await _done(
            desk, call, lambda tx: testing.close_task(tx, call.moment, call.path["id"], call.caller.id)
        )

    async def demo_lab(call: Call) -> Answer:
        if desk.laboratory is None:
            return see("/console/laboratory")
        sent = await desk.laboratory(
            tidy_typed(call.form.get("tube", "")), call.form.get("result", "negative"), call.moment
        )
        return await _laboratory(desk, call, sent=sent)

    async def custody(call: Call) -> Answer:
        return await _custody(desk, call)

    async def scan_page(call: Call) -> Answer:
        return await _scans(desk, call)

    async def scan(call: Call) -> Answer:
        try:
            said = await desk.store.awrite(lambda tx: _scan(tx, call, tell))
        except Refusal as refusal:
            answer = await _scans(desk, call, refused=refusal.text)
            return answer._replace(status=refusal.status)
        return await _scans(desk, call, said=said)

    return [
        Route("GET", "/console/laboratory", laboratory, LAB, "laboratory intake", page=True),
        Route("POST", "/console/laboratory/runs/{id}", review_run, REVIEW, "review a held run", page=True),
        Route(
            "POST", "/console/laboratory/tubes/{code}", review_tube, REVIEW, "review a held tube", page=True
        ),
        Route("POST", "/console/laboratory/tasks/{id}", close_task, REVIEW, "a task is done", page=True),
        Route("POST", "/console/laboratory/demo", demo_lab, LAB, "send a demonstration message", page=True),
        Route("GET", "/console/custody", custody, WAY, "where the tubes are", page=True),
        Route("GET", "/console/custody/scan", scan_page, WAY, "scan boxes and tubes", page=True),
        Route("POST", "/console/custody/scan", scan, WAY, "record a scan", page=True),
    ]


async def _done(desk: Desk, call: Call, act: Callable[[Tx], object]) -> Answer:
    try:
        await desk.store.awrite(act)
    except Refusal as refusal:
        answer = await _laboratory(desk, call, refused=refusal.text)
        return answer._replace(status=refusal.status)
    return see("/console/laboratory")


async def _laboratory(desk: Desk, call: Call, *, sent: str = "", refused: Text | None = None) -> Answer:
    board, balances = await desk.store.aread(
        lambda tx: (testing.board(tx, midnight_ms(desk, call)), testing.balances(tx, call.moment))
    )

    def when_ms(at: int) -> str:
        return local(from_ms(at), desk.zone, call.language)

    return page(
        call, "laboratory", desk.zone, section="laboratory", tiles=lab_figures(board, call.language), board=board,
        tasks=_tasks(board), balances=balances, when_ms=when_ms,
        may_review=f"staff:{call.caller.role}" in REVIEW, demo=desk.laboratory is not None, sent=sent,
        refused=refused,
    )  # fmt: skip


def _tasks(board: testing.Board) -> list[TaskRow]:
    return [
        TaskRow(one[0], testing.task_words(one[1]), one[2], from_ms(int(one[4])), testing.is_closable(one[1]))
        for one in board.tasks
    ]


# Custody


def _section(call: Call) -> str:
    """Whose only part of the laboratory's pages this is finds it in the menu under its own name."""
    return "custody" if call.caller.role in ROLES["custody"] else "laboratory"


async def _custody(desk: Desk, call: Call) -> Answer:
    way = await desk.store.aread(lambda tx: testing.on_the_way(tx, call.moment.now_ms))

    def say(key: str) -> str:
        return words()[key].of(call.language)

    def when_ms(at: int | None) -> str:
        return local(from_ms(at), desk.zone, call.language) if at is not None else "–"

    tiles = [
        Figure(way.sent, say("way_sent")), Figure(way.received, say("way_received")),
        Figure(way.missing, say("way_missing")), Figure(way.at_sites, say("way_at_sites")),
        Figure(way.in_boxes, say("way_in_boxes")),
    ]  # fmt: skip
    return page(
        call, "custody", desk.zone, section=_section(call), tiles=tiles, way=way, when_ms=when_ms,
        codes_shown=CODES_SHOWN,
    )  # fmt: skip


async def _scans(desk: Desk, call: Call, *, said: Text | None = None, refused: Text | None = None) -> Answer:
    labs = await desk.store.aread(testing.lab_names)
    return page(
        call, "custody_scan", desk.zone, section=_section(call), labs=labs, said=said, refused=refused,
        form=EMPTY | dict(call.form) if refused else EMPTY,
    )  # fmt: skip


def _scan(tx: Tx, call: Call, tell: testing.Tell) -> Text:
    """One form of three; what was recorded. Raises Refusal."""
    form, by = call.form, call.caller.id
    box = testing.scanned(form.get("box", ""))
    codes = list(dict.fromkeys(testing.scanned(one) for one in form.get("codes", "").split()))
    act, n = form.get("act", ""), len(codes)
    if act == "box":
        testing.box_tubes(tx, call.moment, box, codes, by)
        return Text(f"{n} tubes are in box {box}", f"{n} 管已装入箱 {box}")
    if act == "take":
        tubes = testing.take_boxes(tx, call.moment, codes, by)
        return Text(f"{n} boxes with {tubes} tubes are on their way", f"{n} 箱共 {tubes} 管已取走")
    if counted := form.get("counted", "").strip():
        if not counted.isdecimal() or len(codes) != 1:
            raise Refusal("BAD_COUNT", "counted", Text(
                "count the tubes of one box at a time", "请逐箱点数，每次一箱"))  # fmt: skip
        put_in, seen = testing.receive_box(
            tx, call.moment, form.get("lab", ""), codes[0], int(counted), by, tell
        )
        if put_in != seen:
            return Text(
                f"{put_in} tubes were put in and {seen} counted: scan each tube now; what is missing is shown",
                f"装箱 {put_in} 管，清点 {seen} 管：请逐管扫描，缺失的会显示",
            )
        return Text(f"{seen} tubes are received", f"已接收 {seen} 管")
    testing.receive_at_lab(tx, call.moment, form.get("lab", ""), codes, by, tell)
    return Text(f"{n} scans are recorded", f"已记录 {n} 次扫描")
