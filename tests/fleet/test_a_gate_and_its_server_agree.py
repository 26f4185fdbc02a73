"""A real gate process and a real server over HTTP: enrol, pull, decide, count; the line cut, the server hostile."""

import json
import secrets
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from tests.credentials.making import HOLDER, show
from tests.fleet.making import PASSES, ROOTS, a_mandate

from pratique import town
from pratique.core.canonical import canonical_cbor
from pratique.core.errors import NotFound
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials import gdiff, pq1
from pratique.credentials.keys import new_signer
from pratique.credentials.pairing import roots_hash
from pratique.credentials.trust import make_bundle, open_bundle, read_body, tag_of
from pratique.fleet import api, service
from pratique.fleet.form import base64url
from pratique.fleet.model import Unconfirmed, heard_bytes
from pratique.gate import database as db
from pratique.gate.enrol import Enrolment, Link, WrongServer, device_signer, enrol, read_enrolment
from pratique.gate.http import Refused, Unreachable, get_lists
from pratique.gate.journal import Journal
from pratique.gate.model import Decision
from pratique.gate.sync import Sync, heard
from pratique.store.store import Store
from pratique.web.serve import build_app

CLEAR = Decision("clear", "pass", 0, 1)
ROOTS_HASH = roots_hash([root.public_key for root in ROOTS], 2)


def agreed(words: Text) -> bool:
    return True


