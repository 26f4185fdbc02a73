"""Use cases of a laboratory as a partner: its key for the HTTP door, what it says of its runs, what adds up.

A laboratory sees its own messages, holds and balance, and tube codes; it never sees a person, a site or another
laboratory's numbers.
"""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from pratique.core.errors import NotFound, Refusal
from pratique.core.ids import ALPHABET
from pratique.core.moment import Moment, from_ms, rfc3339, to_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import releasing, store, store_labs, store_results
from pratique.testing.balance import WORDS, Day, Kind, Seen, alarms, day_of
from pratique.testing.emitting import Ordered
from pratique.testing.fold import RANK
from pratique.testing.held import HELD_BECAUSE, held_runs
from pratique.testing.model import Lab
from pratique.testing.releasing import Tell

LAB_KEY_PREFIX = "PQL-"
BACK_DAYS = 3  # how many days a balance can still change
AGAIN_MS = 45_000  # today is counted again after this long
AGAIN_EARLIER_MS = 900_000
KEPT_DAYS = 90


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a laboratory says of one run. `day` is YYYY-MM-DD in its own zone; `run` as it stands in its results
    (BHS-11, CSV `run`, OBX-18); `wells` without the controls."""

    day: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    run: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    tubes: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    wells: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    controls_passed: bool


class LabBalance(msgspec.Struct, frozen=True):
    """One laboratory and day as the console shows it, with what somebody must look at."""

    lab: str
    day: str
    sums: Day
    alarms: tuple[Kind, ...]
    texts: tuple[Text, ...]


# Keys


def make_lab_key(tx: Tx, moment: Moment, name: str) -> str:
    """A new key for the HTTP door, shown once; the laboratory's earlier keys end. Raises NotFound."""
    lab = lab_by_name(tx, name)
    store_labs.end_keys(tx, lab.id, moment.now_ms)
    key = LAB_KEY_PREFIX + "".join(ALPHABET[byte & 31] for byte in moment.random(32))
    store_labs.add_key(tx, _hash(key), lab.id, moment.now_ms)
    return key


def lab_of_key(tx: Tx, key: str) -> tuple[str, str] | None:
    """(id, name) of the laboratory that holds this key."""
    if not key.startswith(LAB_KEY_PREFIX):
        return None
    row = store_labs.lab_of_key(tx, _hash(key))
    return (str(row[0]), str(row[1])) if row else None


def _hash(key: str) -> bytes:
    return sha256(b"lab\x00" + key.strip().upper().encode()).digest()


def lab_by_name(tx: Tx, name: str) -> Lab:
    """Raises NotFound."""
    lab = store_results.lab_named(tx, name)
    if lab is None:
        raise NotFound(
            "UNKNOWN_LAB", "lab", Text("there is no laboratory of this name", "没有该名称的检测机构")
        )
    return lab


def lab_names(tx: Tx) -> list[str]:
    """Every laboratory by name."""
    return [lab.name for lab in store_results.labs(tx)]


# Manifests


def take_manifest(tx: Tx, moment: Moment, name: str, said: Manifest, by: str, tell: Tell) -> int:
    """Keep what a laboratory says of a run; the latest word counts. Results held for missing controls are judged
    again; how many. Raises NotFound, Refusal."""
    lab = lab_by_name(tx, name)
    today = moment.now.astimezone(ZoneInfo(lab.zone)).date().isoformat()
    if said.day > today:
        raise Refusal("FUTURE_DAY", "day", Text("this day has not begun", "该日期尚未开始"))
    store_labs.put_manifest(
        tx, lab_id=lab.id, day=said.day, run=said.run, tubes=said.tubes, wells=said.wells,
        controls=int(said.controls_passed), sent_at=moment.now_ms, by_id=by,
    )  # fmt: skip
    waiting = store_labs.held_for_controls(tx, lab.id) if said.controls_passed else []
    for code, analyte in waiting:
        releasing.judge(tx, moment, code, analyte, tell)
    return len(waiting)


# The balance


class Counted(NamedTuple):
    """One laboratory and day, added up but not kept yet."""

    lab_id: str
    name: str
    day: str
    sums: Day
    capacity: int


def add_up(tx: Tx, moment: Moment) -> list[Counted]:
    """Count again every laboratory and day that may have changed since it was counted. Reads only: this may take a
    while and must not stand in the way of intake."""
    found = []
    now = moment.now_ms
    for lab in store_results.labs(tx):
        here = moment.now.astimezone(ZoneInfo(lab.zone))
        midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
        days = [midnight - timedelta(days=n) for n in range(BACK_DAYS)]
        known = store_labs.computed(tx, [day.date().isoformat() for day in days])
        for n, begins in enumerate(days):
            day = begins.date().isoformat()
            if now - known.get((lab.id, day), 0) < (AGAIN_EARLIER_MS if n else AGAIN_MS):
                continue
            until = to_ms(begins + timedelta(days=1))
            seen = _seen(store_labs.received_with_results(tx, lab.id, to_ms(begins), until))
            run, wells = store_labs.manifest_sums(tx, lab.id, day)
            if seen or run or (lab.id, day) in known:
                found.append(Counted(lab.id, lab.name, day, day_of(seen, now, run, wells), lab.tubes_a_day))
    return found


