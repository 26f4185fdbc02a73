"""A maker's box over TCP, with the shipped example as its driver; and a maker's panel over the WebSocket."""

import json
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gate.making import a_home, a_pass
from tests.gate.test_real_lines_pictures_and_clips import now
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage

from pratique.gate.driver_check import examine
from pratique.gate.drivers.example import Box
from pratique.gate.ports import Sign, Warmth
from pratique.gate.screen import Screen

EXAMPLE = "python:pratique.gate.drivers.example:Box"


class RealBox(socketserver.ThreadingTCPServer):
    """The box itself: a small server that does what the maker's hardware does."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.said: list[str] = []
        self.codes: list[str] = []
        super().__init__(("127.0.0.1", 0), _Line)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Line(socketserver.StreamRequestHandler):
    server: RealBox

    def handle(self) -> None:
        for raw in self.rfile:
            command = raw.decode().strip()
            if command == "LISTEN":
                for code in self.server.codes:
                    self.wfile.write(f"CODE {code}\n".encode())
                self.server.codes.clear()
            else:
                self.server.said.append(command)
                self.wfile.write(b"36.4 22.1\n" if command == "WARM" else b"OK\n")


@pytest.fixture
def box() -> Iterator[RealBox]:
    made = RealBox()
    yield made
    made.shutdown()
    made.server_close()


def test_it_works(box: RealBox, tmp_path: Path) -> None:
    home = a_home(tmp_path / "home", now())
    box.codes.append(a_pass(now()))
    name = f"{EXAMPLE}:127.0.0.1:{box.server_address[1]}"
    gate = subprocess.Popen(
        [sys.executable, "-m", "pratique.gate", "run", "--source", name, "--relay", name, "--lamp", name,
         "--home", str(home), "--json"], stdout=subprocess.PIPE,
    )  # fmt: skip
    assert gate.stdout is not None

    line = json.loads(gate.stdout.readline())
    gate.terminate()

    assert gate.wait(20) == 0
    assert (line["outcome"], line["reason"]) == ("clear", "pass")
    commands = [word for word in box.said if word in ("OPEN", "SHUT")]
    assert (commands[0], commands[-1], commands.count("OPEN")) == ("SHUT", "SHUT", 1)
    assert "LAMP success" in box.said
    assert not any("PQ1" in word for word in box.said)  # a driver never hears a code


def test_the_example_keeps_every_promise(box: RealBox) -> None:
    promises = examine(Box(f"127.0.0.1:{box.server_address[1]}"))

    assert len(promises) > 15
    assert [promise for promise in promises if not promise.kept and "took" not in promise.seen] == []


def test_a_driver_that_breaks_its_promises_is_told_how() -> None:
    class Bad:
        def open(self) -> None:
            raise KeyError("surprise")

        def shut(self) -> None: ...
        def check(self) -> None: ...
        def tell(self, sign: Sign) -> None:
            raise ZeroDivisionError

        def read(self) -> Warmth:
            return Warmth(9999.0, None)

        def run(self, put: Any, stop: threading.Event) -> None:
            put("a name")
            threading.Event().wait(5)

    broken = {promise.promise: promise.seen for promise in examine(Bad()) if not promise.kept}

    assert "KeyError" in broken["door: open"]
    assert "ZeroDivisionError" in broken["tell: ready"]
    assert "9999" in broken["read: °C and cm, None where nothing was measured"]
    assert "source: ends when it is told to" in broken
    assert broken["source: puts codes, hints and faults only"] == "str"
    assert examine(object()) == []


def test_the_command_says_yes_or_no(box: RealBox) -> None:
    def check(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pratique.gate", "driver-check", name, "--json"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    good = check(f"{EXAMPLE}:127.0.0.1:{box.server_address[1]}")
    away = check(f"{EXAMPLE}:127.0.0.1:1")
    wrong = check("python:nobody.knows:This")

    assert all(set(json.loads(line)) == {"promise", "kept", "seen"} for line in good.stdout.splitlines())
    assert away.returncode == 1
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


class Panel:
    """A WebSocket client on a real socket."""

    def __init__(self, port: int, **headers: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.ws = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.sock.sendall(
            self.ws.send(Request(host=f"127.0.0.1:{port}", target="/socket", extra_headers=extra))
        )
        self.waiting: list[Any] = []

    def next(self) -> Any:
        while not self.waiting:
            data = self.sock.recv(65_536)
            self.ws.receive_data(data or None)
            self.waiting += list(self.ws.events())
        return self.waiting.pop(0)

    def text(self) -> dict[str, Any]:
        held = ""
        while True:
            event = self.next()
            if isinstance(event, TextMessage):
                held += event.data
                if event.message_finished:
                    found: dict[str, Any] = json.loads(held)
                    return found

    def say(self, text: str) -> None:
        self.sock.sendall(self.ws.send(TextMessage(text)))


def test_a_panel_sees_what_the_screen_sees_and_may_scan(tmp_path: Path) -> None:
    scans: list[str] = []
    turns: list[bool] = []
    screen = Screen(0, scans.append, tmp_path, turned=lambda: turns.append(True))
    screen.show({"state": "ready"})
    panel = Panel(screen.port)
    assert isinstance(panel.next(), AcceptConnection)
    assert panel.text() == {"state": "ready"}

    panel.say(json.dumps({"text": "PQ1:X"}))
    panel.say(json.dumps({"turned": True}))
    panel.say(json.dumps({"text": "PQ1:X", "who": "somebody"}))
    refused = next(told for told in iter(panel.text, None) if "refused" in told)
    screen.show({"state": "decided"})

    assert 'send {"text"' in refused["refused"]
    assert next(told for told in iter(panel.text, None) if told.get("state") == "decided")
    assert (scans, turns) == (["PQ1:X"], [True])
    panel.say(json.dumps({"text": "A" * 100_000}))
    while not isinstance(closed := panel.next(), CloseConnection):
        pass
    assert closed.code == 1009
    screen.close()


def test_a_panel_of_another_origin_is_refused(tmp_path: Path) -> None:
    screen = Screen(0, lambda _: None, tmp_path)

    answer = Panel(screen.port, Origin="https://elsewhere.example").next()

    assert isinstance(answer, RejectConnection)
    assert answer.status_code == 403
    screen.close()
