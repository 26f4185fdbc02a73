"""What the console asks about very many gates: sums by one statement each, and a list that is never read whole."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pratique.core.moment import from_ms, to_ms
from pratique.core.text import Text
from pratique.fleet.model import SLOT_SECONDS
from pratique.store.tx import Row, Tx

LATE, LOST = timedelta(minutes=20), timedelta(hours=1)
PAGE = 50
STATES = ("new", "up", "late", "lost", "alarm", "drift", "ended")

_LIVE = "gate.state = 'up' AND gate.confirmed_at IS NOT NULL"
_WHERE = {
    "new": "gate.state = 'up' AND gate.confirmed_at IS NULL",
    "up": f"{_LIVE} AND gate.last_seen_at >= :late",
    "late": f"{_LIVE} AND gate.last_seen_at < :late AND gate.last_seen_at >= :lost",
    "lost": f"{_LIVE} AND COALESCE(gate.last_seen_at, 0) < :lost",
    "drift": f"{_LIVE} AND gate.config <> COALESCE(gate_group.version, 0)",
    "alarm": f"{_LIVE} AND EXISTS (SELECT 1 FROM gate_alarm WHERE gate_id = gate.id AND last_slot IS NULL)",
    "ended": "gate.state = 'ended'",
}
_FROM = "FROM gate LEFT JOIN gate_group ON gate_group.id = gate.group_id"


class GroupSum(msgspec.Struct, frozen=True):
    """How the gates of one group are; `group_id` is "" for gates in none. `drift`: not at the wanted configuration."""

    group_id: str
    fresh: int
    up: int
    late: int
    lost: int
    drift: int
    ended: int

    @property
    def live(self) -> int:
        """Gates that were confirmed and did not end."""
        return self.up + self.late + self.lost


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which gates: `text` begins a word of the place, or the id; `state`: of STATES or ""; `group_id`: None for all."""

    text: str = ""
    state: str = ""
    group_id: str | None = None


class Listed(msgspec.Struct, frozen=True):
    """One gate as a line of the list."""

    id: str
    place: Text
    group: Text | None
    state: str
    last_seen_at: datetime | None
    snapshot: int
    software: str
    drift: bool
    alarms: tuple[str, ...]


def sums(tx: Tx, now: datetime) -> list[GroupSum]:
    """One row for each group that has gates, in one pass over an index."""
    counted = ", ".join(
        f"SUM(CASE WHEN {_WHERE[name]} THEN 1 ELSE 0 END)"
        for name in ("new", "up", "late", "lost", "drift", "ended")
    )
    rows = tx.all(
        f"SELECT gate.group_id, {counted} {_FROM} GROUP BY gate.group_id ORDER BY gate.group_id", **_ages(now)
    )
    return [GroupSum(row[0], *(int(n) for n in row[1:])) for row in rows]


def software(tx: Tx) -> list[tuple[str, int]]:
    """(version, gates) of live gates, the most frequent in front."""
    rows = tx.all(f"SELECT software, count(*) FROM gate WHERE {_LIVE} GROUP BY software")
    return sorted(((row[0], int(row[1])) for row in rows), key=lambda row: -row[1])


def snapshot_ages(tx: Tx, now: datetime, edges: Sequence[timedelta]) -> list[int]:
    """Live gates by the age of the lists they said they decide by: below each edge; older or not known last."""
    issued = {row[0]: from_ms(row[1]) for row in tx.all("SELECT number, issued_at FROM gate_snapshot")}
    found = [0] * (len(edges) + 1)
    for number, n in tx.all(f"SELECT snapshot, count(*) FROM gate WHERE {_LIVE} GROUP BY snapshot"):
        age = now - issued[number] if number in issued else timedelta.max
        found[sum(age >= edge for edge in edges)] += int(n)
    return found


def alarms(tx: Tx) -> list[tuple[str, int]]:
    """(kind, gates) of alarms that stand."""
    rows = tx.all("SELECT kind, count(*) FROM gate_alarm WHERE last_slot IS NULL GROUP BY kind ORDER BY kind")
    return [(row[0], int(row[1])) for row in rows]


