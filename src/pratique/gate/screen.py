"""The kiosk page on loopback: a view that holds no truth. `GET /events` says what to show, `POST /scan` is its input.

It answers loopback names only (a page of another site that points its name at 127.0.0.1 is refused), takes a scan
only as JSON from its own origin, and keeps nothing.
"""

import json
import mimetypes
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from pratique.core.canonical import strict_json
from pratique.core.text import Text
from pratique.gate.sources import LONGEST_TEXT
from pratique.gate.staff import ACTS, Act
from pratique.gate.websocket import serve

CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; media-src 'self' blob: mediastream:; connect-src 'self'; worker-src 'self' blob:; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
EVERY = 1.0  # seconds between two signs of life; the page shows "out of order" after three without one
MOST_PAGES = 8
_BODY = LONGEST_TEXT * 6 + 100

Scanned = Callable[[str], None]
Staffed = Callable[[Act, str], bool | None]


class Screen:
    """Serves until `close`. `show` may be called from any thread."""

    def __init__(
        self,
        port: int,
        scanned: Scanned,
        static: Path | None = None,
        turned: Callable[[], None] | None = None,
        staffed: Staffed | None = None,
    ) -> None:
        """Bind 127.0.0.1:`port` (0: any free one). Raises OSError where the port is taken."""
        self.scanned, self.turned, self.staffed = scanned, turned, staffed
        self.static = static or Path(str(files("pratique") / "web" / "static"))
        self._pages: set[queue.Queue[bytes]] = set()
        self._lock = threading.Lock()
        self._last = b"{}"
        screen = self

        class Handler(_Handler):
            of = screen

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="screen", daemon=True).start()

    def show(self, status: dict[str, Any]) -> None:
        """Tell every open page. A page that does not listen misses states, never blocks the gate."""
        with self._lock:
            self._last = json.dumps(status, ensure_ascii=False, separators=(",", ":")).encode()
            for page in self._pages:
                if page.full():  # its reader may take one in between: then there is room anyway
                    with suppress(queue.Empty):
                        page.get_nowait()
                page.put_nowait(self._last)

    def join(self) -> "queue.Queue[bytes] | None":
        """A new page's queue, with the present status in it. None if too many pages are open."""
        with self._lock:
            if len(self._pages) >= MOST_PAGES:
                return None
            page: queue.Queue[bytes] = queue.Queue(16)
            page.put_nowait(self._last)
            self._pages.add(page)
            return page

    def leave(self, page: "queue.Queue[bytes]") -> None:
        """The page is gone."""
        with self._lock:
            self._pages.discard(page)

    def last(self) -> bytes:
        """The present status."""
        return self._last

    def own_names(self) -> frozenset[str]:
        """The only values of Host that are answered."""
        return frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _text_of(body: Any) -> str | None:
    """The text of a scan, or None where the body is not one."""
    text = body.get("text") if isinstance(body, dict) and set(body) == {"text"} else None
    return text if isinstance(text, str) and 0 < len(text) <= LONGEST_TEXT else None


