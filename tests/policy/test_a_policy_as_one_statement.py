"""A policy as one SQL statement over a table with the columns of a part: the rows of the embedded engine, on a real
PostgreSQL; what SQL cannot hold is refused by name."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import polars as pl
import psycopg
import pytest

from pratique.policy.city import decide_city
from pratique.policy.city_sql import city_statement
from pratique.policy.model import RuleSet
from pratique.policy.parts import Unreadable, population_of
from pratique.policy.ruleset import read_rule_set
from pratique.policy.service import town_rules
from pratique.policy.sql_forms import NotInSql
from tests.policy.making import NOW

PEOPLE = 3000
TYPES = {
    "Int32": "int",
    "UInt32": "bigint",
    "Int64": "bigint",
    "UInt8": "smallint",
    "Boolean": "boolean",
    "String": "text",
}


@pytest.fixture(scope="module")
def connection(postgres_server: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_server, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return made_people()


def made_people() -> pl.DataFrame:
    """Made-up people with times in every grain, and something else in every type."""
    chance = np.random.default_rng(7)
    now = int(NOW.timestamp() * 1000)

    def times(step: int, kind: Any, share: float) -> Any:
        ms = now - chance.integers(0, 12 * 86_400_000, PEOPLE)
        ms[:3] = now - 72 * 3_600_000 + np.array([-60_000, 0, 60_000])
        return np.where(chance.random(PEOPLE) < share, ms // step, 0).astype(kind)

    columns: dict[str, Any] = {"doses": chance.integers(0, 4, PEOPLE).astype(np.uint8)}
    for name, step, kind, share in [
        ("last_negative", 60_000, np.int32, 0.9),
        ("last_single_negative", 1000, np.uint32, 0.5),
        ("last_single", 1, np.int64, 0.5),
        ("last_positive", 60_000, np.int32, 0.3),
        ("last_retest", 1000, np.uint32, 0.4),
        ("last_dose", 60_000, np.int32, 0.7),
        ("negatives_since_positive.0", 1000, np.uint32, 0.3),
        ("negatives_since_positive.1", 1000, np.uint32, 0.2),
    ]:
        columns[f"{name}.sampled"] = times(step, kind, share)
        columns[f"{name}.known"] = columns[f"{name}.sampled"]
    there = columns["last_negative.sampled"] > 0
    columns["last_negative.pooled"] = [bool(chance.random() < 0.5) if one else None for one in there]
    columns["last_negative.analyte"] = [chance.choice(["", "a", "it's"]) if one else None for one in there]
    return pl.DataFrame(columns)


def logics() -> list[tuple[Any, str, str]]:
    """(logic, zone, grain): what rules do with times, numbers, texts and presence."""
    clock = {"var": "external.validationClock"}

    def at(path: str, amount: int, unit: str) -> Any:
        return {"plusTime": [{"var": f"subject.{path}"}, amount, unit]}

    def now(amount: int = 0, unit: str = "hour") -> Any:
        return {"plusTime": [clock, amount, unit]}

    negative, pooled = ({"var": f"subject.last_negative.{one}"} for one in ("sampled", "pooled"))
    one_dose = {"===": [{"+": [{"var": "subject.doses"}, 1]}, 2]}
    freed = {"after": [at("last_single_negative.sampled", -1, "hour"), at("last_positive.sampled", 1, "day")]}
    young = [{"!": [negative]}, {"!": [{"var": "subject.last_dose"}]}, {">": [{"var": "subject.doses"}, 1]}]
    found: list[tuple[Any, str]] = [
        ({"if": [negative, {"not-after": [now(), at("last_negative.sampled", 72, "hour")]}, False]}, "instant"),
        ({"not-after": [now(), at("last_negative.sampled", 72, "hour")]}, "instant"),  # open where nothing is there
        ({"if": [negative, {"before": [now(0, "day"), at("last_negative.sampled", 3, "day")]}, False]}, "day"),
        ({"if": [negative, {"after": [at("last_negative.sampled", 1, "month"), now(27, "day")]}, True]}, "instant"),
        ({"if": [negative, {"not-before": [now(-1, "month"), at("last_negative.sampled", 0, "day")]}, True]}, "day"),
        ({"and": young}, "instant"),
        ({"===": [{"var": "subject.last_negative.analyte"}, "it's"]}, "instant"),
        ({"in": [{"var": "subject.last_negative.analyte"}, {"var": "external.valueSets.known"}]}, "instant"),
        ({"if": [pooled, one_dose, True]}, "instant"),
        ({"!": [{"var": "subject.last_recovery"}]}, "instant"),
        ({"if": [{"var": "subject.last_positive.sampled"}, freed, True]}, "instant"),
        ({"before": [at("last_retest.sampled", 0, "hour"), now(), at("last_retest.sampled", 30, "day")]}, "instant"),
    ]  # fmt: skip
    zones = ["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata"]
    return [(logic, zones[i % 3], grain) for i, (logic, grain) in enumerate(found)]


def policy_of(rules: list[tuple[Any, str, str]]) -> RuleSet:
    town = read_rule_set(town_rules())
    house = town.rules[0].house
    assert house is not None
    made = [
        msgspec.structs.replace(
            town.rules[0],
            id=f"GR-ZZ-{100 + i:04d}",
            logic=logic,
            house=msgspec.structs.replace(
                house, zone=zone, grain=grain, on_false=("conditions", "hold")[i % 2]
            ),  # type: ignore[arg-type]
        )
        for i, (logic, zone, grain) in enumerate(rules)
    ]
    return msgspec.structs.replace(town, rules=(*town.rules, *made), value_sets={"known": ["a", "", None]})


def load(connection: psycopg.Connection[Any], frame: pl.DataFrame) -> dict[str, str]:
    types = {name: str(dtype) for name, dtype in frame.schema.items()}
    columns = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in types.items())
    connection.execute(f"DROP TABLE IF EXISTS part; CREATE TEMP TABLE part (row int, {columns})")
    with connection.cursor().copy("COPY part FROM STDIN") as copy:
        for i, row in enumerate(frame.iter_rows()):
            copy.write_row([i, *row])
    return types


def test_it_works(connection: psycopg.Connection[Any], frame: pl.DataFrame) -> None:
    ruleset, types = policy_of(logics()), load(connection, frame)
    statement = city_statement(ruleset, NOW, types, table="part", key=["row"], dialect="postgres")
    rows = connection.execute(f"{statement.text} ORDER BY k0").fetchall()
    decided = decide_city(ruleset, population_of(frame), NOW)

    assert [rule.id for rule in statement.rules] == [rule.id for rule in decided.rules]
    assert decided.until is not None
    assert [row[1] for row in rows] == decided.outcome.tolist()
    assert [row[2] for row in rows] == decided.failing.tolist()
    assert [row[3] for row in rows] == decided.open.tolist()
    assert [row[4] for row in rows] == decided.until.tolist()
    assert len(set(decided.until.tolist())) > 100
    assert set(decided.outcome.tolist()) >= {1, 2}
    assert np.count_nonzero(decided.open) > 10


@pytest.mark.parametrize("which", range(len(logics())))
def test_each_rule_alone(connection: psycopg.Connection[Any], frame: pl.DataFrame, which: int) -> None:
    ruleset = policy_of([logics()[which]])
    alone = msgspec.structs.replace(ruleset, rules=ruleset.rules[-1:])
    types = load(connection, frame.head(400))
    statement = city_statement(alone, NOW, types, table="part", key=["row"], dialect="postgres")
    rows = connection.execute(f"{statement.text} ORDER BY k0").fetchall()
    decided = decide_city(alone, population_of(frame.head(400)), NOW)

    assert decided.until is not None
    found = [decided.outcome, decided.failing, decided.open, decided.until]
    assert rows == [(i, *(int(one[i]) for one in found)) for i in range(400)]


def test_what_sql_cannot_hold_is_refused_by_name(frame: pl.DataFrame) -> None:
    types = {name: str(dtype) for name, dtype in frame.schema.items()}
    reduced = {"reduce": [{"var": "subject.last_dose"}, True, True]}
    with pytest.raises(NotInSql, match="reduce"):
        city_statement(
            policy_of([(reduced, "UTC", "instant")]), NOW, types, table="part", key=[], dialect="spark"
        )
    with pytest.raises(Unreadable, match=r"last_negative\.sampled is String"):
        city_statement(
            policy_of([]),
            NOW,
            types | {"last_negative.sampled": "String"},
            table="part",
            key=[],
            dialect="spark",
        )
