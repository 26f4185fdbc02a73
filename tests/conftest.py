"""What every test may ask for: a fixed moment, a store on each database, a sealer."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from pratique.core.moment import Moment
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store

settings.register_profile(
    "house", deadline=None
)  # how fast a machine is, is measured in bench/ and nowhere else
settings.load_profile("house")

START = datetime(2026, 1, 5, tzinfo=UTC)


# Where a browser, devices, whole processes and their sockets take part.
WITH_OTHERS = {"browser", "faults", "gate", "rollout", "simulate"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with others in it that fails gets one second try, which the run reports by name (decision 0034)."""
    for item in items:
        if item.path.parent.name in WITH_OTHERS:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def moment() -> Moment:
    """2026-01-05T00:00:00Z with real chance; `moment._replace(now=…)` moves it."""
    return Moment(START, secrets.token_bytes)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store with all tables, on SQLite and on a real PostgreSQL."""
    if request.param == "sqlite":
        url = ""
    else:
        url = request.getfixturevalue("postgres_database")
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite only, for what does not touch SQL dialects."""
    opened = open_store("", tmp_path)
    yield opened
    opened.close()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values name no test: they may hold a fresh key, and every worker must see the same names."""
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


class SecretsInMemory:
    """Key-store protocol for tests of rooms that seal; the real files are tested in tests/mandates."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, ...], bytes] = {}

    def _get(self, *name: str, make: bool) -> bytes:
        from pratique.core.errors import Destroyed

        if name not in self.kept:
            if not make:
                raise Destroyed
            self.kept[name] = secrets.token_bytes(32)
        return self.kept[name]

    def mandate(self, mandate: str, *, make: bool = False) -> bytes:
        return self._get("mandate", mandate, make=make)

    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes:
        return self._get("day", mandate, day, make=make)

    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes:
        return self._get("subject", mandate, subject, make=make)

    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes:
        return b"".join(
            (
                self.mandate(mandate, make=make),
                self.day(mandate, day, make=make),
                self.subject(mandate, subject, make=make),
            )
        )


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(SecretsInMemory(), secrets.token_bytes)


pytest_plugins = ["tests.postgres"]
