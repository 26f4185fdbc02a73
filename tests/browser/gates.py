"""The fleet's side of a port for the hand-held gate alone: real signatures and refusals, its state in the test's hand.

It takes and refuses by the server's own functions (`pratique.fleet`); snapshots are signed by two of three roots.
"""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from pratique.core.errors import Refusal
from pratique.core.ids import decode_id
from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.credentials import pq1
from pratique.credentials.challenge import certify
from pratique.credentials.http_signature import Request, is_signed
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.snapshot import StatusEntry
from pratique.fleet.counts import ADDRESS, check_batch, upload
from pratique.fleet.model import CountBatch, heard_bytes
from pratique.gate.model import slot_of
from pratique.web.faces import Face, read_faces
from tests.gate.making import HOLDER, ISSUER, ROOT_KEYS, ROOTS, a_pass, mandate_note, revoked, show, signed
from tests.gate.making import pass_bytes as pass_bytes

TOKEN = "0123456789ABCDEFGHJKMNPQRS"
PLACE = {"en": "Synthetic pier", "zh-Hans": "合成码头"}


class Gates:
    """Serves until `close`. `ahead` is the server's clock against the machine's."""

    def __init__(self, port: int = 0, faces: dict[str, Face] | None = None) -> None:
        self.faces = read_faces() if faces is None else faces
        self.ahead = timedelta(0)
        self.tokens = {TOKEN}
        self.keys: dict[str, bytes] = {}
        self.batches: dict[tuple[str, int], CountBatch] = {}
        self.asked: list[str] = []
        self.refuse_counts = 0
        self.gone = False
        self.number = 7
        self.group = ""
        self.mandate = mandate_note(self.now())
        self.snapshot = b""
        self.publish()
        here = self

        class Handler(_Handler):
            of = here

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def publish(self, **changes: Any) -> None:
        """A snapshot of this moment; status place 9 is revoked."""
        given = {"number": self.number, "mandates": (self.mandate,), "status": (revoked(9),)}
        self.snapshot = signed(self.now(), **(given | changes))

    def close(self) -> None:
        """Stop answering, on open connections too."""
        self.gone = True
        self._server.shutdown()
        self._server.server_close()

    def restarted(self) -> "Gates":
        """The same port on the same address with the same state, after `close`."""
        fresh = Gates(self.port, self.faces)
        for name in ("ahead", "tokens", "keys", "batches", "number", "mandate", "snapshot"):
            setattr(fresh, name, getattr(self, name))
        return fresh

    def enrol(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["token"] not in self.tokens:
            raise ValueError("this token was used by another device")
        self.tokens.discard(body["token"])
        key = unb64url(body["public_key"])
        assert len(key) == 32
        gate_id = f"0000000000000000000000GAT{len(self.keys)}"
        self.keys[gate_id] = key
        roots = [b64url(root) for root in ROOT_KEYS]
        told = {"gate_id": gate_id, "place": PLACE, "roots": roots, "quorum": 2, "now": rfc3339(self.now())}
        return told | {"certificate": self.certificate(gate_id)}

    def certificate(self, gate_id: str) -> str:
        """What the server says this gate is, for wallets."""
        until, place = self.now() + timedelta(days=30), Text(PLACE["en"], PLACE["zh-Hans"])
        made = certify(ISSUER, decode_id(gate_id), place, self.keys[gate_id], self.now(), until)
        return b64url(made)

    def take(self, raw: bytes, fields: dict[str, str]) -> dict[str, Any]:
        sent = upload(Request("POST", ADDRESS, fields, raw))
        batch = sent.batch
        if not is_signed(sent.signed, self.keys[sent.signed.keyid]) or batch.gate_id != sent.signed.keyid:
            raise ValueError("no such gate, or not its signature")
        check_batch(batch, self.now())
        if self.batches.setdefault((batch.gate_id, batch.seq), batch) != batch:
            raise ValueError("other counts came under this number before")
        now = rfc3339(self.now())
        signature = b64url(
            ROOTS[0].sign(heard_bytes(batch.gate_id, batch.seq, sent.signed.nonce, now, self.group))
        )
        told = {"gate_id": batch.gate_id, "seq": batch.seq, "nonce": sent.signed.nonce}
        told |= {"now": now, "group": self.group, "sig": signature}
        return told | {"certificate": self.certificate(batch.gate_id)}

    def counted(self) -> dict[tuple[str, str], int]:
        """Everything that was told so far."""
        found: dict[tuple[str, str], int] = {}
        for batch in self.batches.values():
            for row in batch.rows:
                found[row.outcome, row.reason] = found.get((row.outcome, row.reason), 0) + row.n
        return found

    # What people show

    def clear(self, at: datetime | None = None, **changes: Any) -> str:
        return a_pass(self.now(), at, **changes)

    def conditions(self, **changes: Any) -> str:
        return self.clear(pass_class=pq1.CONDITIONS, **changes)

    def held(self) -> str:
        """A pass on the list of revoked ones."""
        return self.clear(status=(1, 9))


class _Handler(BaseHTTPRequestHandler):
    of: Gates

    def do_GET(self) -> None:
        of = self.of
        path = self.path.partition("?")[0]
        of.asked.append(f"GET {path}")
        if of.gone:
            self.close_connection = True
            return None
        if path == "/v1/snapshot":
            tag = f'"{hash(of.snapshot):x}"'
            if self.headers.get("if-none-match") == tag:
                return self._send(304, b"", "application/octet-stream", {"ETag": tag})
            return self._send(
                200, of.snapshot, "application/octet-stream", {"ETag": tag, "Cache-Control": "no-cache"}
            )
        face = of.faces.get(path)
        if face is None:
            return self._send(404, b"", "text/plain", {})
        return self._send(200, face.body, face.media, dict(face.headers))

    def do_POST(self) -> None:
        of, raw = self.of, self.rfile.read(int(self.headers.get("content-length", "0")))
        of.asked.append(f"POST {self.path}")
        if of.gone:
            self.close_connection = True
            return None
        if self.path == ADDRESS and of.refuse_counts:
            return self._problem(of.refuse_counts, "SLOT_AHEAD", "refused", "拒收")
        try:
            fields = {name.lower(): value for name, value in self.headers.items()}
            answer = of.take(raw, fields) if self.path == ADDRESS else of.enrol(json.loads(raw))
        except Refusal as refusal:
            return self._problem(422, refusal.code, refusal.text.en, refusal.text.zh_hans)
        except (ValueError, KeyError, msgspec.ValidationError) as fault:
            return self._problem(409, "REFUSED", str(fault), "已拒绝")
        return self._send(200, json.dumps(answer).encode(), "application/json", {"Cache-Control": "no-store"})

    def _problem(self, status: int, code: str, en: str, zh: str) -> None:
        body = {"title": code, "status": status, "code": code, "texts": {"en": en, "zh-Hans": zh}}
        self._send(status, json.dumps(body).encode(), "application/problem+json", {})

    def _send(self, status: int, body: bytes, media: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


__all__ = ["HOLDER", "ISSUER", "Gates", "StatusEntry", "pass_bytes", "show", "slot_of"]
