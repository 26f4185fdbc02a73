"""Walls that a linter of imports cannot see: tables belong to rooms, packages hold no imports, the gate stays small."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from pratique.store.migrate import migration_names, statements

SOURCE = Path(__file__).parents[1] / "src" / "pratique"
ROOMS = sorted(p.name for p in SOURCE.iterdir() if (p / "__init__.py").exists())
SHARED_DATABASE = [
    room for room in ROOMS if room not in ("store", "gate")
]  # a gate keeps a small file of its own
# Law 1 is asked everywhere, so the mandate's dates may be read everywhere, and the areas that mandates name; nobody but
# their room writes them.
READ_BY_ALL = {"mandate", "mandate_unlock", "mandate_data", "area"}
PLACE = " placeholder "  # what an f-string fills in: a table, a list of values or a whole clause
TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
SQL = re.compile(r"^\s*(SELECT\s+\S|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\b)")


def owners() -> dict[str, str]:
    """Which room each table belongs to, from the number and name of the migration that makes it."""
    found: dict[str, str] = {}
    for name in migration_names():
        room = name.split("_", 1)[1].split(".")[0]
        for statement in statements(name, "sqlite"):
            if made := TABLE.match(statement):
                found[made[1]] = room
    return found


def sql_texts(path: Path) -> list[str]:
    """Every string constant of a module that is an SQL statement; places to fill in are left open."""
    texts = []
    inside = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(value) for value in node.values)
            texts.append("".join(v.value if isinstance(v, ast.Constant) else PLACE for v in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            texts.append(node.value)
    return [text for text in texts if SQL.match(text)]


def tables_of(sql: str, dialect: str) -> tuple[set[str], set[str]]:
    """(written, read) tables of one statement."""
    sql = re.sub(r":(\w+)", r"'\1'", sql)
    try:
        tree = sqlglot.parse_one(sql, dialect=dialect)
    except sqlglot.ParseError:
        tree = sqlglot.parse_one(sql.replace(PLACE, " "), dialect=dialect)
    common = {cte.alias for cte in tree.find_all(exp.CTE)}
    every = {t.name for t in tree.find_all(exp.Table)} - common - {"placeholder"}
    written: set[str] = set()
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete):
        target = tree.find(exp.Table)
        written = {target.name} if target is not None else set()
    return written & every, every - written


def test_it_works() -> None:
    assert owners()["tube"] == "testing"
    assert tables_of("INSERT INTO a (b) SELECT c FROM d WHERE e = :e", "sqlite") == ({"a"}, {"d"})


@pytest.mark.parametrize("room", SHARED_DATABASE)
def test_a_room_touches_its_own_tables_only(room: str) -> None:
    mine = owners()
    strange = []
    for path in (SOURCE / room).rglob("*.py"):
        for sql in sql_texts(path):
            written, read = tables_of(sql, "sqlite")
            for table in written | (read - READ_BY_ALL):
                if mine.get(table, room) != room:
                    strange.append(f"{path.name}: {table} belongs to {mine[table]}: {sql[:60]}")
    assert strange == []


@pytest.mark.parametrize("room", SHARED_DATABASE)
def test_every_statement_reads_in_both_dialects(room: str) -> None:
    for path in (SOURCE / room).rglob("*.py"):
        for sql in sql_texts(path):
            for dialect in ("sqlite", "postgres"):
                tables_of(sql, dialect)


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "credentials"])
def test_a_package_says_what_it_is_for_and_imports_nothing(room: str) -> None:
    tree = ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_the_gate_loads_no_server() -> None:
    modules = [f"pratique.gate.{p.stem}" for p in (SOURCE / "gate").glob("*.py") if p.stem != "__init__"]
    program = (
        f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('starlette', 'uvicorn', 'psycopg', 'jinja2') "
        "or m.startswith(('pratique.web', 'pratique.store', 'pratique.mandates', 'pratique.people'))]\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