class Server:
    """The fleet's routes on a real socket; it may be stopped and started at the same address."""

    def __init__(self, store: Store) -> None:
        self.store, self.ahead = store, timedelta()
        self.mandate_id = a_mandate(store, self.moment())
        self.publish()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def moment(self) -> Moment:
        return Moment(datetime.now(UTC) + self.ahead, secrets.token_bytes)

    def publish(self) -> int:
        return self.store.write(lambda tx: service.publish_snapshot(tx, self.moment(), ROOTS))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        app = build_app(api.routes(self.store, ROOTS, 2, PASSES), lambda *_: None, self.moment, {})
        self._server = uvicorn.Server(
            uvicorn.Config(app, "127.0.0.1", self.port, log_level="error", lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def token(self) -> str:
        return self.store.write(
            lambda tx: service.make_token(
                tx, self.moment(), mandate_id=self.mandate_id, place=town.GATE, made_by="desk"
            )
        )

    def waiting(self) -> list[Unconfirmed]:
        with self.store.read() as tx:
            return service.unconfirmed(tx)

    def confirm(self, gate_id: str) -> None:
        self.store.write(lambda tx: service.confirm(tx, self.moment(), gate_id, "desk"))

    def enrolled(self, home: Path, through: str = "") -> Enrolment:
        """A gate whose words a person compared."""
        made = enrol(Link(through or self.address, self.token(), ROOTS_HASH), home, agreed)
        self.confirm(made.gate_id)
        return made

    def counted(self) -> int:
        with self.store.read() as tx:
            return int((tx.one("SELECT coalesce(sum(n), 0) FROM slot_count") or (0,))[0])


@pytest.fixture
def server(sqlite_store: Store) -> Iterator[Server]:
    running = Server(sqlite_store)
    yield running
    running.stop()


@pytest.fixture
def home(server: Server, tmp_path: Path) -> Path:
    folder = tmp_path / "gate"
    server.enrolled(folder)
    return folder


def sync(home: Path, server: str | None = None) -> tuple[Sync, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    enrolment = read_enrolment((home / "gate.json").read_bytes())
    if server:
        enrolment = Enrolment(enrolment.gate_id, enrolment.place, enrolment.roots, enrolment.quorum, server)
    signer = device_signer(home)
    assert signer is not None
    return Sync(enrolment, signer, home / "snapshot.cbor", home / "journal.db", told.append), told


def a_pass(now: datetime) -> str:
    credential = pq1.issue_pass(
        PASSES, HOLDER.public_key, pq1.CLEAR, now - timedelta(minutes=10), now + timedelta(hours=5), None
    )
    return show(credential, now)


def test_it_works(server: Server, tmp_path: Path) -> None:
    home = tmp_path / "gate"
    program = [sys.executable, "-m", "pratique.gate"]
    link = f"{server.address}/handheld/#token={server.token()}&roots={ROOTS_HASH}"
    enrolled = subprocess.run(
        [*program, "enrol", "--link", link, "--home", home], capture_output=True, check=True, text=True
    )
    assert town.GATE.zh_hans in enrolled.stdout
    (waiting,) = server.waiting()
    assert waiting.words.en in enrolled.stdout
    assert waiting.words.zh_hans in enrolled.stdout
    server.confirm(waiting.id)
    assert (home / "device.key").stat().st_mode & 0o077 == 0

    process = subprocess.Popen(
        [*program, "run", "--source", "stdin", "--home", home, "--server", server.address, "--every", "1", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    line = {"outcome": None}
    while line["outcome"] is None:  # out of order until the first round has brought lists
        process.stdin.write(a_pass(datetime.now(UTC)) + "\n")
        process.stdin.flush()
        line = json.loads(process.stdout.readline())
    process.stdin.close()

    assert line["outcome"] == "clear"
    assert process.wait(20) == 0


def test_a_token_that_was_used_is_refused_in_a_sentence(server: Server, home: Path, tmp_path: Path) -> None:
    token = server.token()
    enrol(Link(server.address, token, ""), tmp_path / "first", agreed)
    with pytest.raises(Refused, match="used by another device"):
        enrol(Link(server.address, token, ""), tmp_path / "second", agreed)
    command = [sys.executable, "-m", "pratique.gate", "enrol", "--server", server.address, "--token", token]
    ran = subprocess.run(
        [*command, "--home", tmp_path / "third"], capture_output=True, check=False, text=True
    )
    assert ran.returncode == 1
    assert "used by another device" in ran.stderr


def test_no_gate_goes_live_before_a_person_compared_the_words(server: Server, tmp_path: Path) -> None:
    seen: list[Text] = []
    made = enrol(
        Link(server.address, server.token(), ROOTS_HASH), tmp_path, lambda words: not seen.append(words)
    )
    journal = Journal(tmp_path / "journal.db")
    journal.record(CLEAR, int(time.time()) // 900)
    journal.close_slots(time.time(), 1, all_of_them=True)
    work, told = sync(tmp_path)
    work.round()

    assert told[-1] == {"push": "NOT_CONFIRMED"}
    assert not (tmp_path / "certificate.cbor").exists()
    assert [(one.id, one.words) for one in server.waiting()] == [(made.gate_id, *seen)]
    server.confirm(made.gate_id)
    work.round()
    assert told[-1] == {"push": ""}
    assert (tmp_path / "certificate.cbor").exists()
    assert (server.counted(), server.waiting()) == (1, [])
    with pytest.raises(NotFound):
        server.confirm(made.gate_id)


def test_another_server_or_other_words_leave_nothing_behind(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WrongServer, match="root keys"):
        enrol(Link(server.address, server.token(), "A" * 43), tmp_path, agreed)
    with pytest.raises(WrongServer, match="words differ"):
        enrol(Link(server.address, server.token(), ""), tmp_path, lambda _: False)
    program = [sys.executable, "-m", "pratique.gate", "enrol", "--server", server.address, "--home", tmp_path]
    asked = subprocess.run(
        [*program, "--token", server.token()], input="n\n", capture_output=True, check=False, text=True
    )

    assert asked.returncode == 1
    assert "does the console show the same words" in asked.stdout
    assert not (tmp_path / "gate.json").exists()


def test_counts_arrive_once_and_leave_the_outbox_only_then(server: Server, home: Path) -> None:
    journal = Journal(home / "journal.db")
    now = datetime.now(UTC).timestamp()
    for n in range(30):
        journal.record(CLEAR, int(now) // 900 - n % 3)
    journal.close_slots(now, 1, all_of_them=True)
    work, told = sync(home)

    server.stop()
    work.round()
    assert told[-2:] == [{"pull": "offline"}, {"push": "offline"}]
    assert len(db.waiting(db.connect(journal.path))) == 3

    server.start()
    work.round()
    assert server.counted() == 30
    assert db.waiting(db.connect(journal.path)) == []
    work.round()
    assert server.counted() == 30


def test_an_answer_that_was_lost_counts_once(server: Server, home: Path) -> None:
    journal = Journal(home / "journal.db")
    journal.record(CLEAR, int(time.time()) // 900)
    journal.close_slots(time.time(), 1, all_of_them=True)
    kept = db.waiting(db.connect(journal.path))
    work, _ = sync(home)
    work.round()
    connection = db.connect(journal.path)
    connection.executemany(
        "INSERT INTO outbox (seq, body) VALUES (?, ?)", kept
    )  # as if the answer had not come
    work.round()

    assert server.counted() == 1


def test_an_upload_that_is_refused_is_kept_and_told(server: Server, home: Path) -> None:
    journal = Journal(home / "journal.db")
    journal.record(CLEAR, int(time.time()) // 900)
    journal.close_slots(time.time(), 1, all_of_them=True)
    with server.store.read() as tx:
        gate_id = service.gates(tx)[0].id
    server.store.write(lambda tx: service.end_gate(tx, server.moment(), gate_id, "desk"))
    work, told = sync(home)
    work.round()

    assert told[-1] == {"push": "NOT_FOUND"}
    assert len(db.waiting(db.connect(journal.path))) == 1


def test_lists_are_pulled_once_and_again_when_they_change(server: Server, home: Path) -> None:
    work, _ = sync(home)
    path = home / "snapshot.cbor"

    assert work.pull()
    first = path.read_bytes()
    assert not work.pull()
    assert server.publish() == 2
    assert work.pull()
    assert path.read_bytes() != first
    assert not list(home.glob("*.new"))


def test_a_signed_answer_tells_the_time_and_only_that(server: Server, home: Path) -> None:
    server.ahead = timedelta(hours=3)  # the gate's own clock is three hours slow
    work, told = sync(home)
    work.round()

    (unix, ticks) = next(line["confirmed"] for line in told if "confirmed" in line)
    assert abs(unix - time.time() - 3 * 3600) < 5
    assert ticks > 0
    assert b"confirmed" not in b"".join(path.read_bytes() for path in home.glob("journal.db*"))


def test_an_answer_that_no_root_signed_tells_no_time() -> None:
    roots = tuple(root.public_key for root in ROOTS)
    answer = {"gate_id": "A", "seq": 1, "now": "2030-01-01T00:00:00Z", "sig": "A" * 86}

    assert heard(answer, "A", 1, "n", roots) is None
    assert heard({}, "A", 1, "n", roots) is None
    assert heard({"now": 5, "sig": None}, "A", 1, "n", roots) is None


def test_an_answer_that_was_kept_back_tells_no_time_later() -> None:
    roots = tuple(root.public_key for root in ROOTS)
    now = "2026-01-05T00:00:00Z"
    answer = {"now": now, "group": "", "sig": base64url(ROOTS[0].sign(heard_bytes("A", 1, "first", now)))}

    assert heard(answer, "A", 1, "first", roots) == datetime.fromisoformat(now).timestamp()
    assert heard(answer, "A", 1, "second", roots) is None


def test_a_change_comes_as_a_delta_and_the_file_is_the_same(server: Server, home: Path) -> None:
    work, _ = sync(home)
    work.pull()
    server.publish()
    path, url = home / "snapshot.cbor", f"{server.address}/v1/snapshot"
    whole = get_lists(url)
    made = get_lists(url, path.read_bytes())

    assert whole is not None
    assert made is not None
    assert made.made
    assert made.body == whole.body
    assert int(made.fields["content-length"]) < len(whole.body) / 2
    assert work.pull()
    assert path.read_bytes() == whole.body
    assert get_lists(url, whole.body) is None
    unknown = get_lists(url, b"something the server never made")
    assert unknown is not None
    assert (unknown.made, unknown.body) == (False, whole.body)


# A hostile server


class Hostile:
    """Answers whatever it is told to; with `delta` to who asks for one, under the ETag of what it makes."""

    def __init__(
        self, body: bytes, media: str = "application/octet-stream", delta: bytes = b"", made: bytes = b""
    ) -> None:
        asked = self.asked = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.headers.get("A-IM", ""))
                by_delta = bool(delta and asked[-1])
                sent = delta if by_delta else body
                self.send_response(226 if by_delta else 200)
                self.send_header("Content-Type", media)
                self.send_header("Content-Length", str(len(sent)))
                self.send_header("ETag", tag_of(made) if by_delta else '"x"')
                self.end_headers()
                self.wfile.write(sent)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize(
    "attack", ["rollback", "freeze", "mix and match", "cut", "of another file", "foreign roots"]
)
def test_a_delta_is_trusted_for_nothing(server: Server, home: Path, attack: str) -> None:
    """The attacks that The Update Framework names, each as a delta; the whole file behind it is good and is taken."""
    work, _ = sync(home)
    work.pull()
    first = (home / "snapshot.cbor").read_bytes()
    server.ahead = -timedelta(days=4)
    server.publish()
    expired = newest_of(server)
    server.ahead = timedelta()
    server.publish()
    work.pull()
    held = (home / "snapshot.cbor").read_bytes()
    Journal(home / "journal.db").put_setting("snapshot", "3")
    server.publish()
    good = newest_of(server)
    (body, _), (_, signatures) = open_bundle(held), open_bundle(good)
    mixed = canonical_cbor(
        {"body": body, "signatures": [[root.kid, s] for root, s in zip(ROOTS, signatures, strict=True)]}
    )
    forged = make_bundle(read_body(open_bundle(good)[0]), [new_signer("Ed25519") for _ in range(2)])
    delta = {
        "rollback": gdiff.make(held, first),
        "freeze": gdiff.make(held, expired),
        "mix and match": gdiff.make(held, mixed),
        "cut": gdiff.make(held, good)[:-1],
        "of another file": gdiff.make(held[200:], good),
        "foreign roots": gdiff.make(held, forged),
    }[attack]
    hostile = Hostile(good, delta=delta, made=gdiff.apply(held, delta, 1 << 20) if attack != "cut" else b"")
    try:
        work._to = msgspec.structs.replace(work._to, server=hostile.address)
        assert work.pull()
    finally:
        hostile.close()

    assert hostile.asked == ["gdiff", ""]
    assert (home / "snapshot.cbor").read_bytes() == good


def newest_of(server: Server) -> bytes:
    file = get_lists(f"{server.address}/v1/snapshot")
    assert file is not None
    return file.body


def test_a_hostile_server_changes_nothing(server: Server, home: Path) -> None:
    work, _ = sync(home)
    work.pull()
    path = home / "snapshot.cbor"
    old = path.read_bytes()
    server.publish()
    work.pull()
    good = path.read_bytes()
    Journal(home / "journal.db").put_setting("snapshot", "2")
    altered = bytearray(good)
    altered[100] ^= 1
    for body, said in (
        (old, "ROLLBACK"),
        (bytes(altered), "BAD_TRUST"),
        (b"", "BAD_TRUST"),
        (b"x" * 9000, "BAD_TRUST"),
    ):
        hostile = Hostile(body)
        forged, told = sync(home, hostile.address)
        forged.round()
        hostile.close()
        assert {"pull": said} in told
        assert path.read_bytes() == good


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b"\xff", b'{"seq": 1}'])
def test_a_server_that_answers_nonsense_takes_no_counts(home: Path, body: bytes) -> None:
    journal = Journal(home / "journal.db")
    journal.record(CLEAR, int(time.time()) // 900)
    journal.close_slots(time.time(), 1, all_of_them=True)
    hostile = Hostile(body, media="application/json")
    forged, _ = sync(home, hostile.address)
    forged.round()
    hostile.close()

    assert len(db.waiting(db.connect(journal.path))) == 1


@pytest.mark.parametrize(
    "address", ["ftp://example.org", "file:///etc/passwd", "nothing", "http://127.0.0.1:1", ""]
)
def test_an_address_that_is_none_is_said(address: str, tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        enrol(Link(address, "T", ""), tmp_path, agreed)


# What stands on a gate's disk


def test_no_time_finer_than_a_quarter_of_an_hour_is_stored_or_sent(server: Server, home: Path) -> None:
    journal = Journal(home / "journal.db")
    journal.record(CLEAR, int(time.time()) // 900)
    journal.raise_floor(time.time())
    journal.alarm("storage", True, int(time.time()) // 900)
    journal.post_alarms(int(time.time()) // 900, 1)
    journal.close_slots(time.time(), 1, all_of_them=True)
    connection = sqlite3.connect(home / "journal.db")
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in connection.execute(f"SELECT * FROM {table}"):
            for value in row:
                if isinstance(value, int) and value > 1_600_000_000:
                    assert value % 900 == 0
                elif isinstance(value, bytes) and value.startswith(b"{"):
                    at = datetime.fromisoformat(json.loads(value)["at"])
                    assert at.timestamp() % 900 == 0
