"""Numbered SQL files, each in one transaction, forward only.

The files are written once, for SQLite's STRICT tables; what PostgreSQL calls otherwise is exchanged here
(BLOB → BYTEA; STRICT and WITHOUT ROWID fall away). Guards are generated (`guards.py`) after the files ran.
"""

import re
from importlib.resources import files
from typing import Any

from pratique.store.engine import Engine
from pratique.store.guards import guard_statements


def migrate(engine: Engine) -> None:
    """Create or update all tables and guards. Safe to run by several processes at once."""
    connection = engine.connect(writer=True)
    try:
        engine.begin(connection, writer=True)
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (name TEXT PRIMARY KEY)")
        done = {row[0] for row in connection.execute("SELECT name FROM schema_version").fetchall()}
        fresh = [name for name in migration_names() if name not in done]
        for name in fresh:
            for statement in statements(name, engine.dialect):
                connection.execute(statement)
            _note(engine, connection, name)
        if fresh:
            for statement in guard_statements(engine.dialect):
                connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def migration_names() -> list[str]:
    """The names of all migrations in their order."""
    folder = files("pratique.store") / "migrations"
    return sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))


def statements(name: str, dialect: str) -> list[str]:
    """The statements of one migration as `dialect` wants them."""
    text = (files("pratique.store") / "migrations" / name).read_text(encoding="utf-8")
    text = re.sub(r"--[^\n]*", "", text)
    if dialect == "sqlite":
        text = re.sub(r"\bBIGINT\b", "INTEGER", text)
    else:
        text = re.sub(r"\bBLOB\b", "BYTEA", text)
        text = re.sub(r"\)\s*STRICT(\s*,\s*WITHOUT ROWID)?\s*;", ");", text)
    return [part.strip() for part in text.split(";") if part.strip()]


def _note(engine: Engine, connection: Any, name: str) -> None:
    engine.tx(connection).run("INSERT INTO schema_version (name) VALUES (:name)", name=name)
