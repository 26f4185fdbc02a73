"""The kiosk's server: loopback names only, strict policy, signs of life, scans only as JSON from its own page."""

import http.client
import json
import queue
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.gate.making import a_home, a_pass

from pratique.gate.screen import MOST_PAGES, Screen


@pytest.fixture
def scanned() -> "queue.Queue[str]":
    return queue.Queue()


@pytest.fixture
def screen(tmp_path: Path, scanned: "queue.Queue[str]") -> Any:
    static = tmp_path / "static"
    (static / "gate").mkdir(parents=True)
    (static / "gate" / "index.html").write_text("<!doctype html><title>Kiosk 哨位</title>")
    (static / "gate" / "gate-0a1b2c3d.js").write_text("1")
    (tmp_path / "secret.txt").write_text("canary")
    opened = Screen(0, scanned.put, static)
    yield opened
    opened.close()


def ask(
    screen: Screen, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", screen.port, timeout=5)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def events(screen: Screen) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", screen.port, timeout=5)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type", "").startswith("text/event-stream")
    while True:
        line = answer.readline()
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def test_it_works(screen: Screen) -> None:
    status, headers, body = ask(screen, "GET", "/")

    assert status == 200
    assert "哨位" in body.decode()
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(screen, "GET", "/static/gate/gate-0a1b2c3d.js")[0] == 200
    assert ask(screen, "GET", "/gate-0a1b2c3d.js")[1]["Content-Type"] == "text/javascript; charset=utf-8"


def test_only_loopback_is_bound_and_only_loopback_names_are_answered(screen: Screen) -> None:
    for host in (
        "evil.example",
        "evil.example:80",
        f"evil.example:{screen.port}",
        "127.0.0.1",
        "",
        "0.0.0.0",
    ):
        assert ask(screen, "GET", "/", Host=host)[0] == 421
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert ask(screen, "GET", "/", Host=f"{host}:{screen.port}")[0] == 200
    outside = socket.gethostbyname(socket.gethostname())
    if not outside.startswith("127."):
        with pytest.raises(ConnectionError):
            socket.create_connection((outside, screen.port), timeout=2)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/../secret.txt",
        "/static/..%2fsecret.txt",
        "/static//etc/passwd",
        "/%00",
        "/static/gate",
    ],
)
def test_nothing_outside_the_faces_is_served(screen: Screen, path: str) -> None:
    status, _, body = ask(screen, "GET", path)

    assert status == 404
    assert b"canary" not in body


def test_a_scan_is_json_from_its_own_page(screen: Screen, scanned: "queue.Queue[str]") -> None:
    good = json.dumps({"text": "PQ1：通行"}).encode()
    own = f"http://127.0.0.1:{screen.port}"
    json_type = {"Content_Type": "application/json"}

    assert ask(screen, "POST", "/scan", good, **json_type)[0] == 202
    assert ask(screen, "POST", "/scan", good, Origin=own, **json_type)[0] == 202
    assert ask(screen, "POST", "/scan", good, Origin="https://evil.example", **json_type)[0] == 403
    assert ask(screen, "POST", "/scan", good, Origin="null", **json_type)[0] == 403
    assert ask(screen, "POST", "/scan", good, Content_Type="text/plain")[0] == 415
    assert [scanned.get_nowait(), scanned.get_nowait()] == ["PQ1：通行"] * 2
    assert scanned.empty()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"text":""}',
        b'{"text":1}',
        b'{"text":"a","more":1}',
        b'{"text":"a","text":"b"}',
        b'{"text":"' + b"A" * 8000 + b'"}',
    ],
)
def test_a_scan_of_another_form_is_refused_with_a_sentence(
    screen: Screen, body: bytes, scanned: "queue.Queue[str]"
) -> None:
    status, _, answer = ask(screen, "POST", "/scan", body, Content_Type="application/json")

    assert status == 422
    assert set(json.loads(answer)["texts"]) == {"en", "zh-Hans"}
    assert scanned.empty()


def test_a_body_that_is_too_large_is_not_even_read(screen: Screen) -> None:
    assert ask(screen, "POST", "/scan", b"A" * 100_000, Content_Type="application/json")[0] == 413


def test_every_page_hears_what_is_shown_and_a_sign_of_life_each_second(screen: Screen) -> None:
    screen.show({"state": "ready"})
    first, second = events(screen), events(screen)
    assert next(first) == next(second) == {"state": "ready"}

    screen.show({"state": "decided", "text": {"zh-Hans": "请进"}})

    assert next(first) == next(second) == {"state": "decided", "text": {"zh-Hans": "请进"}}
    assert next(first)["state"] == "decided"


def test_a_page_that_does_not_listen_holds_nobody_up(screen: Screen) -> None:
    deaf = [events(screen) for _ in range(MOST_PAGES)]
    for page in deaf:
        next(page)
    for n in range(2000):
        screen.show({"n": n})

    assert ask(screen, "GET", "/events")[0] == 503


def test_the_program_decides_on_what_the_page_posts(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    home = a_home(tmp_path / "home", now)
    command = [
        sys.executable,
        "-m",
        "pratique.gate",
        "run",
        "--source",
        "browser",
        "--home",
        str(home),
        "--screen",
        "0",
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    address = process.stderr.readline().decode().rsplit("/", 2)[-2]
    shown: queue.Queue[dict] = queue.Queue()

    def watch() -> None:
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        while line := answer.readline():
            if line.startswith(b"data: "):
                shown.put(json.loads(line[6:]))

    threading.Thread(target=watch, daemon=True).start()
    while shown.get(timeout=10).get("state") != "ready":
        pass
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request(
        "POST", "/scan", json.dumps({"text": a_pass(now)}).encode(), {"Content-Type": "application/json"}
    )
    assert connection.getresponse().status == 202

    assert json.loads(process.stdout.readline())["outcome"] == "clear"
    status = shown.get(timeout=10)
    while status["state"] != "waiting_passage":
        status = shown.get(timeout=10)
    process.terminate()
    process.wait(10)

    assert status["outcome"] == "clear"
    assert status["text"] == {"en": "Enter", "zh-Hans": "请进"}
    assert status["counts"] == {"clear": 1}
    assert status["ages"]["clock"] == "lower_bound"
    assert status["ages"]["snapshot_s"] >= 3600
    assert status["ages"]["mandate_end"].endswith("Z")
