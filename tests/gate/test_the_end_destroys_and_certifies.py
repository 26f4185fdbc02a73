"""The end of a gate: files gone, planted canaries gone, a certificate that verifies, and no way back but enrolling."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.gate.making import a_home

from pratique.core.canonical import canonical_json
from pratique.gate.end import ENDED, destroy
from pratique.gate.enrol import device_signer, unbase64url
from pratique.gate.journal import Journal
from pratique.gate.model import Decision

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = a_home(tmp_path / "home", NOW)
    journal = Journal(folder / "journal.db")
    journal.put_setting("canary", "CANARY-0a1b2c3d")
    journal.record(Decision("clear", "pass", 1, 1), 1_963_000)
    journal.close()
    return folder


def files(home: Path) -> list[Path]:
    return [home / name for name in ("journal.db", "journal.db-wal", "journal.db.ring", "snapshot.cbor")]


def test_it_works(home: Path) -> None:
    signer = device_signer(home)
    assert signer is not None
    assert b"CANARY" in (home / "journal.db").read_bytes()

    destroy(home, files(home), signer.sign, {"decisions": 1, "public_key": ""})

    assert [path.name for path in home.iterdir()] == [ENDED]
    certificate = json.loads((home / ENDED).read_bytes())
    signature = unbase64url(certificate.pop("sig"))
    key = Ed25519PublicKey.from_public_bytes(signer.public_key)
    key.verify(signature, b"pratique-gate-end\n" + canonical_json(certificate))
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"pratique-gate-end\n" + canonical_json(certificate | {"decisions": 2}))
    assert {one["name"] for one in certificate["files"]} >= {
        "journal.db",
        "snapshot.cbor",
        "device.key",
        "gate.json",
    }
    assert "relies on" in certificate["method"]


def test_what_was_begun_is_finished(home: Path) -> None:
    signer = device_signer(home)
    assert signer is not None
    first = destroy(home, files(home)[:1], signer.sign, {})
    assert (home / "snapshot.cbor").exists()
    destroy(home, files(home), None, {})

    assert [path.name for path in home.iterdir()] == [ENDED]
    assert json.loads((home / ENDED).read_bytes()) == first


def test_an_ended_gate_says_so(home: Path) -> None:
    destroy(home, files(home), None, {})
    ran = subprocess.run(
        [sys.executable, "-m", "pratique.gate", "run", "--source", "stdin", "--home", home],
        capture_output=True, check=False, input=b"",
    )  # fmt: skip

    assert ran.returncode == 1
    assert b"ended its work" in ran.stderr
    assert [path.name for path in home.iterdir()] == [ENDED]


def test_the_overwriting_reaches_the_disk_before_the_name_goes(home: Path) -> None:
    path = home / "journal.db"
    with path.open("rb") as still_open:
        destroy(home, files(home), None, {})
        assert set(still_open.read()) == {0}
