"""By the command line: a gate that has ended becomes a club's door; a member, a visitor and a host; a week's table.

A real gate process with its sync process and its screen, a real server with its database, a host who waits. Afterwards
no byte of gate or server names anybody who passed.
"""

import io
import json
import secrets
import select
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.cli import main
from pratique.core.moment import Moment
from pratique.credentials.jose import b64url
from pratique.credentials.keys import Es256Signer
from pratique.credentials.membership import read_invitation
from pratique.fleet import api as fleet_api
from pratique.fleet import service as fleet
from pratique.membership import api
from pratique.membership.attendance import hand_in
from pratique.membership.doorbell import Relay
from pratique.membership.hosting import holder_of
from pratique.membership.offer import read_offer, read_visit
from pratique.store.store import Store
from pratique.web.serve import build_app
from tests.membership.making import point, shows

PRATIQUE = [sys.executable, "-m", "pratique.cli"]


def pratique(*words: str | Path, code: int = 0) -> dict[str, Any]:
    said = io.StringIO()
    with pytest.raises(SystemExit) as ended, redirect_stdout(said):
        main([*map(str, words), "--json"])
    assert ended.value.code == code
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


class Server:
    """The doorbell beside the fleet's routes, on a real socket, with a real database behind them."""

    def __init__(self, store: Store) -> None:
        self.relay = Relay()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

        def moment() -> Moment:
            return Moment(datetime.now(UTC), secrets.token_bytes)

        signer = holder_of  # never asked here: no gate enrols with this server
        table = [*api.routes(self.relay), *fleet_api.routes(store, (), 1, signer)]  # type: ignore[arg-type]
        app = build_app(table, lambda *_: None, moment, {})
        self._server = uvicorn.Server(
            uvicorn.Config(app, "127.0.0.1", self.port, log_level="info", lifespan="off", access_log=False)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture
def server(sqlite_store: Store) -> Iterator[Server]:
    running = Server(sqlite_store)
    yield running
    running.stop()


class Reader:
    """The gate's process: what it is shown goes in, what it decides and its screen come out."""

    def __init__(self, home: Path, server: str) -> None:
        words = ["gate", "run", "--source", "stdin", "--home", str(home), "--server", server, "--screen", "0"]
        self._process = subprocess.Popen(
            [*PRATIQUE, *words, "--every", "3600", "--json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stderr
        self.url = self._process.stderr.readline().split()[-1]
        self._events = urllib.request.urlopen(f"{self.url}events", timeout=30)

    def reads(self, text: str) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], 30)[0]
        line: dict[str, Any] = json.loads(self._process.stdout.readline())
        return line

    def screen(self, what: str) -> Any:
        """The next value of a field of the screen that is not empty."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            line = self._events.readline()
            if line.startswith(b"data:") and (found := json.loads(line[5:]).get(what)):
                return found
        raise AssertionError(what)

    def close(self) -> None:
        self._events.close()
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()


def test_it_works(tmp_path: Path, server: Server, sqlite_store: Store) -> None:
    club, gate, host = tmp_path / "club", tmp_path / "gate", tmp_path / "host"
    gate.mkdir()
    (gate / "ended.json").write_text("{}")  # the epidemic's work is over, and its files are gone
    made = pratique("member", "found", club, "--en", "Rowing Club", "--zh", "赛艇俱乐部")
    asks = pratique("gate", "repurpose", "--organisation", made["file"], "--home", gate)
    listed = pratique("member", "door", club, "--key", asks["key"], "--en", "North door", "--zh", "北门")
    (gate / "snapshot.cbor").write_bytes(Path(listed["file"]).read_bytes())

    phone: Es256Signer = holder_of(host)
    words = ("--key", f"PQK1:{b64url(point(phone))}", "--label", "7", "--host")
    offer = pratique("member", "issue", club, *words)["offer"]
    (host / "membership.txt").write_text(offer)
    membership = read_offer(offer).membership
    visit = read_visit(pratique("visitor", "invite", host, "tea")["link"])
    number = int.from_bytes(visit.key, "big")
    guest = Es256Signer(ec.derive_private_key(number, ec.SECP256R1()))

    with ExitStack() as held:
        reader = Reader(gate, server.address)
        held.callback(reader.close)
        member = reader.reads(shows(phone, membership, at=datetime.now(UTC)))
        receipt = reader.screen("receipt")
        waits = subprocess.Popen(
            [*PRATIQUE, "visitor", "wait", str(host), "tea", "--server", server.address, "--once", "--json"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        held.callback(waits.wait)
        while not server.relay:
            time.sleep(0.02)
        visitor = reader.reads(shows(guest, *visit.chain, at=datetime.now(UTC)))
        word = reader.screen("advice")["en"]
        told, _ = waits.communicate(timeout=30)

    assert (member["outcome"], member["reason"]) == ("clear", "member")
    assert (visitor["outcome"], visitor["reason"]) == ("clear", "visitor")
    assert word in ("Your host is being told", "Your host knows that you are here")
    assert json.loads(told)["door"] == {"en": "North door", "zh-Hans": "北门"}

    week = tmp_path / "week.json"
    week.write_bytes(hand_in(phone, membership, [receipt, receipt]))
    table = pratique("member", "attendance", club, week, "--out", tmp_path / "week.csv", code=1)
    assert [(row["member"], row["door"]) for row in table["rows"]] == [("7", "北门 / North door")]
    assert [one["code"] for one in table["refused"]] == ["TWICE"]
    assert "North door" in (tmp_path / "week.csv").read_text(encoding="utf-8-sig")

    said = io.StringIO()
    with pytest.raises(SystemExit), redirect_stdout(said):
        main(["gate", "counts", "--home", str(gate), "--json"])
    rows = [json.loads(line) for line in said.getvalue().splitlines()]
    assert sum(row["n"] for row in rows) == 2
    assert all(set(row) == {"begins", "outcome", "reason", "n"} for row in rows)

    bell = read_invitation(visit.chain[1]).bell
    assert bell is not None
    canaries = {
        "member": point(phone)[1:],
        "guest": point(guest)[1:],
        "box": bell.box,
        "host": bell.key[1:],
        "nonce": bytes.fromhex(table["rows"][0]["receipt"]),
        "invitation": visit.chain[1][-64:],
    }
    week.write_bytes(b"".join(canaries.values()))
    assert found_in(canaries, [week]) == set(canaries)  # a scanner that finds nothing proves nothing
    with sqlite_store.read() as tx:
        assert fleet.gates(tx) == []
    server_files = [path for path in tmp_path.iterdir() if path not in (club, gate, host, week)]
    server_files.remove(tmp_path / "week.csv")
    assert server_files
    assert found_in(canaries, [gate, *server_files]) == set()
    assert len(server.relay) == 0


def found_in(canaries: dict[str, bytes], places: list[Path]) -> set[str]:
    """Which of these bytes stand in these files and folders: raw, in hex, in base64 at each alignment."""
    files = [
        file
        for place in places
        for file in ([place] if place.is_file() else place.rglob("*"))
        if file.is_file()
    ]
    whole = b"\n".join(file.read_bytes() for file in files)
    found = set()
    for name, raw in canaries.items():
        forms = [raw, raw.hex().encode(), raw.hex().upper().encode()]
        for shift in range(3):
            skip = (3 - shift) % 3
            inner = raw[skip : len(raw) - (len(raw) - skip) % 3]
            forms += [b64url(inner).encode(), b64url(inner).replace("-", "+").replace("_", "/").encode()]
        if any(form in whole for form in forms):
            found.add(name)
    return found


def test_a_question_without_its_secret_is_refused(server: Server) -> None:
    body = json.dumps({"secret": b64url(bytes(31))}).encode()
    asked = urllib.request.Request(
        f"{server.address}/v1/doorbell-waits", body, {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=10)
    assert refused.value.code == 404
