"""The pages of gates and mandates: counts by quarter-hour, ages, and what is in force. Never a person."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple

import segno

from pratique.console.charts import Column, stacked
from pratique.console.model import Connect, Desk
from pratique.console.render import page, see, words
from pratique.core.mandate import Mandate
from pratique.core.moment import from_ms
from pratique.core.text import Text
from pratique.fleet import service as fleet
from pratique.fleet.model import SLOT_SECONDS, Gate, SlotCount
from pratique.mandates import service as mandates
from pratique.mandates.document import mandate_of
from pratique.mandates.model import CLASS_TEXT, Standing
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

LATE, LOST = timedelta(minutes=20), timedelta(hours=1)
OUTCOMES = ("clear", "conditions", "hold", "see_staff", "staff")
SHOWN = timedelta(hours=12)
OFFICERS = ("staff:console", "staff:mandate-officer", "staff:auditor")


class GateRow(NamedTuple):
    """One gate as a line: its state is computed from when it was last heard."""

    place: Text
    state: str
    badge: str
    last_heard: datetime | None
    snapshot: int


class MandateRow(NamedTuple):
    """One published mandate as a card."""

    mandate: Mandate
    state: str
    badge: str
    days_left: int


def routes(desk: Desk) -> list[Route]:
    """Gates and mandates for staff."""

    async def gates(call: Call) -> Answer:
        return await _gates(desk, call, None)

    async def connect(call: Call) -> Answer:
        place = Text(call.form.get("place_en", "").strip(), call.form.get("place_zh", "").strip())

        def act(tx: Tx) -> str:
            live = [m for m in mandates.live_mandates(tx, call.moment.now) if "gate" in m.unlocks]
            mandate_id = live[-1].id if live else ""
            return fleet.make_token(
                tx, call.moment, mandate_id=mandate_id, place=place, made_by=call.caller.id
            )

        token = await desk.store.awrite(act)
        link = f"{desk.address}/handheld/#token={token}&roots={desk.roots}"
        command = f"pratique gate enrol --link '{link}' --home gate"
        expires = call.moment.now + fleet.TOKEN_LIVES
        return await _gates(desk, call, Connect(qr_svg(link), link, token, expires, command))

    async def confirm(call: Call) -> Answer:
        """The words are the same, or they are not: then that device is out at once."""
        act = fleet.confirm if call.form.get("same") == "yes" else fleet.end_gate
        await desk.store.awrite(lambda tx: act(tx, call.moment, call.path["gate_id"], call.caller.id))
        return see("/console/gates")

    async def orders(call: Call) -> Answer:
        rows = await desk.store.aread(lambda tx: mandate_rows(tx, call.moment.now))
        return page(call, "mandates", desk.zone, section="mandates", mandates=rows, class_text=CLASS_TEXT)

    return [
        Route("GET", "/console/gates", gates, OFFICERS, "gates and their counts", page=True),
        Route("POST", "/console/gates/enrol", connect, ("staff:console",), "connect a gate", page=True),
        Route(
            "POST",
            "/console/gates/{gate_id}/words",
            confirm,
            ("staff:console",),
            "a new gate's words were compared",
            page=True,
        ),
        Route("GET", "/console/mandates", orders, OFFICERS, "mandates in force", page=True),
    ]


def gate_rows(tx: Tx, now: datetime) -> list[GateRow]:
    """Every gate, with its state as heard."""
    return [_row(gate, now) for gate in fleet.gates(tx)]


def mandate_rows(tx: Tx, now: datetime) -> list[MandateRow]:
    """Every published mandate, the one that ends last in front."""
    rows = [_order(one, now) for one in mandates.standings(tx) if one.published_at is not None]
    return sorted(rows, key=lambda row: row.mandate.ends(), reverse=True)


def qr_svg(text: str) -> str:
    """A QR code as SVG with its quiet zone, level M."""
    return segno.make(text, error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#111", light="#fff", omitsize=True
    )


def flow(counts: Sequence[SlotCount], now: datetime, desk: Desk, language: str) -> str:
    """People per quarter-hour over all gates, as a chart with its table."""
    last = int(now.timestamp()) // SLOT_SECONDS
    by_slot: dict[int, dict[str, int]] = {}
    for count in counts:
        slot = by_slot.setdefault(count.slot15, {})
        slot[count.outcome] = slot.get(count.outcome, 0) + count.n
    columns = []
    for slot15 in range(last - int(SHOWN.total_seconds()) // SLOT_SECONDS + 1, last + 1):
        label = f"{from_ms(slot15 * SLOT_SECONDS * 1000).astimezone(desk.zone):%H:%M}"
        parts = tuple(by_slot.get(slot15, {}).get(outcome, 0) for outcome in OUTCOMES)
        columns.append(Column(label, parts if slot15 in by_slot else None))

    def say(key: str) -> str:
        return words()[key].of(language)

    names = [say(f"outcome_{outcome}") for outcome in OUTCOMES]
    unit = f"{say('flow_unit')} · {escape(desk.zone.key)}"
    return stacked(say("flow_title"), unit, names, columns, say("flow_gap"))


async def _gates(desk: Desk, call: Call, connect: Connect | None) -> Answer:
    now = call.moment.now

    def read(tx: Tx) -> tuple[list[GateRow], list[SlotCount], tuple[int, datetime] | None]:
        return gate_rows(tx, now), fleet.counts(tx, now - SHOWN, now), fleet.newest_issue(tx)

    rows, counts, newest = await desk.store.aread(read)
    waiting = await desk.store.aread(fleet.unconfirmed)
    return page(
        call,
        "gates",
        desk.zone,
        section="gates",
        gates=rows,
        waiting=waiting,
        flow=flow(counts, now, desk, call.language),
        snapshot=newest[0] if newest else 0,
        snapshot_at=newest[1] if newest else None,
        connect=connect,
    )


def _row(gate: Gate, now: datetime) -> GateRow:
    if gate.state == "ended":
        state, badge = "retired", "info"
    elif gate.last_seen_at is None:
        state, badge = "new", "info"
    elif now - gate.last_seen_at > LOST:
        state, badge = "down", "bad"
    elif gate.alarms:
        state, badge = "alarm", "warn"
    elif now - gate.last_seen_at > LATE:
        state, badge = "grace", "warn"
    else:
        state, badge = "up", "ok"
    return GateRow(gate.place, state, badge, gate.last_seen_at, gate.snapshot)


def _order(standing: Standing, now: datetime) -> MandateRow:
    mandate = mandate_of(standing.document, standing.published_at or now, standing.ended_at)
    state = standing.state(now)
    shown, badge = {
        "live": ("live", "ok"),
        "waiting": ("coming", "info"),
        "destroyed": ("destroyed", "info"),
    }.get(state, ("ended", "warn"))
    return MandateRow(mandate, shown, badge, max(0, (mandate.ends() - now).days))
