"""Parquet parts: the same decisions as in memory, whatever their times count in; a killed run goes on; bad parts are
named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.moment import from_ms, to_ms
from pratique.policy import parts
from pratique.policy.certlogic import Fault, evaluate
from pratique.policy.city import Decided, Population, decide_city
from pratique.policy.civil import civil_days
from pratique.policy.columns import Plan
from pratique.policy.dates import DAY_MS
from pratique.policy.model import HouseRule, RuleSet
from pratique.policy.parts import Done, Unreadable, columns_read, decide_parts, population_of, read_part
from pratique.policy.ruleset import read_rule_set
from pratique.policy.service import town_rules
from pratique.policy.synthetic import made_up_city
from pratique.policy.table import Column, Ground, Table, Ticks
from tests.policy.making import NOW

KINDS: dict[int, Any] = {60_000: np.int32, 1000: np.uint32, 1: np.int64}


@pytest.fixture
def town() -> RuleSet:
    return read_rule_set(town_rules())


def house_of(ruleset: RuleSet) -> HouseRule:
    house = ruleset.rules[0].house
    assert house is not None
    return house


def frame_of_city(ruleset: RuleSet, city: Population, step: int) -> pl.DataFrame:
    columns: dict[str, Any] = {}
    for name in sorted(columns_read(ruleset, NOW)):
        codes, values = city.column(house_of(ruleset), f"subject.{name}")
        if isinstance(values, Ticks):
            ms = (codes.astype(np.int64) + values.origin) * values.step
            columns[name] = (np.where(codes > 0, ms, 0) // step).astype(KINDS[step])
    return pl.DataFrame(columns)


@pytest.mark.parametrize("step", [60_000, 1000, 1])
def test_it_works(town: RuleSet, tmp_path: Path, step: int) -> None:
    cities = [made_up_city(people, NOW, seed=people) for people in (3000, 1, 70_000)]
    (tmp_path / "in").mkdir()
    for i, city in enumerate(cities):
        parts.write_part(tmp_path / "in" / f"part-{i:05}.parquet", frame_of_city(town, city, step))
    done = decide_parts(town, tmp_path / "in", tmp_path / "out", NOW)

    assert done == Done(3, 0, 73_001)
    for i, city in enumerate(cities):
        alone = decide_city(town, city, NOW)
        written = read_part(tmp_path / "out" / f"part-{i:05}.parquet")
        assert written["outcome"].to_list() == alone.outcome.tolist()
        assert written["failing"].to_list() == alone.failing.tolist()
        assert ("open" in written.columns) == bool(alone.open.any())
        assert alone.until is not None
        assert written["until"].to_list() == alone.until.tolist()


def test_open_rules_are_written_where_there_are_any() -> None:
    two = np.zeros(2, np.uint8)
    for is_open, wanted in ((np.array([0, 2], np.uint8), [0, 2]), (two, None)):
        written = parts.frame_of(Decided([], two, two, is_open, None, 0))
        assert (written["open"].to_list() if "open" in written.columns else None) == wanted


def test_a_killed_run_goes_on_with_what_is_missing(town: RuleSet, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(4):
        frame = frame_of_city(town, made_up_city(500, NOW, seed=i), 1000)
        parts.write_part(tmp_path / "in" / f"part-{i:05}.parquet", frame)
    first = decide_parts(town, tmp_path / "in", tmp_path / "out", NOW)
    whole = (tmp_path / "out" / "part-00002.parquet").read_bytes()
    (tmp_path / "out" / "part-00002.parquet").unlink()
    (tmp_path / "out" / "part-00001.parquet").write_bytes(whole[: len(whole) // 2])

    assert first == Done(4, 0, 2000)
    assert decide_parts(town, tmp_path / "in", tmp_path / "out", NOW) == Done(2, 2, 2000)
    assert (tmp_path / "out" / "part-00002.parquet").read_bytes() == whole
    assert decide_parts(town, tmp_path / "in", tmp_path / "out", NOW + timedelta(hours=1)) == Done(4, 0, 2000)


def test_bad_parts_are_refused_by_name(town: RuleSet, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"no \*.parquet part"):
        decide_parts(town, tmp_path, tmp_path / "out", NOW)
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(Unreadable, match=r"part-0\.parquet: not a Parquet part"):
        decide_parts(town, tmp_path, tmp_path / "out", NOW)
    frame = frame_of_city(town, made_up_city(10, NOW), 1)
    for wrong in (pl.col("last_negative.sampled").cast(pl.String), pl.lit(None, pl.Int64)):
        parts.write_part(
            tmp_path / "part-0.parquet", frame.with_columns(wrong.alias("last_negative.sampled"))
        )
        with pytest.raises(Unreadable, match=r"part-0\.parquet: last_negative\.sampled is"):
            decide_parts(town, tmp_path, tmp_path / "out", NOW)
    parts.write_part(tmp_path / "part-0.parquet", frame.drop("last_retest.known"))
    with pytest.raises(Unreadable, match=r"last_retest\.known is missing beside last_retest\.sampled"):
        decide_parts(town, tmp_path, tmp_path / "out", NOW)


# What rules do with dates: each beside the clock, beside each other, by hours, days, months and years.
_AMOUNTS = st.tuples(
    st.integers(-40, 40) | st.sampled_from([0, 72, 400]), st.sampled_from(["hour", "day", "month", "year"])
)
_CLOCK = _AMOUNTS.map(lambda by: {"plusTime": [{"var": "external.validationClock"}, *by]})
_FIXED = _AMOUNTS.map(lambda by: {"plusTime": ["2026-01-31T23:59:59Z", *by]})
_DATE = st.tuples(st.sampled_from("ab"), _AMOUNTS).map(
    lambda two: {"plusTime": [{"var": f"{two[0]}.sampled"}, *two[1]]}
)
_COMPARED = st.tuples(
    st.sampled_from(["after", "before", "not-after", "not-before"]),
    st.lists(st.one_of(_DATE, _DATE, _CLOCK, _FIXED), min_size=2, max_size=3),
).map(lambda two: {two[0]: two[1]})
_PRESENT = st.sampled_from([{"var": "a.sampled"}, {"var": "b.sampled"}])
RULES = st.recursive(
    st.one_of(_COMPARED, _COMPARED, _PRESENT),
    lambda inner: st.one_of(
        st.tuples(inner, inner, st.one_of(inner, st.booleans())).map(lambda three: {"if": list(three)}),
        st.lists(inner, min_size=2, max_size=3).map(lambda several: {"and": several}),
        inner.map(lambda one: {"!": [one]}),
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(RULES, st.sampled_from([1, 1000, 60_000, DAY_MS]), st.integers(0, 2**32), st.integers(0, 30_000))
def test_ticks_say_what_their_texts_say(rule: Any, step: int, seed: int, origin: int) -> None:
    chance = np.random.default_rng(seed)
    now = to_ms(NOW)
    ms = now + chance.integers(-40 * DAY_MS, 40 * DAY_MS, (2, 40))
    ms[:, :4] = now + np.array([0, 1, -1, 72 * 3_600_000])  # on the edges
    codes = np.where(chance.random((2, 40)) < 0.2, 0, np.maximum(ms // step - origin, 1))
    ticks = Ticks(step, origin)
    clock = ticks.text(ticks.code_from(now)) if step == DAY_MS else "2026-01-05T00:00:00Z"

    def row(i: int) -> Any:
        found = {n: {"sampled": ticks.text(int(codes[k][i]))} for k, n in enumerate("ab")}
        return {**found, "external": {"validationClock": clock}}

    columns = {f"{n}.sampled": Column(codes[k], ticks) for k, n in enumerate("ab")}
    columns["external.validationClock"] = Column(np.zeros(40, np.uint8), [clock])
    plan = Plan(rule, Ground(Table(40, columns, row)))
    result = plan.result()

    for i in range(40):
        told = evaluate(rule, row(i))
        assert result.value[i] == (told is True), (rule, row(i))
        assert result.error[i] == (not isinstance(told, bool) or isinstance(told, Fault)), (rule, row(i))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Africa/Cairo"]),
    st.integers(0, 2**32),
)
def test_civil_days_are_those_of_the_zone(zone: str, seed: int) -> None:
    chance = np.random.default_rng(seed)
    start = to_ms(datetime(2023, 1, 1, tzinfo=UTC))
    ms = start + chance.integers(0, 4 * 365 * DAY_MS, 50)
    days = civil_days(ms, zone)

    for at, day in zip(ms.tolist(), days.tolist(), strict=True):
        local = from_ms(at).astimezone(ZoneInfo(zone)).date()
        assert (local - datetime(1970, 1, 1, tzinfo=UTC).date()).days == day


def test_a_row_of_a_part_is_the_context_it_came_from(town: RuleSet) -> None:
    """What columns cannot hold is judged on rows made from the columns."""
    frame = frame_of_city(town, made_up_city(2000, NOW), 1000)
    population, city = population_of(frame), made_up_city(2000, NOW)
    house = house_of(town)

    for person in range(0, 2000, 7):
        found, wanted = population.row(house, person)["subject"], city.row(house, person)["subject"]
        for name, item in found.items():
            others = wanted[name]
            for one, other in [(item, others)] if isinstance(item, dict) else zip(item, others, strict=False):
                assert one == {field: other[field] for field in one}
