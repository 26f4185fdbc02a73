"""The attendance page of an organisation, on loopback: files of members in, a table out. Nothing leaves the machine.

It answers loopback names only, takes files from its own page only, and keeps nothing: what was checked is gone with the
answer.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import msgspec

from pratique.membership.attendance import as_csv, check
from pratique.membership.files import House

LARGEST = 16 << 20  # bytes of all files of one look
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}


class HandedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file as the page read it."""

    name: str
    text: str


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All files that are checked together: a receipt counts once over all of them."""

    files: tuple[HandedIn, ...]


class Page:
    """Serves until `close`."""

    def __init__(self, house: House, port: int) -> None:
        """Bind 127.0.0.1:`port` (0: any free one). Raises OSError where the port is taken."""
        self.house = house
        page = self

        class Handler(_Handler):
            of = page

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.address = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self._server.serve_forever, name="page", daemon=True).start()

    def looked(self, raw: bytes) -> bytes:
        """What the page is answered: rows, what was refused, the CSV. Raises msgspec.DecodeError for another form."""
        look = msgspec.json.decode(raw, type=Look)
        given = [(one.name, one.text.encode("utf-8", "surrogatepass")) for one in look.files]
        found = check(given, self.house.register, self.house.keys())
        return msgspec.json.encode(
            {"rows": found.rows, "refused": found.refused, "csv": "\ufeff" + as_csv(found.rows)}
        )

    def names(self) -> frozenset[str]:
        """The only values of Host that are answered."""
        return frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost"))

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    of: Page
    protocol_version = "HTTP/1.1"
    server_version = "pratique-member"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        name, media = _FILES.get(self.path.partition("?")[0], ("", ""))
        if self.headers.get("Host", "") not in self.of.names():
            self._refuse(421, "this page answers on loopback only")
        elif not name:
            self._refuse(404, "no such address")
        else:
            self._answer(200, (files("pratique") / "membership" / "page" / name).read_bytes(), media)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        own = {f"http://{name}" for name in self.of.names()}
        if self.headers.get("Host", "") not in self.of.names() or self.headers.get("Origin") not in own:
            self._refuse(403, "only this page may ask")
        elif self.path != "/check" or self.headers.get_content_type() != "application/json":
            self._refuse(404, "no such address")
        elif not length.isdigit() or int(length) > LARGEST:
            self._refuse(413, "more than 16 MB of files: look at fewer at a time")
        else:
            try:
                self._answer(200, self.of.looked(self.rfile.read(int(length))), "application/json")
            except msgspec.DecodeError:
                self._refuse(422, "not files of this page")

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True
        self._answer(
            status, json.dumps({"status": status, "detail": why}).encode(), "application/problem+json"
        )

    def _answer(self, status: int, body: bytes, media: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No line per request: it would say when somebody looked."""
