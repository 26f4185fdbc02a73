"""The town, on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pratique.core.moment import Moment
from pratique.store.store import Store
from tests.notices.town import Town


@pytest.fixture
def town(store: Store, moment: Moment, tmp_path: Path) -> Iterator[Town]:
    made = Town(store, moment, tmp_path)
    yield made
    made.keys.close()


@pytest.fixture
def small_town(sqlite_store: Store, moment: Moment, tmp_path: Path) -> Iterator[Town]:
    """Two people, SQLite only."""
    made = Town(sqlite_store, moment, tmp_path, members=2)
    yield made
    made.keys.close()
