"""One transaction: plain SQL in the subset both databases share, with `:named` parameters.

Rows come back as tuples, in the order of the SELECT list. Times are BIGINT milliseconds in UTC, ids are text,
truth is INTEGER 0 or 1.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

Row = tuple[Any, ...]


class Tx(Protocol):
    """What a room's `store.py` may do. A Tx lives inside one use case and is never kept."""

    dialect: str

    def run(self, sql: str, /, **values: Any) -> int:
        """Execute one statement; the number of rows it touched."""

    def one(self, sql: str, /, **values: Any) -> Row | None:
        """The first row, or None."""

    def all(self, sql: str, /, **values: Any) -> list[Row]:
        """All rows."""

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> None:
        """The same statement for many rows."""

    def after_commit(self, act: Callable[[], None], /) -> None:
        """Run `act` once this transaction is durable; never if it is rolled back."""


class SqliteTx:
    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.then: list[Callable[[], None]] = []

    def run(self, sql: str, /, **values: Any) -> int:
        return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, /, **values: Any) -> Row | None:
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, /, **values: Any) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> None:
        self._connection.executemany(sql, rows)

    def after_commit(self, act: Callable[[], None], /) -> None:
        self.then.append(act)


class PostgresTx:
    dialect = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.then: list[Callable[[], None]] = []

    def run(self, sql: str, /, **values: Any) -> int:
        return int(self._connection.execute(percent_style(sql), values or None).rowcount)

    def one(self, sql: str, /, **values: Any) -> Row | None:
        row: Row | None = self._connection.execute(percent_style(sql), values or None).fetchone()
        return row

    def all(self, sql: str, /, **values: Any) -> list[Row]:
        rows: list[Row] = self._connection.execute(percent_style(sql), values or None).fetchall()
        return rows

    def many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(percent_style(sql), list(rows))

    def after_commit(self, act: Callable[[], None], /) -> None:
        self.then.append(act)


@lru_cache(maxsize=2048)
def percent_style(sql: str) -> str:
    """`:name` parameters as psycopg writes them; a cast `::text` stays as it is."""
    if ":" not in sql:
        return sql
    return re.sub(r"(?<![:\w]):([a-z_][a-z0-9_]*)", r"%(\1)s", sql.replace("%", "%%"))
