"""`from pratique.credentials import verify` needs no server, keeps no state, and answers alike from many threads."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import pratique.credentials as face
from pratique.credentials import CredentialError, pq1, status
from pratique.credentials.issue import issue_hcert, issue_shc
from pratique.credentials.keys import load_signer
from tests.credentials.making import HOLDER, ISSUER, NOW, certificate
from tests.credentials.vectors.document import PATH, outcome_of, snapshot_of

SERVER = ("starlette", "uvicorn", "psycopg", "sqlite3", "jinja2", "asyncio")


def test_it_works() -> None:
    """In a fresh interpreter nothing of a server comes along, whichever way the face is imported."""
    for first in ("from pratique.credentials import verify", "import pratique.credentials.verify"):
        program = (
            f"import sys\n{first}\nfrom pratique.credentials import verify\nassert callable(verify)\n"
            f"bad = [m for m in sys.modules if m in {SERVER!r} or m.startswith(('pratique.store', 'pratique.web'))]\n"
            "sys.exit(repr(bad) if bad else 0)"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr


def test_every_name_of_the_face_says_what_it_is() -> None:
    for name in face.__all__:
        assert getattr(getattr(face, name), "__doc__", None), name


def test_threads_share_a_snapshot_and_get_the_answers_of_one() -> None:
    file: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    fresh = {name: snapshot_of(plain) for name, plain in file["trust"].items()}

    def every_case(start: int) -> list[str]:
        cases = file["cases"][start:] + file["cases"][:start]
        return [case["id"] for case in cases if outcome_of(case, fresh[case["trust"]]) != case["expected"]]

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(every_case, range(0, 320, 40))] == [[]] * 8


def test_a_snapshot_learns_nothing_from_another() -> None:
    """A key that one list trusts does not count with a list that does not have it, whatever was verified before."""
    from pratique.credentials import Bundle, Snapshot
    from tests.credentials.making import bundle, hcert_key, hcert_text

    with_it, without = (
        Snapshot(bundle(keys=(hcert_key(),))),
        Snapshot(Bundle(number=1, issued=0, expires=1 << 40)),
    )
    for _ in range(3):
        assert face.verify(hcert_text(), NOW, with_it).ok
        assert face.verify(hcert_text(), NOW, without).reason == "UNKNOWN_KEY"


def test_whatever_goes_wrong_is_a_credential_error(tmp_path: Path) -> None:
    open_file = tmp_path / "key.pem"
    open_file.write_bytes(b"x")
    open_file.chmod(0o644)
    ends = NOW + timedelta(days=1)
    for wrong in (
        lambda: face.read_trust(tmp_path / "missing"),
        lambda: face.read_trust(open_file),
        lambda: load_signer(tmp_path / "missing"),
        lambda: load_signer(open_file),
        lambda: face.make_bundle(face.Bundle(number=1, issued=2, expires=1), []),
        lambda: issue_hcert(ISSUER, certificate(dob="yesterday"), "AT", NOW, ends),
        lambda: issue_hcert(ISSUER, certificate(), "AT", ends, NOW),
        lambda: issue_shc(ISSUER, "http://issuer.example", {}, NOW),
        lambda: issue_shc(ISSUER, "https://issuer.example", {}, NOW),
        lambda: pq1.issue_pass(ISSUER, HOLDER.public_key, 0, NOW, ends, None),
        lambda: pq1.issue_pass(ISSUER, b"\x02" + b"\xff" * 32, 1, NOW, ends, None),
        lambda: status.build(1, 8, [(9, 1)]),
        lambda: status.build(1, 8, [(1, 2)]),
        lambda: status.build(3, 8, []),
    ):
        with pytest.raises(CredentialError) as refused:
            wrong()
        assert refused.value.code in face.REASONS


def test_a_verification_opens_no_file_and_no_connection_and_logs_nothing() -> None:
    """What the interpreter itself reports: between one text and its verdict nothing leaves the process."""
    program = """
import json, logging, sys
from tests.credentials.vectors.document import PATH, outcome_of, snapshot_of
file = json.loads(PATH.read_text(encoding="utf-8"))
trust = {name: snapshot_of(plain) for name, plain in file["trust"].items()}
logging.basicConfig(level=logging.NOTSET, stream=sys.stdout)
for case in file["cases"]:
    outcome_of(case, trust[case["trust"]])
seen = []
watched = ("open", "os", "socket", "subprocess", "shutil", "sqlite3")
sys.addaudithook(lambda event, _: seen.append(event) if event.partition(".")[0] in watched else None)
for case in file["cases"]:
    outcome_of(case, trust[case["trust"]])
sys.stderr.write(repr(sorted(set(seen))))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=root
    )

    assert done.stderr == "[]"
    assert done.stdout == ""
