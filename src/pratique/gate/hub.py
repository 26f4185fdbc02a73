"""`pratique hub`: one box per site between gates and server. It keeps the lists, passes uploads on, and is not trusted.

Everything it carries is signed end to end: lists by a quorum of roots, uploads by the device, answers by a root. So a
hub, or whoever sits on one, can be late and no more. It acknowledges nothing: a gate keeps its counts until a root
key has signed for them. It knows three routes and refuses all others; it writes no line about anybody.
"""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pratique.core.canonical import strict_json
from pratique.core.text import Text
from pratique.gate.enrol import write_whole

LISTS, PASSED_ON = "/v1/snapshot", ("/v1/gates", "/v1/gate-counts")
ASK_EVERY = 15.0  # seconds: many gates asking at once are one question to the server
TIMEOUT = 20.0
MAX_BODY, MAX_LISTS = 1 << 20, 64 << 20
_SIGNED = ("Content-Digest", "Signature-Input", "Signature")
_TOLD = ("ETag", "Pratique-Snapshot", "Retry-After")


class Kept(NamedTuple):
    """The newest lists that came by, and what the server said of them."""

    body: bytes
    headers: dict[str, str]


class Lists:
    """The lists on the hub's own disk. Any thread may ask; one at a time asks the server."""

    def __init__(self, upstream: str, home: Path) -> None:
        self._url, self._home = upstream + LISTS, home
        self._asking = threading.Lock()
        self._asked = float("-inf")
        self._kept = _read(home)

    def newest(self) -> Kept | None:
        """The newest lists to be had: the server's, or the kept ones while it is away. None: never had any."""
        if time.monotonic() - self._asked >= ASK_EVERY and self._asking.acquire(blocking=self._kept is None):
            try:
                self._ask()
            finally:
                self._asking.release()
        return self._kept

    def _ask(self) -> None:
        headers = {"If-None-Match": self._kept.headers.get("ETag", "")} if self._kept else {}
        with suppress(OSError):
            with urlopen(Request(self._url, headers=headers), timeout=TIMEOUT) as answer:  # noqa: S310 - checked
                body = answer.read(MAX_LISTS + 1)
                told = {name: answer.headers[name] for name in _TOLD if answer.headers[name]}
            if len(body) <= MAX_LISTS:
                write_whole(self._home / "snapshot.cbor", body)
                write_whole(self._home / "snapshot.json", json.dumps(told).encode())
                self._kept = Kept(body, told)
        self._asked = time.monotonic()


def _read(home: Path) -> Kept | None:
    with suppress(OSError, ValueError):
        told = strict_json((home / "snapshot.json").read_bytes())
        if isinstance(told, dict):
            return Kept((home / "snapshot.cbor").read_bytes(), {str(k): str(v) for k, v in told.items()})
    return None


class Hub:
    """Serves until `close`."""

    def __init__(self, upstream: str, home: Path, address: tuple[str, int]) -> None:
        """`upstream` is https://host. Raises OSError where the address is taken."""
        home.mkdir(parents=True, exist_ok=True)
        hub = self
        self.upstream, self.lists = upstream, Lists(upstream, home)

        class Handler(_Handler):
            of = hub

        self._server = ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def serve(self) -> None:
        """Until `close` from another thread."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    of: Hub
    protocol_version = "HTTP/1.1"
    server_version = "pratique-hub"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != LISTS:  # a gate names itself; a hub asks for all of them
            self._refuse(404, Text("a hub knows gates' addresses only", "站点缓存只转发哨位的地址"))
            return
        kept = self.of.lists.newest()
        if kept is None:
            self._away()
        elif self.headers.get("If-None-Match") == kept.headers.get("ETag"):
            self._answer(304, b"", "application/octet-stream", kept.headers)
        else:
            self._answer(200, kept.body, "application/octet-stream", kept.headers)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path not in PASSED_ON or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._refuse(404, Text("a hub knows gates' addresses only", "站点缓存只转发哨位的地址"))
            return
        body = self.rfile.read(int(length))
        fields = {name: self.headers[name] for name in _SIGNED if self.headers[name]}
        fields["Content-Type"] = "application/json"
        request = Request(self.of.upstream + self.path, body, fields)  # noqa: S310
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the scheme was checked at start
                self._answer(answer.status, answer.read(MAX_BODY), answer.headers.get_content_type(), {})
        except HTTPError as refusal:
            told = {name: refusal.headers[name] for name in _TOLD if refusal.headers[name]}
            self._answer(refusal.code, refusal.read(MAX_BODY), refusal.headers.get_content_type(), told)
        except OSError:
            self._away()

    def _away(self) -> None:
        self._refuse(
            503, Text("the server is away: try again", "服务器暂不可达：请稍后再试"), {"Retry-After": "30"}
        )

    def _refuse(self, status: int, text: Text, headers: dict[str, str] | None = None) -> None:
        body = {"status": status, "detail": text.en, "texts": {"en": text.en, "zh-Hans": text.zh_hans}}
        raw = json.dumps(body, ensure_ascii=False).encode()
        self._answer(status, raw, "application/problem+json", headers or {})

    def _answer(self, status: int, body: bytes, media: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")
        if status != 304:
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No line per request."""
