"""`GET /log/…`: the published files and nothing else, with the caching their names allow."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pratique.core.moment import Moment
from pratique.mandates.api import routes
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.store.store import Store
from pratique.web.serve import build_app
from tests.mandates import making

LOG = NoteSigner("log.port.example", b"L" * 32)


@pytest.fixture
def client(sqlite_store: Store, moment: Moment, tmp_path: Path) -> TestClient:
    sqlite_store.write(lambda tx: making.live(tx, moment))
    Publisher(sqlite_store, tmp_path / "log", LOG).publish(moment)
    now = lambda: Moment(datetime(2026, 1, 5, tzinfo=UTC), bytes)  # noqa: E731
    return TestClient(build_app(routes(tmp_path / "log"), lambda headers, cookies, at: None, now, {}))


def test_it_works(client: TestClient, tmp_path: Path) -> None:
    answer = client.get("/log/checkpoint")

    assert answer.content == (tmp_path / "log" / "checkpoint").read_bytes()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"


def test_tiles_never_change(client: TestClient, tmp_path: Path) -> None:
    tile = client.get("/log/tile/0/000.p/4")
    entries = client.get("/log/tile/entries/000.p/4", headers={"accept-encoding": "identity"})
    packed = client.get("/log/tile/entries/000.p/4", headers={"accept-encoding": "gzip"})

    assert len(tile.content) == 4 * 32
    assert "immutable" in tile.headers["cache-control"]
    assert entries.content == packed.content == (tmp_path / "log/tile/entries/000.p/4").read_bytes()
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(gzip.compress(packed.content)) == packed.content


@pytest.mark.parametrize(
    "name",
    [
        ".publishing",
        "../pratique.db",
        "%2e%2e/pratique.db",
        "tile/0/001",
        "tile",
        "tile/0/000.p/4.new",
        "mandate/",
        "x",
    ],
)
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/log/{name}").status_code == 404
