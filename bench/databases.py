"""The two databases of a bench: SQLite in a folder of its own, or a PostgreSQL of its own that really syncs.

Not a bench; other benches open one with `database("sqlite")` or `database("postgresql")`.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.postgres import as_nobody, installation

KINDS = ("sqlite", "postgresql")


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty database, "" for SQLite. PostgreSQL runs with its own defaults: fsync is on."""
    if kind == "sqlite":
        yield ""
        return
    binaries = installation() / "bin"
    home = Path(tempfile.mkdtemp(prefix="pratique-bench-pg-"))
    home.chmod(0o777)
    cluster, clean, who = home / "cluster", {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, as_nobody()

    def run(*command: object, check: bool = True) -> None:
        subprocess.run(command, check=check, capture_output=True, env=clean, cwd=home, **who)  # type: ignore[call-overload]

    run(binaries / "initdb", "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8")
    options = f"-c listen_addresses='' -k {home} -c shared_buffers=512MB -c max_wal_size=4GB"
    run(binaries / "pg_ctl", "-D", cluster, "-w", "-t", "60", "-o", options, "-l", home / "log", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={home}"
    finally:
        run(binaries / "pg_ctl", "-D", cluster, "-m", "fast", "stop", check=False)
        shutil.rmtree(home, ignore_errors=True)