def _seen(rows: Sequence[tuple[object, ...]]) -> list[Seen]:
    """The version that stands for each tube, from rows of all versions."""
    best: dict[str, tuple[tuple[int, int], Seen]] = {}
    for code, at, outcome, status, reported, ct, second in rows:
        rank = (RANK[str(status)], int(str(reported))) if status else (-1, 0)
        cts = tuple(int(str(one)) for one in (ct, second) if one is not None)
        seen = Seen(int(str(at)), str(outcome or ""), str(status or ""), cts)
        if str(code) not in best or rank > best[str(code)][0]:
            best[str(code)] = rank, seen
    return [seen for _, seen in best.values()]


def keep_balance(tx: Tx, moment: Moment, counted: Sequence[Counted]) -> int:
    """Keep the sums and put every alarm on the desk, once; how many stand."""
    for one in counted:
        store_labs.put_day(tx, one.lab_id, one.day, one.sums, moment.now_ms)
    standing = 0
    for one in counted:
        others = [d for lab, d in store_labs.days_of(tx, one.day).items() if lab != one.lab_id]
        ringing = alarms(one.sums, others, one.capacity)
        standing += len(ringing)
        for kind in WORDS:
            about = f"{one.name} {one.day}"
            if kind in ringing:
                store.open_task_once(tx, moment.new_id(), f"balance-{kind}", about, one.lab_id, moment.now_ms)
            else:
                store.close_task(tx, f"balance-{kind}", about, "rule", moment.now_ms)
    return standing


def balances(tx: Tx, moment: Moment, days: int = 3, lab: str = "") -> list[LabBalance]:
    """The last days of every laboratory (or of one), the latest first, with what stands out."""
    since = (moment.now - timedelta(days=days)).date().isoformat()
    rows = store_labs.balances(tx, since)
    by_day: dict[str, list[tuple[str, Day]]] = {}
    for row in rows:
        by_day.setdefault(row[1], []).append((row[0], Day(*map(int, row[2:-1]))))
    capacity = {one.name: one.tubes_a_day for one in store_results.labs(tx)}
    made = []
    for day, several in by_day.items():
        for name, sums in several:
            if lab and name != lab:
                continue
            kinds = tuple(alarms(sums, [d for other, d in several if other != name], capacity.get(name, 0)))
            made.append(LabBalance(name, day, sums, kinds, tuple(WORDS[kind] for kind in kinds)))
    return made


# What a laboratory sees of itself


class OwnRun(msgspec.Struct, frozen=True):
    """A run of its own that is held, with the rule's numbers: how rare so many positives are for it."""

    run: str
    analyte: str
    tubes: int
    positives: int
    chance: float
    since: str


class OwnTube(msgspec.Struct, frozen=True):
    """A tube of its own whose result is held, and why."""

    tube_code: str
    because: str
    text: Text
    since: str


class OwnDay(msgspec.Struct, frozen=True):
    """The balance of one of its days."""

    day: str
    received: int
    run: int
    reported: int
    rejected: int
    pending: int
    overdue: int
    look_at: tuple[Text, ...]


def own_runs(tx: Tx, lab_id: str) -> list[OwnRun]:
    """A laboratory's own held runs."""
    return [
        OwnRun(run.run_key, run.analyte, run.n, run.positives, run.tail, rfc3339(from_ms(run.first_at)))
        for run in held_runs(tx)
        if run.lab_id == lab_id
    ]


def own_tubes(tx: Tx, lab_id: str) -> list[OwnTube]:
    """A laboratory's own held tubes."""
    return [
        OwnTube(row[0], row[1], HELD_BECAUSE[row[1]], rfc3339(from_ms(int(row[2]))))
        for row in store_labs.held_tubes_of(tx, lab_id)
    ]


def tubes_of_box(tx: Tx, box: str) -> list[Ordered]:
    """What to test: the registered tubes of a box, by code."""
    return [
        Ordered(row[0], int(row[1]), from_ms(int(row[2])), str(row[3]).split()[0])
        for row in store_labs.registered_in(tx, box)
    ]


def own_days(tx: Tx, moment: Moment, name: str) -> list[OwnDay]:
    """A laboratory's own balance of the last days."""
    return [
        OwnDay(
            b.day, b.sums.received, b.sums.run, b.sums.reported, b.sums.rejected, b.sums.pending,
            b.sums.overdue, b.texts,
        )
        for b in balances(tx, moment, lab=name)
    ]  # fmt: skip
