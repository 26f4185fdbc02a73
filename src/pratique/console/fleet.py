"""The page of gates: sums first, then a list that is searched and never shown whole, and actions on many at once.

It stays as quick with a hundred thousand gates as with ten. No list ranks gates by what they count (law 5).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from pratique.console.charts import Column, stacked
from pratique.console.model import Connect, Desk, Figure
from pratique.console.render import page, see, words
from pratique.core.moment import from_ms
from pratique.core.text import Text
from pratique.fleet import groups, overview
from pratique.fleet import service as fleet
from pratique.fleet.groups import Bulk, Group
from pratique.fleet.model import SLOT_SECONDS, Unconfirmed
from pratique.fleet.overview import GroupSum, Listed, Search
from pratique.gate.texts import FAULTS
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

OUTCOMES = ("clear", "conditions", "hold", "see_staff", "staff")
SHOWN = timedelta(hours=12)
AGES = tuple(timedelta(hours=hours) for hours in (6, 12, 24, 72))
OFFICERS = ("staff:console", "staff:mandate-officer", "staff:auditor")
WORKERS = ("staff:console",)
BADGES = {"new": "info", "up": "ok", "late": "warn", "lost": "bad", "ended": "info"}
NONE = "-"  # the group of gates that are in none, in addresses and forms


class Fleet(NamedTuple):
    """Everything on the page, read in one transaction."""

    sums: list[GroupSum]
    groups: list[Group]
    flow: dict[int, dict[str, int]]
    ages: list[int]
    software: list[tuple[str, int]]
    alarms: list[tuple[str, int]]
    newest: tuple[int, datetime] | None
    waiting: list[Unconfirmed]
    bulks: list[Bulk]
    rows: list[Listed]


def routes(desk: Desk) -> list[Route]:
    """Groups and actions on many gates. The page itself is that of `gates.py`."""

    async def save(call: Call) -> Answer:
        form = call.form
        name = Text(form.get("name_en", "").strip(), form.get("name_zh", "").strip())
        accepts = [kind for kind in groups.CLASSES if form.get(f"accepts_{kind}")]
        await desk.store.awrite(
            lambda tx: groups.save_group(
                tx,
                call.moment,
                group_id=form.get("group_id", ""),
                name=name,
                accepts=accepts,
                paper=bool(form.get("paper")),
                channel=form.get("channel", ""),
                who=call.caller.id,
            )
        )
        return see("/console/gates")

    async def act(call: Call) -> Answer:
        action, _, to = call.form.get("action", "").partition(":")
        search = search_of(call.form)
        await desk.store.awrite(
            lambda tx: groups.begin(tx, call.moment, action, "" if to == NONE else to, search, call.caller.id)
        )
        return see("/console/gates")

    return [
        Route(
            "POST",
            "/console/gate-groups",
            save,
            WORKERS,
            "a group of gates and what is wanted of it",
            page=True,
        ),
        Route("POST", "/console/gate-actions", act, WORKERS, "an action on many gates", page=True),
    ]


def search_of(given: Mapping[str, str]) -> Search:
    """The search in a query or a form; what is not understood searches for everything."""
    state, group = given.get("state", ""), given.get("group", "")
    return Search(
        given.get("q", "")[:80],
        state if state in overview.STATES else "",
        None if not group else "" if group == NONE else group[:40],
    )


async def show(desk: Desk, call: Call, connect: Connect | None) -> Answer:
    """The page, in one reading."""
    now, search = call.moment.now, search_of(call.query)
    after = (call.query.get("place", ""), call.query.get("after", ""))
    found = await desk.store.aread(lambda tx: _read(tx, now, search, after))
    total = {
        name: sum(getattr(one, name) for one in found.sums)
        for name in ("up", "late", "lost", "drift", "fresh")
    }

    def say(key: str) -> str:
        return words()[key].of(call.language)

    figures = [
        Figure(n, say(f"fleet_{name}"), f"/console/gates?state={state}#list")
        for name, state, n in (
            ("up", "up", total["up"]), ("late", "late", total["late"]), ("lost", "lost", total["lost"]),
            ("alarm", "alarm", sum(n for _, n in found.alarms)), ("drift", "drift", total["drift"]),
            ("new", "new", total["fresh"]),
        )
    ]  # fmt: skip
    last = found.rows[-1] if len(found.rows) == overview.PAGE else None
    return page(
        call,
        "gates",
        desk.zone,
        section="gates",
        figures_of=figures,
        fleet=found,
        group_names={group.id: group.name for group in found.groups},
        badges=BADGES,
        states=overview.STATES,
        search=search,
        asked={
            "q": search.text,
            "state": search.state,
            "group": NONE if search.group_id == "" else search.group_id or "",
        },
        more=_address(search, last) if last else "",
        narrowed=bool(call.query),
        charts=[
            flow_chart(found.flow, now, desk, call.language),
            _bars(
                "fleet_ages",
                [(say(f"fleet_age_{n}"), count) for n, count in enumerate(found.ages)],
                call.language,
            ),
            _bars("fleet_software", [(name or "–", n) for name, n in found.software[:12]], call.language),
        ],
        cause=lambda kind: FAULTS[kind].of(call.language) if kind in FAULTS else kind,
        snapshot=found.newest[0] if found.newest else 0,
        snapshot_at=found.newest[1] if found.newest else None,
        none=NONE,
        classes=groups.CLASSES,
        connect=connect,
    )


def flow_chart(flow: dict[int, dict[str, int]], now: datetime, desk: Desk, language: str) -> str:
    """People per quarter-hour over all gates, as a chart with its table."""
    last = int(now.timestamp()) // SLOT_SECONDS
    columns = []
    for slot15 in range(last - int(SHOWN.total_seconds()) // SLOT_SECONDS + 1, last + 1):
        label = f"{from_ms(slot15 * SLOT_SECONDS * 1000).astimezone(desk.zone):%H:%M}"
        parts = tuple(flow.get(slot15, {}).get(outcome, 0) for outcome in OUTCOMES)
        columns.append(Column(label, parts if slot15 in flow else None))

    def say(key: str) -> str:
        return words()[key].of(language)

    unit = f"{say('flow_unit')} · {escape(desk.zone.key)}"
    return stacked(say("flow_title"), unit, [say(f"outcome_{o}") for o in OUTCOMES], columns, say("flow_gap"))


def _read(tx: Tx, now: datetime, search: Search, after: tuple[str, str]) -> Fleet:
    return Fleet(
        overview.sums(tx, now),
        groups.groups(tx),
        overview.flow(tx, now - SHOWN, now),
        overview.snapshot_ages(tx, now, AGES),
        overview.software(tx),
        overview.alarms(tx),
        fleet.newest_issue(tx),
        fleet.unconfirmed(tx),
        groups.bulks(tx),
        overview.page(tx, now, search, after),
    )


def _address(search: Search, last: Listed) -> str:
    """The next page begins after the last line of this one."""
    asked = {"q": search.text, "state": search.state, "place": last.place.en, "after": last.id}
    if search.group_id is not None:
        asked["group"] = search.group_id or NONE
    return "/console/gates?" + urlencode({name: value for name, value in asked.items() if value}) + "#list"


def _bars(title: str, rows: Sequence[tuple[str, int]], language: str) -> str:
    unit, gates = words()["fleet_unit"].of(language), words()["nav_gates"].of(language)
    return stacked(words()[title].of(language), unit, [gates], [Column(name, (n,)) for name, n in rows], "")
