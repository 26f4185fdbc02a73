"""kill -9 at any point of a destruction: the next run finishes it, once, and no secret survives its certificate."""

import secrets
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pratique.core.moment import Moment
from pratique.mandates.keystore import KeyStore
from pratique.retire import canary
from pratique.retire import service as retire
from pratique.retire.scan import files_below, scan
from pratique.store.store import open_store
from tests.retire.houses import begun, house_of, somebody

DESTROYER = """
import sys
from datetime import datetime
from pathlib import Path
import secrets
sys.path.insert(0, sys.argv[3])
from pratique.core.moment import Moment
from pratique.retire import service as retire
from pratique.store.store import open_store
from tests.retire.houses import house_of
home = Path(sys.argv[1])
store = open_store("", home)
house, _ = house_of(store, home, Moment(datetime.fromisoformat(sys.argv[2]), secrets.token_bytes))
print("ready", flush=True)
retire.destroy_due(house)
print("done", flush=True)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A home with forty people under a mandate of two days, closed; the mandate's id; a time after its grace."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    home.mkdir()
    store = open_store("", home)
    house, clock, mandate = begun(store, home, Moment(datetime(2026, 1, 5, tzinfo=UTC), secrets.token_bytes))
    for n in range(40):
        somebody(house, mandate, f"Mei Example {n}")
    house.log.publish(clock())
    clock.move(days=3)
    store.close()
    house.keys.close()
    return home, mandate.id, clock().now.isoformat()


@pytest.mark.parametrize("attempt", range(8))
def test_it_works(prepared: tuple[Path, str, str], tmp_path: Path, attempt: int) -> None:
    original, mandate_id, late = prepared
    home = tmp_path / "home"
    shutil.copytree(original, home)
    planted = canary.known(home, mandate_id)
    child = subprocess.Popen(
        [sys.executable, "-c", DESTROYER, home, late, str(ROOT)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.06 * attempt)
    child.send_signal(signal.SIGKILL)
    child.wait()

    store = open_store("", home)
    with store.read() as tx:
        row = tx.one("SELECT certificate FROM destruction WHERE mandate_id = :id", id=mandate_id)
    keys = KeyStore(home / "keys", secrets.token_bytes)
    if row is not None and row[0] is not None:
        assert not any(keys.held(mandate_id).counts.values())
    keys.close()
    house, _ = house_of(store, home, _late(late))
    retire.destroy_due(house)
    retire.destroy_due(house)

    with store.read() as tx:
        standing = retire.standing(tx, mandate_id)
        assert standing.state == "waits for two signatures"
        assert tx.one("SELECT COUNT(*) FROM contact_card") == (0,)
        assert tx.one("SELECT COUNT(*) FROM destruction") == (1,)
    assert not any(house.keys.held(mandate_id).counts.values())
    assert len(list((home / "keys").glob("root-*"))) == 1
    needles = [needle for one in planted for needle in (*one.texts(), *one.ids())]
    assert needles
    assert scan(files_below([home]), needles).hits == ()
    assert b'"valid":true' in (standing.certificate or b"")
    store.close()


def _late(late: str) -> Moment:
    return Moment(datetime.fromisoformat(late), secrets.token_bytes)