class _Handler(BaseHTTPRequestHandler):
    of: Screen
    protocol_version = "HTTP/1.1"
    server_version = "pratique-gate"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if not self._ours():
            return
        path = self.path.partition("?")[0]
        if path == "/events":
            self._events()
        elif path == "/socket":
            self._socket()
        elif path in ("/", "/gate", "/gate/"):
            self._file("gate/index.html")
        elif path.startswith("/static/"):
            self._file(path.removeprefix("/static/"))
        else:
            self._file("gate" + path)

    def do_POST(self) -> None:
        if not self._ours():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _BODY:
            self.close_connection = True
            self._refuse(413, Text("too large or without a length", "内容过大或缺少长度"))
            return
        raw = self.rfile.read(int(length))
        if self.headers.get("Origin") not in (None, *(f"http://{name}" for name in self.of.own_names())):
            self._refuse(403, Text("only the page of this gate may scan", "只有本机页面可以扫码"))
        elif self.headers.get_content_type() != "application/json":
            self._refuse(415, Text("send application/json", "请发送 application/json"))
        elif self.path == "/turned" and self.of.turned is not None:
            self.of.turned()
            self._answer(202, b"", "application/json")
        elif self.path == "/scan":
            self._scan(raw)
        elif self.path == "/staff" and self.of.staffed is not None:
            self._staff(raw, self.of.staffed)
        else:
            self._refuse(404, Text("no such address", "没有此地址"))

    def _scan(self, raw: bytes) -> None:
        try:
            body = strict_json(raw)
        except ValueError:
            body = None
        text = _text_of(body)
        if text is None:
            self._refuse(422, Text('send {"text": …} with what was read', '请发送 {"text": …}'))
            return
        self.of.scanned(text)
        self._answer(202, b"", "application/json")

    def _staff(self, raw: bytes, staffed: Staffed) -> None:
        try:
            body = strict_json(raw)
        except ValueError:
            body = None
        act = body.get("act") if isinstance(body, dict) and set(body) <= {"act", "pin"} else None
        pin = body.get("pin", "") if isinstance(body, dict) else ""
        if act not in ACTS or not isinstance(pin, str) or len(pin) > 64:
            self._refuse(
                422, Text(f"send act ({', '.join(ACTS)}) and pin", f"请发送 act（{'、'.join(ACTS)}）与 pin")
            )
            return
        knows = staffed(act, pin)
        if knows:
            self._answer(202, b"", "application/json")
        elif knows is None:
            text = Text(
                "no PIN is set here, or too many were wrong: wait five minutes",
                "尚未设置密码，或错误次数过多：请等五分钟",
            )
            self._refuse(423, text)
        else:
            self._refuse(403, Text("this is not the PIN", "密码不正确"))

    def _ours(self) -> bool:
        if self.headers.get("Host", "") in self.of.own_names():
            return True
        self.close_connection = True
        self._refuse(421, Text("this screen answers on loopback only", "本屏幕只在本机回环地址应答"))
        return False

    def _events(self) -> None:
        page = self.of.join()
        if page is None:
            self._refuse(503, Text("too many pages are open", "打开的页面过多"))
            return
        self.close_connection = True
        self._head(200, "text/event-stream; charset=utf-8", None)
        try:
            while True:
                try:
                    status = page.get(timeout=EVERY)
                except queue.Empty:
                    status = self.of.last()
                self.wfile.write(b"data: " + status + b"\n\n")
                self.wfile.flush()
        except OSError:
            pass
        finally:
            self.of.leave(page)

    def _socket(self) -> None:
        """The same view for a maker's own panel."""
        self.close_connection = True
        if "websocket" not in self.headers.get("Upgrade", "").lower():
            self._refuse(426, Text("this address speaks WebSocket", "此地址使用 WebSocket"))
            return
        if self.headers.get("Origin") not in (None, *(f"http://{name}" for name in self.of.own_names())):
            self._refuse(403, Text("only the page of this gate may scan", "只有本机页面可以扫码"))
            return
        page = self.of.join()
        if page is None:
            self._refuse(503, Text("too many pages are open", "打开的页面过多"))
            return
        asked = f"{self.requestline}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in self.headers.items())
        try:
            self.connection.settimeout(None)
            serve(self.connection, f"{asked}\r\n".encode("latin-1"), page, EVERY, self.of.last, self._message)
        finally:
            self.of.leave(page)

    def _message(self, raw: str) -> str:
        """One message of a panel: `{"text": …}` is a scan, `{"turned": true}` a turn. What was wrong, or ""."""
        try:
            body = strict_json(raw.encode())
        except ValueError:
            body = None
        if body == {"turned": True} and self.of.turned is not None:
            self.of.turned()
            return ""
        text = _text_of(body)
        if text is None:
            return 'send {"text": …} with what was read, or {"turned": true}'
        self.of.scanned(text)
        return ""

    def _file(self, name: str) -> None:
        root = self.of.static.resolve()
        path = (root / name.replace("\0", "")).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            self._refuse(404, Text("no such address", "没有此地址"))
            return
        media = {".js": "text/javascript", ".wasm": "application/wasm"}.get(path.suffix)
        media = media or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._answer(
            200, path.read_bytes(), f"{media}; charset=utf-8" if media.startswith("text/") else media
        )

    def _refuse(self, status: int, text: Text) -> None:
        body = {"status": status, "detail": text.en, "texts": {"en": text.en, "zh-Hans": text.zh_hans}}
        self._answer(status, json.dumps(body, ensure_ascii=False).encode(), "application/problem+json")

    def _answer(self, status: int, body: bytes, media: str) -> None:
        self._head(status, media, len(body))
        self.wfile.write(body)

    def _head(self, status: int, media: str, length: int | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """No line per request: the system's log has finer times than a quarter of an hour."""
