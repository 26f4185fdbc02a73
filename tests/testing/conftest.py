"""The world of this room's tests, on each database."""

import pytest

from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.testing.world import World


@pytest.fixture
def world(store: Store, sealer: Sealer) -> World:
    return World(store, sealer)


@pytest.fixture
def lite(sqlite_store: Store, sealer: Sealer) -> World:
    """The same on SQLite only, for what does not touch SQL dialects."""
    return World(sqlite_store, sealer)
