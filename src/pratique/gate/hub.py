"""`pratique hub`: one box per site between gates and server. It keeps the lists, passes uploads on, and is not trusted.

Everything it carries is signed end to end: lists by a quorum of roots, uploads by the device, answers by a root. So a
hub, or whoever sits on one, can be late and no more. It acknowledges nothing: a gate keeps its counts until a root
key has signed for them. What rings for a visitor's host is sealed, and gone once passed on. It knows four routes and
refuses all others; it writes no line about anybody.
"""

import json
import re
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
from pratique.credentials import gdiff
from pratique.credentials.gdiff import wants_delta
from pratique.gate.enrol import write_whole
from pratique.gate.http import Refused, Unreachable, get_lists

LISTS, PASSED_ON = "/v1/snapshot", ("/v1/gates", "/v1/gate-counts", "/v1/doorbell-rings")
ASK_EVERY = 15.0  # seconds: many gates asking at once are one question to the server
TIMEOUT = 20.0
MAX_BODY = 1 << 20
KEEP, MAX_GATES = 8, 4096  # lists in memory, gates asked for by name
_SIGNED = ("Content-Digest", "Signature-Input", "Signature")
VARIES = "Pratique-Varies"
_TOLD = ("ETag", "Pratique-Snapshot", VARIES, "Retry-After")
_GATE = re.compile(r"gate=([0-9A-Z]{1,40})")
_MEDIA = "application/octet-stream"


class Kept(NamedTuple):
    """Lists that came by, and what the server said of them."""

    body: bytes
    fields: dict[str, str]

    @property
    def tag(self) -> str:
        """Their ETag."""
        return self.fields.get("ETag", "")


class Lists:
    """The lists on the hub's own disk, and in memory the last few. Any thread may ask; one at a time asks the server.

    While a policy comes in, gates have different lists: then each gate that names itself is asked for by name. Which
    gate has which is nowhere on disk, and forgotten with the cascade.
    """

    def __init__(self, upstream: str, home: Path) -> None:
        self._url, self._home = upstream + LISTS, home
        self._asking = threading.Lock()
        self._asked = float("-inf")
        self._kept = _read(home)
        self._seen: dict[str, Kept] = {}
        self._gates: dict[str, tuple[float, Kept]] = {}
        self._deltas: dict[tuple[str, str], bytes] = {}

    def newest(self) -> Kept | None:
        """The newest lists to be had: the server's, or the kept ones while it is away. None: never had any."""
        if time.monotonic() - self._asked >= ASK_EVERY and self._asking.acquire(blocking=self._kept is None):
            try:
                self._ask()
            finally:
                self._asking.release()
        return self._kept

    def of_gate(self, gate_id: str) -> Kept | None:
        """The lists of this very gate while gates have different ones. None: the server is away and never told."""
        kept = self.newest()
        if kept is None or VARIES not in kept.fields:
            self._gates.clear()
            return kept
        asked, mine = self._gates.get(gate_id, (float("-inf"), None))
        if time.monotonic() - asked >= ASK_EVERY:
            fresh = self._fetch(f"{self._url}?gate={gate_id}", mine or kept)
            mine = fresh or mine
            if mine is not None and len(self._gates) < MAX_GATES:
                self._gates[gate_id] = (time.monotonic(), mine)
        return mine

    def delta(self, tag: str, to: Kept) -> bytes | None:
        """The delta from lists that went by here before; None where they did not, or the whole is hardly larger."""
        held = self._seen.get(tag)
        if held is None:
            return None
        if (tag, to.tag) not in self._deltas:
            if len(self._deltas) >= KEEP:
                self._deltas.clear()
            self._deltas[(tag, to.tag)] = gdiff.make(held.body, to.body)
        made = self._deltas[(tag, to.tag)]
        return made if len(made) < 0.9 * len(to.body) else None

    def _ask(self) -> None:
        found = self._fetch(self._url, self._kept)
        if found is not None and found is not self._kept:
            write_whole(self._home / "snapshot.cbor", found.body)
            write_whole(self._home / "snapshot.json", json.dumps(found.fields).encode())
            self._kept = found
        self._asked = time.monotonic()

    def _fetch(self, url: str, held: Kept | None) -> Kept | None:
        """What is there; `held` itself if that is still it; None while the server is away."""
        with suppress(Unreachable, Refused):
            file = get_lists(url, held.body if held else None)
            if file is None:
                found = held
            else:
                found = Kept(
                    file.body, {name: told for name in _TOLD if (told := file.fields.get(name.lower()))}
                )
            if found is not None:
                self._seen[found.tag] = found
                while len(self._seen) > KEEP:
                    del self._seen[next(iter(self._seen))]
            return found
        return None


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
        gate = _GATE.fullmatch(self.path.partition("?")[2])
        lists, held = self.of.lists, self.headers.get("If-None-Match", "")
        kept = lists.of_gate(gate[1]) if gate else lists.newest()
        if kept is None:
            self._away()
        elif held == kept.tag:
            self._answer(304, b"", _MEDIA, kept.fields)
        elif wants_delta(self.headers.get("A-IM", "")) and (delta := lists.delta(held, kept)):
            self._answer(226, delta, _MEDIA, kept.fields | {"IM": "gdiff", "Delta-Base": held})
        else:
            self._answer(200, kept.body, _MEDIA, kept.fields)

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