def flow(tx: Tx, first: datetime, last: datetime) -> dict[int, dict[str, int]]:
    """People per quarter of an hour and outcome, over all gates."""
    rows = tx.all(
        "SELECT slot15, outcome, sum(n) FROM slot_flow WHERE slot15 BETWEEN :first AND :last GROUP BY slot15, outcome",
        first=to_ms(first) // 1000 // SLOT_SECONDS,
        last=to_ms(last) // 1000 // SLOT_SECONDS,
    )
    found: dict[int, dict[str, int]] = {}
    for slot15, outcome, n in rows:
        found.setdefault(slot15, {})[outcome] = int(n)
    return found


def page(tx: Tx, now: datetime, search: Search, after: tuple[str, str] = ("", "")) -> list[Listed]:
    """Up to PAGE gates by place, after the one named by (place in English, id)."""
    rows = rows_after(tx, now, search, after, PAGE)
    standing: dict[str, tuple[str, ...]] = {}
    ids = {f"id{n}": row[0] for n, row in enumerate(rows)}
    if ids:
        named = ", ".join(f":{name}" for name in ids)
        sql = f"SELECT gate_id, kind FROM gate_alarm WHERE last_slot IS NULL AND gate_id IN ({named}) ORDER BY kind"
        for gate_id, kind in tx.all(sql, **ids):
            standing[gate_id] = (*standing.get(gate_id, ()), kind)
    return [_listed(row, now, standing.get(row[0], ())) for row in rows]


def count(tx: Tx, now: datetime, search: Search) -> int:
    """How many gates a search finds."""
    where, values = _found(now, search)
    row = tx.one(f"SELECT count(*) {_FROM} WHERE {where}", **values)
    return int(row[0]) if row else 0


def rows_after(tx: Tx, now: datetime, search: Search, after: tuple[str, str], most: int) -> list[Row]:
    """Rows of a search by place and id: the key of the last one goes on from there, however long the list is."""
    where, values = _found(now, search)
    return tx.all(
        "SELECT gate.id, gate.place_en, gate.place_zh, gate_group.name_en, gate_group.name_zh, gate.state, "
        "gate.confirmed_at, gate.last_seen_at, gate.snapshot, gate.software, gate.config, gate_group.version, "
        f"gate.mandate_id {_FROM} WHERE (gate.place_en, gate.id) > (:after_place, :after_id) AND {where} "
        "ORDER BY gate.place_en, gate.id LIMIT :most",
        after_place=after[0],
        after_id=after[1],
        most=most,
        **values,
    )


def state_of(state: str, confirmed: bool, last_seen_at: datetime | None, now: datetime) -> str:
    """The word for a gate: ended, new, lost, late or up."""
    if state == "ended" or not confirmed:
        return "ended" if state == "ended" else "new"
    if last_seen_at is None or now - last_seen_at > LOST:
        return "lost"
    return "late" if now - last_seen_at > LATE else "up"


def _found(now: datetime, search: Search) -> tuple[str, dict[str, Any]]:
    where, values = ["1 = 1"], dict[str, Any]()
    if search.state in _WHERE:
        where.append(_WHERE[search.state])
        if search.state in ("up", "late", "lost"):
            values |= _ages(now) if search.state == "late" else {}
            values |= {name: at for name, at in _ages(now).items() if f":{name}" in _WHERE[search.state]}
    if search.group_id is not None:
        where.append("gate.group_id = :group_id")
        values["group_id"] = search.group_id
    if text := search.text.strip().lower().replace("%", "").replace("_", ""):
        where.append(
            "(lower(gate.place_en) LIKE :start OR lower(gate.place_en) LIKE :word OR gate.place_zh LIKE :inside "
            "OR lower(gate.id) LIKE :start)"
        )
        values |= {"start": f"{text}%", "word": f"% {text}%", "inside": f"%{text}%"}
    return " AND ".join(where), values


def _ages(now: datetime) -> dict[str, int]:
    return {"late": to_ms(now - LATE), "lost": to_ms(now - LOST)}


def _listed(row: Row, now: datetime, standing: tuple[str, ...]) -> Listed:
    seen = None if row[7] is None else from_ms(row[7])
    state = state_of(row[5], row[6] is not None, seen, now)
    return Listed(
        id=row[0],
        place=Text(row[1], row[2]),
        group=None if row[3] is None else Text(row[3], row[4]),
        state=state,
        last_seen_at=seen,
        snapshot=row[8],
        software=row[9],
        drift=state not in ("new", "ended") and row[10] != (row[11] or 0),
        alarms=standing,
    )
