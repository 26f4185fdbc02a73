"""Rules as SQL on a real PostgreSQL say what the interpreter says: value for value, error bit for error bit.

PRATIQUE_FUZZ_PAIRS=1000000 PRATIQUE_FUZZ_ROWS=1000 runs the whole length.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from pratique.policy.certlogic import evaluate, read_var
from pratique.policy.statics import paths_of
from tests.policy.making_rules import TABLES
from tests.policy.sql_rows import agrees, cells_of, query_of
from tests.policy.test_engines_agree_at_length import judged, payload

EXAMPLES = int(os.environ.get("PRATIQUE_FUZZ", "200"))
PAIRS = int(os.environ.get("PRATIQUE_FUZZ_PAIRS", "10000"))
ROWS = int(os.environ.get("PRATIQUE_FUZZ_ROWS", "200"))
POOL = 2000
Compare = Callable[[Any, Sequence[Any]], int]


@pytest.fixture(scope="module")
def connection(postgres_server: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_server, autocommit=True, prepare_threshold=None) as opened:
        opened.execute("SET jit = off")
        yield opened


def load(
    connection: psycopg.Connection[Any], table: str, rows: Sequence[Any], paths: Sequence[str]
) -> dict[str, str]:
    """A table of rows; by path the name of its columns."""
    names = {path: f"c{i}" for i, path in enumerate(sorted(paths))}
    columns = "".join(f", {one} text NOT NULL, {one}d bigint, {one}b bigint" for one in names.values())
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(f"CREATE TEMP TABLE {table} (row_id int{columns})")
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for i, row in enumerate(rows):
            found = [cells_of(read_var(path, row)) for path in sorted(paths)]
            copy.write_row([i, *(one for tag, ms, birth in found for one in (tag or "n", ms, birth))])
    connection.execute(f"ANALYZE {table}")
    return names


def compare(
    connection: psycopg.Connection[Any],
    table: str,
    names: dict[str, str],
    rule: Any,
    rows: Sequence[Any],
    first: int = 0,
) -> int:
    """How many rows of the table, from `first` on, were compared; the others are mended by the interpreter."""
    query = query_of(rule, rows, names, "postgres")
    joins = "".join(
        f" JOIN unnest(%s::int[], %s::text[]) AS j{i}(r{i}, b{i}) ON r{i} = row_id"
        for i in range(len(query.asked))
    )
    values: list[Any] = []
    for column in query.asked:
        values += [list(range(first, first + len(rows))), column]
    bound = f" WHERE row_id >= {first} AND row_id < {first + len(rows)}"
    select = query.select.replace("%", "%%") if values else query.select
    found = connection.execute(f"{select} FROM {table}{joins}{bound}", values or None).fetchall()
    assert len(found) == len(rows)
    for row_id, truth, plain in found:
        i = row_id - first
        if i not in query.odd:
            told = evaluate(rule, rows[i])
            assert agrees(told, truth, plain), (json.dumps(rule), rows[i], told, truth, plain)
    return len(rows) - len(query.odd)


def test_it_works(connection: psycopg.Connection[Any]) -> None:
    rows = [{"a": "x"}, {"a": "z"}, {}, {"a": None}, {"a": ["x"]}]
    rule = {"if": [{"var": "a"}, {"in": [{"var": "a"}, ["x", "y"]]}, {"===": [{"var": "a"}, {"var": "b"}]}]}
    names = load(connection, "small", rows, ["a", "b"])

    assert compare(connection, "small", names, rule, rows) == 5


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES)
def test_sql_says_what_the_interpreter_says(
    connection: psycopg.Connection[Any], table: tuple[Any, list[Any]]
) -> None:
    rule, rows = table
    rows = [one if "\x00" not in json.dumps(one) else None for one in rows]
    names = load(connection, "fuzzed", rows, sorted(paths_of(rule)))
    compare(connection, "fuzzed", names, rule, rows)


def test_a_long_random_comparison(connection: psycopg.Connection[Any]) -> None:
    chance = Random(20)
    pool = [payload(chance) for _ in range(POOL)]
    rules = [judged(chance, 4) for _ in range(max(1, PAIRS // ROWS))]
    names = load(connection, "pool", pool, sorted(set().union(*map(paths_of, rules)) - {""}))
    compared = 0
    for rule in rules:
        first = chance.randrange(POOL - ROWS)
        compared += compare(connection, "pool", names, rule, pool[first : first + ROWS], first)

    assert compared > PAIRS // 2
