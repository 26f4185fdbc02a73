"""A small real server for the faces alone: the HTTP contract of a port, kept in memory, with real cryptography.

It refuses what the server refuses: a binding or an event whose signature is wrong, a broken chain, a call without
a token. It exists so that a face can be tested for itself, with the state of the port in the test's hand.
"""

import json
import secrets
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pratique.core.errors import Refusal
from pratique.core.ids import encode_id
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.credentials import pq1
from pratique.credentials.jose import point_jwk
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.people.binding import check_binding, check_challenge, from_b64, make_challenge, to_b64
from pratique.people.slip import make_code, tidy_code
from pratique.web.faces import Face, read_faces
from tests.browser.devices import Devices


def new_id() -> str:
    return encode_id(secrets.token_bytes(16))


def text(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh-Hans": zh}


class Port:
    """Serves until `close`. `slow` is the server's clock against the machine's, in seconds."""

    def __init__(self, port: int = 0, faces: dict[str, Face] | None = None) -> None:
        self.secret = secrets.token_bytes(32)
        issuer = new_signer("ES256")
        assert isinstance(issuer, Es256Signer)
        self.issuer: Es256Signer = issuer
        self.faces = read_faces() if faces is None else faces
        self.ahead = timedelta(0)
        self.wallets: dict[str, dict[str, Any]] = {}
        self.keys: dict[bytes, str] = {}
        self.tokens: dict[str, str] = {}
        self.appeals: dict[str, dict[str, Any]] = {}
        self.cards: dict[str, Any] = {}
        self.slips: dict[str, str] = {}
        self.devices = Devices(self.now)
        self.gives_day = False
        self.day_keys: list[list[str]] = []
        self.read: list[str] = []
        self.asked: list[str] = []
        self.told_304 = 0
        self.refusals: dict[str, tuple[int, str, str, str]] = {}
        self.gone = False
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

    def moment(self) -> Moment:
        return Moment(self.now(), secrets.token_bytes)

    def close(self) -> None:
        """Stop answering, on open connections too."""
        self.gone = True
        self._server.shutdown()
        self._server.server_close()

    def restarted(self) -> "Port":
        """The same port on the same address with the same state, after `close`."""
        fresh = Port(self.port, self.faces)
        for name in ("secret", "issuer", "ahead", "wallets", "keys", "tokens", "appeals", "cards", "devices"):
            setattr(fresh, name, getattr(self, name))
        return fresh

    # holder

    def bind(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key, challenge = from_b64(body["public_key"], 65, "public_key"), body["challenge"]
        check_challenge(self.secret, challenge, self.now())
        check_binding(key, challenge, from_b64(body["signature"], 64, "signature"))
        fresh = key not in self.keys
        subject = self.keys.setdefault(key, new_id())
        if fresh:
            self.wallets[subject] = empty_wallet(subject)
        token = secrets.token_urlsafe(24)
        self.tokens[token] = subject
        ends = rfc3339(self.now() + timedelta(days=30))
        return (201 if fresh else 200), {
            "subject_id": subject,
            "token": token,
            "expires": ends,
            "now": rfc3339(self.now()),
        }

    def slip(self) -> tuple[str, str]:
        """A paper slip: its subject and claim code."""
        subject, code = new_id(), make_code(self.moment())
        self.slips[code] = subject
        self.wallets[subject] = empty_wallet(subject)
        return subject, code

    def claim(self, typed: str) -> dict[str, Any]:
        """A token for the subject of a paper slip."""
        subject = self.slips.get(tidy_code(typed))
        if subject is None:
            raise Refusal("UNKNOWN_CODE", "claim_code", Text("this code is not known", "此码无效"))
        token = secrets.token_urlsafe(24)
        self.tokens[token] = subject
        ends = rfc3339(self.now() + timedelta(hours=1))
        return {"subject_id": subject, "token": token, "expires": ends, "now": rfc3339(self.now())}

    def give_pass(self, subject: str, hours: float = 24) -> bytes:
        """Issue a pass to the subject's key, as a negative result does."""
        key = next(k for k, s in self.keys.items() if s == subject)
        now = self.now()
        credential = pq1.issue_pass(
            self.issuer, key, pq1.CLEAR, now - timedelta(minutes=1), now + timedelta(hours=hours), (1, 7)
        )
        row = {"credential": to_b64(credential), "expires": rfc3339(now + timedelta(hours=hours))}
        self.wallets[subject]["passes"] = [row]
        return credential

    def day(self, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        """A pass for each fresh key, with places and times of their own, where `gives_day` lets it."""
        now, made = self.now(), []
        for place, key in enumerate(body["keys"], 100 + 8 * len(self.day_keys)):
            ends = now + timedelta(hours=23, minutes=place % 50)
            credential = pq1.issue_pass(
                self.issuer,
                from_b64(key, 65, "keys"),
                pq1.CLEAR,
                now - timedelta(minutes=9),
                ends,
                (1, place),
            )
            made.append({"credential": to_b64(credential), "expires": rfc3339(ends)})
        self.day_keys.append(body["keys"])
        return {"passes": made}

    def appeal(self, subject: str, notice: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        if key in self.appeals:
            return 201, self.appeals[key]["view"]
        due = self.now() + timedelta(hours=24)
        view = {"id": new_id(), "due_at": rfc3339(due), "state": "open"}
        self.appeals[key] = {"view": view, "text": body["text"], "notice": notice}
        self.wallets[subject]["appeals"].append(
            view
            | {
                "notice_id": notice,
                "opened_at": rfc3339(self.now()),
                "outcome": "",
                "reason": None,
                "answer": "",
            }
        )
        return 201, view

    def forget(self, subject: str) -> dict[str, Any]:
        del self.wallets[subject]
        self.tokens = {t: s for t, s in self.tokens.items() if s != subject}
        self.keys = {k: s for k, s in self.keys.items() if s != subject}
        return {
            "online_at": rfc3339(self.now()),
            "final_by": rfc3339(self.now() + timedelta(hours=24)),
            "ends": [text("your passes", "您的通行凭证")],
            "stays": [text("counts that name nobody", "不含个人的计数")],
        }


def empty_wallet(subject: str) -> dict[str, Any]:
    return {
        "subject_id": subject, "mandate": None, "decision": None, "notices": [], "passes": [], "results": [],
        "looks": [], "appeals": [], "skew_s": 60,
    }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    of: Port
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.close_connection |= self.of.gone

    def parse_request(self) -> bool:
        if self.of.gone:
            self.close_connection = True
            return False
        return super().parse_request()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.of.asked.append(f"GET {path}")
        if path == "/v1/challenge":
            challenge = make_challenge(self.of.secret, self.of.moment())
            return self._json(200, {"challenge": challenge, "now": rfc3339(self.of.now())})
        if path == "/v1/wallet":
            return self._wallet()
        if path == "/v1/issuer-keys":
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.of.issuer.public_key)
            key = point_jwk(public) | {"kid": to_b64(self.of.issuer.kid), "use": "sig", "alg": "ES256"}
            return self._json(200, {"keys": [key]})
        face = self.of.faces.get(path)
        if face is None and path + "/" in self.of.faces:
            return self._send(308, b"", "text/html", {"Location": path + "/"})
        if face is None:
            return self._problem(404, "NOT_FOUND", "there is nothing here", "此处没有内容")
        return self._send(200, face.body, face.media, dict(face.headers))

    def do_POST(self) -> None:
        self._write()

    def do_PUT(self) -> None:
        self._write()

    def _write(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}")
        of = self.of
        of.asked.append(f"{self.command} {self.path}")
        parts = self.path.strip("/").split("/")
        if self.path in of.refusals:
            return self._problem(*of.refusals[self.path])
        try:
            if self.path == "/v1/subjects":
                return self._json(*of.bind(body))
            if self.path == "/v1/claims":
                return self._json(200, of.claim(body["claim_code"]))
            if self.path == "/v1/devices":
                return self._json(201, of.devices.enrol(body) | {"now": rfc3339(of.now())})
            if self.path == "/v1/tube-copies":
                copies = of.devices.take_copies(body)
                return self._json(200, {"results": copies, "now": rfc3339(of.now())})
            if self.path == "/v1/lines":
                of.devices.lines.append(body)
                return self._json(200, {"now": rfc3339(of.now())})
            if self.path == "/v1/tube-events":
                results = of.devices.take(body)
                return self._json(200, {"results": results, "now": rfc3339(of.now())})
        except Refusal as refusal:
            return self._problem(422, refusal.code, refusal.text.en, refusal.text.zh_hans)
        except Exception as fault:  # the test's server says what it refused
            return self._problem(422, getattr(fault, "code", "REFUSED"), str(fault), str(fault))
        subject = of.tokens.get(self._token())
        if subject is None:
            return self._problem(401, "NOT_SIGNED_IN", "you are not signed in here", "您尚未登录")
        if parts[:2] == ["v1", "notices"] and parts[3:] == ["appeals"]:
            return self._json(*of.appeal(subject, parts[2], body, self.headers.get("idempotency-key", "")))
        if self.path == "/v1/wallet/passes" and of.gives_day:
            return self._json(201, of.day(subject, body))
        if self.path == "/v1/card":
            of.cards[subject] = body
            return self._json(200, {"mandate_id": new_id()})
        if self.path == "/v1/forget":
            return self._json(200, of.forget(subject))
        if parts[:2] == ["v1", "notices"] and parts[3:] == ["read"]:
            of.read.append(parts[2])
            return self._json(200, {"now": rfc3339(of.now())})
        return self._problem(404, "NOT_FOUND", "there is nothing here", "此处没有内容")

    def _token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def _wallet(self) -> None:
        subject = self.of.tokens.get(self._token())
        if subject is None or subject not in self.of.wallets:
            return self._problem(401, "NOT_SIGNED_IN", "you are not signed in here", "您尚未登录")
        view = self.of.wallets[subject]
        tag = f'"{hash(json.dumps(view, sort_keys=True)):x}"'
        if self.headers.get("if-none-match") == tag:
            self.of.told_304 += 1
            return self._send(304, b"", "application/json", {"ETag": tag})
        return self._json(200, view | {"now": rfc3339(self.of.now())}, {"ETag": tag})

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(body, ensure_ascii=False).encode()
        self._send(status, raw, "application/json", {"Cache-Control": "no-store"} | (headers or {}))

    def _problem(self, status: int, code: str, en: str, zh: str) -> None:
        body = {"title": code, "status": status, "detail": en, "code": code, "texts": text(en, zh)}
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
