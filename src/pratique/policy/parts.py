"""A city in Parquet parts: the columns that rules read in, outcome, reasons and next look out, part by part.

A part is a file of some hundred thousand people. A column is named by its path without `subject.` (rules of one
analyte: `<analyte>|<path>`); what is not there is nobody's. Its type says what it holds:

    Int32 minutes · UInt32 seconds · Int64 milliseconds since 1970, 0 where nothing is there: `.sampled`, `.known`
    UInt8 a small number (`doses`) · Boolean · String, null where nothing is there

What comes out has the same rows in the same order: `outcome` (0 clear, 1 conditions, 2 hold), `failing` and `open`
(bit i: rule i of those in force; no `open` where no rule is open for anybody), `until` (minutes since 1970). A part is
written beside and renamed, so that a run that was killed goes on with the parts that are missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pratique.core.moment import rfc3339
from pratique.policy.city import Decided, Population, decide_city, rules_of_city
from pratique.policy.civil import civil_days
from pratique.policy.context import DATE_FIELDS, LISTS_OF_SUBJECT
from pratique.policy.dates import DAY_MS
from pratique.policy.model import HouseRule, RuleSet
from pratique.policy.statics import paths_of
from pratique.policy.table import Column, Ticks

STEPS: dict[Any, int] = {pl.Int32: 60_000, pl.UInt32: 1000, pl.Int64: 1}  # what a column of times counts
WORKERS = 2
WHOLE_LISTS = {"", "subject", *(f"subject.{name}" for name in LISTS_OF_SUBJECT)}


class Done(NamedTuple):
    """What a run made: `parts` written now, `kept` from an earlier run, `people` in both."""

    parts: int
    kept: int
    people: int


class Unreadable(ValueError):  # noqa: N818 - says what is wrong
    """A part does not hold what its name promises; the text names file and column."""


def column_name(analyte: str, path: str) -> str:
    """Where a path stands in a part: `last_negative.sampled`, `94500-6|last_negative.sampled`."""
    inner = path.removeprefix("subject.")
    return f"{analyte}|{inner}" if analyte else inner


def columns_read(ruleset: RuleSet, now: datetime) -> set[str]:
    """Every column that the rules in force can use; of a piece of evidence its time, which says that it is there.
    Raises ValueError for a rule that reads a whole list: parts hold single pieces only."""
    found = set()
    for rule in rules_of_city(ruleset, now):
        analyte = rule.house.analyte if rule.house is not None else ""
        for path in paths_of(rule.logic):
            if path in WHOLE_LISTS or path.startswith("subject.items."):
                raise ValueError(f"{rule.id} reads {path}: columns hold single pieces of evidence only")
            if path.startswith("subject."):
                found.add(column_name(analyte, path))
                if path != "subject.doses":
                    found.add(column_name(analyte, time_of(path)))
    return found


def population_of(frame: pl.DataFrame, name: str = "part") -> Population:
    """The people of a part. Raises Unreadable for a column of another type than its name asks for."""
    known: dict[tuple[str, ...], Column] = {}

    def column(house: HouseRule, path: str) -> Column:
        day = house.grain == "day" and is_date(path)
        key = (house.analyte, path, house.zone) if day else (house.analyte, path)
        if key not in known:
            known[key] = _column(frame, house, path, name)
        return known[key]

    def row(house: HouseRule, person: int) -> dict[str, Any]:
        return _row_of(frame, house, person, column)

    return Population(frame.height, column, row)


def frame_of(decided: Decided) -> pl.DataFrame:
    """What was decided, as it is written; without `open` where no rule is open for anybody."""
    columns: dict[str, Any] = {"outcome": decided.outcome, "failing": decided.failing}
    if decided.open.any():
        columns["open"] = decided.open
    if decided.until is not None:
        columns["until"] = decided.until
    return pl.DataFrame({name: pl.Series(name, array) for name, array in columns.items()})


def parts_in(folder: Path) -> list[Path]:
    """The parts of a folder in order. Raises Unreadable where there is none."""
    found = sorted(folder.glob("*.parquet"))
    if not found:
        raise Unreadable(f"{folder}: no *.parquet part is in it")
    return found


def read_part(path: Path, wanted: Iterable[str] | None = None) -> pl.DataFrame:
    """A part, or those of its columns that are wanted. Raises Unreadable."""
    try:
        if wanted is None:
            return pl.read_parquet(path, use_statistics=False)
        there = set(pl.read_parquet_schema(path))
        columns = sorted(there & set(wanted)) or sorted(there)[:1]
        return pl.read_parquet(path, columns=columns, use_statistics=False)
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise Unreadable(f"{path.name}: not a Parquet part ({str(fault).splitlines()[0][:120]})") from None


def write_part(path: Path, frame: pl.DataFrame, noted: Mapping[str, str] | None = None) -> None:
    """Write beside and rename: a part is whole or not there."""
    draft = path.with_suffix(".draft")
    frame.write_parquet(draft, compression="lz4", statistics=False, metadata=dict(noted or {}))
    draft.rename(path)


def decide_parts(
    ruleset: RuleSet,
    source: Path,
    target: Path,
    now: datetime,
    *,
    workers: int = WORKERS,
    told: Callable[[Path], None] = lambda _path: None,
) -> Done:
    """Decide about everybody in `source` and write one part for each into `target`. Parts that an earlier run with
    the same rules and clock wrote are kept. Raises Unreadable, and ValueError for rules that columns cannot decide."""
    target.mkdir(parents=True, exist_ok=True)
    wanted, key = columns_read(ruleset, now), run_key(ruleset, now)

    def act(path: Path) -> tuple[int, int]:
        written = target / path.name
        if (kept := _kept(written, key)) is not None:
            return kept, 1
        population = population_of(read_part(path, wanted), path.name)
        write_part(written, frame_of(decide_city(ruleset, population, now)), {"run": key})
        told(written)
        return population.length, 0

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(act, parts_in(source)))
    kept = sum(old for _, old in found)
    return Done(len(found) - kept, kept, sum(people for people, _ in found))


def run_key(ruleset: RuleSet, now: datetime) -> str:
    """What a part was decided with: rules, value sets and clock."""
    said = [ruleset.hash, rfc3339(now), rfc3339(ruleset.to_at)]
    said += [f"{rule.id} {rule.version} {rule.logic}" for rule in ruleset.rules]
    return sha256("\n".join(said).encode()).hexdigest()


def batches(paths: Sequence[Path], wanted: Iterable[str]) -> Iterator[Population]:
    """One part after the other."""
    for path in paths:
        yield population_of(read_part(path, wanted), path.name)


def _kept(written: Path, key: str) -> int | None:
    """People of a part that this very run wrote earlier."""
    if not written.exists():
        return None
    try:
        if pl.read_parquet_metadata(written).get("run") != key:
            return None
        return int(pl.scan_parquet(written).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        return None


def _column(frame: pl.DataFrame, house: HouseRule, path: str, name: str) -> Column:
    found = column_name(house.analyte, path)
    if found not in frame.columns:
        time = column_name(house.analyte, time_of(path))
        if time not in frame.columns:
            return Column(np.broadcast_to(np.uint8(0), frame.height), [_nothing(path)])
        if time_of(path) != f"{path}.sampled":
            raise Unreadable(f"{name}: {found} is missing beside {time}")
        there = frame[time].to_numpy() > 0  # a piece of evidence itself: present where its time is
        return Column(there.view(np.uint8), [None, {"": path}])
    series = frame[found]
    if is_date(path):
        return _times(series, house, name)
    if series.dtype == pl.Boolean:
        return Column(series.cast(pl.UInt8).fill_null(2).to_numpy(), [False, True, None])
    if series.dtype == pl.UInt8:
        return Column(series.to_numpy(), list(range(256)))
    if series.dtype == pl.String:
        distinct = series.drop_nulls().unique().sort().to_list()
        codes = series.replace_strict(
            distinct, range(1, len(distinct) + 1), default=0, return_dtype=pl.UInt32
        )
        return Column(codes.to_numpy(), [None, *distinct])
    raise Unreadable(f"{name}: {found} is {series.dtype}; see the types a part may have")


def _times(series: pl.Series, house: HouseRule, name: str) -> Column:
    step = STEPS.get(series.dtype.base_type())
    if step is None or series.null_count():
        raise Unreadable(
            f"{name}: {series.name} is {series.dtype}; times are numbers, 0 where nothing is there"
        )
    codes = series.to_numpy()
    if house.grain == "instant":
        return Column(codes, Ticks(step))
    days = np.zeros(len(codes), np.int32)
    there = np.flatnonzero(codes)
    days[there] = civil_days(codes[there].astype(np.int64) * step, house.zone)
    return Column(days, Ticks(DAY_MS))


def _row_of(
    frame: pl.DataFrame, house: HouseRule, person: int, column: Callable[[HouseRule, str], Column]
) -> dict[str, Any]:
    """The context of one person as far as the columns hold it; lists are as long as their columns."""
    subject: dict[str, Any] = {}
    prefix = f"{house.analyte}|" if house.analyte else ""
    for name in frame.columns:
        inner = name.removeprefix(prefix)
        if not name.startswith(prefix) or "|" in inner:
            continue
        codes, values = column(house, f"subject.{inner}")
        code = int(codes[person])
        value = values.text(code) if isinstance(values, Ticks) else values[code]
        if value is None:
            continue
        steps = inner.split(".")
        if len(steps) == 1:
            subject[inner] = value
        elif len(steps) == 2:
            subject.setdefault(steps[0], {})[steps[1]] = value
        else:
            items = subject.setdefault(steps[0], [])
            items += [{} for _ in range(int(steps[1]) + 1 - len(items))]
            items[int(steps[1])][steps[2]] = value
    return {"subject": subject}


def is_date(path: str) -> bool:
    """True for a path to a time."""
    return path.rpartition(".")[2] in DATE_FIELDS


def time_of(path: str) -> str:
    """The time of sampling of the piece of evidence that a path leads to: `subject.last_dose` → `….sampled`."""
    head, _, last = path.rpartition(".")
    return f"{path if last.isdigit() or head == 'subject' else head}.sampled"


def _nothing(path: str) -> Any:
    return 0 if path == "subject.doses" else None
